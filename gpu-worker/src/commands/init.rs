//! `gpu-worker init`: makes the key, measures the machine and each model, proposes prices, writes the configuration and
//! the signed report.

use std::path::{Path, PathBuf};

use shared::amount::{Amount, MICRO_PER_UNIT};
use shared::hardware::MeasuredDevice;
use shared::job::JobKind;

use super::generate::EngineArguments;
use super::{block_on, print, program, setup};
use crate::child::Loaded;
use crate::child::supervisor::Supervisor;
use crate::config::{Config, ModelConfig};
use crate::engine::EngineConfig;
use crate::error::{Result, WorkerError};
use crate::hub::HubUrl;
use crate::probe::{measure_machine, summary};
use crate::runtime::folder::ModelFolder;
use crate::runtime::folders::models_at;
use crate::timing::{self, Timed};
use crate::{clock, hardware, keys, offer};

/// The hub of `cargo xtask up` and `aitbc up`.
pub const HUB_DEFAULT: &str = "http://127.0.0.1:8000";

/// Jobs that are measured after one to warm up.
const MEASURED_JOBS: u64 = 3;

/// Makes the key, measures each model, proposes its price and writes `worker.toml`.
#[derive(Debug, clap::Args)]
pub struct Init {
    /// Base URL of the hub.
    #[arg(long, env = "AITBC_HUB", default_value = HUB_DEFAULT)]
    pub hub: String,
    /// Folder of the model to serve, or of several in folders of their own.
    #[arg(long, env = "AITBC_MODEL", default_value = "gpu-worker/model")]
    pub model: PathBuf,
    /// AIT per unit of the model's work (a megapixel step or a token), instead of the proposed price; for one model only.
    #[arg(long)]
    pub unit_price: Option<Amount>,
    /// Measure again and replace an existing configuration; the key is kept.
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub engine: EngineArguments,
}

impl Init {
    pub fn run(&self, data: &Path) -> Result<()> {
        let path = Config::path(data);
        if path.exists() && !self.force {
            let path = path.display();
            return Err(WorkerError::Config(format!("{path} exists; `init --force` measures again and keeps the key")));
        }
        let hub = HubUrl::parse(&self.hub)?;
        let folders = models_at(&self.model)?;
        if let (Some(price), more @ 2..) = (self.unit_price, folders.len()) {
            let reason = format!("--unit-price {price} is for one model, but {} holds {more}", self.model.display());
            return Err(WorkerError::Config(reason));
        }
        let key_file = keys::file_for(hub.is_local());
        let key = keys::create_or_load(&data.join(&key_file))?;
        let engine = self.engine.config();
        let (timed, devices) = block_on(measure(data, &engine, &folders))?;
        let timings = timed.iter().map(|timed| timed.timing.clone()).collect();
        let report = hardware::sign(&key, clock::now(), devices, timings)?;
        let models = folders.iter().zip(&timed).map(|(folder, timed)| self.configured(folder, timed)).collect();
        let config = Config::new(hub.as_str().to_owned(), key_file, engine, models);
        hardware::write(data, &report)?;
        config.write(data)?;
        print(format_args!("address   {}", key.address()))?;
        print(format_args!("key       {}", data.join(&config.key).display()))?;
        report.report.devices.iter().flat_map(summary::lines).try_for_each(print)?;
        timed.first().map_or(Ok(()), |timed| print_engine(&timed.loaded))?;
        for ((folder, timed), model) in folders.iter().zip(&timed).zip(&config.models) {
            print_model(timed, folder)?;
            print(format_args!("price     {} AIT per {}", model.unit_price_ait, timed.timing.unit_type))?;
        }
        print(format_args!("wrote     {}", path.display()))
    }

    fn configured(&self, folder: &ModelFolder, timed: &Timed) -> ModelConfig {
        let (speed, unit_type) = (timed.timing.micro_units_per_second.median, timed.timing.unit_type);
        ModelConfig {
            path: folder.root().to_path_buf(),
            unit_price_ait: self.unit_price.unwrap_or_else(|| offer::proposed_price(unit_type, speed)),
            measured_micro_units_per_second: speed,
            enabled: true,
        }
    }
}

/// One after the other: what ran beside a measurement would be part of it.
async fn measure(
    data: &Path,
    engine: &EngineConfig,
    folders: &[ModelFolder],
) -> Result<(Vec<Timed>, Vec<MeasuredDevice>)> {
    let mut timed = Vec::new();
    for folder in folders {
        let supervisor = Supervisor::new(program()?, setup(Some(data), folder.root(), engine));
        timed.push(timing::time(supervisor, folder, folder.manifest().default_steps, MEASURED_JOBS).await?);
    }
    let threads = timed.first().map_or(1, |timed| timed.loaded.threads);
    let devices = measure_machine(&program()?, threads, false).await;
    Ok((timed, devices))
}

fn print_engine(Loaded { engine, threads, note, .. }: &Loaded) -> Result<()> {
    print(format_args!("engine    {} {} on {threads} threads", engine.name, engine.version))?;
    note.iter().try_for_each(|note| print(format_args!("          {note}")))
}

fn print_model(timed: &Timed, folder: &ModelFolder) -> Result<()> {
    let manifest = folder.manifest();
    let (size, steps) = (manifest.native_size_px, manifest.default_steps);
    let seconds = timed.median().as_secs_f64();
    let name = &manifest.name;
    match manifest.kind {
        JobKind::Image => {
            print(format_args!("model     {name}: {seconds:.2} s per picture of {size}×{size} in {steps} steps"))
        }
        JobKind::Text | JobKind::Embedding => {
            let rate = timed.timing.micro_units_per_second.median as f64 / MICRO_PER_UNIT as f64;
            print(format_args!("model     {name}: {rate:.1} tokens per second"))
        }
    }
}
