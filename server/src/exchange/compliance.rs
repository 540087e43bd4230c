//! The operator's policy in its file, and the log of what it decided.
//!
//! The file is read again once it changed, before the next order. One that cannot be read then leaves the policy before it in
//! force. Each decision is a line of the log, on the disk before the order is answered, with those of the whole group at once;
//! the same decision again is none. So
//! strangers write at most a line for each of their accounts, each market and each state of the policy, and again after a start.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;
use shared::Address;
use shared::time::UnixMillis;
use trading::{CompliancePolicy, Decision, Outcome, PolicyError};

use super::error::ExchangeError;
use super::listing::ListedMarket;

/// Largest file of a policy: a million traders.
const POLICY_MAX_BYTES: u64 = 64 << 20;

/// The log says where people are: its operator alone reads it.
const LOG_MODE: u32 = 0o600;

/// Name of the log in the data folder.
const LOG_NAME: &str = "exchange-decisions.jsonl";

/// Why no policy is in force.
#[derive(Debug, thiserror::Error)]
pub enum ComplianceError {
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("{path}: a policy has at most {POLICY_MAX_BYTES} bytes")]
    TooLarge { path: PathBuf },
    #[error("{path}: {source}")]
    Policy { path: PathBuf, source: PolicyError },
}

/// How the file was when it was looked at.
type Seen = (Option<SystemTime>, u64);

pub(super) struct Compliance {
    path: PathBuf,
    /// Nothing where the file was not there.
    seen: Option<Seen>,
    policy: CompliancePolicy,
    log: File,
    /// The last line may be a part of one.
    is_cut: bool,
    /// The log has lines that may not be on the disk.
    is_unsynced: bool,
    /// The last decision about each trader and market, which the log has.
    logged: HashMap<(Address, u16), Decision>,
}

/// One line of the log.
#[derive(Serialize)]
struct Line<'a> {
    at_unix_ms: UnixMillis,
    #[serde(flatten)]
    decision: &'a Decision,
}

impl Compliance {
    /// Reads the policy, and opens the log in the data folder.
    pub(super) fn open(path: &Path, data: &Path) -> Result<Self, ComplianceError> {
        let (seen, policy) = read(path)?;
        let log_path = data.join(LOG_NAME);
        let log = open_log(&log_path).map_err(|source| ComplianceError::File { path: log_path, source })?;
        Ok(Self {
            path: path.to_owned(),
            seen: Some(seen),
            policy,
            log,
            is_cut: false,
            is_unsynced: false,
            logged: HashMap::new(),
        })
    }

    /// Whether a trader that has an account may order in a market now. The decision is on the disk after [`Self::sync`].
    pub(super) fn check(
        &mut self,
        trader: Address,
        market: &ListedMarket,
        now: UnixMillis,
    ) -> Result<(), ExchangeError> {
        self.read_again();
        let decision = self.policy.decide(trader, &market.id);
        let outcome = decision.outcome.clone();
        let about = (trader, market.market.number);
        if self.logged.get(&about) != Some(&decision) {
            let written = self.write(&Line { at_unix_ms: now, decision: &decision });
            // Without the log there are no decisions, and without decisions no orders.
            written.map_err(|error| ExchangeError::Fault(format!("its decisions cannot be logged: {error}")))?;
            self.logged.insert(about, decision);
        }
        match outcome {
            Outcome::Allowed => Ok(()),
            Outcome::Refused { reason } => Err(ExchangeError::NotServed { market: market.id.clone(), reason }),
        }
    }

    fn read_again(&mut self) {
        let seen = look(&self.path).ok();
        if seen == self.seen {
            return;
        }
        // Whatever it holds, one state of the file is read and complained of once.
        self.seen = seen;
        match read(&self.path) {
            Ok((seen, policy)) => (self.seen, self.policy) = (Some(seen), policy),
            Err(error) => tracing::error!(%error, "the policy before stays in force"),
        }
    }

    fn write(&mut self, line: &Line<'_>) -> io::Result<()> {
        let mut text = if self.is_cut { vec![b'\n'] } else { vec![] };
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
        // Until all of it is written.
        self.is_cut = true;
        self.is_unsynced = true;
        self.log.write_all(&text)?;
        self.is_cut = false;
        Ok(())
    }

    /// Brings the decisions since the last call to the disk. Nothing may be answered where it fails.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.is_unsynced {
            self.log.sync_data()?;
            self.is_unsynced = false;
        }
        Ok(())
    }
}

fn look(path: &Path) -> io::Result<Seen> {
    let about = std::fs::metadata(path)?;
    Ok((about.modified().ok(), about.len()))
}

fn read(path: &Path) -> Result<(Seen, CompliancePolicy), ComplianceError> {
    let file = |source| ComplianceError::File { path: path.to_owned(), source };
    let seen = look(path).map_err(file)?;
    let mut text = String::new();
    let opened = File::open(path).map_err(file)?;
    opened.take(POLICY_MAX_BYTES + 1).read_to_string(&mut text).map_err(file)?;
    if text.len() as u64 > POLICY_MAX_BYTES {
        return Err(ComplianceError::TooLarge { path: path.to_owned() });
    }
    let policy = CompliancePolicy::parse(&text);
    Ok((seen, policy.map_err(|source| ComplianceError::Policy { path: path.to_owned(), source })?))
}

/// Opens the log at its end. A line that a crash cut off is ended, so that the next one stands alone.
fn open_log(path: &Path) -> io::Result<File> {
    let mut log = OpenOptions::new().read(true).append(true).create(true).mode(LOG_MODE).open(path)?;
    if log.metadata()?.len() > 0 {
        log.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        log.read_exact(&mut last)?;
        if last != *b"\n" {
            log.write_all(b"\n")?;
        }
    }
    Ok(log)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"{"version": "1", "unknown": {"orders": "refuse", "reason": "say first where you live"},
        "others": {"orders": "allow"}, "jurisdictions": {}, "traders": {}}"#;

    #[test]
    fn a_line_after_one_that_was_cut_off_stands_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (file, log) = (folder.path().join("policy.json"), folder.path().join(LOG_NAME));
        std::fs::write(&file, POLICY).unwrap();
        let mut compliance = Compliance::open(&file, folder.path()).unwrap();
        let decision = compliance.policy.decide(Address::repeat_byte(7), "AIT-USD");
        let line = Line { at_unix_ms: UnixMillis(1), decision: &decision };
        compliance.write(&line).unwrap();
        compliance.sync().unwrap();
        // The disk takes a part of the next one, and then nothing.
        let mut whole = std::mem::replace(&mut compliance.log, File::open(&log).unwrap());
        whole.write_all(b"{\"at_unix").unwrap();
        compliance.write(&line).unwrap_err();
        compliance.log = whole;
        compliance.write(&line).unwrap();
        compliance.write(&line).unwrap();
        compliance.sync().unwrap();
        let text = std::fs::read_to_string(&log).unwrap();
        let is_whole = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
        assert_eq!(text.lines().map(is_whole).collect::<Vec<bool>>(), [true, false, true, true], "{text}");
    }
}
