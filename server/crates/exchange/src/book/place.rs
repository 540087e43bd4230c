//! New orders. Every check comes before the first change.

use super::{Book, Immediacy, NIL, Order, Outcome};
use crate::command::{NewOrder, OrderKind, OrderRef, TimeInForce, Trigger, TriggerDirection};
use crate::event::Event;
use crate::ledger::index;
use crate::limits::{ORDERS_PER_ACCOUNT_MAX, PRICE_TICKS_MAX};
use crate::market::check_price;
use crate::quantity::{BASIS_POINTS_PER_WHOLE, BasisPoints, Ticks};
use crate::reason::Reason;

impl Book {
    pub(crate) fn place(&mut self, new: &NewOrder, now_unix_ms: u64, out: &mut Outcome<'_>) -> Result<(), Reason> {
        self.check_terms(new, now_unix_ms)?;
        let order = Order::new(new);
        if !out.ledger.knows(new.account) {
            return Err(Reason::UnknownAccount(new.account));
        }
        self.check_room(&order)?;
        if let Some(client) = new.client_order_id
            && self.find(new.account, OrderRef::Client(client)).is_ok()
        {
            return Err(Reason::ClientOrderIdTaken(client));
        }
        self.check_against_book(&order)?;
        let (asset, needed) = self.rules.given(order.side, order.price, order.lots);
        out.ledger.check_free(order.account, asset, needed)?;
        out.ledger.reserve(order.account, asset, needed);
        out.events.push(Event::Accepted {
            market: self.market,
            order: order.id,
            account: order.account,
            client_order_id: order.client,
        });
        if order.waits() {
            let slot = self.keep(order);
            self.link(slot);
            return Ok(());
        }
        self.execute(order, NIL, out);
        Ok(())
    }

    fn check_terms(&self, new: &NewOrder, now_unix_ms: u64) -> Result<(), Reason> {
        check_price(new.price)?;
        self.rules.check_lots(new.lots)?;
        if let Some(Trigger { price: Ticks(trigger), .. }) = new.trigger
            && (trigger == 0 || trigger > PRICE_TICKS_MAX)
        {
            return Err(Reason::TriggerOutOfRange(trigger));
        }
        let waits_until = new.trigger.and_then(|trigger| trigger.waits_until);
        let rests = matches!(new.time_in_force, TimeInForce::GoodTilCancelled | TimeInForce::GoodTilTime(_));
        match new.kind {
            OrderKind::Market { slippage: BasisPoints(slippage) } if slippage > BASIS_POINTS_PER_WHOLE => {
                return Err(Reason::SlippageOutOfRange(slippage));
            }
            OrderKind::Market { .. } if rests => return Err(Reason::TimeInForceNotAllowed),
            OrderKind::PostOnly if !rests => return Err(Reason::TimeInForceNotAllowed),
            _ if rests && waits_until.is_some() => return Err(Reason::TimeInForceNotAllowed),
            _ => {}
        }
        let ends_at = match new.time_in_force {
            TimeInForce::GoodTilTime(time) => Some(time),
            _ => waits_until,
        };
        if let Some(time) = ends_at
            && time.0 <= now_unix_ms
        {
            return Err(Reason::AlreadyExpired { expires_at_unix_ms: time.0, now_unix_ms });
        }
        self.rules.check_notional(new.price, new.lots)
    }

    /// Only an order that may stay needs room.
    fn check_room(&mut self, order: &Order) -> Result<(), Reason> {
        if order.immediacy != Immediacy::Rests && !order.waits() {
            return Ok(());
        }
        if self.accounts[index(order.account)].count >= ORDERS_PER_ACCOUNT_MAX {
            return Err(Reason::TooManyOrdersOfAccount);
        }
        if self.orders.count() >= self.rules.orders_max {
            return Err(Reason::TooManyOrdersInMarket { max: self.rules.orders_max });
        }
        if order.waits() && !self.stops_mut(order.direction).has_room_for(order.trigger) {
            return Err(Reason::TooManyTriggerPrices);
        }
        Ok(())
    }

    fn check_against_book(&self, order: &Order) -> Result<(), Reason> {
        if order.waits() {
            let Some(price) = self.last_price else { return Ok(()) };
            // Where stop orders wait that earlier trades reached, this one would be triggered with them.
            let (low, high) = self.traded.unwrap_or((price, price));
            let Ticks(traded) = match order.direction {
                TriggerDirection::Rise => high,
                TriggerDirection::Fall => low,
            };
            let at_once = order.direction.is_reached(order.trigger, traded);
            let refused = Reason::WouldTriggerAtOnce { trigger: order.trigger, traded };
            return if at_once { Err(refused) } else { Ok(()) };
        }
        self.check_post_only(order, order.price)
    }

    pub(super) fn check_post_only(&self, order: &Order, price: Ticks) -> Result<(), Reason> {
        if order.kind != OrderKind::PostOnly {
            return Ok(());
        }
        match self.crossed(order.side, price) {
            Some(best) => Err(Reason::PostOnlyWouldTake { price: price.0, best: best.0 }),
            None => Ok(()),
        }
    }
}
