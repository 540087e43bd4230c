//! A folder with snapshots and journals leads back to the state that was acknowledged.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use crate::setup::*;
use crate::streams::{commands, steps};
use exchange::journal::{Journal, SNAPSHOTS_KEPT, StorageError};
use exchange::*;

fn carry_out(journal: &mut Journal, exchange: &mut Exchange, now: UnixMs, command: Command) {
    assert_eq!(journal.push(now, command).unwrap(), exchange.sequence());
    exchange.apply(&command, now, &mut Vec::new());
}

fn names(folder: &Path, prefix: &str) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort();
    names
}

/// A folder with a snapshot after every `every` commands, and the hash at its end.
fn filled(folder: &Path, count: u64, every: u64) -> [u8; 32] {
    let (mut journal, mut exchange) = Journal::open(folder, HASH_KEY).unwrap();
    for command in opening(rules()) {
        carry_out(&mut journal, &mut exchange, UnixMs(1), command);
    }
    for id in 1..=count {
        let side = if id % 3 == 0 { Side::Buy } else { Side::Sell };
        let order = NewOrder { id: OrderId(id), ..limit((id % 4) as u32, side, 95 + (id * 7 % 11) as u32, 1 + id % 5) };
        carry_out(&mut journal, &mut exchange, UnixMs(id), Command::Place { market: MARKET, order });
        if id % every == 0 {
            journal.snapshot(&exchange).unwrap();
        }
    }
    journal.commit().unwrap();
    exchange.hash()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, ..ProptestConfig::default() })]

    #[test]
    fn opening_again_leads_to_the_same_hash(steps in steps(200), every in 1..60_usize, group in 1..10_usize) {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, mut exchange) = Journal::open(folder.path(), HASH_KEY).unwrap();
        for (place, (now, command)) in commands(&steps).into_iter().enumerate() {
            carry_out(&mut journal, &mut exchange, now, command);
            if place % group == 0 {
                journal.commit().unwrap();
            }
            if place % every == 0 {
                journal.snapshot(&exchange).unwrap();
            }
            if place % 50 == 49 {
                journal.commit().unwrap();
                let (again, restored) = Journal::open(folder.path(), HASH_KEY).unwrap();
                prop_assert_eq!(restored.hash(), exchange.hash());
                (journal, exchange) = (again, restored);
            }
        }
        journal.commit().unwrap();
        let (_, restored) = Journal::open(folder.path(), HASH_KEY).unwrap();
        prop_assert_eq!(restored.hash(), exchange.hash());
        prop_assert!(names(folder.path(), "snapshot-").len() <= SNAPSHOTS_KEPT);
    }
}

#[test]
fn what_was_pushed_and_not_committed_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let hash = filled(folder.path(), 20, 100);
    let (mut journal, mut exchange) = Journal::open(folder.path(), HASH_KEY).unwrap();
    carry_out(&mut journal, &mut exchange, UnixMs(99), Command::Advance);
    drop(journal);
    assert_ne!(exchange.hash(), hash);
    assert_eq!(Journal::open(folder.path(), HASH_KEY).unwrap().1.hash(), hash);
}

#[test]
fn a_snapshot_that_does_not_hold_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let hash = filled(folder.path(), 100, 10);
    let snapshots = names(folder.path(), "snapshot-");
    assert_eq!(snapshots.len(), SNAPSHOTS_KEPT);
    assert_eq!(names(folder.path(), "journal-").len(), SNAPSHOTS_KEPT, "older entries are removed");
    let newest = folder.path().join(snapshots.last().unwrap());
    let mut bytes = fs::read(&newest).unwrap();
    bytes[50] ^= 1;
    fs::write(&newest, bytes).unwrap();
    assert_eq!(Journal::open(folder.path(), HASH_KEY).unwrap().1.hash(), hash);
    fs::write(folder.path().join(&snapshots[0]), b"nothing").unwrap();
    assert!(matches!(Journal::open(folder.path(), HASH_KEY), Err(StorageError::Snapshot(_))));
}

#[test]
fn a_missing_or_damaged_file_in_between_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 100, 10);
    let newest = names(folder.path(), "snapshot-").pop().unwrap();
    fs::remove_file(folder.path().join(newest)).unwrap();
    let first = folder.path().join(&names(folder.path(), "journal-")[0]);
    let bytes = fs::read(&first).unwrap();
    fs::write(&first, &bytes[..bytes.len() - 1]).unwrap();
    let damaged = Journal::open(folder.path(), HASH_KEY).unwrap_err();
    assert!(matches!(damaged, StorageError::Damaged { .. }) && !damaged.is_retryable(), "{damaged}");
    fs::remove_file(&first).unwrap();
    assert!(matches!(Journal::open(folder.path(), HASH_KEY), Err(StorageError::Gap { .. })));
}

#[test]
fn a_crash_between_snapshot_and_new_file_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let hash = filled(folder.path(), 30, 30);
    let last = folder.path().join(names(folder.path(), "journal-").pop().unwrap());
    // The new file was made and its header was not written.
    fs::write(&last, b"AITB").unwrap();
    assert_eq!(Journal::open(folder.path(), HASH_KEY).unwrap().1.hash(), hash);
    fs::remove_file(&last).unwrap();
    fs::write(folder.path().join("snapshot.unfinished"), b"half").unwrap();
    let (mut journal, mut exchange) = Journal::open(folder.path(), HASH_KEY).unwrap();
    assert_eq!(exchange.hash(), hash);
    carry_out(&mut journal, &mut exchange, UnixMs(99), Command::Advance);
    journal.commit().unwrap();
    assert_eq!(Journal::open(folder.path(), HASH_KEY).unwrap().1.hash(), exchange.hash());
}

#[test]
fn a_snapshot_of_another_state_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 5, 100);
    let (mut journal, mut exchange) = Journal::open(folder.path(), HASH_KEY).unwrap();
    exchange.apply(&Command::Advance, UnixMs(9), &mut Vec::new());
    assert!(matches!(journal.snapshot(&exchange), Err(StorageError::Gap { .. })));
}
