//! What came of the stages: tests counted from what the test runners print, and the table at the end.

use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::command::describe;

/// Read by `test-support`: the file for one line for each skipped test.
const SKIPPED_VARIABLE: &str = "AITBC_SKIPPED";

/// Tests and single checks of one stage.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct StageCounts {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
    /// Tests that found something missing, with the reason, as they said it.
    pub(super) skips: Vec<Skip>,
    /// Names of the tests that failed, as far as the runner tells.
    failed_tests: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Skip {
    test: String,
    reason: String,
}

impl Skip {
    /// Reads `skipped: TEST: REASON`, which `test-support` writes. Colons without a space belong to the test's name.
    fn parse(line: &str) -> Option<Self> {
        let (test, reason) = line.strip_prefix("skipped: ")?.split_once(": ")?;
        Some(Self { test: test.to_owned(), reason: reason.to_owned() })
    }
}

impl StageCounts {
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

    /// Runs `cargo test`, and counts as skipped what the tests themselves wrote into the file `skipped`. `cargo test`
    /// hides what passing tests print, hence the file.
    pub(super) fn tests_that_may_skip(&mut self, command: &mut Command, skipped: &Path) -> Result<()> {
        fs::write(skipped, "").with_context(|| format!("cannot write {}", skipped.display()))?;
        let outcome = self.tests(command.env(SKIPPED_VARIABLE, skipped));
        let lines = fs::read_to_string(skipped).with_context(|| format!("cannot read {}", skipped.display()))?;
        fs::remove_file(skipped).with_context(|| format!("cannot remove {}", skipped.display()))?;
        self.add_skips(&lines);
        outcome
    }

    /// The runner counted these tests as passed. One that failed after it skipped a part stays failed.
    fn add_skips(&mut self, lines: &str) {
        for skip in lines.lines().filter_map(Skip::parse) {
            if self.failed_tests.contains(&skip.test) {
                continue;
            }
            // A test may lack two things; it is one test.
            if !self.skips.iter().any(|earlier| earlier.test == skip.test) {
                self.passed = self.passed.saturating_sub(1);
                self.skipped += 1;
            }
            self.skips.push(skip);
        }
    }

    fn count(&mut self, passed: bool) {
        *(if passed { &mut self.passed } else { &mut self.failed }) += 1;
    }

    /// Reads the closing lines of `cargo test` and of Node's test runner.
    fn add_line(&mut self, line: &str) {
        if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            self.failed_tests.push(name.to_owned());
        }
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
        // The test's name, and how long it took in brackets at the end.
        if let Some(failed) = line.trim_start().strip_prefix("\u{2716} ").filter(|_| !line.contains("failing tests")) {
            let name = failed.rsplit_once(" (").map_or(failed, |(name, _)| name).to_owned();
            if !self.failed_tests.contains(&name) {
                self.failed_tests.push(name);
            }
        }
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
    result: Option<(f64, StageCounts, bool)>,
}

impl Summary {
    pub(super) fn add(&mut self, stage: &'static str, seconds: f64, counts: StageCounts, passed: bool) {
        self.rows.push(Row { stage, result: Some((seconds, counts, passed)) });
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
        let mut total = StageCounts::default();
        let mut total_seconds = 0.0;
        writeln!(formatter, "{:<12} {:>8} {:>7} {:>7} {:>8}", "stage", "seconds", "passed", "failed", "skipped")?;
        for Row { stage, result } in &self.rows {
            let Some((seconds, counts, passed)) = result else {
                writeln!(formatter, "{stage:<12} {:>8}", "not run")?;
                continue;
            };
            let &StageCounts { passed: good, failed, skipped, .. } = counts;
            let mark = if *passed { "" } else { "  FAILED" };
            writeln!(formatter, "{stage:<12} {seconds:>8.1} {good:>7} {failed:>7} {skipped:>8}{mark}")?;
            total.passed += good;
            total.skipped += skipped;
            // A stage may fail before its first test, for want of a tool.
            total.failed += failed.max(u64::from(!passed));
            total_seconds += seconds;
        }
        writeln!(formatter, "{:<12} {total_seconds:>8.1}", "all")?;
        let all_counts = self.rows.iter().filter_map(|row| row.result.as_ref());
        for test in all_counts.clone().flat_map(|(_, counts, _)| &counts.failed_tests) {
            writeln!(formatter, "failed: {test}")?;
        }
        for Skip { test, reason } in all_counts.flat_map(|(_, counts, _)| &counts.skips) {
            writeln!(formatter, "skipped: {test}: {reason}")?;
        }
        write!(formatter, "{} passed, {} failed, {} skipped", total.passed, total.failed, total.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::{Skip, StageCounts, Summary};

    fn counts(lines: &[&str]) -> StageCounts {
        let mut counts = StageCounts::default();
        lines.iter().for_each(|line| counts.add_line(line));
        counts
    }

    #[test]
    fn both_test_runners_are_counted() {
        let cargo = "test result: FAILED. 3 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(counts(&[cargo, cargo]), StageCounts { passed: 6, failed: 2, skipped: 4, ..StageCounts::default() });
        assert_eq!(
            counts(&["# tests 7", "# pass 5", "# fail 1", "# skipped 1"]),
            StageCounts { passed: 5, failed: 1, skipped: 1, ..StageCounts::default() }
        );
        assert_eq!(
            counts(&["\u{2139} pass 5", "\u{2139} fail 0"]),
            StageCounts { passed: 5, ..StageCounts::default() }
        );
        let named = counts(&[
            "  \u{2716} a job is paid (12.3ms)",
            "\u{2716} failing tests:",
            "\u{2716} a job is paid (12.3ms)",
        ]);
        assert_eq!(named.failed_tests, ["a job is paid"]);
        assert_eq!(counts(&["pass 5", "test result is unknown"]), StageCounts::default());
    }

    #[test]
    fn a_test_that_skipped_is_not_counted_as_passed() {
        let mut counted = counts(&["test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out"]);
        counted.add_skips("skipped: a::b: no library: set X\nskipped: a::b: no card\nskipped: c: no card\nelse\n");
        assert_eq!((counted.passed, counted.failed, counted.skipped), (3, 0, 3));
        let mut summary = Summary::default();
        summary.add("unit", 1.0, counted, true);
        let end = "\nskipped: a::b: no library: set X\nskipped: a::b: no card\nskipped: c: no card\n3 passed, 0 failed, 3 skipped";
        assert!(summary.to_string().ends_with(end), "{summary}");
    }

    #[test]
    fn a_test_that_failed_after_a_skip_is_failed_only() {
        let lines = ["test a::b ... FAILED", "test result: FAILED. 4 passed; 1 failed; 0 ignored; 0 measured"];
        let mut counted = counts(&lines);
        counted.add_skips("skipped: a::b: no library\n");
        assert_eq!((counted.passed, counted.failed, counted.skipped), (4, 1, 0));
        assert!(counted.skips.is_empty());
    }

    #[test]
    fn a_skip_has_a_test_and_a_reason() {
        assert!(Skip::parse("skipped: a::b: why").is_some_and(|skip| skip.test == "a::b" && skip.reason == "why"));
        assert_eq!(Skip::parse("skipped: a::b"), None);
        assert_eq!(Skip::parse("a::b: why"), None);
    }

    #[test]
    fn the_table_ends_with_the_totals() {
        let mut summary = Summary::default();
        summary.add("fmt", 1.0, StageCounts { passed: 1, ..StageCounts::default() }, true);
        summary.add("unit", 2.0, counts(&["test a::b ... FAILED"]), false);
        summary.not_run("browser");
        assert!(summary.to_string().ends_with("\nfailed: a::b\n1 passed, 1 failed, 0 skipped"), "{summary}");
    }
}
