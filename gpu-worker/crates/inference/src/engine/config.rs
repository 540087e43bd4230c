//! How the engine is chosen and set: section `[engine]` of a configuration file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::provider::{Provider, ProviderChoice, ProviderOptions};

/// Threads of one graph run. The largest servers have fewer cores; far more threads than cores only wait for each other.
pub const THREADS_MAX: usize = 1_024;

/// Which engine is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum EngineChoice {
    /// ONNX Runtime where its library is found, else tract.
    #[default]
    Auto,
    Onnxruntime,
    Tract,
}

impl EngineChoice {
    /// As worker.toml and the command line spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Onnxruntime => "onnxruntime",
            Self::Tract => "tract",
        }
    }
}

/// Section `[engine]` of a configuration file.
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
    /// Sizes for the free dimensions of graphs, by name, such as `batch = 2`: engines plan better for known sizes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<String, u32>,
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
            dimensions: BTreeMap::new(),
        }
    }
}

impl EngineConfig {
    pub(super) fn options(&self, provider: Provider, cache: Option<&PathBuf>) -> ProviderOptions {
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

    /// What to ask for where the process that found `provider` starts anew: in its place nothing else is wanted.
    pub fn settled(&self, provider: &str) -> ProviderChoice {
        if provider == Provider::Cuda.name() { ProviderChoice::Cuda } else { self.provider }
    }

    /// The provider that must be used, where the miner named one that is not the processor.
    pub fn named_gpu(&self) -> Option<Provider> {
        match self.provider {
            ProviderChoice::Cuda => Some(Provider::Cuda),
            ProviderChoice::Tensorrt => Some(Provider::TensorRt),
            ProviderChoice::Auto | ProviderChoice::Cpu => None,
        }
    }
}
