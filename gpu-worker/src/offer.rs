//! What the worker tells the hub about itself, and what it asks for its work.

use shared::amount::{Amount, MICRO_PER_UNIT};
use shared::capability::{Capability, Device, DeviceKind, ModelOffer, NAME_MAX_CHARS};
use shared::job::image::ValidImageInput;

use crate::child::Loaded;
use crate::engine::cpu;
use crate::runtime::folder::ModelFolder;
use crate::runtime::image::layout::VAE_ENCODER;

/// AttoAIT that the proposed price earns in one second of work: 1 AIT.
pub const PROPOSED_EARNING_ATTO_PER_SECOND: u128 = 10_u128.pow(18);

/// Least and most that is proposed for one unit: 0.01 and 1 AIT.
pub const PROPOSED_PRICE_ATTO: (u128, u128) = (10_u128.pow(16), 10_u128.pow(18));

/// Proposed prices are multiples of this: 0.001 AIT.
const PRICE_STEP_ATTO: u128 = 10_u128.pow(15);

/// A price per unit at which this machine earns [`PROPOSED_EARNING_ATTO_PER_SECOND`], within the usual range.
pub fn proposed_price(micro_units_per_second: u64) -> Amount {
    let speed = u128::from(micro_units_per_second.max(1));
    let price = PROPOSED_EARNING_ATTO_PER_SECOND * u128::from(MICRO_PER_UNIT) / speed;
    let (least, most) = PROPOSED_PRICE_ATTO;
    Amount::from_atto((price / PRICE_STEP_ATTO * PRICE_STEP_ATTO).clamp(least, most))
}

/// The report for the registration.
pub fn capability(folder: &ModelFolder, loaded: &Loaded, unit_price: Amount, speed: u64) -> Capability {
    let manifest = folder.manifest();
    let offer = ModelOffer {
        model: manifest.name.clone(),
        kind: manifest.kind,
        manifest_sha256: folder.manifest_sha256(),
        unit_type: ValidImageInput::UNIT_TYPE,
        unit_price,
        measured_micro_units_per_second: speed,
        suggestions: manifest.suggestions.clone(),
        default_steps: manifest.default_steps,
        default_guidance: manifest.default_guidance,
        image_to_image: folder.has(VAE_ENCODER),
    };
    let device = Device {
        kind: DeviceKind::Cpu,
        name: cpu::model_name().chars().take(NAME_MAX_CHARS).collect(),
        cores: u32::try_from(loaded.threads).ok(),
        memory_bytes: cpu::memory_bytes(),
    };
    Capability {
        worker_version: env!("CARGO_PKG_VERSION").into(),
        engine: loaded.engine.clone(),
        devices: vec![device],
        offers: vec![offer],
        slots: 1,
        hardware: None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fast_machine_asks_less_per_unit_within_bounds() {
        assert_eq!(proposed_price(5_000_000).to_string(), "0.2");
        assert_eq!(proposed_price(3_000_000).to_string(), "0.333");
        assert_eq!(proposed_price(0).to_string(), "1");
        assert_eq!(proposed_price(u64::MAX).to_string(), "0.01");
    }

    proptest! {
        #[test]
        fn a_proposed_price_is_round_within_bounds_and_falls_with_speed(slow: u64, more: u64) {
            let price = |speed| proposed_price(speed).atto();
            let (least, most) = PROPOSED_PRICE_ATTO;
            prop_assert!((least..=most).contains(&price(slow)));
            prop_assert_eq!(price(slow) % PRICE_STEP_ATTO, 0);
            prop_assert!(price(slow.saturating_add(more)) <= price(slow));
        }
    }
}
