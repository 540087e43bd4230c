//! What came of the stages: tests counted from what the test runners print, and the table at the end.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::command::describe;

/// Tests and single checks of one stage.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
}

impl Report {
    /// Runs a command that is one check in itself.
    pub(super) fn check(&mut self, command: &mut Command) -> Result<()> {
        let outcome = crate::command::run(command);
        self.count(outcome.is_ok());
        outcome
    }

    /// Runs a test runner, shows what it prints and counts its tests.
    pub(super) fn tests(&mut self, command: &mut Command) -> Result<()> {
        let mut child =
            command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start `{}`", describe(command)))?;
        let before = self.failed;
        let output = child.stdout.take().context("the test runner has no output")?;
        for line in BufReader::new(output).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            self.add_line(&line);
        }
        let status = child.wait()?;
        if !status.success() {
            if self.failed == before {
                self.failed += 1;
            }
            bail!("`{}` ended with {status}", describe(command));
        }
        Ok(())
    }

    fn count(&mut self, passed: bool) {
        *(if passed { &mut self.passed } else { &mut self.failed }) += 1;
    }

    /// Reads the closing lines of `cargo test` and of Node's test runner.
    fn add_line(&mut self, line: &str) {
        if let Some(counts) = line.strip_prefix("test result: ") {
            let count = |what: &str| {
                counts.split([';', '.']).find_map(|part| part.trim().strip_suffix(what)?.trim().parse().ok())
            };
            self.passed += count("passed").unwrap_or(0_u64);
            self.failed += count("failed").unwrap_or(0_u64);
            self.skipped += count("ignored").unwrap_or(0_u64);
        }
        let node =
            |what: &str| line.trim_start_matches(['#', '\u{2139}', ' ']).strip_prefix(what)?.trim().parse::<u64>().ok();
        if line.starts_with(['#', '\u{2139}']) {
            self.passed += node("pass ").unwrap_or(0);
            self.failed += node("fail ").unwrap_or(0);
            self.skipped += node("skipped ").unwrap_or(0);
        }
    }
}

#[derive(Default)]
pub(super) struct Summary {
    rows: Vec<Row>,
}

struct Row {
    stage: &'static str,
    result: Option<(f64, Report, bool)>,
}

impl Summary {
    pub(super) fn add(&mut self, stage: &'static str, seconds: f64, report: Report, passed: bool) {
        self.rows.push(Row { stage, result: Some((seconds, report, passed)) });
    }

    pub(super) fn not_run(&mut self, stage: &'static str) {
        self.rows.push(Row { stage, result: None });
    }

    pub(super) fn stages_run(&self) -> usize {
        self.rows.len()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut total = Report::default();
        let mut total_seconds = 0.0;
        writeln!(formatter, "{:<12} {:>8} {:>7} {:>7} {:>8}", "stage", "seconds", "passed", "failed", "skipped")?;
        for Row { stage, result } in &self.rows {
            let Some((seconds, report, passed)) = result else {
                writeln!(formatter, "{stage:<12} {:>8}", "not run")?;
                continue;
            };
            let Report { passed: good, failed, skipped } = *report;
            let mark = if *passed { "" } else { "  FAILED" };
            writeln!(formatter, "{stage:<12} {seconds:>8.1} {good:>7} {failed:>7} {skipped:>8}{mark}")?;
            total.passed += good;
            // A stage may fail before its first test, for want of a tool.
            total.failed += failed.max(u64::from(!passed));
            total_seconds += seconds;
        }
        writeln!(formatter, "{:<12} {total_seconds:>8.1}", "all")?;
        write!(formatter, "{} passed, {} failed", total.passed, total.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, Summary};

    fn report(lines: &[&str]) -> Report {
        let mut report = Report::default();
        lines.iter().for_each(|line| report.add_line(line));
        report
    }

    #[test]
    fn both_test_runners_are_counted() {
        let cargo = "test result: FAILED. 3 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(report(&[cargo, cargo]), Report { passed: 6, failed: 2, skipped: 4 });
        assert_eq!(
            report(&["# tests 7", "# pass 5", "# fail 1", "# skipped 1"]),
            Report { passed: 5, failed: 1, skipped: 1 }
        );
        assert_eq!(report(&["\u{2139} pass 5", "\u{2139} fail 0"]), Report { passed: 5, failed: 0, skipped: 0 });
        assert_eq!(report(&["pass 5", "test result is unknown"]), Report::default());
    }

    #[test]
    fn the_table_ends_with_the_totals() {
        let mut summary = Summary::default();
        summary.add("fmt", 1.0, Report { passed: 1, failed: 0, skipped: 0 }, true);
        summary.add("unit", 2.0, Report::default(), false);
        summary.not_run("browser");
        assert!(summary.to_string().ends_with("\n1 passed, 1 failed"), "{summary}");
    }
}
