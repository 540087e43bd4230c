//! What tests of several crates need: machines that lack something, such as ONNX Runtime, inputs of strangers (`fuzz`), and a
//! PostgreSQL of their own ([`postgres`]). Only tests and benchmarks depend on this crate.
//!
//! A test that returned early would pass without a word. [`require_or_skip`] says that it was skipped, and fails it where
//! the environment promises the thing. `cargo test` hides what passing tests print. The line therefore also goes to a
//! file, which `cargo xtask test` reads.

mod fuzz;
pub mod postgres;

pub use fuzz::{SECONDS_VARIABLE, SEED_VARIABLE, fuzz};

use std::collections::BTreeSet;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Names, separated by commas, of what must be there: a test that misses one of them fails. `cargo xtask test` sets it.
pub const REQUIRE_VARIABLE: &str = "AITBC_REQUIRE";

/// The file to which one line is appended for each skipped test. `cargo xtask test` sets it and counts the lines.
pub const SKIPPED_VARIABLE: &str = "AITBC_SKIPPED";

/// What a machine may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    OnnxRuntime,
    PostgreSql,
    GraphicsAdapter,
    /// Mesa's renderer on the processor.
    Llvmpipe,
    /// Ethereum's state tests, in a folder that somebody names.
    StateTests,
}

impl Requirement {
    /// As [`REQUIRE_VARIABLE`] names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnnxRuntime => "onnxruntime",
            Self::PostgreSql => "postgresql",
            Self::GraphicsAdapter => "graphics-adapter",
            Self::Llvmpipe => "llvmpipe",
            Self::StateTests => "state-tests",
        }
    }

    fn is_in(self, names: &str) -> bool {
        names.split(',').any(|name| name.trim() == self.name())
    }
}

/// What was found, or `None` after saying in one line that the test is skipped and why. The test then returns.
///
/// # Panics
/// Where [`REQUIRE_VARIABLE`] names the requirement: the test fails.
#[track_caller]
pub fn require_or_skip<T>(requirement: Requirement, found: Result<T, impl fmt::Display>) -> Option<T> {
    let reason = match found {
        Ok(found) => return Some(found),
        Err(reason) => reason.to_string(),
    };
    let required = std::env::var(REQUIRE_VARIABLE).unwrap_or_default();
    let name = requirement.name();
    assert!(!requirement.is_in(&required), "{REQUIRE_VARIABLE} asks for {name}, which is missing: {reason}");
    let line = skip_line(&current_test(Location::caller()), &reason);
    if is_first(&line) {
        say(&line);
    }
    None
}

/// The test runner names each test's thread after the test. With `--test-threads=1` it does not: the caller's place stands in.
fn current_test(caller: &Location<'_>) -> String {
    let thread = std::thread::current();
    let name = thread.name().filter(|name| *name != "main");
    name.map_or_else(|| format!("{}:{}", caller.file(), caller.line()), str::to_owned)
}

/// The folder of the package whose tests run. It is asked for when they run: a target folder may serve several checkouts
/// one after another, and a path from compile time would lead to the first of them.
///
/// # Panics
/// Where the tests were not started by cargo, which sets the variable.
pub fn package_folder() -> PathBuf {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    assert!(folder.is_some(), "CARGO_MANIFEST_DIR is not set: run the tests with `cargo test`");
    folder.unwrap_or_default()
}

fn skip_line(test: &str, reason: &str) -> String {
    format!("skipped: {test}: {}", reason.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A test may ask for the same thing several times.
fn is_first(line: &str) -> bool {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(line.to_owned())
}

#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn say(line: &str) {
    println!("{line}");
    if let Some(path) = std::env::var_os(SKIPPED_VARIABLE) {
        let appended = append(Path::new(&path), line);
        assert!(appended.is_ok(), "cannot append to {SKIPPED_VARIABLE} {}: {appended:?}", path.display());
    }
}

/// In one write, since several test processes may append at once.
fn append(path: &Path, line: &str) -> std::io::Result<()> {
    OpenOptions::new().create(true).append(true).open(path)?.write_all(format!("{line}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirement_is_named_in_full() {
        assert!(Requirement::OnnxRuntime.is_in("postgresql, onnxruntime"));
        assert!(!Requirement::OnnxRuntime.is_in("onnxruntime-cuda"));
        assert!(!Requirement::OnnxRuntime.is_in(""));
    }

    #[test]
    fn a_skip_is_one_line_with_the_test_and_is_said_once() {
        let test = current_test(Location::caller());
        assert!(test.ends_with("a_skip_is_one_line_with_the_test_and_is_said_once") || test.contains(".rs:"), "{test}");
        let line = skip_line("a::b", "not\n  installed");
        assert_eq!(line, "skipped: a::b: not installed");
        assert!(is_first(&line) && !is_first(&line));
    }

    #[test]
    fn what_is_there_is_handed_on() {
        assert_eq!(require_or_skip(Requirement::OnnxRuntime, Ok::<_, String>(7)), Some(7));
    }
}
