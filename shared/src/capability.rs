//! What a miner states about itself at registration: engine, devices, models, measured speed and prices.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::device::{DEVICES_MAX, Device, DeviceKind, Engine, NAME_MAX_CHARS, PROCESSOR};
use crate::digest::Sha256Digest;
use crate::hardware::{QUANTITY_MAX, SignedHardwareReport};
use crate::job::JobKind;
use crate::job::image::PictureDefaults;
use crate::unit::UnitType;

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

/// Why the devices that a miner states cannot be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    #[error("devices has 1 to {DEVICES_MAX} entries, got {0}")]
    Count(usize),
    #[error("a device's name is 1 to {NAME_MAX_CHARS} characters, got {0}")]
    Name(usize),
    #[error("a device has up to {QUANTITY_MAX} bytes of memory, got {0}")]
    Memory(u64),
    #[error("a GPU has no cores to report, and a processor has at least one: {name} says {cores:?}")]
    Cores { name: String, cores: Option<u32> },
    #[error("the engine computes on {provider}, but devices names no GPU")]
    NoGpu { provider: String },
    #[error("{name} is among devices, but not in the hardware report: measure again with `gpu-worker bench`")]
    Unmeasured { name: String },
}

/// Two offers that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("offers has the {} model `{model}` twice, for {} and {} AIT: a model of a kind has one price", .kind.as_str(), .unit_prices[0], .unit_prices[1])]
pub struct OfferedTwice {
    pub model: String,
    pub kind: JobKind,
    pub unit_prices: [Amount; 2],
}

impl Capability {
    /// Refuses two offers of one model: hub and miner could each take another one.
    pub fn check_offers(&self) -> Result<(), OfferedTwice> {
        let mut prices = BTreeMap::new();
        self.offers.iter().try_for_each(|ModelOffer { model, kind, unit_price, .. }| {
            match prices.insert((kind.as_str(), model), *unit_price) {
                Some(first) => {
                    Err(OfferedTwice { model: model.clone(), kind: *kind, unit_prices: [first, *unit_price] })
                }
                None => Ok(()),
            }
        })
    }

    /// Refuses devices that contradict themselves, the engine or the hardware report.
    pub fn check_devices(&self) -> Result<(), DeviceError> {
        let Self { engine, devices, hardware, .. } = self;
        if !(1..=DEVICES_MAX).contains(&devices.len()) {
            return Err(DeviceError::Count(devices.len()));
        }
        devices.iter().try_for_each(Device::check)?;
        let has_gpu = devices.iter().any(|device| device.kind == DeviceKind::Gpu);
        if engine.provider != PROCESSOR && !has_gpu {
            return Err(DeviceError::NoGpu { provider: engine.provider.clone() });
        }
        let Some(signed) = hardware else { return Ok(()) };
        let is_unmeasured = |device: &&Device| !signed.report.lists(device);
        match devices.iter().find(is_unmeasured) {
            Some(device) => Err(DeviceError::Unmeasured { name: device.name.clone() }),
            None => Ok(()),
        }
    }
}

impl Device {
    fn check(&self) -> Result<(), DeviceError> {
        let Self { kind, name, cores, memory_bytes } = self;
        let chars = name.chars().count();
        if !(1..=NAME_MAX_CHARS).contains(&chars) {
            return Err(DeviceError::Name(chars));
        }
        if *memory_bytes > QUANTITY_MAX {
            return Err(DeviceError::Memory(*memory_bytes));
        }
        match (kind, cores) {
            (DeviceKind::Cpu, Some(1..)) | (DeviceKind::Gpu, None) => Ok(()),
            _ => Err(DeviceError::Cores { name: name.clone(), cores: *cores }),
        }
    }
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
    #[serde(deserialize_with = "crate::finite::deserialize")]
    pub default_guidance: f32,
    /// Of picture models with a setting for few steps, which jobs ask for by the scheduler `fast`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast: Option<PictureDefaults>,
    /// Pictures may start from a picture.
    #[serde(default)]
    pub image_to_image: bool,
}

impl ModelOffer {
    /// Steps and guidance of a picture whose request names none.
    pub fn defaults(&self) -> PictureDefaults {
        PictureDefaults { steps: self.default_steps, guidance: self.default_guidance }
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, Bytes};

    use super::*;
    use crate::hardware::{HardwareReport, METHOD, MeasuredDevice};
    use crate::time::UnixMillis;

    fn device(kind: DeviceKind, name: &str) -> Device {
        Device { kind, name: name.into(), cores: (kind == DeviceKind::Cpu).then_some(2), memory_bytes: 1 << 33 }
    }

    fn capability(provider: &str, devices: Vec<Device>) -> Capability {
        let engine = Engine { name: "onnxruntime".into(), version: "1".into(), provider: provider.into() };
        Capability { worker_version: "1".into(), engine, devices, offers: vec![], slots: 1, hardware: None }
    }

    fn measured(device: &Device) -> SignedHardwareReport {
        let report = HardwareReport {
            miner: Address::ZERO,
            worker_version: "1".into(),
            method: METHOD.into(),
            measured_at_unix_ms: UnixMillis(1),
            devices: vec![MeasuredDevice::unmeasured(device.clone(), "host")],
            models: vec![],
        };
        SignedHardwareReport { report, signature: Bytes::new() }
    }

    #[test]
    fn devices_agree_with_engine_and_report() {
        let (cpu, gpu) = (device(DeviceKind::Cpu, "A processor"), device(DeviceKind::Gpu, "A card"));
        assert_eq!(capability("CPU", vec![cpu.clone()]).check_devices(), Ok(()));
        assert_eq!(capability("CUDA", vec![gpu.clone(), cpu.clone()]).check_devices(), Ok(()));
        let no_gpu = DeviceError::NoGpu { provider: "CUDA".into() };
        assert_eq!(capability("CUDA", vec![cpu.clone()]).check_devices(), Err(no_gpu));
        let with =
            |report: &Device| Capability { hardware: Some(measured(report)), ..capability("CUDA", vec![gpu.clone()]) };
        assert_eq!(with(&gpu).check_devices(), Ok(()));
        assert_eq!(with(&cpu).check_devices(), Err(DeviceError::Unmeasured { name: "A card".into() }));
    }

    #[test]
    fn a_model_is_offered_once_per_kind() {
        let offer = |model: &str, kind, price| ModelOffer {
            model: model.into(),
            kind,
            manifest_sha256: Sha256Digest::of(b"manifest"),
            unit_type: UnitType::Token,
            unit_price: Amount::from_ait(price),
            measured_micro_units_per_second: 1,
            suggestions: vec![],
            subjects: vec![],
            default_steps: 0,
            default_guidance: 0.0,
            fast: None,
            image_to_image: false,
        };
        let mut capability = capability("CPU", vec![]);
        capability.offers = vec![
            offer("words", JobKind::Text, 1),
            offer("words", JobKind::Embedding, 1),
            offer("letters", JobKind::Text, 1),
        ];
        assert_eq!(capability.check_offers(), Ok(()));
        capability.offers.push(offer("words", JobKind::Text, 3));
        let error = capability.check_offers().unwrap_err().to_string();
        let said = "offers has the text model `words` twice, for 1 and 3 AIT: a model of a kind has one price";
        assert_eq!(error, said);
    }

    #[test]
    fn a_device_that_cannot_be_is_refused() {
        let cpu = device(DeviceKind::Cpu, "A processor");
        let one = |device| capability("CPU", vec![device]).check_devices();
        assert_eq!(capability("CPU", vec![]).check_devices(), Err(DeviceError::Count(0)));
        assert_eq!(capability("CPU", vec![cpu.clone(); 65]).check_devices(), Err(DeviceError::Count(65)));
        assert_eq!(one(Device { name: String::new(), ..cpu.clone() }), Err(DeviceError::Name(0)));
        let memory_bytes = QUANTITY_MAX + 1;
        assert_eq!(one(Device { memory_bytes, ..cpu.clone() }), Err(DeviceError::Memory(memory_bytes)));
        assert!(matches!(one(Device { cores: None, ..cpu.clone() }), Err(DeviceError::Cores { .. })));
        let gpu = Device { kind: DeviceKind::Gpu, ..cpu };
        assert!(matches!(one(gpu), Err(DeviceError::Cores { .. })));
    }
}
