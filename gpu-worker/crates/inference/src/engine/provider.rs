//! Execution providers: what ONNX Runtime computes on, with which options, and whether it works here.

use std::path::PathBuf;

use ort::environment::Environment;
use ort::ep::{ArenaExtendStrategy, CPU, CUDA, ExecutionProviderDispatch, TensorRT, cuda::ConvAlgorithmSearch};
use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
use ort::session::Session;
use ort::session::builder::SessionBuilder;
use serde::{Deserialize, Serialize};

/// Which execution provider the miner wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum ProviderChoice {
    /// CUDA where it works, else the processor; what did not work is reported.
    #[default]
    Auto,
    Cpu,
    Cuda,
    /// NVIDIA's compiler for graphs. Its first run of a graph takes minutes, so it is used only where the configuration
    /// names it.
    Tensorrt,
}

/// The execution provider in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    Cpu,
    Cuda,
    TensorRt,
}

impl Provider {
    /// As reports name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Cuda => "CUDA",
            Self::TensorRt => "TensorRT",
        }
    }

    /// What to do when it cannot be used.
    pub fn mend(self) -> &'static str {
        match self {
            Self::Cpu => "fetch the library again with `cargo xtask engine cpu`",
            Self::Cuda => {
                "install NVIDIA's driver, CUDA 13 and cuDNN 9 and fetch the library with `cargo xtask engine cuda`, \
                 or set engine.provider = \"cpu\""
            }
            Self::TensorRt => {
                "install TensorRT 10 beside CUDA 13 and fetch the library with `cargo xtask engine cuda`, \
                 or set engine.provider = \"cuda\" or \"cpu\""
            }
        }
    }
}

/// An execution provider with its options.
#[derive(Debug, Clone)]
pub(crate) struct ProviderOptions {
    pub(crate) provider: Provider,
    /// Index of the GPU, in the driver's order.
    pub(crate) device: u32,
    /// Bound of the arena that activations and weights live in on a GPU.
    pub(crate) memory_limit_bytes: Option<u64>,
    /// Convolutions and matrix products in TF32: 10 bits of mantissa for twice the speed.
    pub(crate) tf32: bool,
    /// TensorRT computes in f16 what it may.
    pub(crate) half_precision: bool,
    /// Record a graph's kernels once for each set of shapes, and replay them.
    pub(crate) cuda_graph: bool,
    /// Where TensorRT keeps compiled graphs.
    pub(crate) cache: Option<PathBuf>,
}

impl ProviderOptions {
    /// In the order of preference, the last one taking what the others cannot run. All of them must register: ONNX
    /// Runtime itself would continue without them and say nothing.
    pub(super) fn dispatches(&self) -> Vec<ExecutionProviderDispatch> {
        let mut list = Vec::new();
        if self.provider == Provider::TensorRt {
            list.push(self.tensorrt().build());
        }
        if self.provider != Provider::Cpu {
            list.push(self.cuda().build());
        }
        list.push(CPU::default().with_arena_allocator(true).build());
        list.into_iter().map(ExecutionProviderDispatch::error_on_failure).collect()
    }

    fn device_id(&self) -> i32 {
        i32::try_from(self.device).unwrap_or(i32::MAX)
    }

    fn cuda(&self) -> CUDA {
        // The arena grows by what is asked for, not by powers of two; convolutions are chosen by rule, since a search
        // by trial takes seconds for each new size and may choose differently each time.
        let cuda = CUDA::default()
            .with_device_id(self.device_id())
            .with_arena_extend_strategy(ArenaExtendStrategy::SameAsRequested)
            .with_conv_algorithm_search(ConvAlgorithmSearch::Heuristic)
            .with_conv_max_workspace(true)
            .with_tf32(self.tf32)
            .with_cuda_graph(self.cuda_graph && self.provider == Provider::Cuda);
        match self.memory_limit_bytes {
            Some(limit) => cuda.with_memory_limit(usize::try_from(limit).unwrap_or(usize::MAX)),
            None => cuda,
        }
    }

    fn tensorrt(&self) -> TensorRT {
        let tensorrt = TensorRT::default()
            .with_device_id(self.device_id())
            .with_fp16(self.half_precision)
            .with_layer_norm_fp32_fallback(self.half_precision)
            .with_cuda_graph(self.cuda_graph);
        match &self.cache {
            Some(cache) => tensorrt
                .with_engine_cache(true)
                .with_engine_cache_path(cache.display())
                .with_timing_cache(true)
                .with_timing_cache_path(cache.display()),
            None => tensorrt,
        }
    }

    /// Where tensors lie that stay with the engine.
    pub(super) fn memory(&self) -> ort::Result<MemoryInfo<'static>> {
        let (device, id) = match self.provider {
            Provider::Cpu => (AllocationDevice::CPU, 0),
            Provider::Cuda | Provider::TensorRt => (AllocationDevice::CUDA, self.device_id()),
        };
        MemoryInfo::new(device, id, AllocatorType::Device, MemoryType::Default)
    }

    /// The arenas that a run may give back, as ONNX Runtime's run options name them.
    pub(super) fn arenas(&self) -> String {
        match self.provider {
            Provider::Cpu => "cpu:0".into(),
            Provider::Cuda | Provider::TensorRt => format!("cpu:0;gpu:{}", self.device),
        }
    }

    /// Registers the provider and runs one node on it: a library without the provider, a missing driver and an absent
    /// device show here, before a model is loaded.
    pub(super) fn probe(&self, environment: &Environment) -> Result<(), String> {
        let text = |error: ort::Error| error.to_string();
        let builder = self.register(Session::builder(environment).map_err(text)?)?;
        let mut builder = match self.provider {
            Provider::Cpu => builder,
            Provider::Cuda | Provider::TensorRt => builder.with_disable_cpu_fallback().map_err(|e| e.to_string())?,
        };
        builder.commit_from_memory(PROBE_GRAPH).map(drop).map_err(text)
    }

    pub(super) fn register(&self, builder: SessionBuilder) -> Result<SessionBuilder, String> {
        if let Some(cache) = self.cache.as_ref().filter(|_| self.provider == Provider::TensorRt) {
            std::fs::create_dir_all(cache).map_err(|error| format!("{}: {error}", cache.display()))?;
        }
        builder.with_execution_providers(self.dispatches()).map_err(|error| error.to_string())
    }
}

/// `y = Neg(x)` on one f32: `ModelProto { ir_version: 8, graph: "p", opset 13 }` as `onnx.helper` writes it.
const PROBE_GRAPH: &[u8] =
    b"\x08\x08:2\n\x0b\n\x01x\x12\x01y\"\x03Neg\x12\x01pZ\x0f\n\x01x\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01b\x0f\n\
      \x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\r";
