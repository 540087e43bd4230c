//! What a miner's machine is and does, as its own probe measured it, and the signature that makes the miner answer for
//! it.
//!
//! The signature is EIP-191 (`personal_sign`) over the report's RFC 8785 form, so any Ethereum wallet library verifies
//! it. A report is a claim, not a proof.

use alloy_primitives::{Address, Bytes};
use serde::{Deserialize, Serialize};

use crate::canonical::CanonicalError;
#[cfg(feature = "signing")]
use crate::canonical::canonical_json;
use crate::device::{DEVICES_MAX, Device, Engine, NAME_MAX_CHARS, OFFERS_MAX};
use crate::digest::Sha256Digest;
use crate::job::request::MODEL_NAME_MAX_CHARS;
use crate::time::UnixMillis;
use crate::unit::UnitType;

/// Name of the method that `docs/protocol/hardware.md` describes. Another method gets another name.
pub const METHOD: &str = "aitbc-probe/1";

/// Most that any number of a report may be; a million times today's fastest device, and exact in every JSON reader.
pub const QUANTITY_MAX: u64 = 1_000_000_000_000_000;

/// Most samples behind one rate.
pub const SAMPLES_MAX: u32 = 1_000;

/// Remarks on one device.
pub const NOTES_MAX: usize = 8;

pub const NOTE_MAX_CHARS: usize = 200;

/// Reasons for which a device runs slower than it can.
pub const THROTTLES_MAX: usize = 16;

/// A signed report as JSON. One that has every list and every text at its bound fits, in ASCII.
pub const REPORT_MAX_BYTES: usize = 192 << 10;

/// The signature in hex, and the names around it and the report.
const SIGNATURE_JSON_BYTES: usize = 200;

/// How far a miner's clock may be ahead of the hub's.
pub const CLOCK_AHEAD_MAX_MS: u64 = 120_000;

/// A machine as its own probe measured it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HardwareReport {
    /// Whose machine it is, and who signs.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub miner: Address,
    pub worker_version: String,
    /// [`METHOD`], or that of another version of the worker.
    pub method: String,
    pub measured_at_unix_ms: UnixMillis,
    pub devices: Vec<MeasuredDevice>,
    pub models: Vec<ModelTiming>,
}

/// A processor or a graphics adapter, and how fast it computes. What could not be measured is absent, and `notes` says
/// why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MeasuredDevice {
    pub device: Device,
    /// A renderer that computes on the processor but is listed as a graphics adapter.
    pub software: bool,
    /// How it was reached: `host`, `Vulkan` or `Metal`.
    pub interface: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// `0000:01:00.0`: domain, bus, device, function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pci_bus_id: Option<String>,
    /// CUDA's, as `8.9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute_capability: Option<String>,
    /// Million single-precision operations per second; a fused multiply-add counts as two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fp32_mflop_per_second: Option<Rate>,
    /// The same in half precision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fp16_mflop_per_second: Option<Rate>,
    /// What the maker's core count and highest clock allow in single precision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fp32_peak_mflop_per_second: Option<u64>,
    /// Million bytes per second, read and written both counted, over buffers far larger than the caches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_mb_per_second: Option<Rate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The state that a device was in right after the measurement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Condition {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_free_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature_celsius: Option<u32>,
    /// What the device drew while it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_millijoules: Option<u64>,
    /// Why the device ran slower than it can, in the driver's words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub throttled_by: Vec<String>,
}

/// How fast a device serves a model, from request to encoded answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ModelTiming {
    pub model: String,
    /// SHA-256 of the model's manifest, which pins all its files.
    pub manifest_sha256: Sha256Digest,
    pub engine: Engine,
    pub threads: u32,
    pub unit_type: UnitType,
    pub micro_units_per_second: Rate,
}

/// Several measurements of one rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Rate {
    pub median: u64,
    pub min: u64,
    pub max: u64,
    pub samples: u32,
    /// The median by the device's own clock, beside the wall's, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_by_device_clock: Option<u64>,
}

/// A report with its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignedHardwareReport {
    pub report: HardwareReport,
    /// EIP-191 over the report's RFC 8785 form.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: Bytes,
}

/// Why a report is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("the report has no canonical form: {0}")]
    Canonical(#[from] CanonicalError),
    #[cfg(feature = "signing")]
    #[error("signature: {0}")]
    Signature(#[from] crate::signing::SignatureError),
    #[error("it is signed by {signer}, but its miner is {miner}: it was altered, or signed with another key")]
    NotTheMiner { signer: Address, miner: Address },
    #[error("its miner is {miner}, but {registrant} handed it in")]
    OtherMiner { miner: Address, registrant: Address },
    #[error(
        "it was measured {ahead_ms} ms in the future, more than the {CLOCK_AHEAD_MAX_MS} ms that clocks may differ"
    )]
    Future { ahead_ms: u64 },
    #[error("{field} {bound}, got {got}")]
    Bound { field: &'static str, bound: String, got: String },
}

impl HardwareReport {
    /// The RFC 8785 form that is signed.
    #[cfg(feature = "signing")]
    pub fn canonical_json(&self) -> Result<String, CanonicalError> {
        canonical_json(self)
    }

    /// Whether it is about a device of this kind and name. Memory and cores are left aside: a system may keep some of
    /// either for itself from one start to the next.
    pub fn lists(&self, device: &Device) -> bool {
        self.devices.iter().any(|measured| (measured.device.kind, &measured.device.name) == (device.kind, &device.name))
    }

    /// Refuses what is longer, more or greater than any real machine's report.
    pub fn check_bounds(&self) -> Result<(), ReportError> {
        at_most("worker_version", NAME_MAX_CHARS, self.worker_version.chars().count(), "characters")?;
        at_most("method", NAME_MAX_CHARS, self.method.chars().count(), "characters")?;
        at_most("devices", DEVICES_MAX, self.devices.len(), "entries")?;
        at_most("models", OFFERS_MAX, self.models.len(), "entries")?;
        self.devices.iter().try_for_each(MeasuredDevice::check_bounds)?;
        self.models.iter().try_for_each(ModelTiming::check_bounds)?;
        let bytes = serde_json::to_vec(self).map_err(CanonicalError::Json)?.len() + SIGNATURE_JSON_BYTES;
        at_most("the whole", REPORT_MAX_BYTES, bytes, "bytes")
    }
}

impl MeasuredDevice {
    /// A device of which nothing is measured yet.
    pub fn unmeasured(device: Device, interface: &str) -> Self {
        Self {
            device,
            software: false,
            interface: interface.to_owned(),
            driver: None,
            pci_bus_id: None,
            compute_capability: None,
            fp32_mflop_per_second: None,
            fp16_mflop_per_second: None,
            fp32_peak_mflop_per_second: None,
            copy_mb_per_second: None,
            condition: None,
            notes: Vec::new(),
        }
    }

    fn check_bounds(&self) -> Result<(), ReportError> {
        let texts = [Some(&self.device.name), Some(&self.interface), self.driver.as_ref(), self.pci_bus_id.as_ref()];
        for text in texts.into_iter().chain([self.compute_capability.as_ref()]).flatten() {
            at_most("devices: a name", NAME_MAX_CHARS, text.chars().count(), "characters")?;
        }
        at_most("devices.notes", NOTES_MAX, self.notes.len(), "entries")?;
        for note in &self.notes {
            at_most("devices.notes", NOTE_MAX_CHARS, note.chars().count(), "characters")?;
        }
        quantity("devices.device.memory_bytes", self.device.memory_bytes)?;
        quantity("devices.fp32_peak_mflop_per_second", self.fp32_peak_mflop_per_second.unwrap_or(0))?;
        let rates = [
            ("devices.fp32_mflop_per_second", self.fp32_mflop_per_second),
            ("devices.fp16_mflop_per_second", self.fp16_mflop_per_second),
            ("devices.copy_mb_per_second", self.copy_mb_per_second),
        ];
        for (field, rate) in rates {
            rate.map_or(Ok(()), |rate| rate.check_bounds(field))?;
        }
        self.condition.as_ref().map_or(Ok(()), Condition::check_bounds)
    }
}

impl Condition {
    fn check_bounds(&self) -> Result<(), ReportError> {
        quantity("devices.condition.memory_free_bytes", self.memory_free_bytes.unwrap_or(0))?;
        quantity("devices.condition.energy_millijoules", self.energy_millijoules.unwrap_or(0))?;
        at_most("devices.condition.throttled_by", THROTTLES_MAX, self.throttled_by.len(), "entries")?;
        self.throttled_by.iter().try_for_each(|reason| {
            at_most("devices.condition.throttled_by", NAME_MAX_CHARS, reason.chars().count(), "characters")
        })
    }
}

impl ModelTiming {
    fn check_bounds(&self) -> Result<(), ReportError> {
        at_most("models.model", MODEL_NAME_MAX_CHARS, self.model.chars().count(), "characters")?;
        for name in [&self.engine.name, &self.engine.version, &self.engine.provider] {
            at_most("models.engine: a name", NAME_MAX_CHARS, name.chars().count(), "characters")?;
        }
        self.micro_units_per_second.check_bounds("models.micro_units_per_second")
    }
}

impl Rate {
    fn check_bounds(&self, field: &'static str) -> Result<(), ReportError> {
        let Self { median, min, max, samples, median_by_device_clock } = *self;
        quantity(field, max)?;
        quantity(field, median_by_device_clock.unwrap_or(0))?;
        if !(1..=SAMPLES_MAX).contains(&samples) {
            let bound = format!("has 1 to {SAMPLES_MAX} samples");
            return Err(ReportError::Bound { field, bound, got: samples.to_string() });
        }
        if min <= median && median <= max {
            return Ok(());
        }
        let bound = "has its median between min and max".to_owned();
        Err(ReportError::Bound { field, bound, got: format!("{min}, {median}, {max}") })
    }
}

fn at_most(field: &'static str, limit: usize, got: usize, what: &str) -> Result<(), ReportError> {
    if got <= limit {
        return Ok(());
    }
    Err(ReportError::Bound { field, bound: format!("has up to {limit} {what}"), got: got.to_string() })
}

fn quantity(field: &'static str, got: u64) -> Result<(), ReportError> {
    if got <= QUANTITY_MAX {
        return Ok(());
    }
    Err(ReportError::Bound { field, bound: format!("is up to {QUANTITY_MAX}"), got: got.to_string() })
}

#[cfg(feature = "signing")]
impl SignedHardwareReport {
    /// Signs a report with the key of its miner.
    ///
    /// # Errors
    /// Where the report is out of bounds, or the key is another account's.
    pub fn sign(report: HardwareReport, key: &crate::signing::PrivateKey) -> Result<Self, ReportError> {
        report.check_bounds()?;
        let (signer, miner) = (key.address(), report.miner);
        if signer != miner {
            return Err(ReportError::NotTheMiner { signer, miner });
        }
        let signature = key.sign_message(report.canonical_json()?.as_bytes())?;
        Ok(Self { report, signature })
    }

    /// Checks bounds, signature, that `registrant` reports about itself, and that the report is not of the future.
    pub fn check(&self, registrant: Address, now: UnixMillis) -> Result<(), ReportError> {
        let Self { report, signature } = self;
        report.check_bounds()?;
        let signer = crate::signing::recover_message(report.canonical_json()?.as_bytes(), signature)?;
        if signer != report.miner {
            return Err(ReportError::NotTheMiner { signer, miner: report.miner });
        }
        if report.miner != registrant {
            return Err(ReportError::OtherMiner { miner: report.miner, registrant });
        }
        let ahead_ms = report.measured_at_unix_ms.since_ms(now);
        if ahead_ms > CLOCK_AHEAD_MAX_MS { Err(ReportError::Future { ahead_ms }) } else { Ok(()) }
    }
}
