//! The worker's pipeline against Python diffusers' ONNX pipeline: the same files, engine, threads, steps and noise, by
//! turns in one run. Both must draw the same picture.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::figure::Figure;
use super::reference;
use super::told::{Told, median, run};
use crate::build;
use crate::tools::{self, C_COMPILER, ONNX_RUNTIME};
use crate::workspace::{Profile, Workspace};

/// What is drawn, like any user's picture of the model.
const PICTURE: [&str; 8] = ["--prompt", "a city skyline at night", "--steps", "8", "--guidance", "2", "--size", "512"];

/// How often each side runs, alternating, and how many pictures it draws each time, after one to warm up.
const ROUNDS: usize = 3;
const PICTURES: &str = "9";

/// Graphs that both sides load.
const GRAPHS: [&str; 3] = ["text_encoder", "unet", "vae_decoder"];

/// Of 255; rounding differs, the picture must not.
const PIXEL_DIFFERENCE_MAX: f64 = 2.0;

const SPEED_BAR: f64 = 1.0;
const MEMORY_BAR: f64 = 0.5;
const COLD_START_BAR: f64 = 0.3;
const STEP_OVERHEAD_BAR_PERCENT: f64 = 2.0;

/// All runs of one side.
#[derive(Default)]
struct Side {
    seconds: Vec<f64>,
    cold_start_seconds: Vec<f64>,
    peak_bytes: Vec<f64>,
}

pub(super) fn diffusion(workspace: &Workspace) -> Result<Vec<Figure>> {
    let worker = Worker::build(workspace)?;
    let python = reference::python(workspace)?;
    let (mut ours, mut theirs) = (Side::default(), Side::default());
    for _ in 0..ROUNDS {
        let told = run(&mut worker.command(workspace, &[]))?;
        let threads = told.number("threads")?;
        ours.add(&told)?;
        let told = run(&mut diffusers(workspace, &python, threads, &worker.picture))?;
        let difference = told.number("pixel_difference")?;
        ensure!(difference <= PIXEL_DIFFERENCE_MAX, "both drew the same, but a pixel differs by {difference} of 255");
        theirs.add(&told)?;
    }
    let walks = run(&mut worker.command(workspace, &["--walks"]))?;
    let weights = weights_bytes(workspace)?;
    let (our_median, their_median) = (median(&ours.seconds), median(&theirs.seconds));
    let beyond_weights = |side: &Side| median(&side.peak_bytes) - weights;
    let memory = beyond_weights(&ours) / beyond_weights(&theirs);
    let cold_start = median(&ours.cold_start_seconds) / median(&theirs.cold_start_seconds);
    let overhead_percent = walks.number("step_overhead")? * 100.0;
    Ok(vec![
        Figure::without_bar("diffusion: prompt to PNG, worker", our_median, "s"),
        Figure::without_bar("diffusion: prompt to PNG, diffusers", their_median, "s"),
        Figure::at_least(SPEED_BAR, "diffusion: images/s against diffusers", their_median / our_median, "×"),
        Figure::without_bar("diffusion: memory beyond weights, worker", beyond_weights(&ours) / 1e6, "MB"),
        Figure::at_most(MEMORY_BAR, "diffusion: memory beyond weights against diffusers", memory, "×"),
        Figure::without_bar("diffusion: cold start, worker", median(&ours.cold_start_seconds), "s"),
        Figure::at_most(COLD_START_BAR, "diffusion: cold start against diffusers", cold_start, "×"),
        Figure::at_most(
            STEP_OVERHEAD_BAR_PERCENT,
            "diffusion: our code per step beside the network",
            overhead_percent,
            "%",
        ),
    ])
}

/// What drawing four pictures of one job together gains over one by one.
pub(super) fn batching(workspace: &Workspace) -> Result<Vec<Figure>> {
    let worker = Worker::build(workspace)?;
    let told = run(&mut worker.command(workspace, &["--batches"]))?;
    let gain = told.number("seconds_per_picture_alone")? / told.number("seconds_per_picture_together")?;
    let batch = told.number("batch")?;
    Ok(vec![Figure::without_bar(&format!("batching: images/s of {batch} together against alone"), gain, "×")])
}

/// The worker's side, built and with a place for its picture.
struct Worker {
    program: PathBuf,
    library: PathBuf,
    picture: PathBuf,
}

impl Worker {
    fn build(workspace: &Workspace) -> Result<Self> {
        tools::ensure(workspace, &[C_COMPILER, ONNX_RUNTIME])?;
        let library = tools::onnx_runtime_library(workspace).context("ONNX Runtime's library is not here")?;
        build::release_example(workspace, "bench_pipeline")?;
        let program = workspace.binaries(Profile::Release).join("examples/bench_pipeline");
        let picture = std::env::temp_dir().join(format!("aitbc-bench-diffusion-{}.png", std::process::id()));
        Ok(Self { program, library, picture })
    }

    fn command(&self, workspace: &Workspace, more: &[&str]) -> Command {
        let mut command = workspace.command(&self.program.to_string_lossy());
        command.args(PICTURE).args(["--pictures", PICTURES]).args(["--engine", "onnxruntime"]);
        command.arg("--onnxruntime-library").arg(&self.library).arg("--model").arg(workspace.picture_model());
        command.arg("--out").arg(&self.picture).args(more);
        command
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.picture);
    }
}

fn diffusers(workspace: &Workspace, python: &Path, threads: f64, picture: &Path) -> Command {
    let mut command = workspace.command(&python.to_string_lossy());
    command.arg(workspace.root.join("e2e/reference/diffusion_bench.py")).args(PICTURE).args(["--pictures", PICTURES]);
    command.args(["--threads", &format!("{threads}")]).arg("--compare").arg(picture);
    command.arg("--model").arg(workspace.picture_model());
    command
}

impl Side {
    fn add(&mut self, told: &Told) -> Result<()> {
        self.seconds.extend(told.numbers("seconds")?);
        self.cold_start_seconds.push(told.cold_start.as_secs_f64());
        self.peak_bytes.push(told.number("peak_bytes")?);
        Ok(())
    }
}

fn weights_bytes(workspace: &Workspace) -> Result<f64> {
    let mut bytes = 0;
    for graph in GRAPHS {
        let path = workspace.picture_model().join(graph).join("model.onnx");
        bytes += fs::metadata(&path).with_context(|| path.display().to_string())?.len();
    }
    Ok(bytes as f64)
}
