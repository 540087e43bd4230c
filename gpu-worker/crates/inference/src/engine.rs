//! The inference engine: ONNX Runtime's library where there is one, the pure-Rust tract otherwise.
//!
//! `ort` keeps one process-wide table of functions, so the choice is made once, before the first graph is loaded, and
//! what was chosen is reported rather than assumed.

mod choice;
mod config;
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

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use ort::environment::Environment;
use tract_linalg::multithread::{Executor, set_default_executor};

use self::choice::{architecture, choose_provider, unusable};
use self::onnxruntime::OrtRuntime;
use self::provider::{Provider, ProviderChoice};
use crate::error::{FailureKind, InferenceError, Result, quote};
pub use config::{EngineChoice, EngineConfig, THREADS_MAX};
pub use graph::Graph;
pub use graph_file::GraphFile;
pub use kept::Kept;
pub use onnx_file::{ExternalTensor, OnnxFile};

/// The engine that this process runs.
#[derive(Debug, Clone)]
pub struct Engine {
    backend: Backend,
    threads: usize,
    version: String,
    /// Why it is this engine, and this provider.
    why: String,
    /// Instruction set of the processor or compute capability of the GPU: what decides rounding.
    architecture: String,
    note: Option<String>,
    dimensions: BTreeMap<String, u32>,
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
    /// Starts the engine, or returns the one that runs already.
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
        let threads = config.threads.unwrap_or_else(cpu::physical_cores);
        check_threads(threads)?;
        let may_be_tract = config.name == EngineChoice::Auto && config.named_gpu().is_none();
        if config.name == EngineChoice::Tract {
            return match config.named_gpu() {
                None => Ok(Self::tract(threads, config, None)),
                Some(provider) => Err(unusable(provider, "the engine tract computes on the processor")),
            };
        }
        match library::find(config.onnxruntime_library.as_deref(), search) {
            library::Found::Named(path) => {
                let environment = load_library(&path, threads, config)?;
                Self::onnxruntime(environment, &path, threads, config, search)
            }
            library::Found::Discovered(path) => match load_library(&path, threads, config) {
                Ok(environment) => Self::onnxruntime(environment, &path, threads, config, search),
                Err(error) if may_be_tract => Ok(Self::tract(threads, config, Some(error.text))),
                Err(error) => Err(error),
            },
            library::Found::Nothing if may_be_tract => {
                Ok(Self::tract(threads, config, Some("ONNX Runtime's library was not found".into())))
            }
            library::Found::Nothing => Err(InferenceError::library(
                library::FILE_NAME,
                format!(
                    "it was not found; fetch it with `cargo xtask engine cpu|cuda`, or set engine.onnxruntime_library \
                     or {}",
                    library::ENVIRONMENT_VARIABLE
                ),
            )),
        }
    }

    fn onnxruntime(
        environment: Environment,
        library: &Path,
        threads: usize,
        config: &EngineConfig,
        search: &library::Search,
    ) -> Result<Self> {
        let version = library::version(ort::info(), library);
        let (provider, architecture, note) = choose_provider(config, search.cache.as_ref(), |options| {
            options.probe(&environment)?;
            architecture(options)
        })?;
        let runtime = OrtRuntime {
            environment,
            provider,
            deterministic: config.deterministic,
            dimensions: config.dimensions.clone(),
            shrink_memory: config.shrink_memory,
        };
        let provided = match &note {
            Some(note) => note.clone(),
            None if config.provider == ProviderChoice::Auto => "CUDA works here".into(),
            None => format!("engine.provider names {}", runtime.provider.provider.name()),
        };
        let why = format!("{} was loaded; {provided}", library.display());
        let (backend, dimensions) = (Backend::Onnxruntime(Box::new(runtime)), config.dimensions.clone());
        Ok(Self { backend, threads, version, why, architecture, note, dimensions })
    }

    fn tract(threads: usize, config: &EngineConfig, note: Option<String>) -> Self {
        let executor = if threads > 1 { Executor::multithread(threads) } else { Executor::SingleThread };
        set_default_executor(executor);
        let architecture = cpu::instruction_set().to_owned();
        let why = note.clone().unwrap_or_else(|| "engine.name names it".into());
        let (version, dimensions) = (TRACT_VERSION.into(), config.dimensions.clone());
        Self { backend: Backend::Tract, threads, version, why, architecture, note, dimensions }
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
        let running = format!("{} on {}", self.name(), self.provider().name());
        let wanted = format!("{:?} on {:?}", config.name, config.provider).to_lowercase();
        let text = format!("the engine is chosen once per process; it runs {running}, and {wanted} was asked for");
        Err(InferenceError::new(FailureKind::Engine, text))
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

    /// Why this engine and provider run here, as a person would say it.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// Each set of input shapes costs a plan, so shapes that change with every run are slow.
    pub fn plans_per_shape(&self) -> bool {
        matches!(self.backend, Backend::Tract)
    }

    /// What the hub is told.
    pub fn report(&self) -> shared::device::Engine {
        let provider = self.provider().name().into();
        shared::device::Engine { name: self.name().into(), version: self.version.clone(), provider }
    }

    /// The part of a receipt's determinism class that the engine decides: engines of one class draw equal bits.
    /// `precision` is that of the graphs, [`Graph::precision`].
    pub fn determinism_class(&self, precision: &str) -> String {
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

    /// The port with the sizes that the configuration gives its free dimensions.
    pub(crate) fn sized(&self, mut port: port::Port) -> port::Port {
        for dim in &mut port.dims {
            let port::Dim::Free(name) = dim else { continue };
            if let Some(size) = self.dimensions.get(name) {
                *dim = port::Dim::Fixed(*size as usize);
            }
        }
        port
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.backend
    }
}

fn load_library(library: &Path, threads: usize, config: &EngineConfig) -> Result<Environment> {
    onnxruntime::load_library(library, threads, config.spinning)
        .map_err(|reason| InferenceError::library(library, quote(&reason)))
}

/// Refuses a number of threads that no machine has.
fn check_threads(threads: usize) -> Result<()> {
    match threads {
        1..=THREADS_MAX => Ok(()),
        _ => {
            let text = format!("engine.threads is 1 to {THREADS_MAX}, got {threads}");
            Err(InferenceError::new(FailureKind::Config, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tract_computes_on_the_processor_only() {
        let provider = ProviderChoice::Cuda;
        let config = EngineConfig { name: EngineChoice::Tract, provider, ..EngineConfig::default() };
        let error = Engine::open(&config, &library::Search::default()).unwrap_err();
        assert!(error.to_string().contains("tract computes on the processor"), "{error}");
        let config = EngineConfig { name: EngineChoice::Auto, ..config };
        let error = Engine::open(&config, &library::Search::default()).unwrap_err();
        assert!(error.to_string().contains("cargo xtask engine"), "{error}");
    }

    #[test]
    fn threads_that_no_machine_has_are_refused_before_they_are_made() {
        for threads in [0, 99_999] {
            let config = EngineConfig { name: EngineChoice::Tract, threads: Some(threads), ..EngineConfig::default() };
            let error = Engine::open(&config, &library::Search::default()).unwrap_err().to_string();
            assert_eq!(error, format!("engine.threads is 1 to 1024, got {threads}"));
        }
    }

    #[test]
    fn the_reported_tract_is_the_locked_one() {
        let lock = std::fs::read_to_string(test_support::package_folder().join("../../../Cargo.lock")).unwrap();
        let locked = format!("name = \"tract-core\"\nversion = \"{TRACT_VERSION}\"");
        assert!(lock.contains(&locked), "Cargo.lock holds another tract than {TRACT_VERSION}");
    }
}
