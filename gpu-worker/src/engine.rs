//! The inference engine: ONNX Runtime's library where there is one, the pure-Rust tract otherwise.
//!
//! `ort` keeps one process-wide table of functions, so the choice is made once, before the first graph is loaded, and
//! what was chosen is reported rather than assumed.

pub mod cpu;
mod device;
pub mod graph;
pub mod graph_file;
mod kept;
pub mod library;
mod onnx_file;
mod onnxruntime;
pub mod port;
mod protobuf;
pub mod provider;
mod tract;

use std::path::PathBuf;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use tract_linalg::multithread::{Executor, set_default_executor};

use self::onnxruntime::OrtRuntime;
use self::provider::{Provider, ProviderChoice, ProviderOptions};
use crate::error::{Result, WorkerError, quote};
pub use graph::Graph;
pub use graph_file::GraphFile;
pub use kept::Kept;
pub use onnx_file::{ExternalTensor, OnnxFile};

/// Which engine the miner wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum EngineChoice {
    /// ONNX Runtime where its library is found, else tract.
    #[default]
    Auto,
    Onnxruntime,
    Tract,
}

/// Section `[engine]` of the worker's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineConfig {
    pub name: EngineChoice,
    /// Path of `libonnxruntime`; looked for where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub onnxruntime_library: Option<PathBuf>,
    /// Threads of one graph run; the physical cores where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// Idle threads wait by spinning: a little faster, at the cost of whatever else runs on the machine.
    pub spinning: bool,
    /// What ONNX Runtime computes on.
    pub provider: ProviderChoice,
    /// Index of the GPU, in the driver's order.
    pub device: u32,
    /// Bound of the GPU memory that each model's graph may take for weights and activations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_limit_bytes: Option<u64>,
    /// Give memory back after each run; slower, for a GPU or machine that others use as well.
    pub shrink_memory: bool,
    /// Prefer kernels that give equal bits each time.
    pub deterministic: bool,
    /// TF32 on CUDA: faster, and no longer f32.
    pub tf32: bool,
    /// f16 on TensorRT where it may.
    pub half_precision: bool,
    /// Record CUDA's kernels once for each set of shapes, and replay them.
    pub cuda_graph: bool,
    /// Where TensorRT keeps compiled graphs; `engines` in the data folder where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<PathBuf>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            name: EngineChoice::Auto,
            onnxruntime_library: None,
            threads: None,
            spinning: false,
            provider: ProviderChoice::Auto,
            device: 0,
            memory_limit_bytes: None,
            shrink_memory: false,
            deterministic: true,
            tf32: false,
            half_precision: false,
            cuda_graph: false,
            cache: None,
        }
    }
}

impl EngineConfig {
    fn options(&self, provider: Provider, cache: Option<&PathBuf>) -> ProviderOptions {
        ProviderOptions {
            provider,
            device: self.device,
            memory_limit_bytes: self.memory_limit_bytes,
            tf32: self.tf32,
            half_precision: self.half_precision,
            cuda_graph: self.cuda_graph,
            cache: self.cache.as_ref().or(cache).cloned(),
        }
    }

    /// The provider that must be used, where the miner named one that is not the processor.
    fn named_gpu(&self) -> Option<Provider> {
        match self.provider {
            ProviderChoice::Cuda => Some(Provider::Cuda),
            ProviderChoice::Tensorrt => Some(Provider::TensorRt),
            ProviderChoice::Auto | ProviderChoice::Cpu => None,
        }
    }
}

/// The engine that this process runs.
#[derive(Debug, Clone)]
pub struct Engine {
    backend: Backend,
    threads: usize,
    version: String,
    /// Instruction set of the processor or compute capability of the GPU: what decides rounding.
    architecture: String,
    note: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) enum Backend {
    Onnxruntime(Box<OrtRuntime>),
    Tract,
}

/// Release of tract; a test compares it with the lock file.
pub const TRACT_VERSION: &str = "0.23.9";

static RUNNING: OnceLock<Engine> = OnceLock::new();

impl Engine {
    /// Starts the engine, or hands out the one that runs already.
    ///
    /// # Errors
    /// A library or a provider that was named but cannot be used, and a second call that wants another engine.
    pub fn start(config: &EngineConfig, search: &library::Search) -> Result<&'static Self> {
        if let Some(running) = RUNNING.get() {
            return running.serves(config);
        }
        let engine = Self::open(config, search)?;
        Ok(RUNNING.get_or_init(|| engine))
    }

    /// Opens an engine of its own. A process holds any number on tract, but only one on ONNX Runtime's library; see
    /// [`Self::start`].
    pub fn open(config: &EngineConfig, search: &library::Search) -> Result<Self> {
        let threads = config.threads.unwrap_or_else(cpu::physical_cores).max(1);
        let may_be_tract = config.name == EngineChoice::Auto && config.named_gpu().is_none();
        if config.name == EngineChoice::Tract {
            return match config.named_gpu() {
                None => Ok(Self::tract(threads, None)),
                Some(provider) => Err(unusable(provider, "the engine tract computes on the processor")),
            };
        }
        match library::find(config.onnxruntime_library.as_deref(), search) {
            library::Found::Named(path) => Self::onnxruntime(path, threads, config, search),
            library::Found::Discovered(path) => match Self::onnxruntime(path, threads, config, search) {
                Err(WorkerError::Library { path, reason }) if may_be_tract => {
                    Ok(Self::tract(threads, Some(format!("{} cannot be used: {reason}", path.display()))))
                }
                chosen => chosen,
            },
            library::Found::Nothing if may_be_tract => {
                Ok(Self::tract(threads, Some("ONNX Runtime's library was not found".into())))
            }
            library::Found::Nothing => Err(WorkerError::Library {
                path: PathBuf::from(library::FILE_NAME),
                reason: format!(
                    "it was not found; fetch it with `cargo xtask engine cpu|cuda`, or set engine.onnxruntime_library \
                     or {}",
                    library::ENVIRONMENT_VARIABLE
                ),
            }),
        }
    }

    fn onnxruntime(library: PathBuf, threads: usize, config: &EngineConfig, search: &library::Search) -> Result<Self> {
        let environment = onnxruntime::load_library(&library, threads, config.spinning)
            .map_err(|reason| WorkerError::Library { path: library.clone(), reason: quote(&reason) })?;
        let version = library::version(ort::info(), &library);
        let (provider, architecture, note) = choose_provider(config, search.cache.as_ref(), |options| {
            options.probe(&environment)?;
            architecture(options)
        })?;
        let runtime = OrtRuntime {
            environment,
            provider,
            deterministic: config.deterministic,
            shrink_memory: config.shrink_memory,
        };
        Ok(Self { backend: Backend::Onnxruntime(Box::new(runtime)), threads, version, architecture, note })
    }

    fn tract(threads: usize, note: Option<String>) -> Self {
        let executor = if threads > 1 { Executor::multithread(threads) } else { Executor::SingleThread };
        set_default_executor(executor);
        let architecture = cpu::instruction_set().to_owned();
        Self { backend: Backend::Tract, threads, version: TRACT_VERSION.into(), architecture, note }
    }

    fn serves(&'static self, config: &EngineConfig) -> Result<&'static Self> {
        let fits = match config.name {
            EngineChoice::Auto => true,
            EngineChoice::Onnxruntime => !matches!(self.backend, Backend::Tract),
            EngineChoice::Tract => matches!(self.backend, Backend::Tract),
        };
        let provides = match config.provider {
            ProviderChoice::Auto => true,
            ProviderChoice::Cpu => self.provider() == Provider::Cpu,
            ProviderChoice::Cuda | ProviderChoice::Tensorrt => Some(self.provider()) == config.named_gpu(),
        };
        if fits && provides {
            return Ok(self);
        }
        Err(WorkerError::EngineChosen {
            running: format!("{} on {}", self.name(), self.provider().name()),
            wanted: format!("{:?} on {:?}", config.name, config.provider).to_lowercase(),
        })
    }

    pub fn name(&self) -> &'static str {
        match self.backend {
            Backend::Onnxruntime { .. } => "onnxruntime",
            Backend::Tract => "tract",
        }
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    pub fn threads(&self) -> usize {
        self.threads
    }

    pub fn provider(&self) -> Provider {
        match &self.backend {
            Backend::Onnxruntime(runtime) => runtime.provider.provider,
            Backend::Tract => Provider::Cpu,
        }
    }

    /// Why the engine or its provider is not the preferred one.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Each set of input shapes costs a plan, so shapes that change with every run are slow.
    pub fn plans_per_shape(&self) -> bool {
        matches!(self.backend, Backend::Tract)
    }

    /// What the hub is told.
    pub fn report(&self) -> shared::capability::Engine {
        let provider = self.provider().name().into();
        shared::capability::Engine { name: self.name().into(), version: self.version.clone(), provider }
    }

    /// The part of a receipt's determinism class that the engine decides: engines of one class draw equal bits.
    pub fn determinism_class(&self) -> String {
        self.determinism_class_of("f32")
    }

    /// The same for graphs of [`Graph::precision`] `precision`.
    pub fn determinism_class_of(&self, precision: &str) -> String {
        let provider = self.provider().name();
        let mut precision = precision.to_owned();
        if let Backend::Onnxruntime(runtime) = &self.backend {
            let options = &runtime.provider;
            let is_lowered = |flag: bool, on: Provider| flag && options.provider == on;
            if is_lowered(options.half_precision, Provider::TensorRt) {
                precision.push_str("+f16");
            }
            if options.tf32 && options.provider != Provider::Cpu {
                precision.push_str("+tf32");
            }
        }
        format!("{}-{}/{provider}/{}/{precision}", self.name(), self.version, self.architecture)
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.backend
    }
}

/// What decides rounding on the device that the provider computes on.
fn architecture(options: &ProviderOptions) -> std::result::Result<String, String> {
    match options.provider {
        Provider::Cpu => Ok(cpu::instruction_set().to_owned()),
        Provider::Cuda | Provider::TensorRt => device::architecture(options.device),
    }
}

fn unusable(provider: Provider, reason: &str) -> WorkerError {
    // ONNX Runtime puts its source's lines before the reason.
    let reason = reason.rsplit(" : FAIL : ").next().unwrap_or(reason).trim_end_matches('.');
    WorkerError::Provider { provider: provider.name().into(), reason: quote(reason), mend: provider.mend().into() }
}

/// The provider that works, with what `try_out` found, and what did not work before it.
///
/// # Errors
/// A provider that the miner named and that does not work.
fn choose_provider(
    config: &EngineConfig,
    cache: Option<&PathBuf>,
    try_out: impl Fn(&ProviderOptions) -> std::result::Result<String, String>,
) -> Result<(ProviderOptions, String, Option<String>)> {
    let attempt = |provider: Provider| {
        let options = config.options(provider, cache);
        try_out(&options).map(|found| (options, found)).map_err(|reason| unusable(provider, &reason))
    };
    let (chosen, note) = match config.provider {
        ProviderChoice::Cpu => (attempt(Provider::Cpu)?, None),
        ProviderChoice::Cuda => (attempt(Provider::Cuda)?, None),
        ProviderChoice::Tensorrt => (attempt(Provider::TensorRt)?, None),
        ProviderChoice::Auto => match attempt(Provider::Cuda) {
            Ok(chosen) => (chosen, None),
            Err(error) => (attempt(Provider::Cpu)?, Some(format!("runs on the processor: {error}"))),
        },
    };
    Ok((chosen.0, chosen.1, note))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(provider: ProviderChoice) -> EngineConfig {
        EngineConfig { provider, ..EngineConfig::default() }
    }

    fn only_on(works: Provider) -> impl Fn(&ProviderOptions) -> std::result::Result<String, String> {
        move |options| match options.provider == works {
            true => Ok("sm_90".into()),
            false => Err("no such device".into()),
        }
    }

    #[test]
    fn a_provider_that_does_not_work_is_told_in_auto_mode_and_an_error_where_it_was_named() {
        let (options, _, note) = choose_provider(&config(ProviderChoice::Auto), None, only_on(Provider::Cpu)).unwrap();
        assert_eq!(options.provider, Provider::Cpu);
        let note = note.unwrap();
        assert!(
            note.contains("CUDA") && note.contains("no such device") && note.contains("xtask engine cuda"),
            "{note}"
        );
        for provider in [ProviderChoice::Cuda, ProviderChoice::Tensorrt] {
            let error = choose_provider(&config(provider), None, only_on(Provider::Cpu)).unwrap_err();
            assert_eq!(error.class(), "engine");
            assert!(error.to_string().contains("no such device"), "{error}");
        }
    }

    #[test]
    fn a_provider_that_works_is_taken_without_a_note() {
        let (options, found, note) =
            choose_provider(&config(ProviderChoice::Auto), None, only_on(Provider::Cuda)).unwrap();
        assert_eq!((options.provider, found.as_str(), note), (Provider::Cuda, "sm_90", None));
        let (options, ..) = choose_provider(&config(ProviderChoice::Cpu), None, only_on(Provider::Cpu)).unwrap();
        assert_eq!(options.provider, Provider::Cpu);
    }

    #[test]
    fn tract_computes_on_the_processor_only() {
        let config = EngineConfig { name: EngineChoice::Tract, ..config(ProviderChoice::Cuda) };
        let error = Engine::open(&config, &library::Search::default()).unwrap_err();
        assert!(error.to_string().contains("tract computes on the processor"), "{error}");
        let config = EngineConfig { name: EngineChoice::Auto, ..config };
        let error = Engine::open(&config, &library::Search::default()).unwrap_err();
        assert!(error.to_string().contains("cargo xtask engine"), "{error}");
    }

    #[test]
    fn the_reported_tract_is_the_locked_one() {
        let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock")).unwrap();
        let locked = format!("name = \"tract-core\"\nversion = \"{TRACT_VERSION}\"");
        assert!(lock.contains(&locked), "Cargo.lock holds another tract than {TRACT_VERSION}");
    }
}
