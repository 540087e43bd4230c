//! `gpu-worker bench`: measures the machine and each model on offer with every engine that serves here, proposes prices,
//! and signs what it found for the hub.

mod findings;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gpu_probe::{measure_machine, nvml};
use inference::clock;
use inference::engine::{EngineChoice, EngineConfig, cpu, library};
use inference::runtime::folder::ModelFolder;
use inference::runtime::folders::{by_kind, folders_at};
use inference::runtime::needs_network;
use shared::hardware::{MeasuredDevice, ModelTiming, SignedHardwareReport};
use shared::model::own_model;

use self::findings::{Findings, ProposedPrice, Unmeasured, fast_figure, figures};
use super::generate::threads_parser;
use super::{ChildArguments, block_on, print, processor, program, setup};
use crate::child::ChildConfig;
use crate::child::supervisor::Supervisor;
use crate::config::Config;
use crate::error::{Result, WorkerError};
use crate::fleet::devices;
use crate::timing::{self, Timed};
use crate::{hardware, keys, manifests, offer};

/// The repository's models, measured where neither a folder nor `worker.toml` names others.
const DEFAULT_MODELS: &str = "gpu-worker/model";

/// Seconds from prompt to PNG of 512×512.
const ONNXRUNTIME_BAR_SECONDS: f64 = 0.5;
const TRACT_BAR_SECONDS: f64 = 1.5;

/// Measures this machine and each model on offer as it is served here: units of work per second, and a price. Engine,
/// devices and limits are those of worker.toml; where its engine is "auto", or without it, every engine that is here.
///
/// What cannot be measured is told beside the rest. The exit code is 1 where nothing could.
#[derive(Debug, clap::Args)]
pub struct Bench {
    /// Folder of a model, or of several in folders of their own; absent, the models of `worker.toml`.
    #[arg(long, env = "AITBC_MODEL")]
    pub model: Option<PathBuf>,
    /// Path of ONNX Runtime's library, instead of the configured one.
    #[arg(long)]
    pub onnxruntime_library: Option<PathBuf>,
    /// Threads of the engine, instead of the configured number.
    #[arg(long, value_parser = threads_parser())]
    pub threads: Option<usize>,
    /// Jobs of each model that count, after one to warm up; their median is reported.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub jobs: u64,
    /// Measure also renderers on the processor that pose as graphics adapters.
    #[arg(long)]
    pub software: bool,
    /// Print one JSON object instead of lines.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub child: ChildArguments,
}

/// What runs a model while it is measured.
struct Course<'a> {
    data: &'a Path,
    engine: EngineConfig,
    child: &'a ChildConfig,
    jobs: u64,
}

impl Bench {
    pub fn run(&self, data: &Path) -> Result<ExitCode> {
        let findings = self.measure(data)?;
        if self.json {
            let text = serde_json::to_string(&findings).map_err(|error| WorkerError::format("findings", error))?;
            print(text)?;
        } else {
            findings.print(data)?;
        }
        Ok(if findings.models.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    fn measure(&self, data: &Path) -> Result<Findings> {
        let config = Config::read_if_any(data)?;
        let engines = self.engines(data, config.as_ref())?;
        let child = self.child.over(config.as_ref().map(|config| config.child.clone()).unwrap_or_default());
        let (folders, mut unmeasured) = self.folders(data, config.as_ref())?;
        let threads = engines.first().and_then(|engine| engine.threads).unwrap_or_else(cpu::physical_cores);
        let devices = block_on(async { Ok(measure_machine(&program()?, processor(threads), self.software).await) })?;
        let (mut models, mut measured) = (Vec::new(), Vec::new());
        for (place, engine) in engines.iter().enumerate() {
            // Another program has one engine, its own, so that its models are measured once.
            let is_last = place + 1 == engines.len();
            for folder in folders.iter().filter(|folder| is_last || !needs_network(folder)) {
                let course = Course { data, engine: engine.clone(), child: &child, jobs: self.jobs };
                match course.time(folder) {
                    Ok((timed, figures)) => {
                        models.push(timed.timing);
                        measured.extend(figures);
                    }
                    Err(error) => {
                        let name = folder.manifest().name.clone();
                        unmeasured.push(Unmeasured::new(name, Some(engine.name), &error));
                    }
                }
            }
        }
        let signed = if models.is_empty() { None } else { sign(data, config.as_ref(), &devices, &models)? };
        let prices = models.iter().map(proposal).collect();
        Ok(Findings { devices, models, unmeasured, prices, figures: measured, signed })
    }

    /// Those that serve, by the configuration.
    fn engines(&self, data: &Path, config: Option<&Config>) -> Result<Vec<EngineConfig>> {
        let serving = match config {
            Some(config) => devices::engines(config, &nvml::driver())?,
            None => vec![EngineConfig::default()],
        };
        let over = |engine: EngineConfig| EngineConfig {
            threads: self.threads.or(engine.threads),
            onnxruntime_library: self.onnxruntime_library.clone().or(engine.onnxruntime_library),
            ..engine
        };
        let is_here = |engine: &EngineConfig| {
            let search = library::Search::of_process(Some(data));
            library::find(engine.onnxruntime_library.as_deref(), &search) != library::Found::Nothing
        };
        let engines: Vec<_> =
            serving.into_iter().map(over).flat_map(|engine| contenders(&engine, is_here(&engine))).collect();
        if engines.iter().all(|engine| engine.name == EngineChoice::Tract) {
            eprintln!("only tract is measured: the configuration names it, or ONNX Runtime's library was not found");
        }
        Ok(engines)
    }

    /// The models that can be opened, and those that cannot.
    fn folders(&self, data: &Path, config: Option<&Config>) -> Result<(Vec<ModelFolder>, Vec<Unmeasured>)> {
        let manifests = manifests::of_worker(data);
        let paths = match (&self.model, config) {
            (Some(path), _) => folders_at(path, &manifests)?,
            (None, Some(config)) => config.enabled_models()?.into_iter().map(|model| model.path.clone()).collect(),
            (None, None) => folders_at(Path::new(DEFAULT_MODELS), &manifests)?,
        };
        let (mut folders, mut unopened) = (Vec::new(), Vec::new());
        for path in paths {
            match manifests.open(&path) {
                Ok(folder) => folders.push(folder),
                Err(error) => unopened.push(Unmeasured::new(path.display().to_string(), None, &error.into())),
            }
        }
        folders.sort_by(by_kind);
        Ok((folders, unopened))
    }
}

/// The engines that `auto` chooses from, each by its name; one that was named, or a GPU, stands alone.
fn contenders(engine: &EngineConfig, has_onnxruntime: bool) -> Vec<EngineConfig> {
    if engine.name != EngineChoice::Auto {
        return vec![engine.clone()];
    }
    let named = |name| EngineConfig { name, ..engine.clone() };
    match (engine.named_gpu(), has_onnxruntime) {
        (Some(_), _) => vec![named(EngineChoice::Onnxruntime)],
        (None, true) => vec![named(EngineChoice::Onnxruntime), named(EngineChoice::Tract)],
        (None, false) => vec![named(EngineChoice::Tract)],
    }
}

impl Course<'_> {
    /// The model as it was served, and its figures where it has bars.
    fn time(&self, folder: &ModelFolder) -> Result<(Timed, Vec<findings::Figure>)> {
        let supervisor = self.supervisor(folder)?;
        let timed = block_on(async { Ok(timing::time(supervisor, folder, self.jobs).await?) })?;
        let kind = folder.manifest().kind;
        if folder.manifest().name != own_model(kind) {
            return Ok((timed, Vec::new()));
        }
        let bar = self.bar_seconds();
        let supervisor = self.supervisor(folder)?;
        let fast = block_on(async { Ok(timing::time_fast(supervisor, folder, self.jobs).await?) })?;
        let fast = fast.map(|median| fast_figure(&timed, median, bar));
        let figures = figures(kind, &timed, bar).into_iter().chain(fast).collect();
        Ok((timed, figures))
    }

    fn bar_seconds(&self) -> f64 {
        if self.engine.name == EngineChoice::Tract { TRACT_BAR_SECONDS } else { ONNXRUNTIME_BAR_SECONDS }
    }

    fn supervisor(&self, folder: &ModelFolder) -> Result<Supervisor> {
        Ok(Supervisor::new(program()?, setup(self.data, folder.root(), &self.engine, self.child)))
    }
}

/// Signs with the configured key and keeps the report where `start` finds it.
fn sign(
    data: &Path,
    config: Option<&Config>,
    devices: &[MeasuredDevice],
    models: &[ModelTiming],
) -> Result<Option<SignedHardwareReport>> {
    let Some(config) = config else { return Ok(None) };
    let key = keys::load(&config.key)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use inference::engine::provider::ProviderChoice;

    #[test]
    fn what_serves_is_measured_as_it_is_configured_and_auto_with_each_engine_that_is_here() {
        use EngineChoice::{Auto, Onnxruntime, Tract};
        let engine = |name, provider| EngineConfig { name, provider, threads: Some(3), ..EngineConfig::default() };
        for (name, provider, has_onnxruntime, measured) in [
            (Auto, ProviderChoice::Auto, true, &[Onnxruntime, Tract][..]),
            (Auto, ProviderChoice::Auto, false, &[Tract]),
            (Auto, ProviderChoice::Cuda, true, &[Onnxruntime]),
            (Auto, ProviderChoice::Tensorrt, false, &[Onnxruntime]),
            (Tract, ProviderChoice::Cpu, true, &[Tract]),
            (Onnxruntime, ProviderChoice::Auto, false, &[Onnxruntime]),
        ] {
            let configured = engine(name, provider);
            let wanted: Vec<_> =
                measured.iter().map(|name| EngineConfig { name: *name, ..configured.clone() }).collect();
            assert_eq!(contenders(&configured, has_onnxruntime), wanted);
        }
    }
}
