//! What a market trades, in which steps, and for which fees.

use crate::limits::{
    ASSETS_MAX, FEE_BASIS_POINTS_MAX, ORDER_LOTS_MAX, ORDERS_PER_MARKET_MAX, PRICE_TICKS_MAX, UNITS_PER_STEP_MAX,
};
use crate::quantity::{AssetId, BASIS_POINTS_PER_WHOLE, BasisPoints, Lots, Side, Ticks, Units};
use crate::reason::Reason;

/// The rules of one market. They do not change while it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarketRules {
    /// What is bought and sold.
    pub base: AssetId,
    /// What it is paid with.
    pub quote: AssetId,
    /// Units of the base asset in one lot.
    pub base_units_per_lot: u64,
    /// Units of the quote asset that one lot costs at a price of one tick.
    pub quote_units_per_tick: u64,
    pub maker_fee: BasisPoints,
    pub taker_fee: BasisPoints,
    /// The largest quantity of one order.
    pub order_lots_max: Lots,
    /// The smallest worth of an order at its price, in units of the quote asset.
    pub notional_min: Units,
    /// Open orders that the market has room for. The room is reserved when the market opens.
    pub orders_max: u32,
}

impl MarketRules {
    pub fn validate(&self) -> Result<(), Reason> {
        for asset in [self.base, self.quote] {
            if usize::from(asset.0) >= ASSETS_MAX {
                return Err(Reason::AssetOutOfRange(asset));
            }
        }
        if self.base == self.quote {
            return Err(Reason::SameAsset(self.base));
        }
        let steps =
            [("base_units_per_lot", self.base_units_per_lot), ("quote_units_per_tick", self.quote_units_per_tick)];
        for (field, given) in steps {
            if given == 0 || given > UNITS_PER_STEP_MAX {
                return Err(Reason::StepOutOfRange { field, given });
            }
        }
        let limits = [
            ("order_lots_max", self.order_lots_max.0, ORDER_LOTS_MAX),
            ("orders_max", u64::from(self.orders_max), u64::from(ORDERS_PER_MARKET_MAX)),
        ];
        for (field, given, max) in limits {
            if given == 0 || given > max {
                return Err(Reason::MarketLimitOutOfRange { field, given, max });
            }
        }
        for (field, BasisPoints(given)) in [("maker_fee", self.maker_fee), ("taker_fee", self.taker_fee)] {
            if given > FEE_BASIS_POINTS_MAX {
                return Err(Reason::FeeOutOfRange { field, given });
            }
        }
        Ok(())
    }

    /// Units of the base asset in `lots`.
    pub fn base_units(&self, lots: Lots) -> Units {
        Units(u128::from(lots.0) * u128::from(self.base_units_per_lot))
    }

    /// What `lots` cost at `price`, in units of the quote asset. Exact: nothing is rounded.
    pub fn quote_units(&self, price: Ticks, lots: Lots) -> Units {
        Units(u128::from(u64::from(price.0) * lots.0) * u128::from(self.quote_units_per_tick))
    }

    /// What an order of this side hands over if `lots` of it trade at `price`: the asset and the amount.
    pub fn given(&self, side: Side, price: Ticks, lots: Lots) -> (AssetId, Units) {
        match side {
            Side::Buy => (self.quote, self.quote_units(price, lots)),
            Side::Sell => (self.base, self.base_units(lots)),
        }
    }

    /// The lots in an amount of the base asset, which must be a whole number of them.
    pub fn lots_of(&self, base: Units) -> Result<Lots, Reason> {
        let off = Reason::OffLot { given: base, step: self.base_units_per_lot };
        let lots = Lots(steps_in(base, self.base_units_per_lot).ok_or(off)?);
        self.check_lots(lots).map(|()| lots)
    }

    /// The ticks in what one lot costs, which must be a whole number of them.
    pub fn ticks_of(&self, quote_per_lot: Units) -> Result<Ticks, Reason> {
        let off = Reason::OffTick { given: quote_per_lot, step: self.quote_units_per_tick };
        let ticks = steps_in(quote_per_lot, self.quote_units_per_tick).ok_or(off)?;
        let ticks = Ticks(u32::try_from(ticks).unwrap_or(u32::MAX));
        check_price(ticks).map(|()| ticks)
    }

    pub(crate) fn check_lots(&self, lots: Lots) -> Result<(), Reason> {
        if lots.0 == 0 || lots > self.order_lots_max {
            return Err(Reason::LotsOutOfRange { given: lots, max: self.order_lots_max });
        }
        Ok(())
    }

    pub(crate) fn check_notional(&self, price: Ticks, lots: Lots) -> Result<(), Reason> {
        let given = self.quote_units(price, lots);
        if given < self.notional_min {
            return Err(Reason::NotionalTooSmall { given, min: self.notional_min });
        }
        Ok(())
    }
}

pub(crate) fn check_price(price: Ticks) -> Result<(), Reason> {
    if price.0 == 0 || price.0 > PRICE_TICKS_MAX {
        return Err(Reason::PriceOutOfRange(price.0));
    }
    Ok(())
}

fn steps_in(amount: Units, step: u64) -> Option<u64> {
    let step = u128::from(step);
    if step == 0 || !amount.0.is_multiple_of(step) {
        return None;
    }
    // More steps than 64 bits count are out of every range.
    Some(u64::try_from(amount.0 / step).unwrap_or(u64::MAX))
}

/// The fee on what a trader receives: `floor(received × rate / 10 000)`, so rounding is in the trader's favour and no
/// fee exceeds the rate.
pub fn fee_on(received: Units, rate: BasisPoints) -> Units {
    let whole = u64::from(BASIS_POINTS_PER_WHOLE);
    let rate = u64::from(rate.0);
    // Both forms give the same number; the first divides 64 bits, which is several times as fast.
    if let Some(scaled) = u64::try_from(received.0).ok().and_then(|received| received.checked_mul(rate)) {
        return Units(u128::from(scaled / whole));
    }
    let (quotient, rest) = (received.0 / u128::from(whole), received.0 % u128::from(whole));
    Units(quotient * u128::from(rate) + rest * u128::from(rate) / u128::from(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> MarketRules {
        MarketRules {
            base: AssetId(0),
            quote: AssetId(1),
            base_units_per_lot: 1_000,
            quote_units_per_tick: 7,
            maker_fee: BasisPoints(10),
            taker_fee: BasisPoints(25),
            order_lots_max: Lots(500),
            notional_min: Units(70),
            orders_max: 100,
        }
    }

    #[test]
    fn a_fee_is_rounded_down_and_exact_at_every_size() {
        assert_eq!(fee_on(Units(9_999), BasisPoints(1)), Units(0));
        assert_eq!(fee_on(Units(10_000), BasisPoints(1)), Units(1));
        assert_eq!(fee_on(Units(19_999), BasisPoints(25)), Units(49));
        for received in [u128::from(u64::MAX) - 3, u128::from(u64::MAX) * 5 + 9_999, (1 << 126) + 12_345] {
            let (quotient, rest) = (received / 10_000, received % 10_000);
            assert_eq!(fee_on(Units(received), BasisPoints(333)).0, quotient * 333 + rest * 333 / 10_000);
        }
    }

    #[test]
    fn amounts_between_two_steps_are_refused_with_the_step() {
        let rules = rules();
        assert_eq!(rules.lots_of(Units(3_000)), Ok(Lots(3)));
        assert_eq!(rules.lots_of(Units(3_001)), Err(Reason::OffLot { given: Units(3_001), step: 1_000 }));
        assert_eq!(rules.lots_of(Units(0)), Err(Reason::LotsOutOfRange { given: Lots(0), max: Lots(500) }));
        assert_eq!(rules.lots_of(Units(501_000)), Err(Reason::LotsOutOfRange { given: Lots(501), max: Lots(500) }));
        assert!(rules.lots_of(Units(u128::MAX - u128::MAX % 1_000)).is_err());
        assert_eq!(rules.ticks_of(Units(21)), Ok(Ticks(3)));
        assert_eq!(rules.ticks_of(Units(22)), Err(Reason::OffTick { given: Units(22), step: 7 }));
        assert_eq!(rules.ticks_of(Units(0)), Err(Reason::PriceOutOfRange(0)));
        assert_eq!(rules.ticks_of(Units(7 << 40)), Err(Reason::PriceOutOfRange(u32::MAX)));
    }

    #[test]
    fn rules_out_of_bounds_name_their_field() {
        assert_eq!(rules().validate(), Ok(()));
        let refused = |change: fn(&mut MarketRules)| {
            let mut rules = rules();
            change(&mut rules);
            rules.validate().unwrap_err().to_string()
        };
        assert!(refused(|rules| rules.base_units_per_lot = 0).starts_with("base_units_per_lot is 0; it is 1 to"));
        assert!(refused(|rules| rules.quote_units_per_tick = u64::MAX).starts_with("quote_units_per_tick is"));
        assert!(refused(|rules| rules.taker_fee = BasisPoints(1_001)).contains("taker_fee is 1001 basis points"));
        assert!(refused(|rules| rules.order_lots_max = Lots(1 << 34)).contains("order_lots_max"));
        assert!(refused(|rules| rules.orders_max = 0).contains("orders_max is 0"));
        assert!(refused(|rules| rules.quote = AssetId(0)).contains("must differ"));
        assert!(refused(|rules| rules.quote = AssetId(8)).contains("asset is 8; it is below 8"));
    }

    #[test]
    fn the_largest_order_is_counted_without_overflow() {
        let largest = MarketRules {
            base_units_per_lot: UNITS_PER_STEP_MAX,
            quote_units_per_tick: UNITS_PER_STEP_MAX,
            order_lots_max: Lots(ORDER_LOTS_MAX),
            ..rules()
        };
        let cost = largest.quote_units(Ticks(PRICE_TICKS_MAX), Lots(ORDER_LOTS_MAX));
        let expected = u128::from(PRICE_TICKS_MAX) * u128::from(ORDER_LOTS_MAX) * u128::from(UNITS_PER_STEP_MAX);
        assert_eq!(cost.0, expected);
    }
}
