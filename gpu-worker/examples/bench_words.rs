//! How fast a decoder model writes: tokens a second after the first, what came before, and the processor's time for a token,
//! which whatever else runs on the machine hardly changes. Prints one line of JSON.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use gpu_worker::commands::generate::EngineArguments;
use gpu_worker::commands::print;
use gpu_worker::error::{Result, WorkerError};
use inference::engine::{Engine, cpu, library};
use inference::error::InferenceError;
use inference::runtime::folder::ModelFolder;
use inference::runtime::{self, Observer, Runtime, StepReport};
use serde_json::json;
use shared::job::request::Work;
use shared::job::text::TextInput;

#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long)]
    model: PathBuf,
    #[arg(long, default_value = "a city at night")]
    prompt: String,
    #[arg(long, default_value_t = 128)]
    tokens: u32,
    /// Texts; the fastest counts, as whatever else runs on the machine only slows.
    #[arg(long, default_value_t = 5)]
    texts: u32,
    #[command(flatten)]
    engine: EngineArguments,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Notes when the first piece and the last came.
#[derive(Default)]
struct Stopwatch {
    first: Option<(Instant, u32)>,
    last: Option<(Instant, u32)>,
}

impl Observer for Stopwatch {
    fn step(&mut self, step: StepReport) -> ControlFlow<()> {
        let now = (Instant::now(), step.step);
        self.first.get_or_insert(now);
        self.last = Some(now);
        ControlFlow::Continue(())
    }

    fn wants_previews(&self) -> bool {
        false
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let engine = Engine::start(&arguments.engine.config(), &library::Search::of_process(None))?;
    let began = Instant::now();
    let mut model = runtime::load(engine, &ModelFolder::open(&arguments.model)?)?;
    let load = began.elapsed();
    let mut best = (f64::INFINITY, Duration::ZERO);
    let (cpu_before_ms, mut tokens) = (cpu::process_cpu_ms(), 0);
    for seed in 0..arguments.texts {
        let (seconds, first, written) = time(model.as_mut(), arguments, u64::from(seed))?;
        tokens += written;
        best = if seconds < best.0 { (seconds, first) } else { best };
    }
    let cpu_ms = cpu::process_cpu_ms() - cpu_before_ms;
    print(json!({
        "engine": engine.name(),
        "threads": engine.threads(),
        "load_ms": load.as_secs_f64() * 1e3,
        "first_token_ms": best.1.as_secs_f64() * 1e3,
        "tokens_per_second": 1.0 / best.0,
        "tokens": tokens,
        "cpu_ms_per_token": cpu_ms as f64 / tokens as f64,
    }))
}

/// Seconds of a token after the first, the time until then, and the tokens that were written.
fn time(model: &mut dyn Runtime, arguments: &Arguments, seed: u64) -> Result<(f64, Duration, u64)> {
    let input = TextInput {
        prompt: Some(arguments.prompt.clone()),
        messages: None,
        max_tokens: arguments.tokens,
        temperature: 1.0,
        top_p: 1.0,
        seed: Some(seed),
        stop: Vec::new(),
    };
    let input = input.validate(seed).map_err(|errors| WorkerError::config(format!("{errors:?}")))?;
    let mut watch = Stopwatch::default();
    let began = Instant::now();
    let metering = model.run(&Work::Text(input), &mut watch)?.metering;
    let (Some((first, from)), Some((last, to))) = (watch.first, watch.last) else {
        return Err(InferenceError::unsupported("it wrote nothing").into());
    };
    let seconds = (last - first).as_secs_f64() / f64::from((to - from).max(1));
    Ok((seconds, first - began, metering.tokens_written))
}
