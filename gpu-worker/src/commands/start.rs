//! `gpu-worker start`: serves the hub until it is told to stop.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use inference::clock;
use shared::capability::{Capability, DeviceError};
use shared::hardware::SignedHardwareReport;
use shared::signing::PrivateKey;

use super::generate::EngineArguments;
use super::init::{HUB_DEFAULT, Init, MODEL_DEFAULT};
use super::{ChildArguments, block_on, print, program};
use crate::config::Config;
use crate::doctor::hub::{self as way, End};
use crate::doctor::{State, disk};
use crate::error::{Result, WorkerError};
use crate::fleet::{self, Fleet};
use crate::hub::HubUrl;
use crate::hub::link::Identity;
use crate::hub::route::Route;
use crate::hub::trust::Trust;
use crate::worker::{self, Ended, Parts, roster};
use crate::{files, hardware, keys, offer};

/// Where finished results wait, in the data folder.
const OUTBOX_FOLDER: &str = "outbox";

/// What a shell reports for a program that a signal ended.
const EXIT_ABORTED: u8 = 130;

/// Serves the hub; the first time it makes the key, measures the models and writes worker.toml before.
///
/// The first SIGTERM, SIGHUP or Ctrl-C finishes and hands in the running job, the second stops at once.
#[derive(Debug, clap::Args)]
pub struct Start {
    /// Base URL of the hub, instead of the configured one [default at the first start: http://127.0.0.1:8000].
    #[arg(long, env = "AITBC_HUB")]
    pub hub: Option<String>,
    /// Serve a hub on another machine without TLS, whose prompts and answers anyone on the way can read and change.
    #[arg(long)]
    pub insecure_http: bool,
    /// Folder of the model to serve, or of several in folders of their own. Counts at the first start; later,
    /// `gpu-worker models` adds and lists them.
    #[arg(long, env = "AITBC_MODEL")]
    pub model: Option<PathBuf>,
}

impl Start {
    pub fn run(&self, data: &Path) -> Result<ExitCode> {
        if Config::path(data).exists() {
            self.warn_of_model(data);
        } else {
            self.first(data)?;
        }
        let config = Config::read(data)?;
        let _held = files::hold(data)?;
        if !config.mining.compute_enabled {
            let path = Config::path(data);
            return Err(WorkerError::config(format!("mining.compute_enabled is false in {}", path.display())));
        }
        let hub = HubUrl::parse(self.hub.as_deref().unwrap_or(&config.hub))?;
        hub.check_secure(self.insecure_http || config.insecure_http)?;
        let route = Route::of_process(&hub)?;
        let key = keys::load(&config.key)?;
        let trust = Trust::load(config.ca_file.as_deref())?;
        let program = program()?;
        let ended = block_on(async {
            let Fleet { serving_devices, models, offers, loaded, served } =
                fleet::assemble(&config, data, &program).await?;
            let slots =
                roster::slots(serving_devices.iter().map(|device| &device.member.models), config.batching.jobs_max);
            let devices = roster::devices(serving_devices.iter().map(|device| &device.member));
            tracing::info!(address = %key.address(), models = models.len(), slots, "ready");
            let mut capability = offer::capability(&loaded, devices, offers, slots);
            capability.hardware = hardware_report(data, &key, &capability);
            let identity = Identity { hub, trust, route, key, capability };
            greet(data, &identity)?;
            let outbox = data.join(OUTBOX_FOLDER);
            let Config { batching, drain, schedule, gpu_sharing, status, .. } = config;
            let data = data.to_path_buf();
            let parts = Parts {
                identity,
                serving_devices,
                models,
                batching,
                drain,
                schedule,
                gpu_sharing,
                served,
                status,
                data,
                outbox,
            };
            worker::serve(parts).await
        })?;
        tracing::info!(?ended, "the worker ended");
        Ok(match ended {
            Ended::Drained => ExitCode::SUCCESS,
            Ended::Aborted => ExitCode::from(EXIT_ABORTED),
        })
    }

    /// From nothing to a worker that can serve.
    fn first(&self, data: &Path) -> Result<()> {
        let hub = self.hub.clone().unwrap_or_else(|| HUB_DEFAULT.to_owned());
        let url = HubUrl::parse(&hub)?;
        url.check_secure(self.insecure_http)?;
        let route = Route::of_process(&url)?;
        print("no worker.toml here yet: making a key and measuring the models takes about ten seconds")?;
        let way = block_on(async { Ok(way::observe(&url, &Trust::default(), &route).await) })?;
        if let End::NoName { reason } = &way.end {
            return Err(url.unreachable(format_args!("the name {} has no address: {reason}", way.host)).into());
        }
        let mut faults = way::judge(&way).into_iter().filter(|finding| finding.state == State::Fault);
        faults.try_for_each(|fault| print(format_args!("hub       {}; the worker tries again", fault.found)))?;
        let disk = disk::judge(&disk::observe(data));
        if disk.state != State::Ok {
            print(format_args!("disk      {}", disk.found))?;
        }
        let model = self.model.clone().unwrap_or_else(|| MODEL_DEFAULT.into());
        let (engine, child) = (EngineArguments::default(), ChildArguments::default());
        let insecure_http = self.insecure_http;
        Init { hub, insecure_http, model, unit_price: None, force: false, engine, child }.run(data)
    }

    fn warn_of_model(&self, data: &Path) {
        if let Some(model) = &self.model {
            let (model, config) = (model.display(), Config::path(data));
            let config = config.display();
            tracing::warn!(%model, %config, "--model counts at the first start only; `gpu-worker models add` adds one");
        }
    }
}

/// The report for the hub, which would refuse the worker for one that is not as it was signed, or is about other devices
/// than those that serve.
fn hardware_report(data: &Path, key: &PrivateKey, capability: &Capability) -> Option<SignedHardwareReport> {
    let left_out = |error: &dyn std::fmt::Display| {
        tracing::warn!(%error, "the hardware report is left out; `gpu-worker bench` makes another");
    };
    let hardware =
        hardware::read(data, key.address(), clock::now()).inspect_err(|error| left_out(error)).ok().flatten();
    let with_it = Capability { hardware, ..capability.clone() };
    match with_it.check_devices() {
        Err(error @ DeviceError::Unmeasured { .. }) => {
            left_out(&error);
            None
        }
        _ => with_it.hardware,
    }
}

/// What a miner wants to know once it runs.
fn greet(data: &Path, identity: &Identity) -> Result<()> {
    let (data, address) = (data.display(), identity.key.address());
    print(format_args!("hub       {}", identity.hub.as_str()))?;
    print(format_args!("status    gpu-worker --data {data} status"))?;
    print(format_args!("pay       {}", identity.hub.path(&format!("/miners/{address}"))))?;
    print(format_args!("no jobs?  gpu-worker --data {data} doctor"))?;
    print("stop      Ctrl-C finishes the running job first")
}
