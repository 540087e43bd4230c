//! One supervised child process: its log file, its restarts, its end.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// If a process ends more often than this within the window, it is not restarted.
const RESTARTS_LIMIT: usize = 5;
const RESTARTS_WINDOW: Duration = Duration::from_secs(60);
const LOG_TAIL_LINES: usize = 15;

pub(super) struct Process {
    pub(super) name: String,
    command: Command,
    log: PathBuf,
    child: Option<Child>,
    ends: Vec<Instant>,
}

impl Process {
    pub(super) fn new(name: String, command: Command, log: PathBuf) -> Self {
        Self { name, command, log, child: None, ends: Vec::new() }
    }

    pub(super) fn start(&mut self) -> Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("cannot write {}", self.log.display()))?;
        // A group of its own: Ctrl-C in the terminal reaches xtask alone, which then ends the processes in order.
        self.command.process_group(0).stdout(log.try_clone()?).stderr(log);
        self.child = Some(self.command.spawn().with_context(|| format!("cannot start {}", self.name))?);
        Ok(())
    }

    /// # Errors
    /// When the process has ended, with the end of its log.
    pub(super) fn require_running(&mut self) -> Result<()> {
        match self.ended()? {
            Some(status) => {
                bail!("{} ended with {status}; the end of {}:\n{}", self.name, self.log.display(), self.tail())
            }
            None => Ok(()),
        }
    }

    /// Restarts the process if it ended by itself.
    pub(super) fn revive(&mut self) -> Result<()> {
        let Some(status) = self.ended()? else { return Ok(()) };
        let now = Instant::now();
        self.ends.retain(|end| now.duration_since(*end) < RESTARTS_WINDOW);
        self.ends.push(now);
        if self.ends.len() > RESTARTS_LIMIT {
            bail!(
                "{} ended {} times within a minute; the end of {}:\n{}",
                self.name,
                self.ends.len(),
                self.log.display(),
                self.tail()
            );
        }
        println!("{} ended with {status}; starting it again", self.name);
        self.start()
    }

    pub(super) fn ask_to_end(&self) {
        self.signal(Signal::TERM);
    }

    pub(super) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// True as well for a process that never started.
    pub(super) fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>> {
        let child = self.child.as_mut().with_context(|| format!("{} was not started", self.name))?;
        Ok(child.try_wait()?)
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.as_ref().and_then(|child| i32::try_from(child.id()).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // An error means that it is gone already, which is what was asked for.
            let _ = kill_process(pid, signal);
        }
    }

    fn tail(&self) -> String {
        last_lines(&self.log, LOG_TAIL_LINES)
    }
}

fn last_lines(path: &Path, count: usize) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(script: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let log = std::env::temp_dir().join(format!("aitbc-xtask-process-{}-{}", std::process::id(), script.len()));
        Process::new("the process".to_owned(), command, log)
    }

    #[test]
    fn a_process_that_dies_again_and_again_is_given_up_with_its_log() {
        let mut process = process("echo why it died; exit 3");
        process.start().unwrap();
        let error = loop {
            if let Err(error) = process.revive() {
                break error.to_string();
            }
        };
        assert!(error.contains("ended 6 times") && error.contains("why it died"), "{error}");
        fs::remove_file(&process.log).unwrap();
    }

    #[test]
    fn a_process_ends_when_asked() {
        let mut process = process("exec sleep 1000");
        process.start().unwrap();
        assert!(!process.has_ended());
        process.ask_to_end();
        while !process.has_ended() {
            std::thread::yield_now();
        }
        fs::remove_file(&process.log).unwrap();
    }
}
