//! What each order allows: its price, amount, fee, time and signer. Each test fails where its check is taken out.

use alloy_primitives::{Address, U256};
use contracts::ExchangeSettlement;
use contracts::ExchangeSettlement::{ExchangeOrder, Side, SignedOrder, TimeInForce};

use super::fixture::*;
use crate::evm::{Evm, ExchangeError, events};
use crate::receipts::Signer;

#[test]
fn a_trade_moves_both_assets_and_takes_both_fees() {
    let mut evm = chain();
    // Bob waits with an order that buys, Alice comes and sells: 20 000 units at 3 each.
    let (maker, taker) = (buy(&bob(), 20_000, 3), sell(&alice(), 20_000, 3));
    let mined = settled(&mut evm, 1, &[(&maker, &taker, 20_000, 60_000)]);
    let (buyer_fee, seller_fee) = (20, 150);
    let expected = ExchangeSettlement::Filled {
        market: 0,
        trade: 1,
        buyer: bob().address(),
        seller: alice().address(),
        baseAmount: U256::from(20_000),
        quoteAmount: U256::from(60_000),
        buyerFee: U256::from(buyer_fee),
        sellerFee: U256::from(seller_fee),
    };
    assert_eq!(events::<ExchangeSettlement::Filled>(&mined.logs, EXCHANGE), [expected]);
    assert_eq!(balance(&evm, &bob(), BASE), U256::from(FUNDS + 20_000 - buyer_fee));
    assert_eq!(balance(&evm, &bob(), QUOTE), U256::from(FUNDS - 60_000));
    assert_eq!(balance(&evm, &alice(), BASE), U256::from(FUNDS - 20_000));
    assert_eq!(balance(&evm, &alice(), QUOTE), U256::from(FUNDS + 60_000 - seller_fee));
    assert_eq!((fees(&evm, BASE), fees(&evm, QUOTE)), (U256::from(buyer_fee), U256::from(seller_fee)));
}

#[test]
fn the_taker_pays_the_takers_fee_on_either_side() {
    let mut evm = chain();
    let (maker, taker) = (sell(&bob(), 20_000, 3), buy(&alice(), 20_000, 3));
    settled(&mut evm, 1, &[(&maker, &taker, 20_000, 60_000)]);
    assert_eq!((fees(&evm, BASE), fees(&evm, QUOTE)), (U256::from(50), U256::from(60)));
}

#[test]
fn a_fee_is_rounded_down() {
    let mut evm = chain();
    let (maker, taker) = (sell(&bob(), 399, 1), buy(&alice(), 399, 1));
    settled(&mut evm, 1, &[(&maker, &taker, 399, 399)]);
    assert_eq!((fees(&evm, BASE), fees(&evm, QUOTE)), (U256::ZERO, U256::ZERO));
}

#[test]
fn no_order_trades_beyond_its_limit() {
    let mut evm = chain();
    let (bid, ask) = (buy(&bob(), 1_000, 3), sell(&alice(), 1_000, 3));
    let (generous_bid, generous_ask) = (buy(&bob(), 1_000, 9), sell(&alice(), 1_000, 1));
    let outside = |order: &SignedOrder| {
        ExchangeError::PriceOutsideLimit(ExchangeSettlement::PriceOutsideLimit {
            trade: 1,
            digest: digest(&order.order),
        })
    };
    assert_eq!(refused(&mut evm, (&bid, &generous_ask, 1_000, 3_001)), outside(&bid));
    assert_eq!(refused(&mut evm, (&generous_ask, &bid, 1_000, 3_001)), outside(&bid));
    assert_eq!(refused(&mut evm, (&ask, &generous_bid, 1_000, 2_999)), outside(&ask));
    assert_eq!(refused(&mut evm, (&generous_bid, &ask, 1_000, 2_999)), outside(&ask));
    // What is better for one of them than its limit is fine.
    settled(&mut evm, 1, &[(&generous_bid, &ask, 500, 4_000)]);
}

#[test]
fn no_order_trades_more_than_its_amount_in_one_batch_or_in_several() {
    let mut evm = chain();
    let (bid, ask) = (buy(&bob(), 1_000, 1), sell(&alice(), 700, 1));
    let over = |order: &SignedOrder, trade, amount, remaining| {
        ExchangeError::OrderOverfilled(ExchangeSettlement::OrderOverfilled {
            trade,
            digest: digest(&order.order),
            amount: U256::from(amount),
            remaining: U256::from(remaining),
        })
    };
    assert_eq!(refused(&mut evm, (&bid, &ask, 701, 701)), over(&ask, 1, 701, 700));
    let twice = settle(1, &[(&bid, &ask, 400, 400), (&bid, &ask, 301, 301)]);
    assert_eq!(refusal(&mut evm, SETTLER, &twice), over(&ask, 2, 301, 300));
    settled(&mut evm, 1, &[(&bid, &ask, 400, 400)]);
    assert_eq!(filled(&evm, &ask), U256::from(400));
    let later = settle(2, &[(&bid, &ask, 301, 301)]);
    assert_eq!(refusal(&mut evm, SETTLER, &later), over(&ask, 2, 301, 300));
    settled(&mut evm, 2, &[(&bid, &ask, 300, 300)]);
    assert_eq!((filled(&evm, &bid), filled(&evm, &ask)), (U256::from(700), U256::ZERO));
}

fn filled(evm: &Evm, order: &SignedOrder) -> U256 {
    read(evm, &ExchangeSettlement::filledOfCall { digest: digest(&order.order) })
}

#[test]
fn an_order_that_was_filled_whole_never_trades_again() {
    let mut evm = chain();
    let (bid, ask) = (buy(&bob(), 1_000, 1), sell(&alice(), 1_000, 1));
    settled(&mut evm, 1, &[(&bid, &ask, 1_000, 1_000)]);
    let used = |trader: Signer| {
        ExchangeError::NonceAlreadyUsed(ExchangeSettlement::NonceAlreadyUsed { trader: trader.address(), nonce: 1 })
    };
    let other = signed(ExchangeOrder { nonce: 2, ..order(&carol(), Side::Sell, 5_000, 1) });
    assert_eq!(refusal(&mut evm, SETTLER, &settle(2, &[(&bid, &other, 1, 1)])), used(bob()));
    // Nor does another order of the same number.
    let larger = buy(&bob(), 9_000, 1);
    assert_eq!(refusal(&mut evm, SETTLER, &settle(2, &[(&larger, &other, 1, 1)])), used(bob()));
    let next = signed(ExchangeOrder { nonce: 2, ..order(&bob(), Side::Buy, 1_000, 1) });
    settled(&mut evm, 2, &[(&next, &other, 1, 1)]);
}

#[test]
fn two_orders_of_one_number_are_not_both_filled_in_one_batch() {
    let mut evm = chain();
    let (first, second) = (buy(&bob(), 1_000, 1), buy(&bob(), 2_000, 1));
    let ask = sell(&alice(), 9_000, 1);
    let both = settle(1, &[(&first, &ask, 1_000, 1_000), (&second, &ask, 2_000, 2_000)]);
    let used = ExchangeSettlement::NonceAlreadyUsed { trader: bob().address(), nonce: 1 };
    assert_eq!(refusal(&mut evm, SETTLER, &both), ExchangeError::NonceAlreadyUsed(used));
}

#[test]
fn a_fee_above_what_an_order_allows_is_refused() {
    let mut evm = chain();
    let frugal =
        |trader: &Signer, side, fee| signed(ExchangeOrder { maxFeeBasisPoints: fee, ..order(trader, side, 1_000, 1) });
    let above = |order: &SignedOrder, fee, maximum| {
        ExchangeError::FeeAboveOrder(ExchangeSettlement::FeeAboveOrder {
            trade: 1,
            digest: digest(&order.order),
            feeBasisPoints: U256::from(fee),
            maximum: U256::from(maximum),
        })
    };
    let (maker, taker) = (frugal(&bob(), Side::Buy, MAKER_FEE - 1), frugal(&alice(), Side::Sell, TAKER_FEE - 1));
    let (bid, ask) = (buy(&bob(), 1_000, 1), sell(&alice(), 1_000, 1));
    assert_eq!(refused(&mut evm, (&maker, &ask, 10, 10)), above(&maker, MAKER_FEE, MAKER_FEE - 1));
    assert_eq!(refused(&mut evm, (&bid, &taker, 10, 10)), above(&taker, TAKER_FEE, TAKER_FEE - 1));
    settled(&mut evm, 1, &[(&frugal(&bob(), Side::Buy, MAKER_FEE), &ask, 10, 10)]);
}

#[test]
fn an_order_settles_until_its_last_second() {
    let mut evm = chain();
    let (bid, ask) = (buy(&bob(), 1_000, 1), sell(&alice(), 1_000, 1));
    evm.now_unix = EXPIRES_AT + 1;
    let late = signed(ExchangeOrder { expiresAt: EXPIRES_AT + 1, ..order(&carol(), Side::Buy, 1_000, 1) });
    let expired = ExchangeSettlement::OrderExpired {
        digest: digest(&ask.order),
        expiresAt: U256::from(EXPIRES_AT),
        timestamp: U256::from(EXPIRES_AT + 1),
    };
    assert_eq!(refused(&mut evm, (&late, &ask, 10, 10)), ExchangeError::OrderExpired(expired));
    evm.now_unix = EXPIRES_AT;
    settled(&mut evm, 1, &[(&bid, &ask, 10, 10)]);
}

#[test]
fn an_empty_trade_is_refused() {
    let mut evm = chain();
    let empty = ExchangeError::EmptyFill(ExchangeSettlement::EmptyFill { trade: 1 });
    assert_eq!(refused(&mut evm, (&buy(&bob(), 10, 1), &sell(&alice(), 10, 1), 0, 0)), empty);
}

#[test]
fn nobody_trades_with_itself() {
    let mut evm = chain();
    let expected = ExchangeSettlement::SelfTrade { trade: 1, trader: bob().address() };
    let trade = (&buy(&bob(), 10, 1), &sell(&bob(), 10, 1), 10, 10);
    assert_eq!(refused(&mut evm, trade), ExchangeError::SelfTrade(expected));
}

#[test]
fn two_orders_of_one_side_do_not_trade() {
    let mut evm = chain();
    let same = || ExchangeError::SameSide(ExchangeSettlement::SameSide { trade: 1 });
    assert_eq!(refused(&mut evm, (&buy(&bob(), 10, 1), &buy(&alice(), 10, 1), 10, 10)), same());
    assert_eq!(refused(&mut evm, (&sell(&bob(), 10, 1), &sell(&alice(), 10, 1), 10, 10)), same());
}

#[test]
fn a_post_only_order_waits_and_never_takes() {
    let mut evm = chain();
    let post_only = signed(ExchangeOrder { timeInForce: TimeInForce::PostOnly, ..order(&bob(), Side::Buy, 1_000, 1) });
    let ask = sell(&alice(), 1_000, 1);
    let expected = ExchangeError::PostOnlyTakes(ExchangeSettlement::PostOnlyTakes { trade: 1 });
    assert_eq!(refused(&mut evm, (&ask, &post_only, 10, 10)), expected);
    settled(&mut evm, 1, &[(&post_only, &ask, 10, 10)]);
}

#[test]
fn nobody_trades_what_it_does_not_have() {
    let mut evm = chain();
    let short = |trader: &Signer, asset, needed| {
        ExchangeError::InsufficientBalance(ExchangeSettlement::InsufficientBalance {
            trader: trader.address(),
            asset,
            available: U256::from(FUNDS),
            needed: U256::from(needed),
        })
    };
    let (bid, ask) = (buy(&bob(), 2 * FUNDS, 2), sell(&alice(), 2 * FUNDS, 1));
    assert_eq!(refused(&mut evm, (&bid, &ask, FUNDS, FUNDS + 1)), short(&bob(), QUOTE, FUNDS + 1));
    assert_eq!(refused(&mut evm, (&bid, &ask, FUNDS + 1, FUNDS + 1)), short(&bob(), QUOTE, FUNDS + 1));
    let cheap = sell(&alice(), 2 * FUNDS, 0);
    assert_eq!(refused(&mut evm, (&bid, &cheap, FUNDS + 1, 1)), short(&alice(), BASE, FUNDS + 1));
}

#[test]
fn only_the_traders_own_signature_counts() {
    let mut evm = chain();
    let (bid, ask) = (buy(&bob(), 1_000, 1), sell(&alice(), 1_000, 1));
    let forged = |order: &SignedOrder, signature: alloy_primitives::Bytes| SignedOrder { signature, ..order.clone() };
    let signatures = [
        carol().sign(digest(&bid.order)),
        ask.signature.clone(),
        alloy_primitives::Bytes::new(),
        alloy_primitives::Bytes::from(vec![0; 65]),
    ];
    for signature in signatures {
        let error = refused(&mut evm, (&forged(&bid, signature), &ask, 10, 10));
        let expected = ExchangeSettlement::InvalidSignature { digest: digest(&bid.order), trader: bob().address() };
        assert_eq!(error, ExchangeError::InvalidSignature(expected));
    }
    let error = refused(&mut evm, (&bid, &forged(&ask, bid.signature.clone()), 10, 10));
    assert!(matches!(error, ExchangeError::InvalidSignature(error) if error.trader == alice().address()));
}

/// A malformed signature recovers to zero, which must not be taken for the zero address' word.
#[test]
fn the_zero_address_signs_nothing() {
    let mut evm = chain();
    let nobody = ExchangeOrder { trader: Address::ZERO, ..order(&bob(), Side::Buy, 1_000, 0) };
    let unsigned = SignedOrder { order: nobody, signature: alloy_primitives::Bytes::new() };
    let error = refused(&mut evm, (&unsigned, &sell(&alice(), 1_000, 0), 10, 0));
    assert!(matches!(error, ExchangeError::InvalidSignature(error) if error.trader == Address::ZERO));
}
