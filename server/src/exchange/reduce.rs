//! Orders that become smaller and keep their place.

use exchange::{AccountId, Command, Lots, MarketId, OrderId, OrderRef};
use shared::Address;
use shared::api::exchange::OrderView;
use shared::exchange::{AssetUnits, OrderReduction};

use super::desk::Desk;
use super::error::ExchangeError;
use super::serve_request::Stopped;
use super::views;

impl Desk {
    pub(super) fn reduce(&mut self, signed: &OrderReduction) -> Result<OrderView, Stopped> {
        self.check_place(signed.chain_id, signed.contract)?;
        let account = self.ledgers.accounts.of(signed.trader).ok_or(ExchangeError::NoAccount(signed.trader))?;
        let is_meant = |id: &&u64| {
            let order = self.ledgers.orders.get(id);
            order.is_some_and(|order| order.record.signed.signed.nonce == signed.order_nonce)
        };
        let id = account.orders.iter().find(is_meant).copied();
        let id = id.ok_or(ExchangeError::UnknownNonce(signed.order_nonce))?;
        self.reduce_one(id, signed.trader, signed.amount)
    }

    /// Where the order has traded so much already, its rest is cancelled.
    pub(super) fn reduce_one(&mut self, id: u64, trader: Address, amount: AssetUnits) -> Result<OrderView, Stopped> {
        let order = self.ledgers.orders.get(&id).ok_or(ExchangeError::UnknownOrder(id))?;
        let mut record = order.record.clone();
        if record.signed.signed.trader != trader {
            return Err(ExchangeError::OrderOfAnother(id).into());
        }
        let listing = std::sync::Arc::clone(&self.ledgers.listing);
        let market = listing.market(record.market).ok_or(ExchangeError::UnknownOrder(id))?;
        let wanted = market.market.lots_of(amount).map_err(ExchangeError::ReducedAmount)?;
        let by = Lots(record.lots.saturating_sub(wanted.0));
        if by == Lots::ZERO {
            let now = market.base_text(market.base_units(Lots(record.lots)).0);
            return Err(ExchangeError::NotLess { given: market.base_text(amount.0), now }.into());
        }
        let (account, order) = (AccountId(record.account), OrderRef::Id(OrderId(id)));
        self.apply(Command::Reduce { market: MarketId(record.market), account, order, by }).map_err(Stopped::Fault)?;
        if let Some(update) = self.group.updates.get(&id) {
            record.apply(update);
        }
        Ok(views::order(market, &record))
    }
}
