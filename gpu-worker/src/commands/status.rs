//! `gpu-worker status`: what the running worker does, what it has earned, and why no jobs come.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde::de::DeserializeOwned;
use shared::amount::Amount;
use shared::api::miners::MinerView;
use shared::api::why_idle::{IdleReason, WhyIdle};

use super::print;
use crate::config::Config;
use crate::error::{Result, WorkerError};
use crate::hub::HubUrl;
use crate::hub::route::Route;
use crate::hub::trust::Trust;
use crate::worker::monitor::StatusReport;
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
            print(frame(
                &format!("gpu-worker {}", report.facts.version),
                &rows(&report, &ask(data, &report, ""), ask(data, &report, "/why-idle").ok()),
            ))?;
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

/// What the hub says of the miner below its own path, or why it says nothing.
fn ask<T: DeserializeOwned>(data: &Path, report: &StatusReport, below: &str) -> std::result::Result<T, String> {
    let hub = HubUrl::parse(&report.facts.hub).map_err(|error| error.to_string())?;
    let ca_file = Config::read(data).ok().and_then(|config| config.ca_file);
    let trust = Trust::load(ca_file.as_deref()).map_err(|error| error.to_string())?;
    let route = Route::of_process(&hub).map_err(|error| error.to_string())?;
    let config = ureq::Agent::config_builder().timeout_global(Some(ANSWER_LIMIT)).tls_config(trust.http());
    let config = config.proxy(route.http());
    let url = hub.path(&format!("/v1/miners/{}{below}", report.facts.address));
    let response = config.build().new_agent().get(url).call();
    let text = response.and_then(|mut response| response.body_mut().read_to_string());
    let text = text.map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

fn rows(
    report: &StatusReport,
    account: &std::result::Result<MinerView, String>,
    why_idle: Option<WhyIdle>,
) -> Vec<(&'static str, String)> {
    let StatusReport { facts, state, reason, models, lost, jobs, results_waiting, notices, .. } = report;
    let mut rows = vec![("state", state.as_str().to_owned())];
    rows.extend(reason.iter().map(|reason| ("why", reason.clone())));
    rows.push(("address", facts.address.to_string()));
    rows.push(("hub", facts.hub.clone()));
    rows.push(("engine", facts.engine.clone()));
    rows.extend(facts.devices.iter().map(|device| ("device", device.clone())));
    rows.extend(lost.iter().map(|lost| ("lost", lost.reason.clone())));
    rows.extend(models.iter().map(|model| {
        let warmth = if model.warm { "warm" } else { "cold" };
        ("model", format!("{} ({warmth}), {} AIT per unit", model.name, model.unit_price))
    }));
    rows.push((
        "jobs",
        format!(
            "{} in the last hour, {} in all, {} failed, {} canceled, {} of {} slots busy",
            jobs.last_hour, jobs.completed, jobs.failed, jobs.canceled, jobs.running, facts.slots
        ),
    ));
    if *results_waiting > 0 {
        rows.push(("outbox", format!("{results_waiting} results wait for the hub")));
    }
    rows.push((
        "pay",
        match account {
            Ok(account) => pay(account),
            Err(reason) => format!("the hub does not tell: {reason}"),
        },
    ));
    if let Ok(account) = account {
        rows.push(("trust", reputation(account)));
        rows.push(("audits", NO_AUDITS.to_owned()));
    }
    rows.extend(why_idle.into_iter().flat_map(idle));
    rows.extend(notices.last().map(|notice| ("hub says", notice.text.clone())));
    rows
}

/// Why it has no more jobs, and what would help.
fn idle(why: WhyIdle) -> impl Iterator<Item = (&'static str, String)> {
    let reasons = why.reasons.into_iter().map(|IdleReason { words, help, .. }| {
        let help = help.map_or(String::new(), |help| format!(" What helps: {help}."));
        ("idle", format!("{words}{help}"))
    });
    reasons.chain(why.models.into_iter().map(|model| ("market", model.words)))
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
