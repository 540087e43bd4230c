//! `gpu-worker start`: serves its hubs until it is told to stop.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use inference::clock;
use shared::Address;
use shared::capability::{Capability, DeviceError};
use shared::hardware::SignedHardwareReport;
use shared::signing::PrivateKey;

use super::generate::EngineArguments;
use super::hubs::{Access, HubArguments, accesses};
use super::init::{Init, MODEL_DEFAULT};
use super::{ChildArguments, block_on, print, program};
use crate::config::Config;
use crate::doctor::hub::{self as way, End};
use crate::doctor::{State, disk};
use crate::error::{Result, WorkerError};
use crate::fleet::{self, Fleet};
use crate::hub::known::{self, HUB_FILE, KnownHubs};
use crate::hub::link::Identity;
use crate::hub::{HUBS_FOLDER, HubNumber};
use crate::worker::{self, Ended, OUTBOX_FOLDER, Parts, roster};
use crate::{files, hardware, keys, offer};

/// What a shell reports for a program that a signal ended.
const EXIT_ABORTED: u8 = 130;

/// Serves one hub or several; the first time it makes the key, measures the models and writes worker.toml before.
///
/// The first SIGTERM, SIGHUP or Ctrl-C finishes and hands in the running job, the second stops at once.
#[derive(Debug, clap::Args)]
pub struct Start {
    #[command(flatten)]
    pub hubs: HubArguments,
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
        let accesses = accesses(&self.hubs.wanted(&config.hubs))?;
        let key = keys::load(&config.key)?;
        let known = KnownHubs::open(accesses.iter().map(|hub| (&hub.url, data.join(hub.url.folder()))))?;
        warn_of_left_results(data, &accesses);
        let program = program()?;
        let ended = block_on(async {
            let Fleet { serving_devices, models, offers, loaded, serving } =
                fleet::assemble(&config, data, &program).await?;
            let slots =
                roster::slots(serving_devices.iter().map(|device| &device.member.models), config.batching.jobs_max);
            let devices = roster::devices(serving_devices.iter().map(|device| &device.member));
            tracing::info!(address = %key.address(), models = models.len(), slots, "ready");
            let mut capability = offer::capability(&loaded, devices, offers, slots);
            capability.hardware = hardware_report(data, &key, &capability);
            greet(data, key.address(), &accesses)?;
            let identity = |(number, Access { url: hub, trust, route })| {
                let (number, key, known) = (HubNumber(number), key.clone(), known.clone());
                Identity { number, hub, trust, route, key, known }
            };
            let hubs = accesses.into_iter().enumerate().map(identity).collect();
            let Config { batching, drain, schedule, gpu_sharing, status, .. } = config;
            let data = data.to_path_buf();
            let parts = Parts {
                hubs,
                key,
                capability,
                serving_devices,
                models,
                batching,
                drain,
                schedule,
                gpu_sharing,
                serving,
                status,
                data,
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
        let accesses = accesses(&self.hubs.wanted(&[]))?;
        print("no worker.toml here yet: making a key and measuring the models takes about ten seconds")?;
        for Access { url, trust, route } in &accesses {
            let way = block_on(async { Ok(way::observe(url, trust, route).await) })?;
            if let End::NoName { reason } = &way.end {
                return Err(url.unreachable(format_args!("the name {} has no address: {reason}", way.host)).into());
            }
            let mut faults = way::judge(&way).into_iter().filter(|finding| finding.state == State::Fault);
            faults.try_for_each(|fault| print(format_args!("hub       {}; the worker tries again", fault.found)))?;
        }
        let disk = disk::judge(&disk::observe(data));
        if disk.state != State::Ok {
            print(format_args!("disk      {}", disk.found))?;
        }
        let model = self.model.clone().unwrap_or_else(|| MODEL_DEFAULT.into());
        let (engine, child) = (EngineArguments::default(), ChildArguments::default());
        let hubs = self.hubs.clone();
        Init { hubs, model, unit_price: None, force: false, engine, child }.run(data)
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

/// Results of hubs that are not served any more stay where they are; the miner should know of them.
fn warn_of_left_results(data: &Path, accesses: &[Access]) {
    let served: Vec<PathBuf> = accesses.iter().map(|hub| data.join(hub.url.folder())).collect();
    let Ok(folders) = std::fs::read_dir(data.join(HUBS_FOLDER)) else { return };
    for folder in folders.filter_map(|entry| Some(entry.ok()?.path())).filter(|folder| !served.contains(folder)) {
        let waiting = std::fs::read_dir(folder.join(OUTBOX_FOLDER)).map_or(0, |entries| {
            entries.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_file())).count()
        });
        if waiting > 0 {
            let record = known::read(&folder.join(HUB_FILE)).ok().flatten();
            let (hub, folder) = (record.map(|record| record.url), folder.display());
            tracing::warn!(hub, %folder, waiting, "results wait for a hub that is not served; name it by --hub again");
        }
    }
}

/// What a miner wants to know once it runs.
fn greet(data: &Path, address: Address, accesses: &[Access]) -> Result<()> {
    let data = data.display();
    for Access { url, .. } in accesses {
        print(format_args!("hub       {}", url.as_str()))?;
        print(format_args!("pay       {}", url.path(&format!("/miners/{address}"))))?;
    }
    print(format_args!("status    gpu-worker --data {data} status"))?;
    print(format_args!("no jobs?  gpu-worker --data {data} doctor"))?;
    print("stop      Ctrl-C finishes the running job first")
}
