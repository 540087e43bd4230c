//! How far a build is: a line with the time left every half minute, beside what cargo says itself.

mod costs;
mod tally;

use std::io::{self, BufRead, BufReader, IsTerminal};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::command;
use tally::Tally;
pub(crate) use tally::Total;

const INTERVAL: Duration = Duration::from_secs(30);
/// Cargo keeps its own bar on the last line of a terminal and draws it anew afterwards.
const CLEAR_LINE: &str = "\r\x1b[K";

/// Runs a command of cargo that compiles, to its end. `total` is asked once, and only where the command takes long enough to be
/// reported.
pub(crate) fn run(cargo: &mut Command, what: &str, total: impl FnOnce() -> Option<Total>) -> Result<()> {
    // One object a line for each finished crate; errors and warnings stay on standard error as cargo words them.
    cargo.args(["--message-format", "json-render-diagnostics"]).stdout(Stdio::piped());
    let mut child = cargo.spawn().with_context(|| format!("cannot start `{}`", command::describe(cargo)))?;
    let (sender, messages) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        thread::spawn(move || lines.try_for_each(|line| sender.send(line)));
    }
    follow(&messages, what, total);
    let status = child.wait()?;
    if !status.success() {
        bail!("`{}` ended with {status}", command::describe(cargo));
    }
    Ok(())
}

/// Returns when cargo says no more.
fn follow(messages: &Receiver<String>, what: &str, total: impl FnOnce() -> Option<Total>) {
    let clear = if io::stderr().is_terminal() { CLEAR_LINE } else { "" };
    let started = Instant::now();
    let mut tally = Tally::default();
    let (mut ask_total, mut total) = (Some(total), None);
    let mut next = started + INTERVAL;
    loop {
        match messages.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(line) => tally.add(&line),
            Err(RecvTimeoutError::Timeout) => {
                total = ask_total.take().map_or(total, |ask| ask());
                eprintln!("{clear}  {what}: {}", tally.describe(total, started.elapsed()));
                next += INTERVAL;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
