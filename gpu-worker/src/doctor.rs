//! What keeps a machine from mining, and what to type to mend it.
//!
//! Each file here has an observation, which is data, and a rule that judges it, which is pure: every fault can be shown
//! to the rule without a machine that has it.

pub mod account;
pub mod cuda;
pub mod disk;
pub mod elf;
pub mod hub;
pub mod library;
pub mod models;
pub mod sandbox;
pub mod status;
mod text;

use serde::Serialize;

pub use text::lines;

/// How well one thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Ok,
    /// The worker serves, but worse than it could, or not for long.
    Warn,
    /// The worker does not serve, or not on what the miner wants.
    Fault,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// One word: `key`, `driver`, `clock`.
    pub what: &'static str,
    pub state: State,
    pub found: String,
    /// What to do, one way per entry; empty where all is well.
    pub mend: Vec<String>,
}

impl Finding {
    pub fn ok(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, state: State::Ok, found: found.into(), mend: Vec::new() }
    }

    pub fn warn<S: Into<String>>(
        what: &'static str,
        found: impl Into<String>,
        mend: impl IntoIterator<Item = S>,
    ) -> Self {
        Self { what, state: State::Warn, found: found.into(), mend: mend.into_iter().map(Into::into).collect() }
    }

    pub fn fault<S: Into<String>>(
        what: &'static str,
        found: impl Into<String>,
        mend: impl IntoIterator<Item = S>,
    ) -> Self {
        Self { state: State::Fault, ..Self::warn(what, found, mend) }
    }
}

/// Whether nothing keeps the machine from mining.
pub fn is_healthy(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.state < State::Fault)
}
