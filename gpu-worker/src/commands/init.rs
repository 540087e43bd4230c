//! `gpu-worker init`: makes the key, measures the machine and the model, proposes a price, writes the configuration and
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
use crate::error::{Result, WorkerError};
use crate::hub::HubUrl;
use crate::probe::{measure_machine, summary};
use crate::runtime::folder::ModelFolder;
use crate::timing::{self, Timed};
use crate::{clock, hardware, keys, offer};

/// Jobs that are measured after one to warm up.
const MEASURED_JOBS: u64 = 3;

/// Makes the key, measures the model, proposes a price and writes `worker.toml`.
#[derive(Debug, clap::Args)]
pub struct Init {
    /// Base URL of the hub.
    #[arg(long, env = "AITBC_HUB", default_value = "http://127.0.0.1:8000")]
    pub hub: String,
    /// Folder of the model to serve.
    #[arg(long, env = "AITBC_MODEL", default_value = "gpu-worker/model")]
    pub model: PathBuf,
    /// AIT per unit of the model's work (a megapixel step or a token), instead of the proposed price.
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
        let model = std::fs::canonicalize(&self.model).map_err(WorkerError::io(&self.model))?;
        let folder = ModelFolder::open(&model)?;
        let key_file = keys::file_for(hub.is_local());
        let key = keys::create_or_load(&data.join(&key_file))?;
        let engine = self.engine.config();
        let supervisor = Supervisor::new(program()?, setup(Some(data), &model, &engine));
        let (timed, devices) = block_on(measure(supervisor, &folder))?;
        let report = hardware::sign(&key, clock::now(), devices, vec![timed.timing.clone()])?;
        let speed = timed.timing.micro_units_per_second.median;
        let unit_type = timed.timing.unit_type;
        let unit_price = self.unit_price.unwrap_or_else(|| offer::proposed_price(unit_type, speed));
        let model = ModelConfig {
            path: model,
            unit_price_ait: unit_price,
            measured_micro_units_per_second: speed,
            enabled: true,
        };
        let config = Config::new(hub.as_str().to_owned(), key_file, engine, vec![model]);
        hardware::write(data, &report)?;
        config.write(data)?;
        print(format_args!("address   {}", key.address()))?;
        print(format_args!("key       {}", data.join(&config.key).display()))?;
        report.report.devices.iter().flat_map(summary::lines).try_for_each(print)?;
        print_model(&timed, &folder)?;
        print(format_args!("price     {unit_price} AIT per {unit_type}"))?;
        print(format_args!("wrote     {}", path.display()))
    }
}

/// One after the other: what ran beside a measurement would be part of it.
async fn measure(supervisor: Supervisor, folder: &ModelFolder) -> Result<(Timed, Vec<MeasuredDevice>)> {
    let timed = timing::time(supervisor, folder, folder.manifest().default_steps, MEASURED_JOBS).await?;
    let devices = measure_machine(&program()?, timed.loaded.threads, false).await;
    Ok((timed, devices))
}

fn print_model(timed: &Timed, folder: &ModelFolder) -> Result<()> {
    let Loaded { engine, threads, note, .. } = &timed.loaded;
    print(format_args!("engine    {} {} on {threads} threads", engine.name, engine.version))?;
    if let Some(note) = note {
        print(format_args!("          {note}"))?;
    }
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
