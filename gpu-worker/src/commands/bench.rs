//! `gpu-worker bench`: measures the machine and each model on offer with every engine that is here, proposes prices, and
//! signs what it found for the hub.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use shared::amount::{Amount, MICRO_PER_UNIT};
use shared::hardware::{MeasuredDevice, ModelTiming, SignedHardwareReport};
use shared::job::JobKind;
use shared::model::own_model;
use shared::receipt::UnitType;

use super::{block_on, print, program, setup};
use crate::child::supervisor::Supervisor;
use crate::config::Config;
use crate::engine::{EngineChoice, EngineConfig, cpu, library};
use crate::error::{Result, WorkerError};
use crate::probe::{measure_machine, summary};
use crate::runtime::folder::ModelFolder;
use crate::runtime::folders::models_at;
use crate::runtime::needs_network;
use crate::timing::{self, Timed};
use crate::{clock, hardware, keys, offer};

/// The repository's models, measured where neither a folder nor `worker.toml` names others.
const DEFAULT_MODELS: &str = "gpu-worker/model";

/// Jobs that are measured; the median counts.
const JOBS: u64 = 9;

/// Seconds from prompt to PNG of 512×512.
const ONNXRUNTIME_BAR_SECONDS: f64 = 0.5;
const TRACT_BAR_SECONDS: f64 = 1.5;

/// Seconds from the start of the process until it takes a job.
const COLD_START_BAR_SECONDS: f64 = 2.0;

/// Tokens that are read and written in a second.
const WORDS_BAR_TOKENS_PER_SECOND: f64 = 200.0;

/// Measures this machine and each model on offer with each engine that is here: units of work per second, and a price.
#[derive(Debug, clap::Args)]
pub struct Bench {
    /// Folder of a model, or of several in folders of their own; absent, the models of `worker.toml`.
    #[arg(long, env = "AITBC_MODEL")]
    pub model: Option<PathBuf>,
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

    fn tokens_per_second(name: String, value: f64, bar: f64) -> Self {
        Self { name, value, unit: "tokens/s", bar, holds: value >= bar }
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
        let folders = self.folders(data)?;
        let threads = self.threads.unwrap_or_else(cpu::physical_cores);
        let devices = block_on(async { Ok(measure_machine(&program()?, threads, self.software).await) })?;
        let mut engines = Vec::new();
        match library::find(self.onnxruntime_library.as_deref(), &library::Search::of_process(None)) {
            library::Found::Nothing => eprintln!("ONNX Runtime's library was not found; only tract is measured"),
            library::Found::Named(path) | library::Found::Discovered(path) => {
                engines.push((EngineChoice::Onnxruntime, Some(path), ONNXRUNTIME_BAR_SECONDS));
            }
        }
        engines.push((EngineChoice::Tract, None, TRACT_BAR_SECONDS));
        let (mut timed, mut measured) = (Vec::new(), Vec::new());
        for (name, library, bar) in &engines {
            // Another program has one engine, its own, so that its models are measured once.
            for folder in folders.iter().filter(|folder| *name == EngineChoice::Tract || !needs_network(folder)) {
                let found = self.time(folder, *name, library.clone())?;
                let kind = folder.manifest().kind;
                if folder.manifest().name == own_model(kind) {
                    measured.extend(figures(kind, &found, *bar));
                    let fast =
                        block_on(timing::time_fast(self.supervisor(folder, *name, library.clone())?, folder, JOBS))?;
                    measured.extend(fast.map(|median| fast_figure(&found, median, *bar)));
                }
                timed.push(found);
            }
        }
        let models: Vec<ModelTiming> = timed.into_iter().map(|timed| timed.timing).collect();
        Ok(Findings {
            signed: sign(data, &devices, &models)?,
            prices: models.iter().map(proposal).collect(),
            figures: measured,
            devices,
            models,
        })
    }

    fn folders(&self, data: &Path) -> Result<Vec<ModelFolder>> {
        match &self.model {
            Some(path) => models_at(path),
            None if Config::path(data).exists() => {
                let config = Config::read(data)?;
                config.enabled_models()?.into_iter().map(|model| ModelFolder::open(&model.path)).collect()
            }
            None => models_at(Path::new(DEFAULT_MODELS)),
        }
    }

    fn time(&self, folder: &ModelFolder, name: EngineChoice, library: Option<PathBuf>) -> Result<Timed> {
        block_on(timing::time(self.supervisor(folder, name, library)?, folder, JOBS))
    }

    fn supervisor(&self, folder: &ModelFolder, name: EngineChoice, library: Option<PathBuf>) -> Result<Supervisor> {
        let threads = self.threads;
        let engine = EngineConfig { name, onnxruntime_library: library, threads, ..EngineConfig::default() };
        Ok(Supervisor::new(program()?, setup(None, folder.root(), &engine)))
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

/// What the default models have bars for; `bar` is that of a picture in seconds. An embedding has none.
fn figures(kind: JobKind, timed: &Timed, bar: f64) -> Vec<Figure> {
    let name = &timed.loaded.engine.name;
    let (median, cold_start) = (timed.median().as_secs_f64(), timed.cold_start.as_secs_f64());
    let speed = timed.timing.micro_units_per_second.median as f64 / MICRO_PER_UNIT as f64;
    match kind {
        JobKind::Image => vec![
            Figure::seconds(format!("default-model/prompt-to-png/{name}"), median, bar),
            Figure::seconds(format!("default-model/cold-start/{name}"), cold_start, COLD_START_BAR_SECONDS),
        ],
        JobKind::Text => {
            let name = format!("default-model/words/{name}");
            vec![Figure::tokens_per_second(name, speed, WORDS_BAR_TOKENS_PER_SECOND)]
        }
        JobKind::Embedding => Vec::new(),
    }
}

/// The same picture by the model's setting of few steps.
fn fast_figure(timed: &Timed, median: Duration, bar: f64) -> Figure {
    let name = format!("default-model/prompt-to-png-fast/{}", timed.loaded.engine.name);
    Figure::seconds(name, median.as_secs_f64(), bar)
}

impl Findings {
    fn print(&self, data: &Path) -> Result<()> {
        self.devices.iter().flat_map(summary::lines).try_for_each(print)?;
        for timing in &self.models {
            let ModelTiming { model, engine, unit_type, micro_units_per_second, .. } = timing;
            let speed = micro_units_per_second.median as f64 / MICRO_PER_UNIT as f64;
            print(format_args!("speed     {speed:.2} {unit_type}/s of {model} on {}", engine.name))?;
        }
        for price in &self.prices {
            let ProposedPrice { model, engine, unit_type, unit_price } = price;
            print(format_args!("price     {unit_price} AIT per {unit_type} of {model} on {engine}, proposed"))?;
        }
        self.figures.iter().try_for_each(|figure| {
            let verdict = if figure.holds { "holds" } else { "MISSED" };
            let Figure { name, value, unit, bar, .. } = figure;
            print(format_args!("{name:<50} {value:>8.3} {unit}   bar {bar} {unit}: {verdict}"))
        })?;
        match self.signed {
            Some(_) => print(format_args!("signed    {}", hardware::path(data).display())),
            None => {
                print(format_args!("unsigned  {} does not exist, so no key signs this", Config::path(data).display()))
            }
        }
    }
}
