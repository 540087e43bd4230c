//! The inference engine: ONNX Runtime's library where there is one, the pure-Rust tract otherwise.
//!
//! `ort` keeps one process-wide table of functions, so the choice is made once, before the first graph is loaded, and
//! what was chosen is reported rather than assumed.

pub mod cpu;
pub mod graph;
pub mod library;
mod onnxruntime;
pub mod port;
mod tract;

use std::path::PathBuf;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use tract_linalg::multithread::{Executor, set_default_executor};

use crate::error::{Result, WorkerError, quote};
pub use graph::Graph;

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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineConfig {
    pub name: EngineChoice,
    /// Path of `libonnxruntime`; looked for where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub onnxruntime_library: Option<PathBuf>,
    /// Threads of one graph run; the physical cores where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
}

/// The engine that this process runs.
#[derive(Debug, Clone)]
pub struct Engine {
    backend: Backend,
    threads: usize,
    version: String,
    note: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) enum Backend {
    Onnxruntime { environment: ort::environment::Environment },
    Tract,
}

/// Release of tract; a test compares it with the lock file.
pub const TRACT_VERSION: &str = "0.23.9";

static RUNNING: OnceLock<Engine> = OnceLock::new();

impl Engine {
    /// Starts the engine, or hands out the one that runs already.
    ///
    /// # Errors
    /// A library that was named but cannot be loaded, and a second call that wants another engine.
    pub fn start(config: &EngineConfig, search: &library::Search) -> Result<&'static Self> {
        if let Some(running) = RUNNING.get() {
            return running.serves(config);
        }
        let engine = Self::choose(config, search)?;
        Ok(RUNNING.get_or_init(|| engine))
    }

    fn choose(config: &EngineConfig, search: &library::Search) -> Result<Self> {
        let threads = config.threads.unwrap_or_else(cpu::physical_cores).max(1);
        if config.name == EngineChoice::Tract {
            return Ok(Self::tract(threads, None));
        }
        match library::find(config.onnxruntime_library.as_deref(), search) {
            library::Found::Named(path) => Self::onnxruntime(path, threads),
            library::Found::Discovered(path) => match Self::onnxruntime(path, threads) {
                Err(WorkerError::Library { path, reason }) if config.name == EngineChoice::Auto => {
                    Ok(Self::tract(threads, Some(format!("{} cannot be used: {reason}", path.display()))))
                }
                chosen => chosen,
            },
            library::Found::Nothing if config.name == EngineChoice::Auto => {
                Ok(Self::tract(threads, Some("ONNX Runtime's library was not found".into())))
            }
            library::Found::Nothing => Err(WorkerError::Library {
                path: PathBuf::from(library::FILE_NAME),
                reason: format!(
                    "it was not found; set engine.onnxruntime_library or {}",
                    library::ENVIRONMENT_VARIABLE
                ),
            }),
        }
    }

    fn onnxruntime(library: PathBuf, threads: usize) -> Result<Self> {
        let environment = onnxruntime::load_library(&library)
            .map_err(|reason| WorkerError::Library { path: library.clone(), reason: quote(&reason) })?;
        let version = library::version(ort::info(), &library);
        Ok(Self { backend: Backend::Onnxruntime { environment }, threads, version, note: None })
    }

    fn tract(threads: usize, note: Option<String>) -> Self {
        let executor = if threads > 1 { Executor::multithread(threads) } else { Executor::SingleThread };
        set_default_executor(executor);
        Self { backend: Backend::Tract, threads, version: TRACT_VERSION.into(), note }
    }

    fn serves(&'static self, config: &EngineConfig) -> Result<&'static Self> {
        let fits = match config.name {
            EngineChoice::Auto => true,
            EngineChoice::Onnxruntime => !matches!(self.backend, Backend::Tract),
            EngineChoice::Tract => matches!(self.backend, Backend::Tract),
        };
        if fits {
            return Ok(self);
        }
        Err(WorkerError::EngineChosen {
            running: self.name().into(),
            wanted: format!("{:?}", config.name).to_lowercase(),
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

    /// Why the engine is not the preferred one.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// What the hub is told.
    pub fn report(&self) -> shared::capability::Engine {
        shared::capability::Engine { name: self.name().into(), version: self.version.clone(), provider: "CPU".into() }
    }

    /// The part of a receipt's determinism class that the engine decides: engines of one class draw equal bits.
    pub fn determinism_class(&self) -> String {
        format!("{}-{}/CPU/{}/f32", self.name(), self.version, cpu::instruction_set())
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.backend
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reported_tract_is_the_locked_one() {
        let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock")).unwrap();
        let locked = format!("name = \"tract-core\"\nversion = \"{TRACT_VERSION}\"");
        assert!(lock.contains(&locked), "Cargo.lock holds another tract than {TRACT_VERSION}");
    }
}
