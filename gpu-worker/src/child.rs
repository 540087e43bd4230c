//! The inference process and the pipe to it: frames of a little-endian u32 length and that many bytes of JSON.

pub mod death;
mod doubt;
pub mod environment;
mod flight;
pub mod pace;
mod pipe;
pub mod place;
pub mod process;
pub mod sandbox;
pub mod supervisor;
pub mod warm;

use std::path::PathBuf;
use std::time::Duration;

use inference::engine::EngineConfig;
use inference::engine::provider::ProviderChoice;
use inference::error::InferenceError;
use inference::runtime::manifests::Manifests;
use inference::runtime::{Output, StepReport};
use serde::{Deserialize, Serialize};
use shared::job::request::Work;

use self::sandbox::Confinement;
use crate::manifests;

/// Largest frame: sixteen pictures of the largest size in base64.
pub const FRAME_MAX_BYTES: usize = 128 << 20;

/// Section `[child]` of the worker's configuration: what holds for each inference process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChildConfig {
    /// A process that reports no step for so long is killed, unless its steps were slow before.
    pub hung_after_seconds: u64,
    /// A process that does not load a model within so long is killed.
    pub load_within_seconds: u64,
    /// Most private memory of the process; the machine's where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_max_bytes: Option<u64>,
    /// Base URL of an Ollama on another machine. Without it, only one on this machine is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ollama_url: Option<String>,
    /// How many bytes of models stay loaded, by the size of their files. The least recently used model is unloaded
    /// first.
    pub warm_max_bytes: u64,
}

impl Default for ChildConfig {
    fn default() -> Self {
        Self {
            hung_after_seconds: 60,
            // A minute more than Ollama has for it, because Ollama's error says more about a slow load than the end of
            // the process.
            load_within_seconds: 660,
            memory_max_bytes: None,
            ollama_url: None,
            warm_max_bytes: 8 << 30,
        }
    }
}

impl ChildConfig {
    /// No silence in a run that is shorter counts. TensorRT compiles in the midst of a run whatever shape is new to it,
    /// which takes as long as loading does.
    pub fn hung_after(&self, provider: ProviderChoice) -> Duration {
        let silence = Duration::from_secs(self.hung_after_seconds.max(1));
        if provider == ProviderChoice::Tensorrt { silence.max(self.load_within()) } else { silence }
    }

    pub fn load_within(&self) -> Duration {
        Duration::from_secs(self.load_within_seconds.max(1))
    }
}

/// What the process loads before it serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// Folder of the first model.
    pub model: PathBuf,
    /// Folders of the models that it may be asked for later. It can open no other.
    pub other_models: Vec<PathBuf>,
    pub engine: EngineConfig,
    /// The worker's data folder, near which the library may lie.
    pub data: Option<PathBuf>,
    pub child: ChildConfig,
}

impl Setup {
    /// Where the models' manifests are.
    pub fn manifests(&self) -> Manifests {
        self.data.as_deref().map(manifests::of_worker).unwrap_or_default()
    }
}

/// One job of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    pub id: u64,
    pub work: Work,
    /// Whether previews are drawn, until [`Request::Watched`] says otherwise.
    pub watched: bool,
}

/// From worker to process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// The first frame; answered like [`Self::Warm`], but the process ends where it fails.
    Load(Box<Setup>),
    /// Have this model loaded; where it is already, the answer is the one of its loading.
    Warm {
        model: PathBuf,
        /// Most jobs that its runs share; the model's own bound where absent.
        batch_max: Option<usize>,
    },
    /// Do these together, with a model that is warm.
    Run { model: PathBuf, jobs: Vec<Job> },
    /// Draw previews of the job from now on, or no more.
    Watched { id: u64, watched: bool },
    /// End the job at its next step.
    Cancel { id: u64 },
    /// Free everything, and end.
    Leave,
}

/// From process to worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    Loaded(Loaded),
    NotLoaded(InferenceError),
    Step { id: u64, report: StepReport },
    Done { id: u64, output: Output },
    Failed { id: u64, error: InferenceError },
}

/// A model that the process has loaded, and what runs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Loaded {
    pub engine: shared::device::Engine,
    pub threads: usize,
    /// Why the engine is not the preferred one.
    pub note: Option<String>,
    pub determinism_class: String,
    /// What keeps the process from everything else on the machine.
    #[serde(default)]
    pub confinement: Confinement,
    pub load_ms: u64,
    /// Jobs that share a run at most.
    pub batch_max: usize,
    /// Models that left for it.
    #[serde(default)]
    pub evicted: Vec<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiling_provider_may_be_silent_for_as_long_as_a_load_and_no_limit_is_nothing() {
        let config = ChildConfig { hung_after_seconds: 5, load_within_seconds: 300, ..ChildConfig::default() };
        assert_eq!(config.hung_after(ProviderChoice::Cuda), Duration::from_secs(5));
        assert_eq!(config.hung_after(ProviderChoice::Tensorrt), Duration::from_secs(300));
        let patient = ChildConfig { hung_after_seconds: 900, ..config };
        assert_eq!(patient.hung_after(ProviderChoice::Tensorrt), Duration::from_secs(900));
        let none = ChildConfig { hung_after_seconds: 0, load_within_seconds: 0, ..ChildConfig::default() };
        assert_eq!(
            (none.hung_after(ProviderChoice::Auto), none.load_within()),
            (Duration::from_secs(1), Duration::from_secs(1))
        );
    }
}
