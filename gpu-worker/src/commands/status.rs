//! `gpu-worker status`: what the running worker does, what it has earned at each hub, and why no jobs come.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde::de::DeserializeOwned;
use shared::Address;
use shared::amount::Amount;
use shared::api::miners::MinerView;
use shared::api::why_idle::{IdleReason, WhyIdle};

use super::print;
use crate::config::Config;
use crate::error::{Result, WorkerError};
use crate::hub::HubUrl;
use crate::hub::route::Route;
use crate::hub::trust::Trust;
use crate::worker::monitor::{HubStatus, JobCounts, StatusReport};
use crate::worker::status_server::ADDRESS_FILE;
use crate::wrap::wrapped;

/// How long the worker on this machine, and the hub, may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Columns of the left-hand words.
const NAME_COLUMNS: usize = 9;

/// The hub's profile of a miner has no audit rate, since nothing audits.
const NO_AUDITS: &str = "hubs of this version draw no job a second time, so no rate";

/// Widest text in the box; what is longer goes on in the next line.
const TEXT_COLUMNS: usize = 64;

/// Says what the running worker does.
#[derive(Debug, clap::Args)]
pub struct Status {
    /// Print the worker's own JSON instead.
    #[arg(long)]
    pub json: bool,
}

impl Status {
    pub fn run(&self, data: &Path) -> Result<ExitCode> {
        let Some(report) = report(data)? else {
            print(format_args!(
                "no worker runs here; start it with `gpu-worker --data {} start`, and ask `doctor` if it ends",
                data.display()
            ))?;
            return Ok(ExitCode::FAILURE);
        };
        if self.json {
            let text = serde_json::to_string_pretty(&report).map_err(|error| WorkerError::format("status", error))?;
            print(text)?;
        } else {
            let told: Vec<Told> = report.hubs.iter().map(|hub| tell(data, hub, report.facts.address)).collect();
            print(frame(&format!("gpu-worker {}", report.facts.version), &rows(&report, &told)))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Whether the worker of this folder answers.
pub(super) fn runs(data: &Path) -> bool {
    report(data).is_ok_and(|report| report.is_some())
}

/// What the worker says of itself; nothing where none runs.
fn report(data: &Path) -> Result<Option<StatusReport>> {
    let path = data.join(ADDRESS_FILE);
    let Ok(address) = std::fs::read_to_string(&path) else { return Ok(None) };
    let agent = ureq::Agent::config_builder().timeout_global(Some(ANSWER_LIMIT)).proxy(None).build().new_agent();
    let Ok(mut response) = agent.get(format!("http://{}/status", address.trim())).call() else { return Ok(None) };
    let text = response.body_mut().read_to_string().map_err(|error| WorkerError::format(&path, error))?;
    serde_json::from_str(&text).map(Some).map_err(|error| WorkerError::format(&path, error))
}

/// What a hub says of the miner.
struct Told {
    account: std::result::Result<MinerView, String>,
    why_idle: Option<WhyIdle>,
}

fn tell(data: &Path, hub: &HubStatus, address: Address) -> Told {
    let account = ask(data, &hub.url, &format!("/v1/miners/{address}"));
    // A hub that does not answer is not asked twice.
    let why_idle = account.is_ok().then(|| ask(data, &hub.url, &format!("/v1/miners/{address}/why-idle")).ok());
    Told { account, why_idle: why_idle.flatten() }
}

/// A hub's answer, or why there is none.
fn ask<T: DeserializeOwned>(data: &Path, url: &str, path: &str) -> std::result::Result<T, String> {
    let hub = HubUrl::parse(url).map_err(|error| error.to_string())?;
    let configured = Config::read(data).ok().and_then(|config| config.hubs.into_iter().find(|hub| hub.is_at(url)));
    let ca_file = configured.and_then(|hub| hub.ca_file);
    let trust = Trust::load(ca_file.as_deref()).map_err(|error| error.to_string())?;
    let route = Route::of_process(&hub).map_err(|error| error.to_string())?;
    let config = ureq::Agent::config_builder().timeout_global(Some(ANSWER_LIMIT)).tls_config(trust.http());
    let config = config.proxy(route.http());
    let response = config.build().new_agent().get(hub.path(path)).call();
    let text = response.and_then(|mut response| response.body_mut().read_to_string());
    let text = text.map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

fn rows(report: &StatusReport, told: &[Told]) -> Vec<(&'static str, String)> {
    let StatusReport { facts, state, reason, models, lost, jobs, hubs } = report;
    let mut rows = vec![("state", state.as_str().to_owned())];
    rows.extend(reason.iter().map(|reason| ("why", reason.clone())));
    rows.push(("address", facts.address.to_string()));
    rows.push(("engine", facts.engine.clone()));
    rows.extend(facts.devices.iter().map(|device| ("device", device.clone())));
    rows.extend(lost.iter().map(|lost| ("lost", lost.reason.clone())));
    rows.extend(models.iter().map(|model| {
        let warmth = if model.warm { "warm" } else { "cold" };
        ("model", format!("{} ({warmth}), {} AIT per unit", model.name, model.unit_price))
    }));
    rows.push(("jobs", format!("{}, {} of {} slots busy", counted(jobs), jobs.running, facts.slots)));
    for (hub, told) in hubs.iter().zip(told) {
        rows.extend(hub_rows(hub, told, hubs.len() > 1));
    }
    rows
}

fn counted(jobs: &JobCounts) -> String {
    let JobCounts { last_hour, completed, failed, canceled, .. } = jobs;
    format!("{last_hour} in the last hour, {completed} in all, {failed} failed, {canceled} canceled")
}

/// `is_one_of_several`: what the rows of all hubs together say is said of this one, too.
fn hub_rows(hub: &HubStatus, told: &Told, is_one_of_several: bool) -> Vec<(&'static str, String)> {
    let mut rows = vec![("hub", hub_line(hub))];
    if is_one_of_several {
        rows.push(("jobs", format!("{}, {} in hand of up to {} now", counted(&hub.jobs), hub.jobs.running, hub.slots)));
    }
    if hub.results_waiting > 0 {
        rows.push(("outbox", format!("{} results wait for the hub", hub.results_waiting)));
    }
    rows.push((
        "pay",
        match &told.account {
            Ok(account) => pay(account),
            Err(reason) => format!("the hub does not tell: {reason}"),
        },
    ));
    if let Ok(account) = &told.account {
        rows.push(("trust", reputation(account)));
        rows.push(("audits", NO_AUDITS.to_owned()));
    }
    rows.extend(told.why_idle.iter().flat_map(idle));
    rows.extend(hub.notices.last().map(|notice| ("hub says", notice.text.clone())));
    rows
}

fn hub_line(HubStatus { url, hub_id, chain_id, reason, .. }: &HubStatus) -> String {
    let name = hub_id.as_ref().zip(*chain_id).map(|(hub_id, chain_id)| format!(" is {hub_id} on chain {chain_id}"));
    let reason = reason.as_ref().map(|reason| format!("; no session: {reason}"));
    format!("{url}{}{}", name.unwrap_or_default(), reason.unwrap_or_default())
}

/// Why it has no more jobs, and what would help.
fn idle(why: &WhyIdle) -> impl Iterator<Item = (&'static str, String)> {
    let reasons = why.reasons.iter().map(|IdleReason { words, help, .. }| {
        let help = help.as_ref().map_or(String::new(), |help| format!(" What helps: {help}."));
        ("idle", format!("{words}{help}"))
    });
    reasons.chain(why.models.iter().map(|model| ("market", model.words.clone())))
}

/// What it earned, and where that is.
fn pay(account: &MinerView) -> String {
    let MinerView { earned, held, pending, .. } = account;
    let held = if *held > Amount::ZERO { format!(", of which {held} AIT held until due") } else { String::new() };
    format!("{earned} AIT settled{held}, {pending} AIT pending")
}

/// Reputation with what it comes from.
fn reputation(account: &MinerView) -> String {
    let MinerView { reputation_per_mille, jobs_completed, faults, .. } = account;
    let (whole, tenth) = (reputation_per_mille / 10, reputation_per_mille % 10);
    format!("reputation {whole}.{tenth} %, from {jobs_completed} jobs completed and {faults} faults of its own")
}

/// A box of rows under a title.
fn frame(title: &str, rows: &[(&str, String)]) -> String {
    let lines: Vec<String> = rows
        .iter()
        .flat_map(|(name, text)| {
            let pieces = wrapped(text, TEXT_COLUMNS);
            let name = |number: usize| if number == 0 { *name } else { "" };
            let line = |(number, piece): (usize, &String)| format!("{:<NAME_COLUMNS$} {piece}", name(number));
            pieces.iter().enumerate().map(line).collect::<Vec<_>>()
        })
        .collect();
    let columns = |text: &str| text.chars().count();
    let width = lines.iter().map(|line| columns(line)).max().unwrap_or(0).max(columns(title) + 2);
    let mut frame = format!("┌ {title} {}┐\n", "─".repeat(width.saturating_sub(columns(title))));
    for line in lines {
        frame.push_str(&format!("│ {line}{} │\n", " ".repeat(width - columns(&line))));
    }
    frame.push_str(&format!("└{}┘", "─".repeat(width + 2)));
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_as_wide_as_its_longest_line() {
        let rows = [("state", "paused".to_owned()), ("why", "für immer".to_owned())];
        let frame = frame("gpu-worker 1", &rows);
        let widths: Vec<usize> = frame.lines().map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{frame}");
        assert_eq!(frame.lines().nth(1), Some("│ state     paused    │"));
        assert_eq!(frame.lines().nth(2), Some("│ why       für immer │"));
    }
}
