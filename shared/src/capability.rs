//! What a miner says of itself when it registers: engine, devices, models, measured speed and prices.

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::digest::Sha256Digest;
use crate::hardware::SignedHardwareReport;
use crate::job::JobKind;
use crate::receipt::UnitType;

pub const OFFERS_MAX: usize = 64;
pub const DEVICES_MAX: usize = 64;
pub const NAME_MAX_CHARS: usize = 100;

/// A miner's report about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Capability {
    pub worker_version: String,
    pub engine: Engine,
    pub devices: Vec<Device>,
    pub offers: Vec<ModelOffer>,
    /// Jobs that it runs at once.
    pub slots: u32,
    /// The machine as its probe measured it, where the miner has run one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware: Option<SignedHardwareReport>,
}

/// The inference engine really in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Engine {
    /// `onnxruntime`, `tract` or `ollama`.
    pub name: String,
    pub version: String,
    /// Execution provider, `CPU` or `CUDA`.
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

/// A model that the miner serves, and for how much.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelOffer {
    pub model: String,
    pub kind: JobKind,
    /// SHA-256 of the model's manifest, which pins all its files; for Ollama's models, the digest that it states.
    pub manifest_sha256: Sha256Digest,
    pub unit_type: UnitType,
    /// AttoAIT per whole unit.
    pub unit_price: Amount,
    /// Speed as the miner measured it, in micro-units per second.
    pub measured_micro_units_per_second: u64,
    /// Prompts that show the model at its best.
    pub suggestions: Vec<String>,
    /// Words of which a prompt should name one; empty where the model knows nearly everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
    /// Of picture models, 0 for others.
    pub default_steps: u32,
    /// Of picture models, 0 for others.
    pub default_guidance: f32,
    /// Pictures may start from a picture.
    #[serde(default)]
    pub image_to_image: bool,
}
