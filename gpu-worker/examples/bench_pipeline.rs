//! One side of `cargo xtask bench diffusion` and `batching`: draws with the worker's pipeline and tells what it took.
//! `e2e/reference/diffusion_bench.py` is the other side. Prints `ready` once the model is loaded, then one line of JSON.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use gpu_worker::commands::generate::{EngineArguments, Unobserved};
use gpu_worker::commands::print;
use gpu_worker::engine::{Engine, library};
use gpu_worker::error::{Result, WorkerError};
use gpu_worker::runtime::folder::ModelFolder;
use gpu_worker::runtime::image::ImageModel;
use serde_json::json;
use shared::job::image::{ImageInput, ValidImageInput};
use shared::protocol::Metering;

/// Steps of the long walk, from which the short one is taken off, so that only steps are left.
const LONG_WALK_STEPS: u32 = 65;
const SHORT_WALK_STEPS: u32 = 1;

/// Long walks; the median of their overheads counts.
const WALKS: u64 = 5;

/// Pictures of one job, drawn together and one by one.
const BATCH: u32 = 4;
const BATCHES: u64 = 5;

#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long)]
    model: PathBuf,
    #[arg(long)]
    prompt: String,
    #[arg(long)]
    steps: u32,
    #[arg(long)]
    guidance: f32,
    #[arg(long)]
    size: u32,
    #[arg(long)]
    pictures: u64,
    /// Where the last picture goes, for comparison.
    #[arg(long)]
    out: PathBuf,
    /// Measure what our code adds to each step, too.
    #[arg(long)]
    walks: bool,
    /// Measure pictures that are drawn together, too.
    #[arg(long)]
    batches: bool,
    #[command(flatten)]
    engine: EngineArguments,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench_pipeline: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let engine = Engine::start(&arguments.engine.config(), &library::Search::of_process(None))?;
    let mut model = ImageModel::load(engine, &ModelFolder::open(&arguments.model)?)?;
    print("ready")?;
    let mut draw = |steps, count, seed| draw(&mut model, &input(arguments, steps, count, seed)?);
    draw(arguments.steps, 1, 0)?;
    let mut seconds = Vec::new();
    for seed in 1..=arguments.pictures {
        let (took, _, png) = draw(arguments.steps, 1, seed)?;
        seconds.push(took.as_secs_f64());
        std::fs::write(&arguments.out, png).map_err(WorkerError::io(&arguments.out))?;
    }
    let peak_bytes = peak_bytes();
    let walks = if arguments.walks { WALKS } else { 0 };
    let overheads = (0..walks).map(|seed| step_overhead(&mut draw, seed)).collect::<Result<_>>()?;
    // The first one of a size allocates, and does not count.
    let batches = if arguments.batches { BATCHES + 1 } else { 0 };
    let mut per_picture = |count: u32| {
        let batch = |seed| Ok(draw(arguments.steps, count, seed)?.0.as_secs_f64() / f64::from(count));
        (0..batches).map(batch).collect::<Result<Vec<f64>>>().map(|times| median(times.into_iter().skip(1).collect()))
    };
    let (together, alone) = (per_picture(BATCH)?, per_picture(1)?);
    print(json!({
        "engine": engine.name(), "version": engine.version(), "threads": engine.threads(),
        "seconds": seconds, "peak_bytes": peak_bytes, "step_overhead": median(overheads),
        "seconds_per_picture_together": together, "seconds_per_picture_alone": alone, "batch": BATCH,
    }))
}

/// Our time per step as a share of the engine's, from what a long walk takes beyond a short one: encoding the prompt,
/// decoding and compressing the picture cancel out.
fn step_overhead(
    draw: &mut impl FnMut(u32, u32, u64) -> Result<(Duration, Metering, Vec<u8>)>,
    seed: u64,
) -> Result<f64> {
    let (short, short_metering, _) = draw(SHORT_WALK_STEPS, 1, seed)?;
    let (long, long_metering, _) = draw(LONG_WALK_STEPS, 1, seed)?;
    let whole_ms = (long.as_secs_f64() - short.as_secs_f64()) * 1_000.0;
    let engine_ms = long_metering.cpu_ms.saturating_sub(short_metering.cpu_ms) as f64;
    Ok(whole_ms / engine_ms - 1.0)
}

fn input(arguments: &Arguments, steps: u32, count: u32, seed: u64) -> Result<ValidImageInput> {
    let input = json!({
        "prompt": arguments.prompt, "steps": steps, "guidance": arguments.guidance,
        "width": arguments.size, "height": arguments.size, "count": count, "seed": seed,
    });
    let input: ImageInput = serde_json::from_value(input).map_err(|error| WorkerError::format("arguments", error))?;
    input.validate(seed).map_err(|errors| WorkerError::format("arguments", format!("{errors:?}")))
}

fn draw(model: &mut ImageModel, input: &ValidImageInput) -> Result<(Duration, Metering, Vec<u8>)> {
    let began = Instant::now();
    let output = model.draw(input, &mut Unobserved)?;
    let took = began.elapsed();
    let png = output.artifacts.into_iter().next_back().map(|artifact| artifact.bytes).unwrap_or_default();
    Ok((took, output.metering, png))
}

/// `None` of what was not measured.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Most memory that this process has had, as Linux counts it; 0 elsewhere.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next());
    kilobytes.and_then(|text| text.parse::<u64>().ok()).map_or(0, |kilobytes| kilobytes * 1024)
}
