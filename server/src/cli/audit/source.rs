//! Reads a hub's log over HTTP, and believes nothing of it that it cannot check.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use shared::api::log::{ConsistencyProof, LogLeaf, LogSlice};
use shared::api::page::LIMIT_MAX;
use shared::api::status::NetworkStatus;
use shared::log::entry::LoggedReceipt;
use shared::log::ledger::Ledger;
use shared::log::proof::verify_consistency;
use shared::log::tree::{Frontier, leaf_hash};
use shared::log::{LogEntry, SignedCheckpoint};
use shared::{Address, B256};

use super::Difference;
use crate::cli::client::Server;

/// Entries of the largest log that is read.
const ENTRIES_MAX: u64 = 20_000_000;

/// Differences of single entries that are kept.
const KEPT_MAX: usize = 10_000;

/// The log of one hub, as far as it was read.
pub(super) struct LogReader<'a> {
    server: &'a Server,
    /// Whose key must have signed it.
    pub(super) hub: Address,
    hub_id: String,
    chain_id: u64,
    frontier: Frontier,
    pub(super) ledger: Ledger,
    checkpoint: Option<SignedCheckpoint>,
    pub(super) differences: Vec<Difference>,
}

impl<'a> LogReader<'a> {
    pub(super) fn new(server: &'a Server, hub: Address, status: &NetworkStatus) -> Self {
        Self {
            server,
            hub,
            hub_id: status.hub_id.clone(),
            chain_id: status.chain_id,
            frontier: Frontier::default(),
            ledger: Ledger::default(),
            checkpoint: None,
            differences: Vec::new(),
        }
    }

    pub(super) fn checkpoint(&self) -> Result<&SignedCheckpoint> {
        self.checkpoint.as_ref().context("no checkpoint was read")
    }

    /// Reads the log up to its newest checkpoint, which must go on from an earlier one.
    pub(super) fn follow(&mut self, earlier: Option<&SignedCheckpoint>) -> Result<()> {
        let now = self.fetch_checkpoint()?;
        if let Some(earlier) = earlier {
            self.check(earlier).context("the kept checkpoint is not of this hub")?;
            self.compare_with_earlier(earlier, &now)?;
        }
        self.read_up_to(now)
    }

    /// Reads what was added since.
    pub(super) fn catch_up(&mut self) -> Result<()> {
        let now = self.fetch_checkpoint()?;
        if now.checkpoint.size < self.frontier.size() {
            let (size, read) = (now.checkpoint.size, self.frontier.size());
            self.differs("log", format!("it had {read} entries when it was read, and now has {size}"));
            return Ok(());
        }
        self.read_up_to(now)
    }

    fn fetch_checkpoint(&self) -> Result<SignedCheckpoint> {
        let signed: SignedCheckpoint = self.server.get_patiently("/v1/log/checkpoint")?;
        self.check(&signed)?;
        let size = signed.checkpoint.size;
        ensure!(size <= ENTRIES_MAX, "the log has {size} entries; up to {ENTRIES_MAX} are read");
        Ok(signed)
    }

    fn check(&self, signed: &SignedCheckpoint) -> Result<()> {
        signed.verify()?;
        ensure!(signed.hub == self.hub, "the checkpoint is signed by {}, and the hub is {}", signed.hub, self.hub);
        let (of, on) = (&signed.checkpoint.hub_id, signed.checkpoint.chain_id);
        let expected = (self.hub_id.as_str(), self.chain_id);
        ensure!(
            (of.as_str(), on) == expected,
            "the checkpoint is of the hub `{of}` on chain {on}, and the server is the hub `{}` on chain {}",
            expected.0,
            expected.1
        );
        Ok(())
    }

    /// Both are signed by the hub, so a log that does not go on from the earlier one convicts it.
    fn compare_with_earlier(&mut self, earlier: &SignedCheckpoint, now: &SignedCheckpoint) -> Result<()> {
        let (earlier, now) = (earlier.checkpoint.head(), now.checkpoint.head());
        if now.size < earlier.size {
            let detail = format!("it had {} entries under a signed checkpoint, and now has {}", earlier.size, now.size);
            self.differs("log", detail);
            return Ok(());
        }
        if earlier.size == 0 {
            return Ok(());
        }
        let path = format!("/v1/log/proof/consistency?from={}&to={}", earlier.size, now.size);
        let proven: ConsistencyProof = self.server.get_patiently(&path)?;
        if let Err(error) = verify_consistency(earlier, now, &proven.proof) {
            self.differs("log", format!("it does not begin with the log of the kept checkpoint: {error}"));
        }
        Ok(())
    }

    fn read_up_to(&mut self, now: SignedCheckpoint) -> Result<()> {
        let head = now.checkpoint.head();
        while self.frontier.size() < head.size {
            let from = self.frontier.size();
            let limit = (head.size - from).min(u64::from(LIMIT_MAX));
            let slice: LogSlice = self.server.get_patiently(&format!("/v1/log/entries?from={from}&limit={limit}"))?;
            ensure!(!slice.entries.is_empty(), "the server has no entry {from} of its log of {} entries", head.size);
            for leaf in slice.entries.into_iter().take(usize::try_from(limit).unwrap_or(usize::MAX)) {
                self.take(&leaf)?;
            }
        }
        let root = self.frontier.root();
        if root != head.root {
            let detail = format!("the signed root of {} entries is {}, and they lead to {root}", head.size, head.root);
            self.differs("log", detail);
        }
        self.checkpoint = Some(now);
        Ok(())
    }

    fn take(&mut self, leaf: &LogLeaf) -> Result<()> {
        let index = self.frontier.size();
        ensure!(leaf.index == index, "the server gave the entry {} of its log where {index} was asked for", leaf.index);
        let hash = leaf_hash(leaf.leaf.as_bytes());
        if hash != leaf.leaf_hash {
            self.differs(&entry(index), format!("its bytes hash to {hash}, and the tree has {}", leaf.leaf_hash));
        }
        // The tree goes on with what the hub committed to, so that one altered entry is one difference.
        self.frontier.append(leaf.leaf_hash);
        let read: Result<LogEntry, _> = serde_json::from_str(&leaf.leaf);
        let Ok(read) = read else {
            self.differs(&entry(index), "it cannot be read".to_owned());
            bail!("the entry {index} of the log cannot be read, so nothing can be counted from it");
        };
        if let Err(reason) = self.verify(&read) {
            self.differs(&entry(index), reason);
        }
        if let Err(error) = self.ledger.count(&read) {
            self.differs(&entry(index), error.to_string());
            bail!("the log contradicts itself: {error}");
        }
        Ok(())
    }

    /// Checks what is signed in an entry, and the span of an amnesty.
    fn verify(&self, entry: &LogEntry) -> Result<(), String> {
        match entry {
            LogEntry::Receipt(receipt) => self.verify_receipt(receipt),
            LogEntry::Failure(signed) => {
                signed.verify().map_err(|error| error.to_string())?;
                self.is_hubs(signed.failure.hub, "the record of the failure")
            }
            LogEntry::Amnesty(amnesty) => amnesty.check_span().map_err(|error| error.detail),
            LogEntry::Audit(audit) => super::verdicts::check(audit),
            _ => Ok(()),
        }
    }

    fn verify_receipt(&self, receipt: &LoggedReceipt) -> Result<(), String> {
        receipt.verify().map_err(|error| error.to_string())?;
        let is_attested = receipt.attestations.iter().any(|attestation| attestation.attester == self.hub);
        if is_attested { Ok(()) } else { Err(format!("the receipt is not attested by {}", self.hub)) }
    }

    fn is_hubs(&self, signer: Address, what: &str) -> Result<(), String> {
        let hub = self.hub;
        if signer == hub { Ok(()) } else { Err(format!("{what} is signed by {signer}, and the hub is {hub}")) }
    }

    fn differs(&mut self, subject: &str, detail: String) {
        if self.differences.len() < KEPT_MAX {
            self.differences.push(Difference::new(subject, detail));
        }
    }
}

fn entry(index: u64) -> String {
    format!("entry {index} of the log")
}

/// `None` where there is no file yet.
pub(super) fn read_checkpoint(path: &Path) -> Result<Option<SignedCheckpoint>> {
    let name = path.display();
    match std::fs::read(path) {
        Ok(bytes) => {
            Ok(Some(serde_json::from_slice(&bytes).with_context(|| format!("{name} is not a signed checkpoint"))?))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {name}")),
    }
}

/// Replaces the file at once, so that an audit that is interrupted leaves the old one or the new one.
pub(super) fn write_checkpoint(path: &Path, signed: &SignedCheckpoint) -> Result<()> {
    let name = path.display();
    let new = path.with_extension("new");
    let text = serde_json::to_string_pretty(signed)?;
    std::fs::write(&new, text).with_context(|| format!("cannot write {}", new.display()))?;
    std::fs::rename(&new, path).with_context(|| format!("cannot write {name}"))
}

/// A hash in full, for messages.
pub(super) fn receipt(hash: B256) -> String {
    format!("receipt {hash}")
}
