//! How trades are cut into batches.

use contracts::{MAX_BATCH_FILLS, MAX_BATCH_ORDERS};
use exchange::OrderId;
use shared::exchange::{ExchangeOrder, SignedByTrader};
use trading::{BatchError, PendingTrade, next_batch};

use crate::setup::*;

fn orders(count: u64) -> Vec<SignedByTrader<ExchangeOrder>> {
    let key = trader(0);
    (0..count).map(|nonce| signed(order(&key, nonce + 1), &key)).collect()
}

fn trade(trade: u64, maker: u64, taker: u64) -> PendingTrade {
    let (maker, taker) = (OrderId(maker), OrderId(taker));
    PendingTrade { trade, maker, taker, base_amount: 1_000, quote_amount: 70 }
}

fn cut(pending: &[PendingTrade], orders: &[SignedByTrader<ExchangeOrder>]) -> Option<(u64, usize, usize)> {
    let batch = next_batch(0, pending, |id| orders.get(usize::try_from(id.0).unwrap())).unwrap();
    batch.map(|(call, taken)| {
        assert_eq!(call.fills.len(), taken);
        (call.firstTrade, taken, call.orders.len())
    })
}

#[test]
fn nothing_pending_is_no_batch() {
    assert_eq!(cut(&[], &[]), None);
}

#[test]
fn a_batch_has_each_order_once_and_as_many_trades_as_one_transaction_takes() {
    let orders = orders(200);
    let one_maker: Vec<_> = (0..100).map(|index| trade(index + 1, 0, index + 1)).collect();
    assert_eq!(cut(&one_maker, &orders), Some((1, MAX_BATCH_FILLS, MAX_BATCH_FILLS + 1)));
    let strangers: Vec<_> = (0..100).map(|index| trade(index + 1, 2 * index, 2 * index + 1)).collect();
    assert_eq!(cut(&strangers, &orders), Some((1, MAX_BATCH_FILLS, MAX_BATCH_ORDERS)));
    assert_eq!(cut(&one_maker[64..], &orders), Some((65, 36, 37)));
}

#[test]
fn a_batch_ends_where_a_trade_is_missing() {
    let orders = orders(6);
    let pending = [trade(4, 0, 1), trade(5, 0, 2), trade(7, 0, 3)];
    assert_eq!(cut(&pending, &orders), Some((4, 2, 3)));
    assert_eq!(cut(&pending[2..], &orders), Some((7, 1, 2)));
}

#[test]
fn a_trade_without_its_orders_is_named() {
    let orders = orders(2);
    let error = next_batch(0, &[trade(1, 0, 9)], |id| orders.get(usize::try_from(id.0).unwrap())).unwrap_err();
    assert_eq!(error, BatchError::UnknownOrder { trade: 1, order: OrderId(9) });
}
