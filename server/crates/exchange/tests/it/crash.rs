//! A writer process is killed at a random moment. What it acknowledged is there, and the state is that of the same commands.

use std::collections::hash_map::RandomState;
use std::env;
use std::hash::{BuildHasher, Hasher};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command as Process, Stdio};

use crate::setup::*;
use exchange::journal::Journal;
use exchange::*;

/// Set for the process that writes: its folder.
const FOLDER_VARIABLE: &str = "AITBC_EXCHANGE_CRASH_FOLDER";
/// The number that streams and moments follow from. Drawn at random where it is not set.
const SEED_VARIABLE: &str = "AITBC_EXCHANGE_CRASH_SEED";
const KILLS: u64 = 12;
const GROUP: u64 = 16;
const SNAPSHOT_EVERY: u64 = 400;

/// The command at a place of the stream; both processes know it.
fn command(seed: u64, sequence: u64) -> (UnixMs, Command) {
    let opening = opening(MarketRules { orders_max: 2_000, ..rules() });
    let now = UnixMs(1 + sequence / 10);
    if let Some(command) = opening.get(sequence as usize) {
        return (now, *command);
    }
    let drawn = mix(seed ^ mix(sequence));
    let id = sequence - opening.len() as u64 + 1;
    let account = (drawn >> 8) as u32 % 4;
    let named = OrderRef::Id(OrderId(id.saturating_sub(drawn >> 16 & 31)));
    let (market, price) = (MARKET, 90 + (drawn >> 24) as u32 % 20);
    let command = match drawn % 10 {
        0..6 => {
            let side = if drawn >> 40 & 1 == 0 { Side::Buy } else { Side::Sell };
            let order = NewOrder {
                id: OrderId(id),
                time_in_force: TimeInForce::GoodTilTime(UnixMs(now.0 + 20)),
                ..limit(account, side, price, 2 + (drawn >> 48) % 9)
            };
            Command::Place { market, order }
        }
        6..9 => {
            Command::Amend { market, account: AccountId(account), order: named, price: Ticks(price), lots: Lots(4) }
        }
        _ => Command::Cancel { market, account: AccountId(account), order: named },
    };
    (now, command)
}

/// Steele and others' SplitMix64.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// The process that is killed: carries out the stream, and says how far it is on the disk. It ends only by being killed, or
/// when nobody reads it any more.
#[test]
fn writer_that_is_killed() {
    let Some(folder) = env::var_os(FOLDER_VARIABLE) else { return };
    let seed = env::var(SEED_VARIABLE).unwrap().parse().unwrap();
    let (mut journal, mut exchange) = Journal::open(Path::new(&folder), HASH_KEY).unwrap();
    let mut events = Vec::new();
    loop {
        for _ in 0..GROUP {
            let (now, command) = command(seed, exchange.sequence());
            journal.push(now, command).unwrap();
            exchange.apply(&command, now, &mut events);
            events.clear();
        }
        let durable = journal.commit().unwrap();
        let mut out = std::io::stderr().lock();
        if writeln!(out, "durable {durable}").is_err() {
            return;
        }
        if (exchange.sequence() / GROUP).is_multiple_of(SNAPSHOT_EVERY / GROUP) {
            journal.snapshot(&exchange).unwrap();
        }
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    let seed = env::var(SEED_VARIABLE).ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| RandomState::new().build_hasher().finish());
    println!("crash: {SEED_VARIABLE}={seed}");
    let folder = tempfile::tempdir().unwrap();
    let mut known = Exchange::new(HASH_KEY);
    let mut before = 0;
    for kill in 0..KILLS {
        let mut writer = Process::new(env::current_exe().unwrap())
            .args(["--exact", "crash::writer_that_is_killed", "--nocapture", "--test-threads=1"])
            .env(FOLDER_VARIABLE, folder.path())
            .env(SEED_VARIABLE, seed.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(writer.stderr.take().unwrap()).lines();
        let durable = |line: Option<std::io::Result<String>>| -> Option<u64> {
            line?.ok()?.strip_prefix("durable ")?.parse().ok()
        };
        // The writer goes on meanwhile, so the kill meets it anywhere.
        let mut acknowledged = 0;
        for _ in 0..=mix(seed ^ kill) % 60 {
            acknowledged = durable(lines.next()).expect("the writer goes on until it is killed");
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        // What it said before it died, and we had not read, was acknowledged as well.
        while let Some(more) = durable(lines.next()) {
            acknowledged = more;
        }
        let (_, restored) = Journal::open(folder.path(), HASH_KEY).unwrap();
        let found = restored.sequence();
        assert!(
            found >= acknowledged && acknowledged > before,
            "seed {seed}: {acknowledged} acknowledged, {found} found"
        );
        assert!(found <= acknowledged + GROUP, "seed {seed}: more than one group beyond what was said");
        while known.sequence() < found {
            let (now, command) = command(seed, known.sequence());
            known.apply(&command, now, &mut Vec::new());
        }
        assert_eq!(restored.hash(), known.hash(), "seed {seed} at {found}");
        assert_eq!(restored.audit(), Ok(()));
        before = found;
    }
    let (trades, _) = known.last_trade(MARKET).unwrap();
    assert!(trades.0 > 0, "seed {seed}: nothing traded");
}
