//! What deposits, trades and withdrawals cost. `UPDATE_SNAPSHOTS=1` writes `snapshots/exchange_gas.json` anew.

use alloy_sol_types::SolCall;
use contracts::ExchangeSettlement;
use contracts::ExchangeSettlement::{ExchangeOrder, Side, SignedOrder};
use serde_json::json;

use super::fixture::*;
use crate::evm::{Evm, GENESIS_UNIX};
use crate::gas::{MAX_TRANSACTION_BYTES, compare_with_snapshot};
use crate::receipts::Signer;

/// The most that a trade may cost in a batch whose traders meet more than once. Between strangers it costs more: every
/// balance is then read and written for the first time.
const GAS_PER_FILL_MAX: u64 = 60_000;
const AMOUNT: u128 = 1_000_000;

fn crowd(count: usize) -> Vec<Signer> {
    (0..count as u64).map(|number| Signer::new(40_000 + number)).collect()
}

/// A chain on which everybody has traded once before, as those who trade have: with deposits of both assets.
fn chain_of(traders: &[Signer]) -> Evm {
    let mut evm = empty_chain();
    traders.iter().for_each(|trader| fund(&mut evm, trader));
    evm
}

fn numbered(trader: &Signer, side: Side, amount: u128, nonce: u64) -> SignedOrder {
    signed_by(ExchangeOrder { nonce, ..order(trader, side, amount, 1) }, trader)
}

/// Gas of the whole batch, and of each of its trades.
fn batch(evm: &Evm, first_trade: u64, trades: &[Trade<'_>]) -> (u64, u64) {
    let call = settle(first_trade, trades);
    assert!(call.abi_encoded_size() < MAX_TRANSACTION_BYTES - 1_024, "{} bytes", call.abi_encoded_size());
    let gas = evm.clone().send(SETTLER, EXCHANGE, &call).unwrap().gas;
    (gas, gas / trades.len() as u64)
}

/// Each trader has had an order with a number of the same 256 filled before.
fn used_before(evm: &mut Evm, traders: &[Signer]) {
    let first: Vec<(SignedOrder, SignedOrder)> = traders
        .chunks(2)
        .map(|pair| (numbered(&pair[0], Side::Buy, AMOUNT, 1), numbered(&pair[1], Side::Sell, AMOUNT, 1)))
        .collect();
    let trades: Vec<Trade<'_>> = first.iter().map(|(bid, ask)| (bid, ask, AMOUNT, AMOUNT)).collect();
    call(evm, SETTLER, &settle(1, &trades)).unwrap();
}

/// Two new orders and two traders for every trade: nothing is shared.
fn between_strangers(evm: &Evm, traders: &[Signer], first_trade: u64, nonce: u64) -> (u64, u64) {
    let orders: Vec<(SignedOrder, SignedOrder)> = traders
        .chunks(2)
        .map(|pair| (numbered(&pair[0], Side::Buy, AMOUNT, nonce), numbered(&pair[1], Side::Sell, AMOUNT, nonce)))
        .collect();
    let trades: Vec<Trade<'_>> = orders.iter().map(|(bid, ask)| (bid, ask, AMOUNT, AMOUNT)).collect();
    batch(evm, first_trade, &trades)
}

/// Eight traders, each with many orders, two new orders for every trade.
fn among_eight(evm: &Evm, traders: &[Signer], first_trade: u64) -> (u64, u64) {
    let order_of = |index: u64, side| {
        let trader = &traders[(2 * index + u64::from(side == Side::Sell)) as usize % 8];
        numbered(trader, side, AMOUNT, 10 + index)
    };
    let orders: Vec<(SignedOrder, SignedOrder)> =
        (0..64).map(|index| (order_of(index, Side::Buy), order_of(index, Side::Sell))).collect();
    let trades: Vec<Trade<'_>> = orders.iter().map(|(bid, ask)| (bid, ask, AMOUNT, AMOUNT)).collect();
    batch(evm, first_trade, &trades)
}

/// As among eight, and a delegate of each trader signed the orders.
fn by_delegates(evm: &Evm, traders: &[Signer], first_trade: u64) -> (u64, u64) {
    let (mut evm, delegate) = (evm.clone(), Signer::new(39_999));
    let add = ExchangeSettlement::addDelegateCall { delegate: delegate.address(), expiresAt: EXPIRES_AT };
    traders[..8].iter().for_each(|trader| drop(call(&mut evm, trader.address(), &add).unwrap()));
    let order_of = |index: u64, side| {
        let trader = &traders[(2 * index + u64::from(side == Side::Sell)) as usize % 8];
        signed_by(ExchangeOrder { nonce: 10 + index, ..order(trader, side, AMOUNT, 1) }, &delegate)
    };
    let orders: Vec<(SignedOrder, SignedOrder)> =
        (0..64).map(|index| (order_of(index, Side::Buy), order_of(index, Side::Sell))).collect();
    let trades: Vec<Trade<'_>> = orders.iter().map(|(bid, ask)| (bid, ask, AMOUNT, AMOUNT)).collect();
    batch(&evm, first_trade, &trades)
}

/// One large order that waits, and takers who each take a part of it.
fn from_one_maker(evm: &Evm, traders: &[Signer], first_trade: u64) -> (u64, u64) {
    let maker = numbered(&traders[0], Side::Sell, 64 * AMOUNT, 10);
    let takers: Vec<SignedOrder> =
        (0..63).map(|index| numbered(&traders[1 + index % 7], Side::Buy, AMOUNT, 10 + index as u64)).collect();
    let trades: Vec<Trade<'_>> = takers.iter().map(|taker| (&maker, taker, AMOUNT, AMOUNT)).collect();
    batch(evm, first_trade, &trades)
}

#[test]
fn gas_is_as_recorded_and_a_full_batch_fits_one_transaction() {
    let traders = crowd(2 * contracts::MAX_BATCH_FILLS);
    let fresh = chain_of(&traders);
    let mut known = fresh.clone();
    used_before(&mut known, &traders);
    let next = contracts::MAX_BATCH_FILLS as u64 + 1;
    let (first_orders, first_orders_each) = between_strangers(&fresh, &traders, 1, 1);
    let (strangers, strangers_each) = between_strangers(&known, &traders, next, 2);
    let (eight, eight_each) = among_eight(&known, &traders, next);
    let (delegates, delegates_each) = by_delegates(&known, &traders, next);
    let (one_maker, one_maker_each) = from_one_maker(&known, &traders, next);
    for each in [eight_each, delegates_each, one_maker_each] {
        assert!(each <= GAS_PER_FILL_MAX, "a trade costs {each} gas");
    }

    let mut evm = chain();
    let out = withdraw(&withdrawal(&alice(), QUOTE, 300, 5), &alice());
    let withdrawn = call(&mut evm, SETTLER, &out).unwrap().gas;
    allow(&mut evm, &alice(), QUOTE, 300);
    let deposited = call(&mut evm, alice().address(), &deposit(QUOTE, 300)).unwrap().gas;
    let cancelled = call(&mut evm, alice().address(), &ExchangeSettlement::cancelAllCall {}).unwrap().gas;
    let add = ExchangeSettlement::addDelegateCall { delegate: bob().address(), expiresAt: EXPIRES_AT };
    let delegated = call(&mut evm, alice().address(), &add).unwrap().gas;
    let revoke = ExchangeSettlement::revokeDelegateCall { delegate: bob().address() };
    let revoked = call(&mut evm, alice().address(), &revoke).unwrap().gas;
    let requested = call(&mut evm, alice().address(), &ExchangeSettlement::requestExitCall {}).unwrap().gas;
    evm.now_unix = GENESIS_UNIX + EXIT_DELAY_SECONDS;
    let exited = call(&mut evm, alice().address(), &ExchangeSettlement::exitCall { asset: BASE }).unwrap().gas;

    compare_with_snapshot(
        "exchange_gas.json",
        &json!({
            "deposit": deposited,
            "withdraw, first number of its 256": withdrawn,
            "cancelAll, first": cancelled,
            "addDelegate, first": delegated,
            "revokeDelegate": revoked,
            "requestExit": requested,
            "exit": exited,
            "settle of 64 between 128 traders, first numbers of their 256": first_orders,
            "settle of 64 between 128 traders, first numbers of their 256, each": first_orders_each,
            "settle of 64 between 128 traders": strangers,
            "settle of 64 between 128 traders, each": strangers_each,
            "settle of 64 among 8 traders": eight,
            "settle of 64 among 8 traders, each": eight_each,
            "settle of 64 among 8 traders, signed by delegates": delegates,
            "settle of 64 among 8 traders, signed by delegates, each": delegates_each,
            "settle of 63 from one waiting order": one_maker,
            "settle of 63 from one waiting order, each": one_maker_each,
        }),
    );
}
