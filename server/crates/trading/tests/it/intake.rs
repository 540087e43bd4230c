//! What the order book takes of what a trader signed, and why not.

use exchange::{
    AccountId, Lots, OrderId, OrderKind, Reason, SelfTradeRule, Side, Ticks, TimeInForce, Trigger, TriggerDirection,
    UnixMs,
};
use shared::Address;
use shared::exchange::{AssetUnits, ExchangeOrder, TimeInForce as SignedTime, Trigger as SignedTrigger};
use shared::time::UnixSeconds;
use trading::{Assets, Intake, Market, MarketError, ORDER_SECONDS_MAX, OrderRefused, SETTLEMENT_SECONDS};

use crate::setup::*;

fn taken(order: &ExchangeOrder) -> Result<exchange::NewOrder, OrderRefused> {
    let market = market();
    intake(&market).new_order(order, OrderId(5), AccountId(3))
}

fn refused(change: impl FnOnce(&mut ExchangeOrder)) -> OrderRefused {
    let mut order = order(&trader(0), 1);
    change(&mut order);
    taken(&order).unwrap_err()
}

#[test]
fn an_order_keeps_its_terms_and_leaves_the_book_before_it_expires() {
    let order = order(&trader(0), 9);
    let new = taken(&order).unwrap();
    assert_eq!((new.id, new.account, new.side), (OrderId(5), AccountId(3), Side::Buy));
    assert_eq!((new.price, new.lots, new.kind), (Ticks(10), Lots(10), OrderKind::Limit));
    assert_eq!(new.client_order_id.unwrap().0.get(), 9);
    let leaves_at = UnixMs((order.expires_at.0 - SETTLEMENT_SECONDS) * 1_000);
    assert_eq!(new.time_in_force, TimeInForce::GoodTilTime(leaves_at));
    assert_eq!(new.self_trade, SelfTradeRule::ExpireTaker);
}

#[test]
fn each_time_in_force_is_one_of_the_books() {
    let of = |time_in_force| {
        let new = taken(&ExchangeOrder { time_in_force, ..order(&trader(0), 1) }).unwrap();
        (new.kind, new.time_in_force)
    };
    assert_eq!(of(SignedTime::ImmediateOrCancel), (OrderKind::Limit, TimeInForce::ImmediateOrCancel));
    assert_eq!(of(SignedTime::FillOrKill), (OrderKind::Limit, TimeInForce::FillOrKill));
    assert!(matches!(of(SignedTime::PostOnly), (OrderKind::PostOnly, TimeInForce::GoodTilTime(_))));
}

#[test]
fn an_order_waits_for_the_trigger_that_was_signed() {
    let waiting = |time_in_force, trigger, ticks: u128| {
        let trigger_price = AssetUnits(ticks * TICK_PRICE);
        taken(&ExchangeOrder { time_in_force, trigger, trigger_price, ..order(&trader(0), 1) })
    };
    let leaves_at = UnixMs((order(&trader(0), 1).expires_at.0 - SETTLEMENT_SECONDS) * 1_000);
    let stays = waiting(SignedTime::GoodTilTime, SignedTrigger::AtOrAbove, 12).unwrap();
    let rise = Trigger { direction: TriggerDirection::Rise, price: Ticks(12), waits_until: None };
    assert_eq!((stays.trigger, stays.price), (Some(rise), Ticks(10)), "the limit stays beside the trigger");
    let at_once = waiting(SignedTime::ImmediateOrCancel, SignedTrigger::AtOrBelow, 8).unwrap();
    let fall = Trigger { direction: TriggerDirection::Fall, price: Ticks(8), waits_until: Some(leaves_at) };
    assert_eq!((at_once.trigger, at_once.time_in_force), (Some(fall), TimeInForce::ImmediateOrCancel));
    assert_eq!(refused(|order| order.trigger_price = AssetUnits(7)), OrderRefused::TriggerPrice { given: 7 });
    for given in [0, TICK_PRICE + 1, TICK_PRICE << 31] {
        let refused = refused(|order| {
            (order.trigger, order.trigger_price) = (SignedTrigger::AtOrBelow, AssetUnits(given));
        });
        assert!(matches!(refused, OrderRefused::Steps { field: "trigger_price", .. }), "{refused}");
    }
}

#[test]
fn an_order_for_another_place_is_refused() {
    let other = Address::repeat_byte(9);
    assert!(matches!(refused(|order| order.chain_id = 1), OrderRefused::Chain { given: 1, expected: CHAIN_ID }));
    assert!(matches!(refused(|order| order.contract = other), OrderRefused::Contract { given, .. } if given == other));
    assert!(matches!(refused(|order| order.base = other), OrderRefused::Assets { base, .. } if base == other));
    assert!(matches!(refused(|order| order.quote = other), OrderRefused::Assets { quote, .. } if quote == other));
    assert_eq!(refused(|order| order.nonce = 0), OrderRefused::NonceIsZero);
    let market = market();
    let newer = Intake { newest_epoch: 1, ..intake(&market) };
    let refused = newer.new_order(&order(&trader(0), 1), OrderId(1), AccountId(0)).unwrap_err();
    assert_eq!(refused, OrderRefused::Epoch { given: 0, newest: 1 });
}

#[test]
fn an_order_has_time_to_settle_and_ends_in_months() {
    let earliest = NOW.0 + SETTLEMENT_SECONDS + 1;
    let latest = NOW.0 + ORDER_SECONDS_MAX;
    for given in [0, NOW.0, earliest - 1, latest + 1, u64::MAX] {
        let expected = OrderRefused::Expiry { given, earliest, latest };
        assert_eq!(refused(|order| order.expires_at = UnixSeconds(given)), expected);
    }
    for given in [earliest, latest] {
        taken(&ExchangeOrder { expires_at: UnixSeconds(given), ..order(&trader(0), 1) }).unwrap();
    }
}

#[test]
fn an_order_allows_the_fee_that_it_may_have_to_pay() {
    let cases = [
        (SignedTime::GoodTilTime, 29),
        (SignedTime::ImmediateOrCancel, 29),
        (SignedTime::FillOrKill, 29),
        (SignedTime::PostOnly, 13),
    ];
    for (time_in_force, needed) in cases {
        let with_fee =
            |max_fee_basis_points| ExchangeOrder { time_in_force, max_fee_basis_points, ..order(&trader(0), 1) };
        taken(&with_fee(needed)).unwrap();
        assert_eq!(taken(&with_fee(needed - 1)).unwrap_err(), OrderRefused::Fee { given: needed - 1, needed });
    }
}

#[test]
fn amounts_and_prices_between_two_steps_are_refused_by_field() {
    let steps = |refused| match refused {
        OrderRefused::Steps { field, reason } => (field, reason),
        other => panic!("{other}"),
    };
    let amount = |amount| steps(refused(|order| order.amount = AssetUnits(amount)));
    assert_eq!(amount(1_001).0, "amount");
    assert!(matches!(amount(1_001).1, Reason::OffLot { .. }));
    assert!(matches!(amount(0).1, Reason::LotsOutOfRange { .. }));
    assert!(matches!(amount(u128::MAX).1, Reason::OffLot { .. } | Reason::LotsOutOfRange { .. }));
    let price = |price| steps(refused(|order| order.limit_price = AssetUnits(price)));
    assert_eq!(price(TICK_PRICE + 1).0, "limit_price");
    // A fraction of a unit for one lot, and whole units between two ticks.
    assert!(matches!(price(TICK_PRICE + 1).1, Reason::OffTick { .. }));
    assert!(matches!(price(TICK_PRICE / 7).1, Reason::OffTick { step: 7, .. }));
    assert!(matches!(price(0).1, Reason::PriceOutOfRange(0)));
    assert!(matches!(price(TICK_PRICE * (1 << 31)).1, Reason::PriceOutOfRange(_)));
}

#[test]
fn a_listing_of_unknown_assets_or_broken_rules_is_no_market() {
    let assets = Assets::new(vec![BASE]);
    let refused = Market::of_listing(0, &listing(), &assets).unwrap_err();
    assert_eq!(refused, MarketError::UnknownAsset(QUOTE));
    let assets = Assets::new(vec![BASE, QUOTE]);
    let broken = contracts::ExchangeSettlement::Listing { baseUnitsPerLot: 0, ..listing() };
    assert!(matches!(Market::of_listing(0, &broken, &assets), Err(MarketError::Rules(_))));
    assert_eq!(assets.address_of(assets.id_of(QUOTE).unwrap()), Some(QUOTE));
}
