//! `aitbc submit`, `aitbc status`, `aitbc miner list`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use shared::api::jobs::JobView;
use shared::api::miners::MinerView;
use shared::id::JobId;
use shared::job::image::SchedulerName;
use shared::job::lifecycle::JobState;

use super::client::{Server, print_json};
use super::table;

/// Seconds of one long poll.
const POLL_SECONDS: u32 = 30;

#[derive(Debug, Args)]
pub(super) struct Submit {
    /// What the picture shows
    prompt: String,
    #[command(flatten)]
    server: Server,
    /// Model, as miners offer it
    #[arg(long)]
    model: Option<String>,
    /// What the picture should not show
    #[arg(long)]
    negative_prompt: Option<String>,
    /// Denoising steps, 1 to 100; the model's default where absent
    #[arg(long)]
    steps: Option<u32>,
    /// How strictly to follow the prompt, 0 to 25; the model's default where absent
    #[arg(long)]
    guidance: Option<f32>,
    /// How to walk from noise to picture; the model's own scheduler where absent
    #[arg(long, value_parser = PossibleValuesParser::new(SchedulerName::ALL.map(SchedulerName::name)))]
    scheduler: Option<String>,
    /// How much fresh noise each step of ddim adds, 0 to 1
    #[arg(long, requires = "scheduler")]
    eta: Option<f32>,
    /// Pixels, 64 to 1024
    #[arg(long)]
    width: Option<u32>,
    /// Pixels, 64 to 1024
    #[arg(long)]
    height: Option<u32>,
    #[arg(long)]
    seed: Option<u64>,
    /// Waits for the picture
    #[arg(long)]
    wait: bool,
    /// Writes the first picture to this file; implies --wait
    #[arg(long)]
    out: Option<PathBuf>,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Status {
    /// Name of the job: job_ and 32 hex digits
    id: JobId,
    #[command(flatten)]
    server: Server,
    /// For programs
    #[arg(long)]
    json: bool,
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

pub(super) fn submit(submit: Submit) -> Result<()> {
    let mut job: JobView = submit.server.post("/v1/jobs", &request(&submit))?;
    if submit.wait || submit.out.is_some() {
        while !job.state.is_terminal() {
            job = submit.server.get(&format!("/v1/jobs/{}?wait={POLL_SECONDS}", job.id))?;
        }
        if job.state != JobState::Completed {
            let reason = job.faults.last().map_or("", |fault| fault.reason.as_str());
            bail!("the job {} is {}: {reason}", job.id, job.state);
        }
    }
    if let (Some(path), Some(artifact)) = (&submit.out, job.artifacts.first()) {
        let bytes = submit.server.get_bytes(&artifact.url)?;
        std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if submit.json {
        return print_json(&job);
    }
    show(&job);
    Ok(())
}

fn request(submit: &Submit) -> Value {
    let mut input = json!({ "prompt": submit.prompt });
    let given = [
        ("negative_prompt", submit.negative_prompt.clone().map(Value::from)),
        ("steps", submit.steps.map(Value::from)),
        ("guidance", submit.guidance.map(Value::from)),
        ("scheduler", submit.scheduler.clone().map(Value::from)),
        ("eta", submit.eta.map(Value::from)),
        ("width", submit.width.map(Value::from)),
        ("height", submit.height.map(Value::from)),
        ("seed", submit.seed.map(Value::from)),
    ];
    for (field, value) in given {
        if let Some(value) = value {
            input[field] = value;
        }
    }
    json!({ "kind": "image", "model": submit.model, "input": input })
}

pub(super) fn status(status: &Status) -> Result<()> {
    let job: JobView = status.server.get(&format!("/v1/jobs/{}", status.id))?;
    if status.json {
        return print_json(&job);
    }
    show(&job);
    Ok(())
}

fn show(job: &JobView) {
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
    push("queue position", job.queue_position.map(|position| position.to_string()));
    push("progress", job.progress.map(|progress| format!("{} of {}", progress.step, progress.steps)));
    push("miner", job.miner.map(|miner| miner.to_string()));
    push("result", job.artifacts.first().map(|artifact| artifact.url.clone()));
    push("receipt", job.receipt_hash.map(|hash| hash.to_string()));
    push("minted", job.mint.as_ref().map(|mint| format!("{} AIT in block {}", mint.amount, mint.block_number)));
    push("last fault", job.faults.last().map(|fault| fault.reason.clone()));
    table::print(["FIELD", "VALUE"], &rows);
}

pub(super) fn list_miners(miner: Miner) -> Result<()> {
    let Miner::List(list) = miner;
    let miners: Vec<MinerView> = list.server.get("/v1/miners")?;
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
