//! The worker's capability: what it tells the hub about itself, and its prices.

use inference::runtime::folder::ModelFolder;
use inference::runtime::image::layout::VAE_ENCODER;
use inference::runtime::ollama::folder::model_digest;
use shared::amount::{Amount, MICRO_PER_UNIT};
use shared::capability::{Capability, ModelOffer};
use shared::device::Device;
use shared::unit::UnitType;

use crate::child::Loaded;

/// AttoAIT that the proposed price earns in one second of work: 1 AIT.
pub const PROPOSED_EARNING_ATTO_PER_SECOND: u128 = 10_u128.pow(18);

/// Least and most that is proposed for one unit: 0.01 and 1 AIT, for a token a hundredth of that.
const fn proposed_range_atto(unit_type: UnitType) -> (u128, u128) {
    match unit_type {
        UnitType::Token => (10_u128.pow(14), 10_u128.pow(16)),
        UnitType::MegapixelStep => (10_u128.pow(16), 10_u128.pow(18)),
    }
}

/// A price per unit at which this machine earns [`PROPOSED_EARNING_ATTO_PER_SECOND`], within the usual range and in
/// tenths of its least.
pub fn proposed_price(unit_type: UnitType, micro_units_per_second: u64) -> Amount {
    let speed = u128::from(micro_units_per_second.max(1));
    let price = PROPOSED_EARNING_ATTO_PER_SECOND * u128::from(MICRO_PER_UNIT) / speed;
    let (least, most) = proposed_range_atto(unit_type);
    let step = least / 10;
    Amount::from_atto((price / step * step).clamp(least, most))
}

/// A model on offer, at a price and the speed that was measured.
///
/// # Errors
/// A folder of an Ollama model whose settings cannot be read.
pub fn model(folder: &ModelFolder, unit_price: Amount, speed: u64) -> inference::error::Result<ModelOffer> {
    let manifest = folder.manifest();
    Ok(ModelOffer {
        model: manifest.name.clone(),
        kind: manifest.kind,
        manifest_sha256: model_digest(folder)?,
        unit_type: manifest.kind.unit_type(),
        unit_price,
        measured_micro_units_per_second: speed,
        suggestions: manifest.suggestions.clone(),
        subjects: manifest.subjects.clone(),
        default_steps: manifest.default_steps,
        default_guidance: manifest.default_guidance,
        fast: manifest.fast,
        image_to_image: folder.has(VAE_ENCODER),
    })
}

/// The report for the registration: what the first device runs, all devices and offers, and how many jobs at once.
pub fn capability(loaded: &Loaded, devices: Vec<Device>, offers: Vec<ModelOffer>, slots: usize) -> Capability {
    Capability {
        worker_version: env!("CARGO_PKG_VERSION").into(),
        engine: loaded.engine.clone(),
        devices,
        offers,
        slots: u32::try_from(slots).unwrap_or(u32::MAX),
        hardware: None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fast_machine_asks_less_per_unit_within_bounds() {
        let price = |speed| proposed_price(UnitType::MegapixelStep, speed).to_string();
        assert_eq!(price(5_000_000), "0.2");
        assert_eq!(price(3_000_000), "0.333");
        assert_eq!(price(0), "1");
        assert_eq!(price(u64::MAX), "0.01");
        let price = |tokens_per_second: u64| proposed_price(UnitType::Token, tokens_per_second * 1_000_000).to_string();
        assert_eq!(price(20), "0.01");
        assert_eq!(price(300), "0.00333");
        assert_eq!(price(1_000_000), "0.0001");
    }

    proptest! {
        #[test]
        fn a_proposed_price_is_round_within_bounds_and_falls_with_speed(slow: u64, more: u64, token: bool) {
            let unit_type = if token { UnitType::Token } else { UnitType::MegapixelStep };
            let price = |speed| proposed_price(unit_type, speed).atto();
            let (least, most) = proposed_range_atto(unit_type);
            prop_assert!((least..=most).contains(&price(slow)));
            prop_assert_eq!(price(slow) % (least / 10), 0);
            prop_assert!(price(slow.saturating_add(more)) <= price(slow));
        }
    }
}
