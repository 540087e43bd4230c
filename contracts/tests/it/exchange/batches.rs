//! Batches: who may send them, how large they are, and that none settles twice.

use alloy_primitives::U256;
use contracts::ExchangeSettlement;
use contracts::ExchangeSettlement::{ExchangeOrder, Fill, Side, SignedOrder};

use super::fixture::*;
use crate::evm::ExchangeError;
use crate::receipts::ADMIN;

#[test]
fn only_the_operator_settles() {
    let mut evm = chain();
    let (bid, ask) = (buy(&bob(), 1_000, 1), sell(&alice(), 1_000, 1));
    for other in [alice().address(), ADMIN, STRANGER] {
        let error = refusal(&mut evm, other, &settle(1, &[(&bid, &ask, 10, 10)]));
        assert!(matches!(error, ExchangeError::AccessControlUnauthorizedAccount(error) if error.account == other));
    }
}

#[test]
fn a_batch_settles_once_and_so_does_each_trade_in_it() {
    let mut evm = chain();
    let (bid, ask) = (buy(&bob(), 1_000, 1), sell(&alice(), 1_000, 1));
    let batch = settle(3, &[(&bid, &ask, 10, 10), (&bid, &ask, 20, 20)]);
    call(&mut evm, SETTLER, &batch).unwrap();
    assert_eq!(read(&evm, &ExchangeSettlement::marketCall { number: 0 }).lastTrade, 4);
    for first_trade in [0, 1, 3, 4] {
        let again = ExchangeSettlement::settleCall { firstTrade: first_trade, ..batch.clone() };
        let settled = ExchangeSettlement::TradeAlreadySettled { firstTrade: first_trade, lastTrade: 4 };
        assert_eq!(refusal(&mut evm, SETTLER, &again), ExchangeError::TradeAlreadySettled(settled));
    }
    settled(&mut evm, 5, &[(&bid, &ask, 10, 10)]);
}

#[test]
fn trade_number_0_does_not_exist() {
    let mut evm = chain();
    let (bid, ask) = (buy(&bob(), 1_000, 1), sell(&alice(), 1_000, 1));
    let expected = ExchangeSettlement::TradeAlreadySettled { firstTrade: 0, lastTrade: 0 };
    let error = refusal(&mut evm, SETTLER, &settle(0, &[(&bid, &ask, 10, 10)]));
    assert_eq!(error, ExchangeError::TradeAlreadySettled(expected));
}

#[test]
fn one_fault_reverts_the_whole_batch() {
    let mut evm = chain();
    let (bid, ask, dear) = (buy(&bob(), 1_000, 1), sell(&alice(), 1_000, 1), sell(&carol(), 1_000, 2));
    let batch = settle(1, &[(&bid, &ask, 10, 10), (&bid, &dear, 10, 10)]);
    assert!(matches!(refusal(&mut evm, SETTLER, &batch), ExchangeError::PriceOutsideLimit(error) if error.trade == 2));
    assert_eq!(read(&evm, &ExchangeSettlement::marketCall { number: 0 }).lastTrade, 0);
}

/// Counted from its stored amount each, two copies of an order would trade twice what was signed.
#[test]
fn a_batch_names_an_order_once() {
    let mut evm = chain();
    let (bid, ask) = (buy(&bob(), 1_000, 1), sell(&alice(), 9_000, 1));
    let mut batch = settle(1, &[(&bid, &ask, 1_000, 1_000), (&bid, &ask, 1_000, 1_000)]);
    let copy = batch.orders.iter().position(|order| *order == bid).unwrap();
    batch.orders.insert(copy, bid.clone());
    let ask_at = batch.orders.iter().position(|order| *order == ask).unwrap() as u16;
    let fill = |maker: usize| Fill { maker: maker as u16, taker: ask_at, baseAmount: 1_000, quoteAmount: 1_000 };
    batch.fills = vec![fill(copy), fill(copy + 1)];
    let expected = ExchangeSettlement::OrdersNotAscending { previous: digest(&bid.order), digest: digest(&bid.order) };
    assert_eq!(refusal(&mut evm, SETTLER, &batch), ExchangeError::OrdersNotAscending(expected));
}

#[test]
fn orders_stand_by_ascending_digest() {
    let mut evm = chain();
    let (bid, ask) = (buy(&bob(), 1_000, 1), sell(&alice(), 9_000, 1));
    let mut batch = settle(1, &[(&bid, &ask, 10, 10)]);
    batch.orders.reverse();
    for fill in &mut batch.fills {
        (fill.maker, fill.taker) = (fill.taker, fill.maker);
    }
    assert!(matches!(refusal(&mut evm, SETTLER, &batch), ExchangeError::OrdersNotAscending(_)));
}

#[test]
fn a_batch_is_bounded() {
    let mut evm = chain();
    let (bid, ask) = (buy(&bob(), 100_000, 1), sell(&alice(), 100_000, 1));
    let too_large = |given: usize, maximum: usize| {
        let (given, maximum) = (U256::from(given), U256::from(maximum));
        ExchangeError::BatchTooLarge(ExchangeSettlement::BatchTooLarge { given, maximum })
    };
    let fills = vec![(&bid, &ask, 10, 10); contracts::MAX_BATCH_FILLS + 1];
    let batch = settle(1, &fills);
    assert_eq!(
        refusal(&mut evm, SETTLER, &batch),
        too_large(contracts::MAX_BATCH_FILLS + 1, contracts::MAX_BATCH_FILLS)
    );
    let numbered = |nonce: u64| signed(ExchangeOrder { nonce, ..order(&bob(), Side::Buy, 100, 1) });
    let orders: Vec<SignedOrder> = (0..=contracts::MAX_BATCH_ORDERS as u64).map(numbered).collect();
    let batch = ExchangeSettlement::settleCall { market_: 0, firstTrade: 1, orders, fills: vec![] };
    assert_eq!(
        refusal(&mut evm, SETTLER, &batch),
        too_large(contracts::MAX_BATCH_ORDERS + 1, contracts::MAX_BATCH_ORDERS)
    );
    settled(&mut evm, 1, &fills[1..]);
}

#[test]
fn a_fill_between_orders_that_the_batch_does_not_have_reverts() {
    let mut evm = chain();
    let (bid, ask) = (buy(&bob(), 1_000, 1), sell(&alice(), 1_000, 1));
    let mut batch = settle(1, &[(&bid, &ask, 10, 10)]);
    batch.fills[0].taker = 2;
    // Solidity's own panic for an index out of bounds.
    let error = call(&mut evm, SETTLER, &batch).unwrap_err();
    assert_eq!(error.0[..4], alloy_primitives::hex!("4e487b71"));
    assert_eq!(balance(&evm, &bob(), BASE), U256::from(FUNDS));
}

#[test]
fn only_markets_that_exist_settle() {
    let mut evm = chain();
    let (bid, ask) = (buy(&bob(), 1_000, 1), sell(&alice(), 1_000, 1));
    let batch = ExchangeSettlement::settleCall { market_: 1, ..settle(1, &[(&bid, &ask, 10, 10)]) };
    let unknown = ExchangeError::UnknownMarket(ExchangeSettlement::UnknownMarket { market: 1 });
    assert_eq!(refusal(&mut evm, SETTLER, &batch), unknown);
}

#[test]
fn an_order_counts_in_the_market_of_its_assets_only() {
    let mut evm = chain();
    let swapped = ExchangeSettlement::Listing { base: QUOTE, quote: BASE, ..listing() };
    call(&mut evm, ADMIN, &ExchangeSettlement::listMarketCall { listing: swapped }).unwrap();
    let (bid, ask) = (buy(&bob(), 1_000, 1), sell(&alice(), 1_000, 1));
    let mut batch = ExchangeSettlement::settleCall { market_: 1, ..settle(1, &[(&bid, &ask, 10, 10)]) };
    batch.orders.sort_by_key(|order| digest_in(&order.order, QUOTE, BASE));
    let error = refusal(&mut evm, SETTLER, &batch);
    assert!(matches!(error, ExchangeError::InvalidSignature(_)), "{error:?}");
}
