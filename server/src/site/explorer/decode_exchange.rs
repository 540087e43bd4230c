//! Calls and events of the exchange's contract by name. A call's arguments are those that a reader of the page looks for.

use alloy_primitives::Log;
use alloy_sol_types::{SolEvent as _, SolEventInterface as _, SolInterface as _};
use contracts::ExchangeSettlement;
use contracts::ExchangeSettlement::{ExchangeSettlementCalls, ExchangeSettlementEvents};
use shared::api::explorer::DecodedValue;

use super::decode::value;

/// The arguments of a call, or none for calls that only administrators make.
pub(super) fn arguments(input: &[u8]) -> Option<Vec<DecodedValue>> {
    Some(match ExchangeSettlementCalls::abi_decode(input).ok()? {
        ExchangeSettlementCalls::settle(batch) => batch_of(&batch),
        ExchangeSettlementCalls::deposit(call) => {
            vec![value("asset", "address", call.asset), value("amount", "uint256", call.amount)]
        }
        ExchangeSettlementCalls::depositWithPermit(call) => vec![
            value("trader", "address", call.trader),
            value("asset", "address", call.asset),
            value("amount", "uint256", call.amount),
            value("deadline", "uint256", call.deadline),
        ],
        ExchangeSettlementCalls::withdraw(call) => vec![
            value("withdrawal.trader", "address", call.withdrawal.trader),
            value("withdrawal.asset", "address", call.withdrawal.asset),
            value("withdrawal.amount", "uint128", call.withdrawal.amount),
            value("withdrawal.nonce", "uint64", call.withdrawal.nonce),
        ],
        ExchangeSettlementCalls::addDelegate(call) => {
            vec![value("delegate", "address", call.delegate), value("expiresAt", "uint64", call.expiresAt)]
        }
        ExchangeSettlementCalls::revokeDelegate(call) => vec![value("delegate", "address", call.delegate)],
        ExchangeSettlementCalls::exit(call) => vec![value("asset", "address", call.asset)],
        _ => Vec::new(),
    })
}

/// Who trades, and what each fill moves. Fills name orders by their place in the batch.
fn batch_of(batch: &ExchangeSettlement::settleCall) -> Vec<DecodedValue> {
    let mut arguments = vec![value("market", "uint16", batch.market_), value("firstTrade", "uint64", batch.firstTrade)];
    for (index, signed) in batch.orders.iter().enumerate() {
        let named = |field: &str| format!("orders[{index}].{field}");
        arguments.push(value(&named("trader"), "address", signed.order.trader));
        arguments.push(value(&named("side"), "uint8", format!("{:?}", signed.order.side)));
        arguments.push(value(&named("amount"), "uint128", signed.order.amount));
        arguments.push(value(&named("limitPrice"), "uint128", signed.order.limitPrice));
    }
    for (index, fill) in batch.fills.iter().enumerate() {
        let named = |field: &str| format!("fills[{index}].{field}");
        arguments.push(value(&named("maker"), "uint16", fill.maker));
        arguments.push(value(&named("taker"), "uint16", fill.taker));
        arguments.push(value(&named("baseAmount"), "uint128", fill.baseAmount));
        arguments.push(value(&named("quoteAmount"), "uint128", fill.quoteAmount));
    }
    arguments
}

/// The signature and fields of an event that moves money, begins an exit, or says who may sign.
pub(super) fn event(log: &Log) -> Option<(&'static str, Vec<DecodedValue>)> {
    Some(match ExchangeSettlementEvents::decode_raw_log(log.topics(), &log.data.data).ok()? {
        ExchangeSettlementEvents::Filled(event) => (
            ExchangeSettlement::Filled::SIGNATURE,
            vec![
                value("market", "uint16", event.market),
                value("trade", "uint64", event.trade),
                value("buyer", "address", event.buyer),
                value("seller", "address", event.seller),
                value("baseAmount", "uint256", event.baseAmount),
                value("quoteAmount", "uint256", event.quoteAmount),
                value("buyerFee", "uint256", event.buyerFee),
                value("sellerFee", "uint256", event.sellerFee),
            ],
        ),
        ExchangeSettlementEvents::Deposited(event) => (
            ExchangeSettlement::Deposited::SIGNATURE,
            vec![
                value("trader", "address", event.trader),
                value("asset", "address", event.asset),
                value("amount", "uint256", event.amount),
            ],
        ),
        ExchangeSettlementEvents::Withdrawn(event) => (
            ExchangeSettlement::Withdrawn::SIGNATURE,
            vec![
                value("trader", "address", event.trader),
                value("asset", "address", event.asset),
                value("amount", "uint256", event.amount),
                value("nonce", "uint64", event.nonce),
            ],
        ),
        ExchangeSettlementEvents::ExitRequested(event) => (
            ExchangeSettlement::ExitRequested::SIGNATURE,
            vec![value("trader", "address", event.trader), value("exitAt", "uint256", event.exitAt)],
        ),
        ExchangeSettlementEvents::DelegateAdded(event) => (
            ExchangeSettlement::DelegateAdded::SIGNATURE,
            vec![
                value("trader", "address", event.trader),
                value("delegate", "address", event.delegate),
                value("expiresAt", "uint256", event.expiresAt),
            ],
        ),
        ExchangeSettlementEvents::DelegateRevoked(event) => (
            ExchangeSettlement::DelegateRevoked::SIGNATURE,
            vec![
                value("trader", "address", event.trader),
                value("delegate", "address", event.delegate),
                value("expiresAt", "uint256", event.expiresAt),
            ],
        ),
        ExchangeSettlementEvents::Exited(event) => (
            ExchangeSettlement::Exited::SIGNATURE,
            vec![
                value("trader", "address", event.trader),
                value("asset", "address", event.asset),
                value("amount", "uint256", event.amount),
            ],
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, U256};
    use alloy_sol_types::SolCall as _;

    use super::*;

    #[test]
    fn a_batch_says_who_trades_what_and_a_fill_what_moved() {
        let order = ExchangeSettlement::ExchangeOrder {
            trader: Address::repeat_byte(1),
            side: ExchangeSettlement::Side::Sell,
            timeInForce: ExchangeSettlement::TimeInForce::GoodTilTime,
            amount: 5,
            limitPrice: 7,
            trigger: ExchangeSettlement::Trigger::None,
            triggerPrice: 0,
            maxFeeBasisPoints: 20,
            expiresAt: 9,
            epoch: 0,
            nonce: 1,
        };
        let signed = ExchangeSettlement::SignedOrder { order, signature: Default::default() };
        let fill = ExchangeSettlement::Fill { maker: 0, taker: 1, baseAmount: 5, quoteAmount: 35 };
        let settle =
            ExchangeSettlement::settleCall { market_: 0, firstTrade: 3, orders: vec![signed], fills: vec![fill] };
        let arguments = arguments(&settle.abi_encode()).unwrap();
        let told = |name: &str| arguments.iter().find(|argument| argument.name == name).unwrap().value.clone();
        assert_eq!((told("firstTrade"), told("orders[0].amount")), ("3".to_owned(), "5".to_owned()));
        assert_eq!((told("fills[0].taker"), told("fills[0].quoteAmount")), ("1".to_owned(), "35".to_owned()));

        let exited = ExchangeSettlement::Exited {
            trader: Address::repeat_byte(1),
            asset: Address::repeat_byte(2),
            amount: U256::from(4),
        };
        let log = Log { address: Address::ZERO, data: exited.encode_log_data() };
        let (signature, fields) = event(&log).unwrap();
        assert_eq!((signature, fields[2].value.as_str()), ("Exited(address,address,uint256)", "4"));
    }
}
