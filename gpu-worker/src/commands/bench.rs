//! `gpu-worker bench`: the default model's latency for each engine, each in a fresh process.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use super::init::{draw, sample};
use super::{block_on, print, program, setup};
use crate::child::supervisor::Supervisor;
use crate::engine::{EngineChoice, EngineConfig, library};
use crate::error::Result;
use crate::runtime::folder::ModelFolder;

/// Denoising steps of the measured picture.
const STEPS: u32 = 8;

/// Pictures that are measured; the median counts.
const PICTURES: usize = 9;

/// Seconds from prompt to PNG of 512×512.
const ONNXRUNTIME_BAR_SECONDS: f64 = 0.5;
const TRACT_BAR_SECONDS: f64 = 1.5;

/// Seconds from the start of the process until it takes a job.
const COLD_START_BAR_SECONDS: f64 = 2.0;

/// Measures prompt to PNG with the installed model for each engine that is here.
#[derive(Debug, clap::Args)]
pub struct Bench {
    #[arg(long, env = "AITBC_MODEL", default_value = "gpu-worker/model")]
    pub model: PathBuf,
    /// Path of ONNX Runtime's library.
    #[arg(long)]
    pub onnxruntime_library: Option<PathBuf>,
    #[arg(long)]
    pub threads: Option<usize>,
    /// Print a JSON array instead of lines.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    bar: f64,
    holds: bool,
}

impl Figure {
    fn seconds(name: String, value: f64, bar: f64) -> Self {
        Self { name, value, unit: "s", bar, holds: value < bar }
    }
}

impl Bench {
    pub fn run(&self) -> Result<()> {
        let folder = ModelFolder::open(&self.model)?;
        let mut figures = Vec::new();
        let library = library::find(self.onnxruntime_library.as_deref(), &library::Search::of_process(None));
        match library {
            library::Found::Nothing => eprintln!("ONNX Runtime's library was not found; only tract is measured"),
            library::Found::Named(path) | library::Found::Discovered(path) => {
                let engine = self.engine(EngineChoice::Onnxruntime, Some(path));
                figures.extend(block_on(measure(&self.model, &folder, engine, ONNXRUNTIME_BAR_SECONDS))?);
            }
        }
        let engine = self.engine(EngineChoice::Tract, None);
        figures.extend(block_on(measure(&self.model, &folder, engine, TRACT_BAR_SECONDS))?);
        if self.json {
            return print(serde_json::to_string(&figures).unwrap_or_default());
        }
        figures.iter().try_for_each(|figure| {
            let verdict = if figure.holds { "holds" } else { "MISSED" };
            print(format_args!("{:<50} {:>8.3} s   bar {} s: {verdict}", figure.name, figure.value, figure.bar))
        })
    }

    fn engine(&self, name: EngineChoice, onnxruntime_library: Option<PathBuf>) -> EngineConfig {
        EngineConfig { name, onnxruntime_library, threads: self.threads, ..EngineConfig::default() }
    }
}

async fn measure(model: &Path, folder: &ModelFolder, engine: EngineConfig, bar: f64) -> Result<Vec<Figure>> {
    let mut supervisor = Supervisor::new(program()?, setup(None, model, &engine));
    let began = Instant::now();
    let name = supervisor.start().await?.engine.name.clone();
    let cold_start = began.elapsed().as_secs_f64();
    draw(&mut supervisor, sample(folder, STEPS, 0)?).await?;
    let mut seconds = Vec::with_capacity(PICTURES);
    for seed in 1..=PICTURES as u64 {
        seconds.push(draw(&mut supervisor, sample(folder, STEPS, seed)?).await?.0);
    }
    supervisor.kill().await;
    seconds.sort_by(f64::total_cmp);
    Ok(vec![
        Figure::seconds(format!("default-model/prompt-to-png/{name}"), seconds[PICTURES / 2], bar),
        Figure::seconds(format!("default-model/cold-start/{name}"), cold_start, COLD_START_BAR_SECONDS),
    ])
}
