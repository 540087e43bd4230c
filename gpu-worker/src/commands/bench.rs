//! `gpu-worker bench`: measures the machine and the model with every engine that is here, proposes prices, and signs what
//! it found for the hub.

use std::path::{Path, PathBuf};

use serde::Serialize;
use shared::amount::Amount;
use shared::hardware::{MeasuredDevice, ModelTiming, SignedHardwareReport};
use shared::receipt::UnitType;

use super::{block_on, print, program, setup};
use crate::child::supervisor::Supervisor;
use crate::config::Config;
use crate::engine::{EngineChoice, EngineConfig, cpu, library};
use crate::error::{Result, WorkerError};
use crate::probe::{measure_machine, summary};
use crate::runtime::folder::ModelFolder;
use crate::timing::{self, Timed};
use crate::{clock, hardware, keys, offer};

/// Denoising steps of the measured picture.
const STEPS: u32 = 8;

/// Pictures that are measured; the median counts.
const PICTURES: u64 = 9;

/// Seconds from prompt to PNG of 512×512.
const ONNXRUNTIME_BAR_SECONDS: f64 = 0.5;
const TRACT_BAR_SECONDS: f64 = 1.5;

/// Seconds from the start of the process until it takes a job.
const COLD_START_BAR_SECONDS: f64 = 2.0;

/// Measures this machine, and prompt to PNG with the installed model for each engine that is here.
#[derive(Debug, clap::Args)]
pub struct Bench {
    #[arg(long, env = "AITBC_MODEL", default_value = "gpu-worker/model/picture")]
    pub model: PathBuf,
    /// Path of ONNX Runtime's library.
    #[arg(long)]
    pub onnxruntime_library: Option<PathBuf>,
    #[arg(long)]
    pub threads: Option<usize>,
    /// Measure also renderers on the processor that pose as graphics adapters.
    #[arg(long)]
    pub software: bool,
    /// Print one JSON object instead of lines.
    #[arg(long)]
    pub json: bool,
}

/// Everything that `bench` found.
#[derive(Debug, Serialize)]
struct Findings {
    devices: Vec<MeasuredDevice>,
    models: Vec<ModelTiming>,
    prices: Vec<ProposedPrice>,
    figures: Vec<Figure>,
    /// Absent where no `worker.toml` names a key.
    signed: Option<SignedHardwareReport>,
}

#[derive(Debug, Serialize)]
struct ProposedPrice {
    model: String,
    engine: String,
    unit_type: UnitType,
    unit_price: Amount,
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
    pub fn run(&self, data: &Path) -> Result<()> {
        let findings = self.measure(data)?;
        if self.json {
            let text = serde_json::to_string(&findings).map_err(|error| WorkerError::format("findings", error))?;
            return print(text);
        }
        findings.print(data)
    }

    fn measure(&self, data: &Path) -> Result<Findings> {
        let folder = ModelFolder::open(&self.model)?;
        let threads = self.threads.unwrap_or_else(cpu::physical_cores);
        let devices = block_on(async { Ok(measure_machine(&program()?, threads, self.software).await) })?;
        let mut timed = Vec::new();
        match library::find(self.onnxruntime_library.as_deref(), &library::Search::of_process(None)) {
            library::Found::Nothing => eprintln!("ONNX Runtime's library was not found; only tract is measured"),
            library::Found::Named(path) | library::Found::Discovered(path) => {
                timed.push((self.time(&folder, EngineChoice::Onnxruntime, Some(path))?, ONNXRUNTIME_BAR_SECONDS));
            }
        }
        timed.push((self.time(&folder, EngineChoice::Tract, None)?, TRACT_BAR_SECONDS));
        let models: Vec<ModelTiming> = timed.iter().map(|(timed, _)| timed.timing.clone()).collect();
        Ok(Findings {
            signed: sign(data, &devices, &models)?,
            prices: models.iter().map(proposal).collect(),
            figures: timed.iter().flat_map(|(timed, bar)| figures(timed, *bar)).collect(),
            devices,
            models,
        })
    }

    fn time(&self, folder: &ModelFolder, name: EngineChoice, library: Option<PathBuf>) -> Result<Timed> {
        let threads = self.threads;
        let engine = EngineConfig { name, onnxruntime_library: library, threads, ..EngineConfig::default() };
        let supervisor = Supervisor::new(program()?, setup(None, &self.model, &engine));
        block_on(timing::time(supervisor, folder, STEPS, PICTURES))
    }
}

/// Signs with the configured key and keeps the report where `start` finds it.
fn sign(data: &Path, devices: &[MeasuredDevice], models: &[ModelTiming]) -> Result<Option<SignedHardwareReport>> {
    if !Config::path(data).exists() {
        return Ok(None);
    }
    let key = keys::load(&Config::read(data)?.key)?;
    let report = hardware::sign(&key, clock::now(), devices.to_vec(), models.to_vec())?;
    hardware::write(data, &report)?;
    Ok(Some(report))
}

fn proposal(timing: &ModelTiming) -> ProposedPrice {
    ProposedPrice {
        model: timing.model.clone(),
        engine: timing.engine.name.clone(),
        unit_type: timing.unit_type,
        unit_price: offer::proposed_price(timing.unit_type, timing.micro_units_per_second.median),
    }
}

fn figures(timed: &Timed, bar: f64) -> [Figure; 2] {
    let name = &timed.loaded.engine.name;
    let (median, cold_start) = (timed.median().as_secs_f64(), timed.cold_start.as_secs_f64());
    [
        Figure::seconds(format!("default-model/prompt-to-png/{name}"), median, bar),
        Figure::seconds(format!("default-model/cold-start/{name}"), cold_start, COLD_START_BAR_SECONDS),
    ]
}

impl Findings {
    fn print(&self, data: &Path) -> Result<()> {
        self.devices.iter().flat_map(summary::lines).try_for_each(print)?;
        for price in &self.prices {
            let ProposedPrice { model, engine, unit_type, unit_price } = price;
            print(format_args!("price     {unit_price} AIT per {unit_type} of {model} on {engine}, proposed"))?;
        }
        self.figures.iter().try_for_each(|figure| {
            let verdict = if figure.holds { "holds" } else { "MISSED" };
            let Figure { name, value, bar, .. } = figure;
            print(format_args!("{name:<50} {value:>8.3} s   bar {bar} s: {verdict}"))
        })?;
        match self.signed {
            Some(_) => print(format_args!("signed    {}", hardware::path(data).display())),
            None => {
                print(format_args!("unsigned  {} does not exist, so no key signs this", Config::path(data).display()))
            }
        }
    }
}
