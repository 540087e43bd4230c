//! The devices and the engine of a miner's machine, and how much a miner may state about them.

use serde::{Deserialize, Serialize};

/// Most models that a miner offers, and most timings in its hardware report.
pub const OFFERS_MAX: usize = 64;

pub const DEVICES_MAX: usize = 32;
pub const NAME_MAX_CHARS: usize = 100;

/// The execution provider that computes on the processor.
pub const PROCESSOR: &str = "CPU";

/// The inference engine really in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Engine {
    /// `onnxruntime`, `tract` or `ollama`.
    pub name: String,
    pub version: String,
    /// Execution provider, such as [`PROCESSOR`] or `CUDA`.
    pub provider: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    Cpu,
    Gpu,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Device {
    pub kind: DeviceKind,
    pub name: String,
    /// Cores that the engine uses; absent for a GPU.
    pub cores: Option<u32>,
    pub memory_bytes: u64,
}
