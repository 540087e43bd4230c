//! A market of the contract as the order book counts it.

use contracts::ExchangeSettlement::Listing;
use exchange::{AssetId, BasisPoints, Lots, MarketRules, Reason, Ticks, Units};
use shared::exchange::{AssetUnits, PRICE_SCALE};
use shared::{Address, U256};

/// Open orders that a market has room for.
pub const ORDERS_PER_MARKET: u32 = 65_536;

/// Why a listing is no market of the order book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MarketError {
    #[error("the contract lists no asset {0}")]
    UnknownAsset(Address),
    #[error(transparent)]
    Rules(#[from] Reason),
}

/// The assets of the contract, in the order in which it lists them. The order book names each by its position.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assets(Vec<Address>);

impl Assets {
    pub fn new(addresses: Vec<Address>) -> Self {
        Self(addresses)
    }

    pub fn id_of(&self, address: Address) -> Option<AssetId> {
        let position = self.0.iter().position(|asset| *asset == address)?;
        u8::try_from(position).ok().map(AssetId)
    }

    pub fn address_of(&self, id: AssetId) -> Option<Address> {
        self.0.get(usize::from(id.0)).copied()
    }
}

/// A market, by the number that both the contract and the order book know it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Market {
    pub number: u16,
    pub base: Address,
    pub quote: Address,
    pub rules: MarketRules,
}

impl Market {
    /// The market that the contract lists under `number`. The rules are checked as the order book will check them.
    pub fn of_listing(number: u16, listing: &Listing, assets: &Assets) -> Result<Self, MarketError> {
        let id_of = |asset| assets.id_of(asset).ok_or(MarketError::UnknownAsset(asset));
        let rules = MarketRules {
            base: id_of(listing.base)?,
            quote: id_of(listing.quote)?,
            base_units_per_lot: listing.baseUnitsPerLot,
            quote_units_per_tick: listing.quoteUnitsPerTick,
            maker_fee: BasisPoints(listing.makerFeeBasisPoints),
            taker_fee: BasisPoints(listing.takerFeeBasisPoints),
            order_lots_max: Lots(listing.orderLotsMax),
            notional_min: Units(listing.notionalMin),
            orders_max: ORDERS_PER_MARKET,
        };
        rules.validate()?;
        Ok(Self { number, base: listing.base, quote: listing.quote, rules })
    }

    /// The ticks of a limit price, which is per 10^18 units of the base asset and must be a whole number of ticks.
    pub fn ticks_of(&self, limit_price: AssetUnits) -> Result<Ticks, Reason> {
        let lot = U256::from(self.rules.base_units_per_lot);
        let (per_lot, rest) = (U256::from(limit_price.0) * lot).div_rem(U256::from(PRICE_SCALE));
        // A lot has at most 10^18 units, so a price per lot is not above the price itself.
        let per_lot = Units(u128::try_from(per_lot).unwrap_or(u128::MAX));
        if !rest.is_zero() {
            return Err(Reason::OffTick { given: per_lot, step: self.rules.quote_units_per_tick });
        }
        self.rules.ticks_of(per_lot)
    }

    /// The limit price that these ticks stand for. Exact for every price that the book took.
    pub fn limit_price_of(&self, price: Ticks) -> AssetUnits {
        let per_lot = U256::from(self.rules.quote_units_per_tick) * U256::from(price.0);
        let limit = per_lot * U256::from(PRICE_SCALE) / U256::from(self.rules.base_units_per_lot);
        AssetUnits(u128::try_from(limit).unwrap_or(u128::MAX))
    }

    /// The smallest limit price, of which every other one is a multiple.
    pub fn limit_price_step(&self) -> AssetUnits {
        // Both have at most 60 bits.
        let step = PRICE_SCALE * u128::from(self.rules.quote_units_per_tick);
        AssetUnits(step / greatest_common_divisor(step, u128::from(self.rules.base_units_per_lot)))
    }

    /// The lots of an amount, which must be a whole number of them.
    pub fn lots_of(&self, amount: AssetUnits) -> Result<Lots, Reason> {
        self.rules.lots_of(Units(amount.0))
    }
}

const fn greatest_common_divisor(mut one: u128, mut other: u128) -> u128 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

#[cfg(test)]
mod tests {
    use contracts::genesis::test_dollar_listing;
    use contracts::{AI_TOKEN_ADDRESS, TEST_DOLLAR_ADDRESS};

    use super::*;

    fn market(base_units_per_lot: u64, quote_units_per_tick: u64) -> Market {
        let assets = Assets::new(vec![AI_TOKEN_ADDRESS, TEST_DOLLAR_ADDRESS]);
        let listing = Listing {
            baseUnitsPerLot: base_units_per_lot,
            quoteUnitsPerTick: quote_units_per_tick,
            ..test_dollar_listing()
        };
        Market::of_listing(0, &listing, &assets).unwrap()
    }

    #[test]
    fn a_limit_price_is_a_multiple_of_its_step_and_comes_back_as_the_same_ticks() {
        for (lot, tick) in [(10_000_000_000_000_000, 1), (3, 7), (1_000, 1_000), (6_000_000, 4), (1, 1)] {
            let market = market(lot, tick);
            let step = market.limit_price_step().0;
            let price = market.ticks_of(AssetUnits(step)).unwrap();
            assert_eq!(market.limit_price_of(price), AssetUnits(step), "{lot} {tick}");
            assert!(step == 1 || market.ticks_of(AssetUnits(step - 1)).is_err());
            let thrice = market.ticks_of(AssetUnits(3 * step)).unwrap();
            assert_eq!(thrice.0, 3 * price.0);
        }
        assert_eq!(market(10_000_000_000_000_000, 1).limit_price_step(), AssetUnits(100));
    }
}
