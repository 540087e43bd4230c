//! One market, four traders, and their orders.

use contracts::ExchangeSettlement::Listing;
use contracts::{EXCHANGE_SETTLEMENT_ADDRESS, ExchangeParameters};
use shared::Address;
use shared::exchange::{AssetUnits, ExchangeOrder, OfTrader, Side, SignedByTrader, TimeInForce, Trigger};
use shared::signing::PrivateKey;
use shared::time::UnixSeconds;
use trading::{Assets, Intake, Market};

pub(crate) const CHAIN_ID: u64 = 24_822;
/// 2026-01-01T00:00:00Z.
pub(crate) const NOW: UnixSeconds = UnixSeconds(1_767_225_600);
pub(crate) const BASE: Address = Address::repeat_byte(0xb1);
pub(crate) const QUOTE: Address = Address::repeat_byte(0xc2);
pub(crate) const SETTLER: Address = Address::repeat_byte(0x5e);
/// What a faucet gives, and each trader deposits of both assets.
pub(crate) const FUNDS: u128 = 10_000_000_000;
pub(crate) const LOT: u64 = 1_000;
/// A price of one tick for one lot, as an order states it.
pub(crate) const TICK_PRICE: u128 = 7 * 1_000_000_000_000_000_000 / LOT as u128;

pub(crate) fn listing() -> Listing {
    Listing {
        base: BASE,
        quote: QUOTE,
        baseUnitsPerLot: LOT,
        quoteUnitsPerTick: 7,
        makerFeeBasisPoints: 13,
        takerFeeBasisPoints: 29,
        orderLotsMax: 1_000_000,
        notionalMin: 70,
    }
}

pub(crate) fn parameters() -> ExchangeParameters {
    ExchangeParameters {
        admin: Address::repeat_byte(0xad),
        settler: SETTLER,
        fee_recipient: Address::repeat_byte(0x7e),
        exit_delay_seconds: 60,
        listings: vec![listing()],
    }
}

pub(crate) fn market() -> Market {
    Market::of_listing(0, &listing(), &Assets::new(vec![BASE, QUOTE])).unwrap()
}

pub(crate) fn intake(market: &Market) -> Intake<'_> {
    Intake { market, chain_id: CHAIN_ID, contract: EXCHANGE_SETTLEMENT_ADDRESS, newest_epoch: 0, now: NOW }
}

pub(crate) fn trader(number: u8) -> PrivateKey {
    PrivateKey::from_bytes(&[number + 1; 32]).unwrap()
}

/// An order that buys ten lots at ten ticks and stays.
pub(crate) fn order(trader: &PrivateKey, nonce: u64) -> ExchangeOrder {
    ExchangeOrder {
        trader: trader.address(),
        side: Side::Buy,
        base: BASE,
        quote: QUOTE,
        amount: AssetUnits(10 * u128::from(LOT)),
        limit_price: AssetUnits(10 * TICK_PRICE),
        time_in_force: TimeInForce::GoodTilTime,
        trigger: Trigger::None,
        trigger_price: AssetUnits(0),
        max_fee_basis_points: 29,
        expires_at: UnixSeconds(NOW.0 + 3_600),
        epoch: 0,
        nonce,
        chain_id: CHAIN_ID,
        contract: EXCHANGE_SETTLEMENT_ADDRESS,
    }
}

pub(crate) fn signed(order: ExchangeOrder, key: &PrivateKey) -> SignedByTrader<ExchangeOrder> {
    let signature = key.sign(&order, &order.domain()).unwrap();
    SignedByTrader { signed: order, signature }
}
