//! `gpu-worker init`: makes the key, finds the engine, measures the model, proposes a price, writes the configuration.

use std::path::{Path, PathBuf};

use shared::amount::Amount;
use shared::job::image::{ImageInput, ValidImageInput};
use shared::job::request::Work;

use super::generate::EngineArguments;
use super::{block_on, print, program, setup};
use crate::child::Loaded;
use crate::child::supervisor::{Limits, Supervisor};
use crate::config::{Config, Mining, ModelConfig};
use crate::engine::cpu;
use crate::error::{Result, WorkerError};
use crate::hub::HubUrl;
use crate::runtime::folder::ModelFolder;
use crate::{keys, offer};

/// Pictures that are measured after one to warm up.
const MEASURED_PICTURES: usize = 2;

/// Makes the key, measures the model, proposes a price and writes `worker.toml`.
#[derive(Debug, clap::Args)]
pub struct Init {
    /// Base URL of the hub.
    #[arg(long, env = "AITBC_HUB", default_value = "http://127.0.0.1:8000")]
    pub hub: String,
    /// Folder of the model to serve.
    #[arg(long, env = "AITBC_MODEL", default_value = "gpu-worker/model")]
    pub model: PathBuf,
    /// AIT per megapixel-step, instead of the proposed price.
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
        let measured = block_on(measure(Supervisor::new(program()?, setup(Some(data), &model, &engine)), &folder))?;
        let unit_price = self.unit_price.unwrap_or_else(|| offer::proposed_price(measured.micro_units_per_second));
        let config = Config {
            hub: hub.as_str().to_owned(),
            key: key_file,
            mining: Mining::default(),
            engine,
            model: ModelConfig {
                path: model,
                unit_price_ait: unit_price,
                measured_micro_units_per_second: measured.micro_units_per_second,
            },
        };
        config.write(data)?;
        print(format_args!("address   {}", key.address()))?;
        print(format_args!("key       {}", data.join(&config.key).display()))?;
        print(format_args!("processor {}, {} physical cores", cpu::model_name(), cpu::physical_cores()))?;
        measured.print(&folder)?;
        print(format_args!("price     {unit_price} AIT per megapixel-step"))?;
        print(format_args!("wrote     {}", path.display()))
    }
}

/// What a model does here.
pub struct Measured {
    pub loaded: Loaded,
    pub seconds_per_picture: f64,
    pub micro_units_per_second: u64,
}

impl Measured {
    fn print(&self, folder: &ModelFolder) -> Result<()> {
        let Loaded { engine, threads, note, .. } = &self.loaded;
        print(format_args!("engine    {} {} on {threads} threads", engine.name, engine.version))?;
        if let Some(note) = note {
            print(format_args!("          {note}"))?;
        }
        let manifest = folder.manifest();
        let (size, steps) = (manifest.native_size_px, manifest.default_steps);
        print(format_args!(
            "model     {}: {:.2} s per picture of {size}×{size} in {steps} steps",
            manifest.name, self.seconds_per_picture
        ))
    }
}

/// Draws the model's own suggestion at its own size and default steps; the best of a few pictures counts.
pub async fn measure(mut supervisor: Supervisor, folder: &ModelFolder) -> Result<Measured> {
    let loaded = supervisor.start().await?.clone();
    let mut best = f64::INFINITY;
    let mut units = 0;
    for seed in 0..=MEASURED_PICTURES as u64 {
        let input = sample(folder, folder.manifest().default_steps, seed)?;
        units = input.units().0;
        let (seconds, _) = draw(&mut supervisor, input).await?;
        if seed > 0 {
            best = best.min(seconds);
        }
    }
    supervisor.kill().await;
    Ok(Measured { loaded, seconds_per_picture: best, micro_units_per_second: (units as f64 / best) as u64 })
}

/// A picture that the model draws well.
pub fn sample(folder: &ModelFolder, steps: u32, seed: u64) -> Result<ValidImageInput> {
    let manifest = folder.manifest();
    let prompt = manifest.suggestions.first().cloned().unwrap_or_else(|| "a city skyline at night".into());
    let input = ImageInput {
        prompt,
        negative_prompt: String::new(),
        steps,
        guidance: manifest.default_guidance,
        width: manifest.native_size_px,
        height: manifest.native_size_px,
        seed: Some(seed),
        count: 1,
        scheduler: None,
        init_image: None,
        strength: None,
    };
    input.validate(seed).map_err(|errors| {
        let details = errors.iter().map(|error| error.detail.as_str()).collect::<Vec<_>>().join("; ");
        WorkerError::format(folder.root().join(shared::model::MANIFEST_FILE), details)
    })
}

/// Seconds from request to decoded answer, and the PNG.
pub async fn draw(supervisor: &mut Supervisor, input: ValidImageInput) -> Result<(f64, Vec<u8>)> {
    /// Longer than any picture on any machine that is worth measuring.
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(600);
    let cancel = tokio::sync::watch::Sender::new(false);
    let began = tokio::time::Instant::now();
    let mut limits = Limits { canceled: cancel.subscribe(), deadline: began + LIMIT, previews: false };
    let output = supervisor.run(&Work::Image(input), &mut limits, &mut |_| {}).await?;
    let png = output.artifacts.into_iter().next().map(|artifact| artifact.bytes).unwrap_or_default();
    Ok((began.elapsed().as_secs_f64(), png))
}
