//! What this hub accepts as a price, beside the minter's own limits.
//!
//! A miner states its price itself, and in mint mode nobody pays it, so nothing but a limit keeps it low.

use shared::amount::{ATTO_PER_AIT, Amount};
use shared::capability::{Capability, ModelOffer};
use shared::unit::UnitType;

/// Highest price of a picture, of a megapixel step, and of a second of a device.
const WORK_MAX: Amount = Amount::from_atto(2 * ATTO_PER_AIT);

/// Highest price of a token: 0.01 AIT.
const TOKEN_MAX: Amount = Amount::from_atto(ATTO_PER_AIT / 100);

/// An offer that asks for more than this hub lets a unit cost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("offers: the model `{model}` asks {price} AIT per {unit_type}, above this hub's limit of {limit} AIT")]
pub struct AboveLimit {
    pub model: String,
    pub unit_type: UnitType,
    pub price: Amount,
    pub limit: Amount,
}

/// The highest price of one whole unit.
pub const fn max_unit_price(unit_type: UnitType) -> Amount {
    match unit_type {
        UnitType::MegapixelStep => WORK_MAX,
        UnitType::Token => TOKEN_MAX,
    }
}

/// Refuses an offer above the limit of its unit.
pub fn check(offer: &ModelOffer) -> Result<(), AboveLimit> {
    let ModelOffer { model, unit_type, unit_price: price, .. } = offer;
    let limit = max_unit_price(*unit_type);
    if *price <= limit {
        return Ok(());
    }
    Err(AboveLimit { model: model.clone(), unit_type: *unit_type, price: *price, limit })
}

/// Refuses a registration with an offer above the limit of its unit.
pub fn check_all(capability: &Capability) -> Result<(), AboveLimit> {
    capability.offers.iter().try_for_each(check)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::amount::MicroUnits;
    use shared::job::image::{COUNT_MAX, SIZE_MAX_PX, STEPS_MAX};

    use super::*;
    use crate::board::fixtures::{capability, offer};

    /// A row of the store holds no more, and a job whose amount does not fit could never be stored.
    const ROW_MAX_AIT: u64 = 1_000_000_000_000;

    #[test]
    fn a_registration_above_the_limit_is_refused_in_words() {
        let mut greedy = capability("scenes", 1);
        assert_eq!(check_all(&greedy), Ok(()));
        greedy.offers.push(ModelOffer { unit_price: Amount::from_ait(3), ..offer("portraits") });
        let said = "offers: the model `portraits` asks 3 AIT per megapixel_step, above this hub's limit of 2 AIT";
        assert_eq!(check_all(&greedy).unwrap_err().to_string(), said);
    }

    #[test]
    fn the_largest_picture_job_is_far_from_the_largest_row() {
        let pixels = u64::from(SIZE_MAX_PX) * u64::from(SIZE_MAX_PX);
        let units = MicroUnits(pixels * u64::from(STEPS_MAX) * u64::from(COUNT_MAX));
        let most = max_unit_price(UnitType::MegapixelStep).times(units).unwrap();
        assert_eq!(most.to_string(), "3355.4432");
    }

    proptest! {
        #[test]
        fn no_accepted_price_makes_an_amount_that_the_store_refuses(price: u128, tokens in 0..1_000_000_000_u64) {
            let asked = ModelOffer {
                unit_price: Amount::from_atto(price),
                unit_type: UnitType::Token,
                ..offer("words")
            };
            let Ok(()) = check(&asked) else { return Ok(()) };
            let amount = asked.unit_price.times(MicroUnits(tokens * 1_000_000)).unwrap();
            prop_assert!(amount < Amount::from_ait(ROW_MAX_AIT));
        }
    }
}
