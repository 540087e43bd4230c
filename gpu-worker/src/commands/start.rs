//! `gpu-worker start`: serves the hub until it is told to stop.

use std::path::Path;
use std::process::ExitCode;

use super::{block_on, program, setup};
use crate::child::Setup;
use crate::child::supervisor::Supervisor;
use crate::config::{Config, ModelConfig};
use crate::error::{Result, WorkerError};
use crate::hub::HubUrl;
use crate::hub::link::Identity;
use crate::hub::trust::Trust;
use crate::runtime::folder::ModelFolder;
use crate::worker::{self, Ended, Parts};
use crate::{clock, hardware, keys, offer};

/// Where finished results wait, in the data folder.
const OUTBOX_FOLDER: &str = "outbox";

/// What a shell reports for a program that a signal ended.
const EXIT_ABORTED: u8 = 130;

/// Serves the hub. The first SIGTERM or Ctrl-C finishes and hands in the running job, the second stops at once.
#[derive(Debug, clap::Args)]
pub struct Start {
    /// Base URL of the hub, instead of the configured one.
    #[arg(long, env = "AITBC_HUB")]
    pub hub: Option<String>,
}

impl Start {
    pub fn run(&self, data: &Path) -> Result<ExitCode> {
        let config = Config::read(data)?;
        if !config.mining.compute_enabled {
            let path = Config::path(data);
            return Err(WorkerError::Config(format!("mining.compute_enabled is false in {}", path.display())));
        }
        let hub = HubUrl::parse(self.hub.as_deref().unwrap_or(&config.hub))?;
        let key = keys::load(&config.key)?;
        let trust = Trust::load(config.ca_file.as_deref())?;
        let model = first(&config)?;
        let folder = ModelFolder::open(&model.path)?;
        let setup = Setup { child: config.child.clone(), ..setup(Some(data), &model.path, &config.engine) };
        let mut supervisor = Supervisor::new(program()?, setup);
        let ended = block_on(async {
            let loaded = supervisor.start().await?.clone();
            tracing::info!(
                address = %key.address(),
                model = folder.manifest().name,
                engine = loaded.engine.name,
                engine_version = loaded.engine.version,
                threads = loaded.threads,
                load_ms = loaded.load_ms,
                note = loaded.note,
                "ready"
            );
            let speed = model.measured_micro_units_per_second;
            let mut capability = offer::capability(&folder, &loaded, model.unit_price_ait, speed);
            capability.hardware = hardware::read(data, key.address(), clock::now())
                .inspect_err(
                    |error| tracing::warn!(%error, "the hardware report is left out; `gpu-worker bench` makes another"),
                )
                .unwrap_or_default();
            let identity = Identity { hub, trust, key, capability };
            worker::serve(Parts { identity, supervisor, outbox: data.join(OUTBOX_FOLDER) }).await
        })?;
        tracing::info!(?ended, "the worker ended");
        Ok(match ended {
            Ended::Drained => ExitCode::SUCCESS,
            Ended::Aborted => ExitCode::from(EXIT_ABORTED),
        })
    }
}

fn first(config: &Config) -> Result<&ModelConfig> {
    let models = config.enabled_models()?;
    models.first().copied().ok_or_else(|| WorkerError::Config("models is empty".into()))
}
