//! `cargo xtask bench child`: how soon the inference process is back with its model after it was killed, ran out of
//! memory or hung. Prints its figures as a JSON array.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use gpu_worker::child::supervisor::{Limits, Supervisor};
use gpu_worker::child::{ChildConfig, Setup};
use gpu_worker::commands::generate::EngineArguments;
use gpu_worker::commands::print;
use gpu_worker::error::{Result, WorkerError};
use inference::error::{FailureKind, InferenceError};
use inference::runtime::folder::ModelFolder;
use inference::runtime::sample;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use serde_json::{Value, json};
use shared::job::image::PictureDefaults;
use shared::job::request::Work;
use tokio::sync::watch;
use tokio::time::Instant;

/// Each fault is made so often; the slowest return counts.
const TRIES: u64 = 5;

/// From the fault until the process takes a job.
const BACK_BAR_SECONDS: f64 = 2.0;

/// Steps of the work that a fault strikes; it strikes at the first.
const STEPS: u32 = 50;

/// The shortest silence that counts as a hang.
const HUNG_AFTER_SECONDS: u64 = 1;

const JOB_LIMIT: Duration = Duration::from_secs(120);

/// What a process may still take that is to run out of memory: less than any picture needs.
const MORE_BYTES: u64 = 16 << 20;

#[derive(Debug, Parser)]
struct Arguments {
    /// The worker's program, which is the inference process as well.
    #[arg(long)]
    program: PathBuf,
    #[arg(long)]
    model: PathBuf,
    #[command(flatten)]
    engine: EngineArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Killed,
    OutOfMemory,
    Hung,
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Self::Killed => "kill -9",
            Self::OutOfMemory => "a lack of memory",
            Self::Hung => "a hang",
        }
    }

    fn is(self, kind: FailureKind) -> bool {
        match self {
            Self::Killed => kind == FailureKind::Crashed,
            Self::OutOfMemory => kind == FailureKind::OutOfMemory,
            Self::Hung => kind == FailureKind::Hung,
        }
    }
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let measured = runtime
        .map_err(WorkerError::io("threads"))
        .and_then(|runtime| runtime.block_on(measure(&Arguments::parse())))
        .and_then(|figures| print(Value::Array(figures)));
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench_child: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &Arguments) -> Result<Vec<Value>> {
    let folder = ModelFolder::open(&arguments.model)?;
    let mut figures = Vec::new();
    for fault in [Fault::Killed, Fault::OutOfMemory, Fault::Hung] {
        let mut slowest = Duration::ZERO;
        let mut engine = String::new();
        for seed in 0..TRIES {
            let long = PictureDefaults { steps: STEPS, guidance: folder.manifest().default_guidance };
            let work = sample::picture(folder.manifest(), long, None, seed)?;
            let (took, name) = back_after(fault, arguments, &work).await?;
            (slowest, engine) = (slowest.max(took), name);
        }
        let seconds = slowest.as_secs_f64();
        figures.push(json!({
            "name": format!("child: back after {}, {engine}", fault.name()),
            "value": seconds, "unit": "s", "bar": BACK_BAR_SECONDS, "holds": seconds < BACK_BAR_SECONDS,
        }));
    }
    Ok(figures)
}

/// The time from the fault, or from the moment that a silence counts as a hang, until the next process has the model
/// loaded. Second, the engine.
async fn back_after(fault: Fault, arguments: &Arguments, work: &Work) -> Result<(Duration, String)> {
    let child = ChildConfig { hung_after_seconds: HUNG_AFTER_SECONDS, ..ChildConfig::default() };
    let setup = Setup {
        model: arguments.model.clone(),
        engine: arguments.engine.config(),
        other_models: Vec::new(),
        data: None,
        child,
    };
    let mut supervisor = Supervisor::new(arguments.program.clone(), setup);
    let engine = supervisor.start().await?.engine.name.clone();
    let process = supervisor.process_id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
    let process = process.ok_or_else(|| InferenceError::crashed("it has no number"))?;
    let mut struck_at = Instant::now();
    if fault == Fault::OutOfMemory {
        starve(process)?;
    }
    let cancel = watch::Sender::new(false);
    let (canceled, watched) = (cancel.subscribe(), watch::channel(false).1);
    let mut limits = Limits { canceled, deadline: struck_at + JOB_LIMIT, watched };
    let mut is_first = true;
    let outcome = supervisor
        .run(work, &mut limits, &mut |_| {
            let (signal, counts_after) = match fault {
                Fault::Killed => (Signal::KILL, Duration::ZERO),
                Fault::Hung => (Signal::STOP, Duration::from_secs(HUNG_AFTER_SECONDS)),
                // Its memory ends after the last step that it reports.
                Fault::OutOfMemory => return struck_at = Instant::now(),
            };
            if std::mem::replace(&mut is_first, false) && kill_process(process, signal).is_ok() {
                struck_at = Instant::now() + counts_after;
            }
        })
        .await;
    match outcome {
        Err(error) if fault.is(error.kind) => {}
        Err(error) => return Err(error.into()),
        Ok(_) => return Err(InferenceError::crashed(format!("it lived through {}", fault.name())).into()),
    }
    supervisor.start().await?;
    let took = struck_at.elapsed();
    supervisor.kill().await;
    Ok((took, engine))
}

/// Leaves the process little more memory than it has.
fn starve(process: Pid) -> Result<()> {
    let path = format!("/proc/{}/status", process.as_raw_nonzero());
    let status = std::fs::read_to_string(&path).map_err(WorkerError::io(&path))?;
    let has = status.lines().find_map(|line| line.strip_prefix("VmData:")?.split_whitespace().next()?.parse().ok());
    let has: u64 = has.ok_or_else(|| WorkerError::format(&path, "it has no VmData"))?;
    let most = getrlimit(Resource::Data).maximum.unwrap_or(u64::MAX).min(has * 1024 + MORE_BYTES);
    let bound = Rlimit { current: Some(most), maximum: Some(most) };
    prlimit(Some(process), Resource::Data, bound).map_err(|error| WorkerError::io(&path)(error.into()))?;
    Ok(())
}
