//! `gpu-worker start`: serves the hub until it is told to stop.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::generate::EngineArguments;
use super::init::Init;
use super::{block_on, program};
use crate::config::Config;
use crate::error::{Result, WorkerError};
use crate::hub::HubUrl;
use crate::hub::link::Identity;
use crate::hub::trust::Trust;
use crate::worker::fleet::{self, Fleet};
use crate::worker::{self, Ended, Parts, pool};
use crate::{clock, hardware, keys, offer};

/// Where finished results wait, in the data folder.
const OUTBOX_FOLDER: &str = "outbox";

/// What a shell reports for a program that a signal ended.
const EXIT_ABORTED: u8 = 130;

/// Serves the hub. The first SIGTERM or Ctrl-C finishes and hands in the running job, the second stops at once.
#[derive(Debug, clap::Args)]
pub struct Start {
    /// Base URL of the hub, instead of the configured one. Without a configuration, `start` does what `init` does first.
    #[arg(long, env = "AITBC_HUB")]
    pub hub: Option<String>,
    /// Folder of the model to serve, or of several in folders of their own, where there is no configuration.
    #[arg(long, env = "AITBC_MODEL", default_value = "gpu-worker/model")]
    pub model: PathBuf,
}

impl Start {
    pub fn run(&self, data: &Path) -> Result<ExitCode> {
        if let Some(hub) = self.hub.clone().filter(|_| !Config::path(data).exists()) {
            let (model, engine) = (self.model.clone(), EngineArguments::default());
            Init { hub, model, unit_price: None, force: false, engine }.run(data)?;
        }
        let config = Config::read(data)?;
        if !config.mining.compute_enabled {
            let path = Config::path(data);
            return Err(WorkerError::Config(format!("mining.compute_enabled is false in {}", path.display())));
        }
        let hub = HubUrl::parse(self.hub.as_deref().unwrap_or(&config.hub))?;
        let key = keys::load(&config.key)?;
        let trust = Trust::load(config.ca_file.as_deref())?;
        let program = program()?;
        let ended = block_on(async {
            let Fleet { lanes, models, offers, loaded, devices, served } =
                fleet::assemble(&config, data, &program).await?;
            let slots = pool::slots(&lanes, &config.batching);
            tracing::info!(address = %key.address(), models = models.len(), slots, "ready");
            let mut capability = offer::capability(&loaded, devices, offers, slots);
            capability.hardware = hardware::read(data, key.address(), clock::now())
                .inspect_err(
                    |error| tracing::warn!(%error, "the hardware report is left out; `gpu-worker bench` makes another"),
                )
                .unwrap_or_default();
            let identity = Identity { hub, trust, key, capability };
            let outbox = data.join(OUTBOX_FOLDER);
            let Config { batching, drain, schedule, gpu_sharing, status, .. } = config;
            let data = data.to_path_buf();
            let parts =
                Parts { identity, lanes, models, batching, drain, schedule, gpu_sharing, served, status, data, outbox };
            worker::serve(parts).await
        })?;
        tracing::info!(?ended, "the worker ended");
        Ok(match ended {
            Ended::Drained => ExitCode::SUCCESS,
            Ended::Aborted => ExitCode::from(EXIT_ABORTED),
        })
    }
}
