//! Trades in batches, as the contract takes them.

use std::collections::BTreeMap;

use contracts::ExchangeSettlement::{
    ExchangeOrder as ContractOrder, Fill as ContractFill, Side, SignedOrder, TimeInForce, Trigger,
};
use contracts::{ExchangeSettlement, MAX_BATCH_FILLS, MAX_BATCH_ORDERS};
use exchange::{Fill, MarketRules, OrderId};
use shared::B256;
use shared::exchange::{
    ExchangeOrder, OfTrader, Side as SignedSide, SignedByTrader, TimeInForce as SignedTime, Trigger as SignedTrigger,
};
use shared::typed_data::TypedData;

/// A trade that the contract does not have yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingTrade {
    /// Its number in the market.
    pub trade: u64,
    pub maker: OrderId,
    pub taker: OrderId,
    pub base_amount: u128,
    pub quote_amount: u128,
}

impl PendingTrade {
    pub fn of_fill(fill: &Fill, rules: &MarketRules) -> Self {
        Self {
            trade: fill.trade.0,
            maker: fill.maker,
            taker: fill.taker,
            base_amount: rules.base_units(fill.lots).0,
            quote_amount: rules.quote_units(fill.price, fill.lots).0,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    #[error("trade {trade} is of order {order}, whose signature is not known")]
    UnknownOrder { trade: u64, order: OrderId },
}

/// The call that settles the first of `pending`, as many as one transaction takes, and how many those are. Nothing where
/// nothing is pending. `order_of` finds what a trader signed.
pub fn next_batch<'a>(
    market: u16,
    pending: &[PendingTrade],
    order_of: impl Fn(OrderId) -> Option<&'a SignedByTrader<ExchangeOrder>>,
) -> Result<Option<(ExchangeSettlement::settleCall, usize)>, BatchError> {
    let Some(first) = pending.first() else { return Ok(None) };
    // By digest, as the contract wants the orders.
    let mut orders: BTreeMap<B256, &SignedByTrader<ExchangeOrder>> = BTreeMap::new();
    let mut taken = Vec::new();
    for (trade, expected) in pending.iter().zip(first.trade..).take(MAX_BATCH_FILLS) {
        if trade.trade != expected {
            break;
        }
        let signed = |order| order_of(order).ok_or(BatchError::UnknownOrder { trade: trade.trade, order });
        let pair = [signed(trade.maker)?, signed(trade.taker)?].map(|signed| (digest_of(signed), signed));
        let new = pair.iter().filter(|(digest, _)| !orders.contains_key(digest)).count();
        if orders.len() + new > MAX_BATCH_ORDERS {
            break;
        }
        orders.extend(pair);
        taken.push((trade, pair[0].0, pair[1].0));
    }
    // At most 128 orders.
    let positions: BTreeMap<B256, u16> = orders.keys().copied().zip(0..).collect();
    let fills = taken.iter().map(|(trade, maker, taker)| ContractFill {
        maker: positions[maker],
        taker: positions[taker],
        baseAmount: trade.base_amount,
        quoteAmount: trade.quote_amount,
    });
    let call = ExchangeSettlement::settleCall {
        market_: market,
        firstTrade: first.trade,
        fills: fills.collect(),
        orders: orders.into_values().map(for_contract).collect(),
    };
    Ok(Some((call, taken.len())))
}

fn digest_of(signed: &SignedByTrader<ExchangeOrder>) -> B256 {
    signed.signed.digest(&signed.signed.domain())
}

/// The order as a batch carries it. The assets are the market's.
fn for_contract(signed: &SignedByTrader<ExchangeOrder>) -> SignedOrder {
    let order = &signed.signed;
    SignedOrder {
        order: ContractOrder {
            trader: order.trader,
            side: match order.side {
                SignedSide::Buy => Side::Buy,
                SignedSide::Sell => Side::Sell,
            },
            timeInForce: match order.time_in_force {
                SignedTime::GoodTilTime => TimeInForce::GoodTilTime,
                SignedTime::ImmediateOrCancel => TimeInForce::ImmediateOrCancel,
                SignedTime::FillOrKill => TimeInForce::FillOrKill,
                SignedTime::PostOnly => TimeInForce::PostOnly,
            },
            amount: order.amount.0,
            limitPrice: order.limit_price.0,
            trigger: match order.trigger {
                SignedTrigger::None => Trigger::None,
                SignedTrigger::AtOrAbove => Trigger::AtOrAbove,
                SignedTrigger::AtOrBelow => Trigger::AtOrBelow,
            },
            triggerPrice: order.trigger_price.0,
            maxFeeBasisPoints: order.max_fee_basis_points,
            expiresAt: order.expires_at.0,
            epoch: order.epoch,
            nonce: order.nonce,
        },
        signature: signed.signature.clone(),
    }
}
