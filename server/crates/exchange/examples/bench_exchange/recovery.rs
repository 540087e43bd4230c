//! How soon an exchange is back after a crash, and what durability costs.

use std::time::Instant;

use exchange::journal::Journal;
use exchange::{Command, HashKey, UnixMs};
use serde_json::Value;

use crate::stream::{self, Generator};
use crate::{USUAL, figure};

const ENTRIES: u64 = 10_000_000;
const KEY: HashKey = HashKey([5, 6]);
/// Commands that one call of fsync makes durable.
const GROUP: usize = 64;
const COMMITS: usize = 500;

pub(crate) fn figures() -> Vec<Value> {
    let mut figures = recovery().expect("the folder for temporary files takes a journal of half a gigabyte");
    figures.extend(commits().expect("the folder for temporary files takes a journal"));
    figures
}

fn recovery() -> Result<Vec<Value>, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let (mut journal, exchange) = Journal::open(folder.path(), KEY)?;
    drop(exchange);
    let mut generator = Generator::new(USUAL);
    let opening = stream::opening(USUAL);
    for command in &opening {
        journal.push(UnixMs(0), *command)?;
    }
    for place in 0..ENTRIES - opening.len() as u64 {
        let (now, command) = stream::command(place, &generator.next());
        journal.push(now, command)?;
    }
    journal.commit()?;
    drop(journal);
    let began = Instant::now();
    let (_, exchange) = Journal::open(folder.path(), KEY)?;
    let took = began.elapsed().as_secs_f64();
    assert_eq!((exchange.sequence(), exchange.hash()), (ENTRIES, generator.hash()), "another state came back");
    Ok(vec![figure("recovery of 10 million journal entries", took, "s", Some(("at most", 10.0)))])
}

fn commits() -> Result<Vec<Value>, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let (mut journal, _) = Journal::open(folder.path(), KEY)?;
    let mut milliseconds = Vec::with_capacity(COMMITS);
    for _ in 0..COMMITS {
        let began = Instant::now();
        for _ in 0..GROUP {
            journal.push(UnixMs(0), Command::Advance)?;
        }
        journal.commit()?;
        milliseconds.push(began.elapsed().as_secs_f64() * 1e3);
    }
    milliseconds.sort_by(f64::total_cmp);
    let p99 = milliseconds[COMMITS * 99 / 100];
    Ok(vec![
        figure("group of 64 commands durable, p50", milliseconds[COMMITS / 2], "ms", None),
        figure("group of 64 commands durable, p99", p99, "ms", None),
    ])
}
