//! The devices and models that a worker starts with.

pub mod devices;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use gpu_probe::cards::{Driver, DriverError};
use gpu_probe::nvml;
use inference::engine::EngineConfig;
use inference::runtime;
use inference::runtime::folder::ModelFolder;
use inference::runtime::folders::check_names;
use shared::capability::ModelOffer;

use crate::child::place::Place;
use crate::child::supervisor::Supervisor;
use crate::child::{Loaded, Setup};
use crate::config::{Config, ModelConfig};
use crate::error::{Result, WorkerError};
use crate::worker::pool::ServingDevice;
use crate::worker::roster::Member;
use crate::worker::sharing_watch::ServingGpus;
use crate::{manifests, offer};

/// What the names of Ollama's processes begin with.
const OLLAMA_PROGRAM: &str = "ollama";

/// What can serve.
#[derive(Debug)]
pub struct Fleet {
    pub serving_devices: Vec<ServingDevice>,
    /// Folders of the models, by their names.
    pub models: BTreeMap<String, PathBuf>,
    pub offers: Vec<ModelOffer>,
    /// What the first device loaded first.
    pub loaded: Loaded,
    pub serving: ServingGpus,
}

/// A model that the miner wants to serve.
struct Candidate<'a> {
    folder: ModelFolder,
    config: &'a ModelConfig,
}

impl Candidate<'_> {
    fn name(&self) -> &str {
        &self.folder.manifest().name
    }

    fn bytes(&self) -> u64 {
        self.folder.manifest().files.iter().map(|file| file.bytes).sum()
    }
}

/// Starts an inference process for each device, and one for models that programs beside this one serve, and has each
/// load its models, as many as stay warm.
///
/// # Errors
/// Two models of one name, and no model that can be served. One that cannot is left out, with a word in the log, where there are others.
pub async fn assemble(config: &Config, data: &Path, program: &Path) -> Result<Fleet> {
    let driver = nvml::driver();
    let engines = devices::engines(config, &driver)?;
    let models = config.enabled_models()?;
    let single = models.len() == 1;
    let mut candidates = Vec::new();
    let manifests = manifests::of_worker(data);
    for model in models {
        match manifests.open(&model.path) {
            Ok(folder) => candidates.push(Candidate { folder, config: model }),
            Err(error) if single => return Err(error.into()),
            Err(error) => tracing::error!(model = %model.path.display(), %error, "a model is left out"),
        }
    }
    check_names(candidates.iter().map(|candidate| (candidate.name(), candidate.config.path.as_path())))?;
    let mut fleet = Assembly {
        config,
        data,
        program,
        single,
        serving_devices: Vec::new(),
        served: BTreeMap::new(),
        first: None,
        driver: &driver,
    };
    // What another program serves needs the network, which a process that parses models must not have.
    let (outside, inside): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|candidate| runtime::needs_network(&candidate.folder));
    for engine in engines {
        fleet.add_device(&inside, &engine).await?;
    }
    fleet.add_device(&outside, &config.engine).await?;
    fleet.finish(inside.iter().chain(&outside), !outside.is_empty())
}

struct Assembly<'a> {
    config: &'a Config,
    data: &'a Path,
    program: &'a Path,
    single: bool,
    serving_devices: Vec<ServingDevice>,
    served: BTreeMap<String, PathBuf>,
    first: Option<Loaded>,
    driver: &'a std::result::Result<Driver, DriverError>,
}

impl Assembly<'_> {
    async fn add_device(&mut self, candidates: &[Candidate<'_>], engine: &EngineConfig) -> Result<()> {
        let Some(first) = candidates.first() else { return Ok(()) };
        let setup = Setup {
            model: first.config.path.clone(),
            other_models: candidates.iter().skip(1).map(|candidate| candidate.config.path.clone()).collect(),
            engine: engine.clone(),
            data: Some(self.data.to_path_buf()),
            child: self.config.child.clone(),
        };
        let mut supervisor = Supervisor::new(self.program.to_path_buf(), setup);
        let (mut models, mut places, mut runs) = (BTreeMap::new(), Vec::new(), None);
        let mut warm_bytes = 0_u64;
        for candidate in candidates {
            warm_bytes = warm_bytes.saturating_add(candidate.bytes());
            // What would push another model out is loaded when it is needed.
            let batch_max = if models.is_empty() || warm_bytes <= self.config.child.warm_max_bytes {
                match self.load(&mut supervisor, candidate).await {
                    Ok(loaded) => {
                        places.push(Place::of(&loaded, engine, runtime::needs_network(&candidate.folder)));
                        runs.get_or_insert(loaded.engine);
                        loaded.batch_max
                    }
                    Err(error) if self.single => return Err(error),
                    Err(error) => {
                        tracing::error!(model = candidate.name(), %error, "a model is left out");
                        continue;
                    }
                }
            } else {
                1
            };
            models.insert(candidate.name().to_owned(), batch_max);
            self.served.insert(candidate.name().to_owned(), candidate.config.path.clone());
        }
        let Some(runs) = runs else { return Ok(()) };
        let devices = devices::used(&places, self.driver);
        let name =
            devices.first_key_value().map_or_else(String::new, |(place, device)| devices::called(*place, device));
        if places.iter().any(|place| place.gpu().is_some()) {
            supervisor.settle(name.clone(), engine.settled(&runs.provider));
        }
        self.serving_devices.push(ServingDevice { supervisor, member: Member { name, engine: runs, devices, models } });
        Ok(())
    }

    async fn load(&mut self, supervisor: &mut Supervisor, candidate: &Candidate<'_>) -> Result<Loaded> {
        supervisor.select(&candidate.config.path);
        let loaded = supervisor.start().await?.clone();
        tracing::info!(
            model = candidate.name(),
            engine = loaded.engine.name,
            engine_version = loaded.engine.version,
            provider = loaded.engine.provider,
            threads = loaded.threads,
            load_ms = loaded.load_ms,
            batch_max = loaded.batch_max,
            note = loaded.note,
            "a model is ready"
        );
        self.first.get_or_insert_with(|| loaded.clone());
        Ok(loaded)
    }

    fn finish<'c>(self, candidates: impl Iterator<Item = &'c Candidate<'c>>, with_ollama: bool) -> Result<Fleet> {
        let loaded = self.first.ok_or_else(|| WorkerError::config("no model of models can be served"))?;
        let offers = candidates
            .filter(|candidate| self.served.contains_key(candidate.name()))
            .map(|Candidate { folder, config }| {
                offer::model(folder, config.unit_price_ait, config.measured_micro_units_per_second)
            })
            .collect::<inference::error::Result<_>>()?;
        let places = self.serving_devices.iter().flat_map(|device| device.member.devices.keys());
        let gpus: BTreeSet<u32> = places.filter_map(Place::gpu).collect();
        let programs = with_ollama.then(|| OLLAMA_PROGRAM.to_owned()).into_iter().collect();
        Ok(Fleet {
            serving_devices: self.serving_devices,
            models: self.served,
            offers,
            loaded,
            serving: ServingGpus { gpus: gpus.into_iter().collect(), programs },
        })
    }
}
