//! The worker on a GPU beside PyTorch: Stable Diffusion 1.5's architecture with random weights, in one run.
//!
//! Runs without network where `AITBC_REFERENCE_PYTHON` names a Python with PyTorch, diffusers and onnx, `ORT_DYLIB_PATH` an
//! ONNX Runtime with CUDA, and `AITBC_BENCH_PIPELINE` a built `bench_pipeline`, where nothing can be compiled.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::figure::Figure;
use super::reference;
use super::told::{median, run};
use crate::tools::{self, C_COMPILER};
use crate::workspace::{Profile, Workspace};
use crate::{build, command};

/// Names a built `bench_pipeline`, for a machine without a compiler.
const PROGRAM_VARIABLE: &str = "AITBC_BENCH_PIPELINE";

const SCRIPT: &str = "e2e/reference/gpu_bench.py";

/// Steps of a picture, each of which computes both halves of the guidance.
const STEPS: u32 = 30;
const PICTURES: &str = "9";

/// Floating point operations of one network call for both halves, 512×512: 2 × 401.6 G multiplications and additions.
const STEP_FLOP: f64 = 1.607e12;

/// Of decoding one picture: 1257 G multiplications and additions.
const DECODER_FLOP: f64 = 2.51e12;

/// Of one prompt and its empty counterpart: 6.65 G multiplications and additions each.
const TEXT_FLOP: f64 = 2.66e10;

/// What the makers state for dense f16 or bf16 products with f32 sums, by a part of the GPU's name.
const PEAK_FLOP_PER_SECOND: [(&str, f64); 4] = [("H200", 989e12), ("H100", 989e12), ("A100", 312e12), ("4090", 165e12)];

pub(super) fn run_gpu(workspace: &Workspace) -> Result<Vec<Figure>> {
    let Some(gpu) = gpu_name(workspace) else {
        println!("no figures: `nvidia-smi` names no GPU on this machine, so nothing was measured");
        return Ok(Vec::new());
    };
    println!("{gpu}");
    let program = program(workspace)?;
    let library = tools::onnx_runtime_library(workspace);
    let library = library.context("ONNX Runtime for CUDA is not here; fetch it by `cargo xtask engine cuda`")?;
    let python = reference::python(workspace)?;
    let model = model(workspace, &python)?;
    let theirs = run(picture(script(workspace, &python).arg("draw")))?;
    let mut worker = workspace.command(&program.to_string_lossy());
    worker.args(["--engine", "onnxruntime", "--provider", "cuda", "--onnxruntime-library"]).arg(library);
    worker.arg("--model").arg(&model).arg("--out").arg(model.join("drawn.png"));
    let ours = run(picture(&mut worker))?;
    Ok(figures(
        &gpu,
        median(&ours.numbers("seconds")?),
        median(&theirs.numbers("seconds")?),
        theirs.number("flop_per_second")?,
    ))
}

/// All figures without a bar: what a GPU must reach depends on the GPU.
fn figures(gpu: &str, our_seconds: f64, their_seconds: f64, product: f64) -> Vec<Figure> {
    let flop = f64::from(STEPS) * STEP_FLOP + DECODER_FLOP + TEXT_FLOP;
    let share = |roof: f64, seconds: f64| flop / seconds / roof * 100.0;
    let figure = |name: &str, value, unit| Figure::without_bar(&format!("gpu: {name}"), value, unit);
    let mut figures = vec![
        figure("SD 1.5, 512×512, 30 steps, f16, worker", 1.0 / our_seconds, "images/s"),
        figure("the same, diffusers on PyTorch", 1.0 / their_seconds, "images/s"),
        figure("images/s against PyTorch", their_seconds / our_seconds, "×"),
        figure("matrix product 8192³ in f16, PyTorch", product / 1e12, "TFLOP/s"),
        figure("share of that product's speed, worker", share(product, our_seconds), "%"),
        figure("share of that product's speed, PyTorch", share(product, their_seconds), "%"),
    ];
    let peak = PEAK_FLOP_PER_SECOND.iter().find(|(name, _)| gpu.contains(name));
    figures.extend(peak.map(|(_, peak)| figure("share of the stated peak, worker", share(*peak, our_seconds), "%")));
    figures
}

/// The first GPU that the driver names.
fn gpu_name(workspace: &Workspace) -> Option<String> {
    let mut query = workspace.command("nvidia-smi");
    let names = command::read(query.args(["--query-gpu=name", "--format=csv,noheader"])).ok()?;
    names.lines().next().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())
}

fn program(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(program) = env::var_os(PROGRAM_VARIABLE) {
        return Ok(program.into());
    }
    tools::ensure(workspace, &[C_COMPILER])?;
    build::release_example(workspace, "bench_pipeline")?;
    Ok(workspace.binaries(Profile::Release).join("examples/bench_pipeline"))
}

/// The exported folder, made at the first run: 2 GB.
fn model(workspace: &Workspace, python: &Path) -> Result<PathBuf> {
    let folder = workspace.tools().join("sd15-random");
    // The manifest is written last.
    if !folder.join("manifest.json").is_file() {
        println!("Making Stable Diffusion 1.5 with random weights in {} (2 GB, once)", folder.display());
        command::run(script(workspace, python).arg("make").arg(&folder))?;
    }
    Ok(folder)
}

fn script(workspace: &Workspace, python: &Path) -> Command {
    let mut command = workspace.command(&python.to_string_lossy());
    command.arg(workspace.root.join(SCRIPT));
    command
}

/// The same picture on both sides.
fn picture(command: &mut Command) -> &mut Command {
    command.args(["--prompt", "a red star over the old city", "--guidance", "7.5", "--size", "512"]);
    command.args(["--steps", &STEPS.to_string(), "--pictures", PICTURES])
}

#[cfg(test)]
mod tests {
    use super::figures;

    #[test]
    fn a_picture_is_50_7_tera_operations_and_the_roof_is_known_by_name() {
        let half_a_second = figures("NVIDIA H100 80GB HBM3", 0.5, 1.0, 50.74e12);
        let values: Vec<f64> = half_a_second.iter().map(|figure| figure.value()).collect();
        let expected = [2.0, 1.0, 2.0, 50.74, 200.0, 100.0, 10.26];
        assert_eq!(values.len(), expected.len());
        for (value, expected) in values.iter().zip(expected) {
            assert!((value - expected).abs() < 0.02 * expected, "{value} for {expected}");
        }
        assert_eq!(figures("NVIDIA GeForce GT 710", 0.5, 1.0, 1e12).len(), 6);
    }
}
