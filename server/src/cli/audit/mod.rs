//! `aitbc audit recompute`: counts everything again from a hub's log and the chain, and compares with what the hub says.
//!
//! ```text
//! log (HTTP) ──▶ source: signatures, one tree, the same log as last time ──▶ Ledger ─┐
//! events (JSON-RPC) ──▶ chain: what was paid for which receipt ────────────────────────┼─▶ compare ──▶ differences
//! receipts, miners, supply (HTTP) ─────────────────────────────────────────────────────┘
//! ```

mod chain;
mod compare;
mod source;
mod verdicts;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;
use shared::Address;
use shared::api::status::NetworkStatus;
use shared::log::entry::EntryKind;

use super::client::{Server, print_json};
use chain::OfChain;
use compare::{Comparison, Figures};
use source::LogReader;

/// The hub disagrees with its log or with the chain. An audit that could not be made ends with 1, as every command.
const DIFFERS: u8 = 3;

/// A hub that works lags behind the chain by moments. What differs is looked at so often, and counts if it differs every
/// time.
const LOOKS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(2);

/// Differences that are printed; the others are counted.
const SHOWN_MAX: usize = 1_000;

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Reads the whole log, counts reputations, payouts and figures again, and names what the hub says otherwise
    Recompute(Recompute),
}

#[derive(Debug, Args)]
pub(super) struct Recompute {
    #[command(flatten)]
    server: Server,
    /// JSON-RPC address of a node; the server's own where it is left out
    #[arg(long)]
    rpc: Option<String>,
    /// File with the last checkpoint that was seen: shows whether the log was rewritten since. It is made where it is
    /// missing, and written anew when everything agrees
    #[arg(long)]
    checkpoint: Option<PathBuf>,
    /// Address whose key must have signed the log; what the server says of itself where it is left out
    #[arg(long)]
    hub: Option<Address>,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// One thing that the hub says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Difference {
    /// What it is about.
    subject: String,
    detail: String,
}

impl Difference {
    fn new(subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { subject: subject.into(), detail: detail.into() }
    }
}

/// Runs the command; its exit code says what came of it.
pub(super) fn run(audit: &Audit) -> Result<ExitCode> {
    let Audit::Recompute(recompute) = audit;
    recompute.run()
}

impl Recompute {
    fn run(&self) -> Result<ExitCode> {
        let status: NetworkStatus = self.server.get_patiently("/v1/status")?;
        let rpc = self.rpc.clone().unwrap_or_else(|| format!("{}/rpc", self.server.url().trim_end_matches('/')));
        let mut log = LogReader::new(&self.server, self.hub.unwrap_or(status.attester), &status);
        let earlier = self.checkpoint.as_deref().map(source::read_checkpoint).transpose()?.flatten();
        log.follow(earlier.as_ref())?;
        let begun_with = OfChain::read(&rpc, status.chain_id)?;
        let (begun_at, begun_counts) = (log.ledger.size(), log.ledger.all_counts());
        let mut lasting: Option<BTreeMap<String, Difference>> = None;
        let mut notes = BTreeSet::new();
        for look in 1..=LOOKS {
            let said = Figures::read(&self.server)?;
            let now = OfChain::read(&rpc, status.chain_id)?;
            log.catch_up()?;
            let comparison = Comparison {
                ledger: &log.ledger,
                begun_at,
                begun_counts: &begun_counts,
                begun_with: &begun_with.of(&log.ledger),
                now: &now.of(&log.ledger),
                said: &said,
            };
            let found = comparison.differences(&self.server)?;
            notes = comparison.notes();
            let found = found.into_iter().map(|found| (found.subject.clone(), found));
            let seen_before = |subject: &String| lasting.as_ref().is_none_or(|before| before.contains_key(subject));
            let still: BTreeMap<String, Difference> = found.filter(|(subject, _)| seen_before(subject)).collect();
            let is_done = still.is_empty() || look == LOOKS;
            lasting = Some(still);
            if is_done {
                break;
            }
            sleep(PAUSE);
        }
        let mut differences = std::mem::take(&mut log.differences);
        differences.extend(lasting.unwrap_or_default().into_values());
        if differences.is_empty()
            && let Some(path) = &self.checkpoint
        {
            source::write_checkpoint(path, log.checkpoint()?)?;
        }
        self.report(&log, &differences, &notes)?;
        Ok(if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) })
    }

    fn report(&self, log: &LogReader<'_>, differences: &[Difference], notes: &BTreeSet<String>) -> Result<()> {
        let (size, root) = (log.ledger.size(), log.checkpoint()?.checkpoint.root);
        let of = |kind: EntryKind| log.ledger.entries_of(kind);
        let miners = log.ledger.miners().count();
        if self.json {
            let kinds: BTreeMap<&str, u64> = EntryKind::ALL.into_iter().map(|kind| (kind.as_str(), of(kind))).collect();
            return print_json(&json!({
                "agrees": differences.is_empty(), "size": size, "root": root, "hub": log.hub, "entries": kinds,
                "miners": miners, "differences": differences.iter().take(SHOWN_MAX).collect::<Vec<_>>(),
                "differences_in_all": differences.len(), "notes": notes,
            }));
        }
        println!("log         {size} entries, root {root}, signed by {}", log.hub);
        println!(
            "entries     {} receipts, {} failures, {} faults, {} audits, {} voids, {} refunds, {} pauses, {} reviews",
            of(EntryKind::Receipt),
            of(EntryKind::Failure),
            of(EntryKind::Fault),
            of(EntryKind::Audit),
            of(EntryKind::Void),
            of(EntryKind::Refund),
            of(EntryKind::Pause),
            of(EntryKind::Review)
        );
        println!("miners      {miners} with an account in the log");
        for note in notes {
            println!("note        {note}");
        }
        for Difference { subject, detail } in differences.iter().take(SHOWN_MAX) {
            println!("difference  {subject}: {detail}");
        }
        if differences.len() > SHOWN_MAX {
            println!("difference  {} more", differences.len() - SHOWN_MAX);
        }
        match differences.len() {
            0 => println!("result      the hub says what follows from its log and the chain"),
            many => println!("result      the hub contradicts its log or the chain in {many} places"),
        }
        Ok(())
    }
}

/// Ends an audit that a server keeps busy for ever.
fn within(count: usize, most: usize, what: &str) -> Result<()> {
    ensure!(count <= most, "the server lists more than {most} {what}");
    Ok(())
}
