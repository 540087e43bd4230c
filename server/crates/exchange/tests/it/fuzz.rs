//! Bytes that nobody wrote: streams of entries, journal files and snapshots.

use std::fs;

use test_support::fuzz;

use crate::agreement::agree;
use crate::setup::*;
use exchange::journal::{Entry, JournalFile};
use exchange::*;

/// A walk through most kinds of commands.
fn walk() -> Vec<Entry> {
    let order =
        |id: u64, order: NewOrder| Command::Place { market: MARKET, order: NewOrder { id: OrderId(id), ..order } };
    let (market, account) = (MARKET, AccountId(0));
    let mut commands = opening(rules());
    commands.extend([
        order(1, limit(0, Side::Sell, 100, 5)),
        order(2, NewOrder { client_order_id: Some(client_id(3)), ..limit(1, Side::Sell, 101, 5) }),
        order(3, NewOrder { trigger: rise(101), ..limit(2, Side::Buy, 110, 5) }),
        order(4, NewOrder { time_in_force: TimeInForce::GoodTilTime(UnixMs(9)), ..limit(3, Side::Buy, 100, 7) }),
        Command::Amend {
            market,
            account: AccountId(3),
            order: OrderRef::Id(OrderId(4)),
            price: Ticks(101),
            lots: Lots(8),
        },
        order(5, NewOrder { kind: OrderKind::PostOnly, ..limit(0, Side::Sell, 140, 5) }),
        Command::Reduce { market, account, order: OrderRef::Id(OrderId(5)), by: Lots(2) },
        Command::Cancel { market, account: AccountId(1), order: OrderRef::Client(client_id(3)) },
        order(
            6,
            NewOrder {
                kind: OrderKind::Market { slippage: BasisPoints(500) },
                time_in_force: TimeInForce::FillOrKill,
                self_trade: SelfTradeRule::ExpireMaker,
                ..limit(0, Side::Sell, 90, 2)
            },
        ),
        Command::Withdraw { account, asset: QUOTE, amount: Units(77) },
        Command::CancelAll { market, account },
        Command::Advance,
    ]);
    commands.into_iter().enumerate().map(|(now, command)| Entry { now: UnixMs(now as u64 / 3), command }).collect()
}

fn bytes_of(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    entries.iter().for_each(|entry| entry.write(&mut bytes));
    bytes
}

/// Markets with room for many orders take memory that a fuzzer asks for again and again.
fn is_small(command: &Command) -> bool {
    match command {
        Command::OpenMarket(rules) => rules.orders_max <= 10_000,
        Command::Deposit { account, .. } => account.0 < 1_000,
        _ => true,
    }
}

#[test]
fn fuzz_exchange_commands() {
    fuzz("exchange commands", &[bytes_of(&walk())], |input| {
        let mut rest = input;
        let entries: Vec<_> = std::iter::from_fn(|| Entry::read(&mut rest)).take(500).collect();
        let read = bytes_of(&entries);
        assert_eq!(input[..read.len()], read, "an entry has one form");
        let stream: Vec<_> = entries.iter().map(|entry| (entry.now, entry.command)).collect();
        let small: Vec<_> = stream.into_iter().filter(|(_, command)| is_small(command)).collect();
        let markets = small.iter().filter(|(_, command)| matches!(command, Command::OpenMarket(_))).count();
        if markets < 4 {
            agree(&small);
        }
    });
}

/// A note that follows from the time of its entry.
fn note_of(time: u64) -> Vec<u8> {
    vec![time as u8; time as usize % 7]
}

#[test]
fn fuzz_exchange_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut file = JournalFile::create(&path, 0).unwrap();
    for group in walk().chunks(5) {
        group.iter().for_each(|entry| assert!(file.push(entry, &note_of(entry.now.0)).is_ok()));
        file.commit().unwrap();
    }
    let seed = fs::read(&path).unwrap();
    fuzz("exchange journal", &[seed], |input| {
        fs::write(&path, input).unwrap();
        let mut entries = Vec::new();
        let read = JournalFile::read(&path, &mut |_, entry, note| {
            assert_eq!(note, note_of(entry.now.0));
            entries.push(entry);
        });
        let Ok(tail) = read else { return };
        assert_eq!(tail.sound_bytes + tail.torn_bytes, input.len() as u64);
        assert_eq!(tail.next_sequence - tail.first_sequence, entries.len() as u64);
        // Whatever happened to the file, a group is either as it was written or not there.
        assert_eq!(entries, walk()[..entries.len().min(walk().len())]);
    });
}

#[test]
fn fuzz_exchange_snapshot() {
    let mut exchange = Exchange::new(HASH_KEY);
    for entry in walk().iter().take(walk().len() - 2) {
        exchange.apply(&entry.command, entry.now, &mut Vec::new());
    }
    let snapshot = exchange.snapshot();
    // Without its hash, so that changes reach the parts behind it.
    let state = snapshot[..snapshot.len() - 32].to_vec();
    fuzz("exchange snapshot", &[state], |input| {
        let mut bytes = input.to_vec();
        bytes.extend_from_slice(&sha256(input));
        let Ok(restored) = Exchange::restore(&bytes, HASH_KEY) else { return };
        assert_eq!(restored.snapshot(), bytes);
        assert_eq!(restored.audit(), Ok(()));
    });
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}
