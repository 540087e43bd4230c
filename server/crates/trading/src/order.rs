//! From a signed order to one of the order book.

use std::num::NonZeroU64;

use exchange::{
    AccountId, BasisPoints, ClientOrderId, NewOrder, OrderId, OrderKind, Reason, SelfTradeRule, Side, TimeInForce,
    Trigger, TriggerDirection, UnixMs,
};
use shared::Address;
use shared::exchange::{
    AssetUnits, ExchangeOrder, Side as SignedSide, TimeInForce as SignedTime, Trigger as SignedTrigger,
};
use shared::time::UnixSeconds;

use crate::market::Market;

/// An order leaves the book so long before it expires on the chain. What it was matched with has this time to settle.
pub const SETTLEMENT_SECONDS: u64 = 300;

/// An order that expires later than this is refused, so that a slip in a number binds nobody for years.
pub const ORDER_SECONDS_MAX: u64 = 90 * 86_400;

/// Why an order is not taken: the contract would not settle all of it, or the order book does not count in such steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OrderRefused {
    #[error("chain_id: this chain is {expected}, got {given}")]
    Chain { given: u64, expected: u64 },
    #[error("contract: this exchange settles at {expected}, got {given}")]
    Contract { given: Address, expected: Address },
    #[error("base, quote: the market trades {expected_base} against {expected_quote}, got {base} against {quote}")]
    Assets { base: Address, quote: Address, expected_base: Address, expected_quote: Address },
    #[error("epoch: the trader's orders count from epoch {newest} on, got {given}")]
    Epoch { given: u64, newest: u64 },
    #[error("nonce: it is at least 1")]
    NonceIsZero,
    #[error("expires_at: it is from {earliest} to {latest}, got {given}")]
    Expiry { given: u64, earliest: u64, latest: u64 },
    #[error("max_fee_basis_points: the market's fee for such an order is {needed}, got {given}")]
    Fee { given: u16, needed: u16 },
    #[error("trigger_price: it is 0 for an order without a trigger, got {given}")]
    TriggerPrice { given: u128 },
    #[error("{field}: {reason}")]
    Steps { field: &'static str, reason: Reason },
}

/// Where and when an order arrives.
#[derive(Debug, Clone, Copy)]
pub struct Intake<'a> {
    pub market: &'a Market,
    pub chain_id: u64,
    /// The contract that settles.
    pub contract: Address,
    /// The trader's newest epoch, also while it has no effect on the chain yet: orders below it would become void.
    pub newest_epoch: u64,
    pub now: UnixSeconds,
}

impl Intake<'_> {
    /// The order as the book takes it, under the trader's account and an id of the caller's. Signature and balance are not
    /// looked at: the signature is checked before, and the balance by the book.
    pub fn new_order(&self, order: &ExchangeOrder, id: OrderId, account: AccountId) -> Result<NewOrder, OrderRefused> {
        self.check_place(order)?;
        self.check_expiry(order)?;
        self.check_fee(order)?;
        let nonce = NonZeroU64::new(order.nonce).ok_or(OrderRefused::NonceIsZero)?;
        let off = |field| move |reason| OrderRefused::Steps { field, reason };
        let (kind, time_in_force) = self.terms(order);
        Ok(NewOrder {
            id,
            account,
            client_order_id: Some(ClientOrderId(nonce)),
            side: match order.side {
                SignedSide::Buy => Side::Buy,
                SignedSide::Sell => Side::Sell,
            },
            price: self.market.ticks_of(order.limit_price).map_err(off("limit_price"))?,
            lots: self.market.lots_of(order.amount).map_err(off("amount"))?,
            kind,
            time_in_force,
            trigger: self.trigger(order, time_in_force)?,
            // The contract refuses a trade between two orders of one trader.
            self_trade: SelfTradeRule::ExpireTaker,
        })
    }

    fn check_place(&self, order: &ExchangeOrder) -> Result<(), OrderRefused> {
        if order.chain_id != self.chain_id {
            return Err(OrderRefused::Chain { given: order.chain_id, expected: self.chain_id });
        }
        if order.contract != self.contract {
            return Err(OrderRefused::Contract { given: order.contract, expected: self.contract });
        }
        if (order.base, order.quote) != (self.market.base, self.market.quote) {
            return Err(OrderRefused::Assets {
                base: order.base,
                quote: order.quote,
                expected_base: self.market.base,
                expected_quote: self.market.quote,
            });
        }
        if order.epoch < self.newest_epoch {
            return Err(OrderRefused::Epoch { given: order.epoch, newest: self.newest_epoch });
        }
        Ok(())
    }

    fn check_expiry(&self, order: &ExchangeOrder) -> Result<(), OrderRefused> {
        let given = order.expires_at.0;
        // At least one second in the book.
        let earliest = self.now.0.saturating_add(SETTLEMENT_SECONDS + 1);
        let latest = self.now.0.saturating_add(ORDER_SECONDS_MAX);
        if given < earliest || given > latest {
            return Err(OrderRefused::Expiry { given, earliest, latest });
        }
        Ok(())
    }

    /// An order that may both wait and take has to allow the higher of both fees.
    fn check_fee(&self, order: &ExchangeOrder) -> Result<(), OrderRefused> {
        let (BasisPoints(maker), BasisPoints(taker)) = (self.market.rules.maker_fee, self.market.rules.taker_fee);
        let needed = match order.time_in_force {
            SignedTime::GoodTilTime => maker.max(taker),
            SignedTime::ImmediateOrCancel | SignedTime::FillOrKill => taker,
            SignedTime::PostOnly => maker,
        };
        let given = order.max_fee_basis_points;
        if given < needed { Err(OrderRefused::Fee { given, needed }) } else { Ok(()) }
    }

    /// An order that leaves at once can wait for its trigger as long as any other waits in the book.
    fn trigger(&self, order: &ExchangeOrder, time_in_force: TimeInForce) -> Result<Option<Trigger>, OrderRefused> {
        let direction = match (order.trigger, order.trigger_price) {
            (SignedTrigger::None, AssetUnits(0)) => return Ok(None),
            (SignedTrigger::None, AssetUnits(given)) => return Err(OrderRefused::TriggerPrice { given }),
            (SignedTrigger::AtOrAbove, _) => TriggerDirection::Rise,
            (SignedTrigger::AtOrBelow, _) => TriggerDirection::Fall,
        };
        let price = self.market.ticks_of(order.trigger_price);
        let price = price.map_err(|reason| OrderRefused::Steps { field: "trigger_price", reason })?;
        let leaves_at_once = matches!(time_in_force, TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill);
        let waits_until = leaves_at_once.then(|| leaves_at(order));
        Ok(Some(Trigger { direction, price, waits_until }))
    }

    fn terms(&self, order: &ExchangeOrder) -> (OrderKind, TimeInForce) {
        let stays = TimeInForce::GoodTilTime(leaves_at(order));
        match order.time_in_force {
            SignedTime::GoodTilTime => (OrderKind::Limit, stays),
            SignedTime::ImmediateOrCancel => (OrderKind::Limit, TimeInForce::ImmediateOrCancel),
            SignedTime::FillOrKill => (OrderKind::Limit, TimeInForce::FillOrKill),
            SignedTime::PostOnly => (OrderKind::PostOnly, stays),
        }
    }
}

/// When an order that may wait leaves the book.
fn leaves_at(order: &ExchangeOrder) -> UnixMs {
    UnixMs(order.expires_at.0.saturating_sub(SETTLEMENT_SECONDS).saturating_mul(1_000))
}
