//! A journal that was cut off or changed at any byte never gives an entry that was not written.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::streams::{commands, steps};
use exchange::journal::{Entry, JournalFile, StorageError, Tail};
use exchange::*;

/// A journal of these entries in groups, and the bytes of the file at the end of each group with the entries so far.
fn write(path: &Path, entries: &[Entry], group: usize) -> Vec<(u64, usize)> {
    let mut file = JournalFile::create(path, 0).unwrap();
    let mut ends = vec![(fs::metadata(path).unwrap().len(), 0)];
    let mut written = 0;
    for chunk in entries.chunks(group) {
        for entry in chunk {
            file.push(entry, &note_of(entry)).unwrap();
        }
        written += chunk.len();
        assert_eq!(file.commit().unwrap(), written as u64);
        ends.push((fs::metadata(path).unwrap().len(), written));
    }
    ends
}

fn read(path: &Path) -> Result<(Vec<Entry>, Tail), StorageError> {
    let mut entries = Vec::new();
    let tail = JournalFile::read(path, &mut |sequence, entry, note| {
        assert_eq!(sequence, entries.len() as u64);
        assert_eq!(note, note_of(&entry));
        entries.push(entry);
    })?;
    Ok((entries, tail))
}

fn entries(stream: &[(UnixMs, Command)]) -> Vec<Entry> {
    stream.iter().map(|(now, command)| Entry { now: *now, command: *command }).collect()
}

/// A note that follows from its entry; some have none.
fn note_of(entry: &Entry) -> Vec<u8> {
    let length = entry.now.0 % 5 * 11;
    (0..length).map(|place| (entry.now.0 + place) as u8).collect()
}

#[test]
fn a_note_is_as_long_as_it_may_be_and_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let mut file = JournalFile::create(&path, 0).unwrap();
    let entry = Entry { now: UnixMs(1), command: Command::Advance };
    let longest = vec![7; journal::NOTE_BYTES_MAX];
    let refused = file.push(&entry, &[&longest[..], &[7]].concat()).unwrap_err();
    assert!(matches!(refused, StorageError::NoteTooLong(4_097)), "{refused}");
    // More than one group holds, so that some are written before the commit.
    let count = (journal::GROUP_BYTES_MAX / journal::NOTE_BYTES_MAX + 1) as u64;
    for sequence in 0..count {
        assert_eq!(file.push(&entry, &longest).unwrap(), sequence);
    }
    file.commit().unwrap();
    let mut read = 0;
    JournalFile::read(&path, &mut |_, found, note| {
        assert_eq!((found, note), (entry, &longest[..]));
        read += 1;
    })
    .unwrap();
    assert_eq!(read, count);
}

fn file_in(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("journal")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_cut_leaves_the_groups_before_it(steps in steps(120), group in 1..20_usize, cut in any::<prop::sample::Index>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = file_in(&folder);
        let written = entries(&commands(&steps));
        let ends = write(&path, &written, group);
        let length = ends.last().unwrap().0;
        let cut = cut.index(length as usize + 1) as u64;
        fs::File::options().write(true).open(&path).unwrap().set_len(cut).unwrap();
        let Some((sound_bytes, sound)) = ends.iter().rev().find(|(bytes, _)| *bytes <= cut).copied() else {
            prop_assert!(matches!(read(&path), Err(StorageError::Format { .. })), "the header itself is cut");
            return Ok(());
        };
        let (found, tail) = read(&path).unwrap();
        prop_assert_eq!(&found, &written[..sound]);
        prop_assert_eq!((tail.sound_bytes, tail.torn_bytes), (sound_bytes, cut - sound_bytes));
        // It goes on behind the last whole group.
        let (mut file, _) = JournalFile::open(&path, |_, _, _| ()).unwrap();
        file.push(&written[0], &note_of(&written[0])).unwrap();
        prop_assert_eq!(file.commit().unwrap(), sound as u64 + 1);
        let (found, tail) = read(&path).unwrap();
        prop_assert_eq!((found.len(), tail.torn_bytes), (sound + 1, 0));
    }

    #[test]
    fn a_changed_bit_is_found(
        steps in steps(120),
        group in 1..20_usize,
        place in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = file_in(&folder);
        let written = entries(&commands(&steps));
        let ends = write(&path, &written, group);
        let mut bytes = fs::read(&path).unwrap();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        fs::write(&path, &bytes).unwrap();
        let sound = ends.iter().rev().find(|(bytes, _)| *bytes <= place as u64).copied();
        match read(&path) {
            Err(StorageError::Format { .. }) => prop_assert!(sound.is_none(), "only the header says the format"),
            Err(StorageError::Damaged { offset, .. }) => {
                prop_assert_eq!(Some(offset), sound.map(|(bytes, _)| bytes));
                prop_assert!((place as u64) < ends[ends.len() - 2].0, "sound groups follow only where there are some");
            }
            Err(other) => prop_assert!(false, "{}", other),
            Ok((found, tail)) => {
                prop_assert!(place as u64 >= ends[ends.len() - 2].0, "only the last group can be unfinished");
                prop_assert_eq!(&found, &written[..sound.unwrap().1]);
                prop_assert!(tail.torn_bytes > 0);
            }
        }
    }

    #[test]
    fn every_command_is_read_as_it_was_written(steps in steps(100)) {
        for entry in entries(&commands(&steps)) {
            let mut bytes = Vec::new();
            entry.write(&mut bytes);
            prop_assert!(bytes.len() <= journal::ENTRY_BYTES_MAX);
            let mut rest = &bytes[..];
            prop_assert_eq!(Entry::read(&mut rest), Some(entry));
            prop_assert!(rest.is_empty());
            prop_assert_eq!(Entry::read(&mut &bytes[..bytes.len() - 1]), None, "no entry is the beginning of another");
        }
    }
}

#[test]
fn zeros_behind_the_end_are_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let entry = Entry { now: UnixMs(1), command: Command::Advance };
    let ends = write(&path, &[entry; 3], 2);
    let end = ends.last().unwrap().0;
    // A file system may make the file longer before it writes what is in it.
    fs::File::options().write(true).open(&path).unwrap().set_len(end + 5_000).unwrap();
    let (_, tail) = JournalFile::open(&path, |_, _, _| ()).unwrap();
    assert_eq!((tail.next_sequence, tail.torn_bytes), (3, 5_000));
    assert_eq!(fs::metadata(&path).unwrap().len(), end);
}

#[test]
fn a_full_group_is_written_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let mut file = JournalFile::create(&path, 5).unwrap();
    let entry = Entry { now: UnixMs(1), command: Command::OpenMarket(crate::setup::rules()) };
    let count = (journal::GROUP_BYTES_MAX / 32) as u64;
    for sequence in 0..count {
        assert_eq!(file.push(&entry, &[]).unwrap(), 5 + sequence);
    }
    assert!(file.next_sequence() > 5, "some are on the disk before the commit");
    assert_eq!(file.commit().unwrap(), 5 + count);
    assert_eq!(file.commit().unwrap(), 5 + count, "nothing more to write");
    let mut read = 0;
    let tail = JournalFile::read(&path, &mut |sequence, found, note| {
        assert_eq!((sequence, found, note), (5 + read, entry, &[][..]));
        read += 1;
    });
    assert_eq!(tail.unwrap().next_sequence, 5 + read);
    assert_eq!(read, count);
}

/// A disk that is full fails every write.
#[test]
fn a_journal_that_failed_takes_nothing_more() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        return;
    }
    let error = JournalFile::create(full, 0).unwrap_err();
    assert!(matches!(error, StorageError::Io { what: "create", .. }) && error.is_retryable(), "{error}");
}
