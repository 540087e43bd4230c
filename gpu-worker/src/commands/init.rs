//! `gpu-worker init`: makes the key, measures the machine and each model, proposes prices, writes the configuration and
//! the signed report.

use std::path::{Path, PathBuf};

use gpu_probe::{measure_machine, summary};
use inference::clock;
use inference::engine::EngineConfig;
use inference::runtime::folder::ModelFolder;
use inference::runtime::folders::{check_names, models_at};
use shared::amount::{Amount, MICRO_PER_UNIT};
use shared::hardware::MeasuredDevice;
use shared::job::JobKind;

use super::generate::EngineArguments;
use super::hubs::{HubArguments, accesses};
use super::{ChildArguments, block_on, print, processor, program, setup};
use crate::child::supervisor::Supervisor;
use crate::child::{ChildConfig, Loaded};
use crate::config::bounds::price_argument;
use crate::config::{Config, ModelConfig};
use crate::error::{Result, WorkerError};
use crate::timing::{self, Timed};
use crate::{hardware, keys, manifests, offer};

/// The models of a checkout of the repository.
pub const MODEL_DEFAULT: &str = "gpu-worker/model";

/// Where they lie beside the program's folder when it is installed, and when it was unpacked.
const INSTALLED_MODELS: [&str; 2] = ["../share/aitbc/model", "model"];

/// Jobs that are measured after one to warm up.
const MEASURED_JOBS: u64 = 3;

/// Makes the key, measures each model, proposes its price and writes `worker.toml`.
#[derive(Debug, clap::Args)]
pub struct Init {
    #[command(flatten)]
    pub hubs: HubArguments,
    /// Folder of the model to serve, or of several in folders of their own.
    #[arg(long, env = "AITBC_MODEL", default_value = MODEL_DEFAULT)]
    pub model: PathBuf,
    /// AIT per unit of the model's work (a megapixel step or a token), instead of the proposed price; for one model only.
    #[arg(long, value_parser = price_argument)]
    pub unit_price: Option<Amount>,
    /// Measure again and replace an existing configuration; the key and section `child` are kept.
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub engine: EngineArguments,
    #[command(flatten)]
    pub child: ChildArguments,
}

impl Init {
    pub fn run(&self, data: &Path) -> Result<()> {
        let path = Config::path(data);
        if path.exists() && !self.force {
            let path = path.display();
            return Err(WorkerError::config(format!("{path} exists; `init --force` measures again and keeps the key")));
        }
        let hubs = self.hubs.wanted(&[]);
        let is_local = accesses(&hubs)?.iter().all(|access| access.url.is_local());
        let folders = models_at(&found(&self.model)?, &manifests::of_worker(data))?;
        check_names(folders.iter().map(|folder| (folder.manifest().name.as_str(), folder.root())))?;
        if let (Some(price), more @ 2..) = (self.unit_price, folders.len()) {
            let reason = format!("--unit-price {price} is for one model, but {} holds {more}", self.model.display());
            return Err(WorkerError::config(reason));
        }
        let key_file = keys::file_for(is_local);
        let key = keys::create_or_load(&data.join(&key_file))?;
        print(format_args!("account   {}", key.address()))?;
        print(format_args!("key       {}", shown(&data.join(&key_file))))?;
        print("          keep a copy of it: who has the key has the pay")?;
        let engine = self.engine.config();
        // A machine that needed longer time limits before needs them again.
        let child = self.child.over(Config::read_if_any(data)?.map(|config| config.child).unwrap_or_default());
        let (timed, devices) = block_on(self.measure(data, &engine, &child, &folders))?;
        let timings = timed.iter().map(|timed| timed.timing.clone()).collect();
        let report = hardware::sign(&key, clock::now(), devices, timings)?;
        let models = folders.iter().zip(&timed).map(|(folder, timed)| self.configured(folder, timed)).collect();
        let config = Config { child, ..Config::new(hubs, key_file, engine, models) };
        hardware::write(data, &report)?;
        config.write(data)?;
        report.report.devices.iter().flat_map(summary::lines).try_for_each(print)?;
        print(format_args!("wrote     {}", shown(&path)))?;
        print("          prices, devices and hours of rest are set there")
    }

    /// One after the other, because anything that runs at the same time would change the measurement.
    async fn measure(
        &self,
        data: &Path,
        engine: &EngineConfig,
        child: &ChildConfig,
        folders: &[ModelFolder],
    ) -> Result<(Vec<Timed>, Vec<MeasuredDevice>)> {
        let mut timed: Vec<Timed> = Vec::new();
        for folder in folders {
            let supervisor = Supervisor::new(program()?, setup(data, folder.root(), engine, child));
            let found = timing::time(supervisor, folder, MEASURED_JOBS).await?;
            if timed.is_empty() {
                print_engine(&found.loaded)?;
            }
            print_model(&found, folder, self.configured(folder, &found).unit_price_ait)?;
            timed.push(found);
        }
        let threads = timed.first().map_or(1, |timed| timed.loaded.threads);
        let devices = measure_machine(&program()?, processor(threads), false).await;
        Ok((timed, devices))
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

/// The folder that was named; where that is the default and not here, the one that was installed with this program.
fn found(model: &Path) -> Result<PathBuf> {
    if model.exists() || model != Path::new(MODEL_DEFAULT) {
        return Ok(model.to_path_buf());
    }
    let folder = program()?.parent().map(Path::to_path_buf).unwrap_or_default();
    let installed = INSTALLED_MODELS.iter().map(|beside| folder.join(beside)).find(|path| path.exists());
    installed.ok_or_else(|| {
        WorkerError::config(format!(
            "there is no model in {MODEL_DEFAULT} and none beside this program: --model FOLDER"
        ))
    })
}

/// A path that can be pasted elsewhere.
fn shown(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()).display().to_string()
}

fn print_engine(Loaded { engine, threads, note, .. }: &Loaded) -> Result<()> {
    print(format_args!("engine    {} {} on {threads} threads", engine.name, engine.version))?;
    note.iter().try_for_each(|note| print(format_args!("          {note}")))
}

fn print_model(timed: &Timed, folder: &ModelFolder, price: Amount) -> Result<()> {
    let manifest = folder.manifest();
    let (size, steps) = (manifest.native_size_px, manifest.default_steps);
    let seconds = timed.median().as_secs_f64();
    print(match manifest.kind {
        JobKind::Image => {
            format!("model     {}: {seconds:.2} s per picture of {size}×{size} in {steps} steps", manifest.name)
        }
        JobKind::Text | JobKind::Embedding => {
            let rate = timed.timing.micro_units_per_second.median as f64 / MICRO_PER_UNIT as f64;
            format!("model     {}: {rate:.1} tokens per second", manifest.name)
        }
    })?;
    let unit = timed.timing.unit_type.to_string().replace('_', " ");
    print(format_args!("          for {price} AIT per {unit}"))
}
