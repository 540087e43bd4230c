//! `aitbc status`, `aitbc explain`, `aitbc cancel`, `aitbc miner list`.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;
use shared::api::jobs::{Explanation, JobView, MinerExplanation, TaskView};
use shared::api::miners::MinerView;
use shared::id::JobId;
use shared::job::lifecycle::JobState;
use shared::job::task::Part;

use super::client::{Server, print_json};
use super::table;

/// One job, to look at.
#[derive(Debug, Args)]
pub(super) struct OneJob {
    /// Name of the job: job_ and 32 hex digits
    id: JobId,
    #[command(flatten)]
    server: Server,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// A job to cancel.
#[derive(Debug, Args)]
pub(super) struct Cancel {
    #[command(flatten)]
    job: OneJob,
    /// Token of a job without an API key, as `aitbc submit` told it
    #[arg(long, env = "AITBC_JOB_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Miner {
    /// Lists miners, connected ones first
    List(List),
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    server: Server,
    /// For programs
    #[arg(long)]
    json: bool,
}

pub(super) fn status(status: &OneJob) -> Result<()> {
    let job: JobView = status.server.get(&format!("/v1/jobs/{}", status.id))?;
    print(&status.server, &job, status.json)
}

pub(super) fn cancel(cancel: &Cancel) -> Result<()> {
    let Cancel { job: OneJob { id, server, json }, token } = cancel;
    let job: JobView = server.post(&format!("/v1/jobs/{id}/cancel"), &json!({}), token.as_deref())?;
    print(server, &job, *json)
}

pub(super) fn explain(explain: &OneJob) -> Result<()> {
    let explanation = fetch_explanation(&explain.server, explain.id)?;
    if explain.json {
        return print_json(&explanation);
    }
    println!("{}", explanation.summary);
    if explanation.miners.is_empty() {
        return Ok(());
    }
    let row = |miner: MinerExplanation| {
        let can = if miner.eligible { "yes" } else { "no" };
        [miner.miner.to_string(), can.to_owned(), miner.reason]
    };
    let rows: Vec<[String; 3]> = explanation.miners.into_iter().map(row).collect();
    table::print(["MINER", "CAN SERVE", "WHY"], &rows);
    Ok(())
}

/// Prints a job as a table or as JSON.
pub(super) fn print(server: &Server, job: &JobView, json: bool) -> Result<()> {
    if json {
        return print_json(job);
    }
    // What a miner works on or has served needs no explanation.
    let speaks_for_itself = matches!(job.state, JobState::Running | JobState::Verifying | JobState::Completed);
    let why = (!speaks_for_itself).then(|| why(server, job.id));
    table::print(["FIELD", "VALUE"], &rows(job, why));
    Ok(())
}

fn fetch_explanation(server: &Server, id: JobId) -> Result<Explanation> {
    server.get(&format!("/v1/jobs/{id}/explain"))
}

/// Why a job stands where it stands, or why nobody can say.
pub(super) fn why(server: &Server, id: JobId) -> String {
    fetch_explanation(server, id).map_or_else(|error| format!("{error:#}"), |explanation| explanation.summary)
}

fn rows(job: &JobView, why: Option<String>) -> Vec<[String; 2]> {
    let mut rows = vec![
        ["job".to_owned(), job.id.to_string()],
        ["state".to_owned(), job.state.to_string()],
        ["model".to_owned(), job.model.clone()],
        ["units".to_owned(), format!("{} {}", job.units, job.unit_type)],
    ];
    let mut push = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            rows.push([name.to_owned(), value]);
        }
    };
    push("why", why);
    push("queue position", job.queue_position.map(|position| position.to_string()));
    push("progress", job.progress.map(|progress| format!("{} of {}", progress.step, progress.steps)));
    push("miner", job.miner.map(|miner| miner.to_string()));
    for task in job.tasks.iter().filter(|task| !task.role.is_audit()) {
        push(&task.role.to_string(), task.pictures.map(|pictures| part(task, pictures)));
    }
    push("result", job.artifacts.first().map(|artifact| artifact.url.clone()));
    push("receipt", job.receipt_hash.map(|hash| hash.to_string()));
    push("minted", job.mint.as_ref().map(|mint| format!("{} AIT in block {}", mint.amount, mint.block_number)));
    if let Some(payment) = &job.payment {
        push("payment", Some(payment.state.as_str().to_owned()));
        push("reserved", payment.reserve.map(|_| format!("{} AIT", payment.max_total)));
        push("paid", payment.paid.map(|paid| format!("{paid} AIT")));
        push("fee", payment.fee.map(|fee| format!("{fee} AIT")));
        push("given back", payment.refunded.map(|refunded| format!("{refunded} AIT")));
        push("transaction", payment.end.or(payment.reserve).map(|placed| placed.transaction_hash.to_string()));
        push("payment refused", payment.refusal.clone());
    }
    push("last fault", job.faults.last().map(|fault| fault.reason.clone()));
    rows
}

/// What one of several miners does of a job.
fn part(task: &TaskView, Part { first, count }: Part) -> String {
    let miner = task.miner.map_or("nobody yet".to_owned(), |miner| miner.to_string());
    format!("pictures {} to {}, {}, {miner}", first + 1, first + count, task.state)
}

pub(super) fn list_miners(miner: Miner) -> Result<()> {
    let Miner::List(list) = miner;
    let miners: Vec<MinerView> = list.server.get_all("/v1/miners")?;
    if list.json {
        return print_json(&miners);
    }
    let rows: Vec<[String; 6]> = miners
        .into_iter()
        .map(|miner| {
            let models: Vec<&str> = miner.capability.offers.iter().map(|offer| offer.model.as_str()).collect();
            [
                miner.address.to_string(),
                if miner.online { "online" } else { "offline" }.to_owned(),
                models.join(", "),
                miner.jobs_completed.to_string(),
                miner.faults.to_string(),
                format!("{} AIT", miner.earned),
            ]
        })
        .collect();
    table::print(["MINER", "STATE", "MODELS", "JOBS", "FAULTS", "EARNED"], &rows);
    Ok(())
}
