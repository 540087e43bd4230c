//! One side of `cargo xtask bench diffusion` and `batching`: draws with the worker's pipeline and tells what it took.
//! `e2e/reference/diffusion_bench.py` is the other side. Prints `ready` once the model is loaded, then one line of JSON.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use gpu_worker::commands::generate::{EngineArguments, Unobserved};
use gpu_worker::commands::print;
use gpu_worker::error::{Result, WorkerError};
use inference::engine::{Engine, library};
use inference::runtime::folder::ModelFolder;
use inference::runtime::image::ImageModel;
use inference::runtime::{Observer, StepReport};
use serde_json::json;
use shared::job::image::{ImageInput, ValidImageInput};

/// Steps of a walk whose steps are measured.
const WALK_STEPS: u32 = 65;

/// Such walks; the median of their overheads counts.
const WALKS: u64 = 9;

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
    /// Measure what somebody who looks costs a picture, too.
    #[arg(long)]
    previews: bool,
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
    let picture = |count, seed| input(arguments, arguments.steps, count, seed);
    draw(&mut model, &picture(1, 0)?)?;
    let mut seconds = Vec::new();
    for seed in 1..=arguments.pictures {
        let (took, png) = draw(&mut model, &picture(1, seed)?)?;
        seconds.push(took.as_secs_f64());
        std::fs::write(&arguments.out, png).map_err(WorkerError::io(&arguments.out))?;
    }
    let peak_bytes = peak_bytes();
    let walks = if arguments.walks { WALKS } else { 0 };
    let walk = |seed| step_overhead(&mut model, &input(arguments, WALK_STEPS, 1, seed)?);
    let (overheads, steps): (Vec<f64>, Vec<f64>) =
        (0..walks).map(walk).collect::<Result<Vec<_>>>()?.into_iter().unzip();
    // The first one of a size allocates, and does not count.
    let batches = if arguments.batches { BATCHES + 1 } else { 0 };
    let mut per_picture = |count: u32| {
        let batch = |seed| Ok(draw(&mut model, &picture(count, seed)?)?.0.as_secs_f64() / f64::from(count));
        (0..batches).map(batch).collect::<Result<Vec<f64>>>().map(|times| median(times.into_iter().skip(1).collect()))
    };
    let (together, alone) = (per_picture(BATCH)?, per_picture(1)?);
    let (unwatched, watched, previews) =
        if arguments.previews { by_turns(&mut model, arguments)? } else { Default::default() };
    print(json!({
        "engine": engine.name(), "version": engine.version(), "threads": engine.threads(),
        "seconds": seconds, "peak_bytes": peak_bytes,
        "step_overhead": median(overheads), "seconds_per_step": median(steps),
        "seconds_per_picture_together": together, "seconds_per_picture_alone": alone, "batch": BATCH,
        "seconds_per_picture_unwatched": median(unwatched), "seconds_per_picture_watched": median(watched),
        "previews_per_picture": median(previews),
    }))
}

/// Somebody who looks: counts the previews.
#[derive(Default)]
struct Watcher {
    previews: u32,
}

impl Observer for Watcher {
    fn step(&mut self, report: StepReport) -> ControlFlow<()> {
        self.previews += u32::from(report.preview.is_some());
        ControlFlow::Continue(())
    }

    fn wants_previews(&self) -> bool {
        true
    }
}

/// The seconds of pictures that nobody looks at, of the same ones while somebody does, and how many previews these had.
fn by_turns(model: &mut ImageModel, arguments: &Arguments) -> Result<(Vec<f64>, Vec<f64>, Vec<f64>)> {
    let (mut unwatched, mut watched, mut previews) = (Vec::new(), Vec::new(), Vec::new());
    for seed in 1..=arguments.pictures {
        let input = input(arguments, arguments.steps, 1, seed)?;
        unwatched.push(draw(model, &input)?.0.as_secs_f64());
        let mut watcher = Watcher::default();
        let began = Instant::now();
        model.draw(&input, &mut watcher)?;
        watched.push(began.elapsed().as_secs_f64());
        previews.push(f64::from(watcher.previews));
    }
    Ok((unwatched, watched, previews))
}

/// When a walk's first and last step were done.
#[derive(Default)]
struct Steps {
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Observer for Steps {
    fn step(&mut self, _: StepReport) -> ControlFlow<()> {
        let now = Instant::now();
        self.first.get_or_insert(now);
        self.last = Some(now);
        ControlFlow::Continue(())
    }

    fn wants_previews(&self) -> bool {
        false
    }
}

/// What a walk takes from its first step's end to its last one's, beside the time that the engine takes for as many
/// calls of the network: the rest is ours, as a share of the calls. Second, the seconds of one step.
fn step_overhead(model: &mut ImageModel, input: &ValidImageInput) -> Result<(f64, f64)> {
    let mut steps = Steps::default();
    let before = model.network_time();
    model.draw(input, &mut steps)?;
    let calls = f64::from(input.steps);
    let network = (model.network_time() - before).as_secs_f64() / calls;
    let walked = steps.first.zip(steps.last).map(|(first, last)| last - first).unwrap_or_default();
    let step = walked.as_secs_f64() / (calls - 1.0);
    Ok((step / network - 1.0, step))
}

fn input(arguments: &Arguments, steps: u32, count: u32, seed: u64) -> Result<ValidImageInput> {
    let input = json!({
        "prompt": arguments.prompt, "steps": steps, "guidance": arguments.guidance,
        "width": arguments.size, "height": arguments.size, "count": count, "seed": seed,
    });
    let input: ImageInput = serde_json::from_value(input).map_err(|error| WorkerError::format("arguments", error))?;
    input.validate(seed).map_err(|errors| WorkerError::format("arguments", format!("{errors:?}")))
}

fn draw(model: &mut ImageModel, input: &ValidImageInput) -> Result<(Duration, Vec<u8>)> {
    let began = Instant::now();
    let output = model.draw(input, &mut Unobserved)?;
    let took = began.elapsed();
    let png = output.artifacts.into_iter().next_back().map(|artifact| artifact.bytes).unwrap_or_default();
    Ok((took, png))
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
