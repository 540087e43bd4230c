//! How far a build is: counts the crates that cargo starts and estimates the time left.

use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::command;

/// A line each; on a terminal one line is renewed.
const INTERVAL: Duration = Duration::from_secs(30);
const TERMINAL_INTERVAL: Duration = Duration::from_secs(1);
/// Too little is known before to estimate the time left.
const FIRST_ESTIMATE_AFTER: Duration = Duration::from_secs(20);
const CLEAR_LINE: &str = "\r\x1b[K";

/// What is being built.
pub(crate) struct Work<'a> {
    pub(crate) what: &'a str,
    /// Asked once, and only where the build takes long enough to be reported.
    pub(crate) count_crates: &'a dyn Fn() -> Option<usize>,
}

/// Runs cargo, or a program that calls it, to its end. Its messages appear on standard error except the names of the crates,
/// in whose place lines of progress appear.
pub(crate) fn run(command: &mut Command, work: &Work) -> Result<()> {
    // Cargo names the crates that need no work only when it is verbose.
    command.env("CARGO_TERM_VERBOSE", "true").env("CARGO_TERM_PROGRESS_WHEN", "never").stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start `{}`", command::describe(command)))?;
    let (sender, lines) = mpsc::channel();
    if let Some(output) = child.stderr.take() {
        thread::spawn(move || {
            let lines = BufReader::new(output).split(b'\n').map_while(Result::ok);
            lines.map(|line| String::from_utf8_lossy(&line).into_owned()).try_for_each(|line| sender.send(line))
        });
    }
    Display::new(work).follow(&lines);
    let status = child.wait()?;
    if !status.success() {
        bail!("`{}` ended with {status}", command::describe(command));
    }
    Ok(())
}

struct Display<'a> {
    work: &'a Work<'a>,
    started: Instant,
    on_terminal: bool,
    tally: Tally,
    /// None before it was asked for.
    total: Option<Option<usize>>,
}

impl<'a> Display<'a> {
    fn new(work: &'a Work<'a>) -> Self {
        let on_terminal = io::stderr().is_terminal();
        Self { work, started: Instant::now(), on_terminal, tally: Tally::default(), total: None }
    }

    fn follow(&mut self, lines: &mpsc::Receiver<String>) {
        let interval = if self.on_terminal { TERMINAL_INTERVAL } else { INTERVAL };
        let mut next = self.started + interval;
        loop {
            match lines.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(line) if self.tally.takes(&line) => {}
                Ok(line) => eprintln!("{}{line}", if self.on_terminal { CLEAR_LINE } else { "" }),
                Err(RecvTimeoutError::Timeout) => {
                    self.show();
                    next += interval;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if self.on_terminal {
            eprint!("{CLEAR_LINE}");
        }
    }

    fn show(&mut self) {
        let total = *self.total.get_or_insert_with(|| (self.work.count_crates)());
        let line = self.tally.describe(total, self.started.elapsed());
        if self.on_terminal {
            eprint!("{CLEAR_LINE}  {}: {line}", self.work.what);
        } else {
            eprintln!("  {}: {line}", self.work.what);
        }
    }
}

/// The crates that cargo named so far.
#[derive(Debug, Default)]
struct Tally {
    seen: HashSet<String>,
    compiled: usize,
}

impl Tally {
    /// Counts a crate that the line names; false for a line that the user should read.
    fn takes(&mut self, line: &str) -> bool {
        let mut words = line.split_whitespace();
        let verb = words.next().unwrap_or_default();
        match verb {
            "Compiling" | "Fresh" => {
                let (name, version) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                let new = self.seen.insert(format!("{name} {version}"));
                self.compiled += usize::from(new && verb == "Compiling");
                true
            }
            "Running" | "Downloaded" | "Downloading" | "Dirty" | "Locking" | "Adding" => true,
            _ => false,
        }
    }

    /// `total` is the number of crates, those included that need no work.
    fn describe(&self, total: Option<usize>, elapsed: Duration) -> String {
        let started = self.seen.len();
        let so_far = format!("{} so far", rounded(elapsed));
        let Some(total) = total.filter(|total| *total >= started) else {
            return format!("{started} crates, {so_far}");
        };
        let left = self.time_left(total, elapsed).map(|left| format!(", about {} left", rounded(left)));
        format!("{started} of {total} crates, {so_far}{}", left.unwrap_or_default())
    }

    /// As if the crates to come took as long as those compiled.
    fn time_left(&self, total: usize, elapsed: Duration) -> Option<Duration> {
        if elapsed < FIRST_ESTIMATE_AFTER || self.compiled == 0 {
            return None;
        }
        let to_come = total.saturating_sub(self.seen.len());
        Some(elapsed.mul_f64(to_come as f64 / self.compiled as f64))
    }
}

/// In minutes, or in tens of seconds below two minutes.
fn rounded(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..120 => format!("{} s", seconds.div_ceil(10) * 10),
        seconds => format!("{} min", (seconds + 30) / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        lines.iter().for_each(|line| assert!(tally.takes(line), "{line}"));
        tally
    }

    #[test]
    fn a_crate_counts_once_whether_compiled_or_fresh() {
        let tally = tally(&[
            "   Compiling serde v1.0.229",
            "       Fresh libc v0.2.191",
            "   Compiling serde v1.0.229",
            "     Running `rustc --crate-name serde`",
        ]);
        assert_eq!((tally.seen.len(), tally.compiled), (2, 1));
    }

    #[test]
    fn what_the_user_should_read_is_not_taken() {
        let mut tally = Tally::default();
        for line in
            ["error[E0432]: unresolved import", "warning: unused variable", "", "    Finished `release` profile"]
        {
            assert!(!tally.takes(line), "{line}");
        }
        assert!(tally.seen.is_empty());
    }

    #[test]
    fn the_estimate_counts_only_what_was_compiled() {
        let mut tally = tally(&["   Compiling a v1.0.0", "   Compiling b v1.0.0"]);
        (0..96).for_each(|number| assert!(tally.takes(&format!("Fresh c{number} v1.0.0"))));
        assert_eq!(tally.time_left(100, Duration::from_secs(60)), Some(Duration::from_secs(60)));
        assert_eq!(
            tally.describe(Some(100), Duration::from_secs(60)),
            "98 of 100 crates, 60 s so far, about 60 s left"
        );
    }

    #[test]
    fn nothing_is_estimated_without_knowledge() {
        let some = tally(&["   Compiling a v1.0.0"]);
        assert_eq!(some.describe(Some(9), Duration::from_secs(5)), "1 of 9 crates, 10 s so far");
        assert_eq!(some.describe(None, Duration::from_secs(240)), "1 crates, 4 min so far");
        assert_eq!(Tally::default().time_left(9, Duration::from_secs(60)), None);
        // More crates than were counted: the count is of no use.
        assert_eq!(some.describe(Some(0), Duration::from_secs(60)), "1 crates, 60 s so far");
    }
}
