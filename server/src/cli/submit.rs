//! `aitbc submit`: asks for a picture and, where asked to, waits for it.

use std::fs::{self, OpenOptions};
use std::io::{IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::{Value, json};
use shared::amount::Amount;
use shared::api::jobs::JobView;
use shared::job::image::SchedulerName;
use shared::job::lifecycle::JobState;

use super::client::Server;
use super::jobs::{print, why};
use super::wallet::pay::Pay;
use crate::job_token::JOB_TOKEN_HEADER;

/// Seconds of one long poll, which ends early where the job's state changes.
const POLL_SECONDS: u32 = 30;

/// The same where somebody watches the steps.
const WATCHED_POLL_SECONDS: u32 = 1;

/// How often a payment is looked at after the end of its job.
const PAYMENT_POLL: Duration = Duration::from_millis(200);

/// What fits into a line of a narrow terminal: one that wraps is not cleared.
const LINE_MAX_CHARS: usize = 79;

/// Goes to the beginning of the terminal's line and clears it.
const CLEAR_LINE: &str = "\r\x1b[2K";

/// The picture that is wanted.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// What the picture shows
    prompt: String,
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
    /// The most that the whole job may cost or mint, in AIT, as 1.5
    #[arg(long)]
    max_price: Option<Amount>,
}

#[derive(Debug, Args)]
pub(super) struct Submit {
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    pay: Pay,
    /// Waits for the picture, and for the end of its payment
    #[arg(long)]
    wait: bool,
    /// Writes the first picture to this file; implies --wait
    #[arg(long)]
    out: Option<PathBuf>,
    /// For programs
    #[arg(long)]
    json: bool,
}

pub(super) fn run(submit: &Submit) -> Result<()> {
    if let Some(path) = &submit.out {
        check_writable(path)?;
    }
    let request = submit.pay.order(&submit.server, submit.wanted.request())?;
    let (mut job, token): (JobView, _) = submit.server.post_for_token("/v1/jobs", &request, None)?;
    let waits = submit.wait || submit.out.is_some();
    if waits {
        eprintln!("{}", job.id);
        tell(token.as_deref(), &job);
        job = wait_for_payment(&submit.server, wait_for_end(&submit.server, job)?)?;
        if job.state != JobState::Completed {
            bail!("the job {} is {}: {}", job.id, job.state, why(&submit.server, job.id));
        }
    }
    if let (Some(path), Some(artifact)) = (&submit.out, job.artifacts.first()) {
        let bytes = submit.server.get_bytes(&artifact.url, token.as_deref())?;
        fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    print(&submit.server, &job, submit.json)?;
    if !waits {
        tell(token.as_deref(), &job);
    }
    Ok(())
}

/// Says how to cancel a job without an API key, and how to read it while others may not.
fn tell(token: Option<&str>, job: &JobView) {
    let Some(token) = token else { return };
    eprintln!("cancel it with --token {token}");
    if job.withheld {
        eprintln!("its result is for you alone at first: read it with the header {JOB_TOKEN_HEADER}: {token}");
    }
}

/// Opens the file as the picture would be written, before anybody draws it, and leaves everything as it was.
fn check_writable(path: &Path) -> Result<()> {
    let existed = path.exists();
    let opened = OpenOptions::new().append(true).create(true).open(path);
    opened.with_context(|| format!("cannot write {}", path.display()))?;
    if !existed {
        fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

/// Polls until the job is over. On a terminal one line says how far it is.
fn wait_for_end(server: &Server, mut job: JobView) -> Result<JobView> {
    let watched = stderr().is_terminal();
    let seconds = if watched { WATCHED_POLL_SECONDS } else { POLL_SECONDS };
    while !job.state.is_terminal() {
        if watched {
            eprint!("{:.LINE_MAX_CHARS$}", standing(server, &job));
            stderr().flush()?;
        }
        let polled = server.get(&format!("/v1/jobs/{}?wait={seconds}", job.id));
        if watched {
            eprint!("{CLEAR_LINE}");
        }
        job = polled?;
    }
    Ok(job)
}

/// Polls until a paid job's money is where it belongs.
fn wait_for_payment(server: &Server, mut job: JobView) -> Result<JobView> {
    while job.payment.as_ref().is_some_and(|payment| !payment.state.is_final()) {
        std::thread::sleep(PAYMENT_POLL);
        job = server.get(&format!("/v1/jobs/{}", job.id))?;
    }
    Ok(job)
}

/// How far the job is, or why its wait cannot be estimated.
fn standing(server: &Server, job: &JobView) -> String {
    match (job.state, job.eta_ms) {
        (JobState::Queued, None) => format!("{}: {}", job.state, why(server, job.id)),
        _ => progress(job),
    }
}

fn progress(job: &JobView) -> String {
    let steps = job.progress.map(|progress| format!("step {} of {}", progress.step, progress.steps));
    let position = job.queue_position.map(|position| format!("{position} before it"));
    let rest = job.eta_ms.map(|eta_ms| format!("about {} s", eta_ms.div_ceil(1_000)));
    let parts: Vec<String> = [Some(job.state.to_string()), steps, position, rest].into_iter().flatten().collect();
    parts.join(", ")
}

impl Wanted {
    /// The body of a job, and of a quote for it.
    pub(super) fn request(&self) -> Value {
        let mut input = json!({ "prompt": self.prompt });
        let given = [
            ("negative_prompt", self.negative_prompt.clone().map(Value::from)),
            ("steps", self.steps.map(Value::from)),
            ("guidance", self.guidance.map(Value::from)),
            ("scheduler", self.scheduler.clone().map(Value::from)),
            ("eta", self.eta.map(Value::from)),
            ("width", self.width.map(Value::from)),
            ("height", self.height.map(Value::from)),
            ("seed", self.seed.map(Value::from)),
        ];
        for (field, value) in given {
            if let Some(value) = value {
                input[field] = value;
            }
        }
        let mut request = json!({ "kind": "image", "model": self.model, "input": input });
        if let Some(max_price) = self.max_price {
            request["constraints"] = json!({ "max_price": max_price });
        }
        request
    }
}
