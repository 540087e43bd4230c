//! Changes of open orders by their owners.

use super::{Book, NIL, Outcome};
use crate::command::OrderRef;
use crate::event::{CancelReason, Event};
use crate::ledger::index;
use crate::market::check_price;
use crate::quantity::{AccountId, Lots, Ticks, Units};
use crate::reason::Reason;

impl Book {
    pub(crate) fn amend(
        &mut self,
        account: AccountId,
        order: OrderRef,
        price: Ticks,
        lots: Lots,
        out: &mut Outcome<'_>,
    ) -> Result<(), Reason> {
        let slot = self.find(account, order)?;
        let before = self.orders[slot];
        check_price(price)?;
        self.rules.check_lots(lots)?;
        if lots <= before.filled {
            return Err(Reason::LotsNotAboveFilled { given: lots, filled: before.filled });
        }
        if price == before.price && lots == before.lots {
            return Err(Reason::NothingToAmend);
        }
        self.rules.check_notional(price, lots.less(before.filled))?;
        if !before.waits() {
            self.check_post_only(&before, price)?;
        }
        if price == before.price && lots < before.lots {
            self.take_off(slot, before.lots.less(lots), out);
            return Ok(());
        }
        let mut after = before;
        (after.price, after.lots) = (price, lots);
        self.exchange_reserves(account, &before, &after, out)?;
        out.events.push(Event::Amended { order: before.id, price, open: after.open() });
        self.unlink_or_keep_waiting(slot, price, lots);
        if after.waits() {
            return Ok(());
        }
        if self.crossed(after.side, price).is_none() {
            self.rest(&after, slot, out);
            return Ok(());
        }
        self.execute(after, slot, out);
        Ok(())
    }

    /// Where too little would stay open for an order of this market, all of it is cancelled.
    pub(crate) fn reduce(
        &mut self,
        account: AccountId,
        order: OrderRef,
        by: Lots,
        out: &mut Outcome<'_>,
    ) -> Result<(), Reason> {
        let slot = self.find(account, order)?;
        self.rules.check_lots(by)?;
        let order = self.orders[slot];
        let ends = if by >= order.open() {
            Some(CancelReason::Owner)
        } else {
            let kept = self.rules.check_notional(order.price, order.open().less(by));
            kept.err().map(|_| CancelReason::NotionalTooSmall)
        };
        match ends {
            Some(reason) => {
                self.unlink(slot);
                self.cancel_unlinked(slot, reason, out);
            }
            None => self.take_off(slot, by, out),
        }
        Ok(())
    }

    pub(crate) fn cancel(&mut self, account: AccountId, order: OrderRef, out: &mut Outcome<'_>) -> Result<(), Reason> {
        let slot = self.find(account, order)?;
        self.unlink(slot);
        self.cancel_unlinked(slot, CancelReason::Owner, out);
        Ok(())
    }

    pub(crate) fn cancel_all(&mut self, account: AccountId, out: &mut Outcome<'_>) -> Result<(), Reason> {
        if !out.ledger.knows(account) {
            return Err(Reason::UnknownAccount(account));
        }
        let orders = self.accounts[index(account)].count;
        loop {
            let slot = self.accounts[index(account)].first;
            if slot == NIL {
                break;
            }
            self.unlink(slot);
            self.cancel_unlinked(slot, CancelReason::Owner, out);
        }
        out.events.push(Event::AllCancelled { market: self.market, account, orders });
        Ok(())
    }

    /// Fewer lots than are open leave the order where it stands.
    fn take_off(&mut self, slot: u32, by: Lots, out: &mut Outcome<'_>) {
        let order = self.orders[slot];
        let levels = if order.waits() { self.stops_mut(order.direction) } else { self.side_mut(order.side) };
        levels.take(order.level, by.0);
        self.orders[slot].lots = order.lots.less(by);
        self.release(&order, by, out);
        out.events.push(Event::Reduced { order: order.id, by, open: order.open().less(by) });
    }

    /// Reserves what the order needs now instead of what it needed before, or changes nothing.
    fn exchange_reserves(
        &self,
        account: AccountId,
        before: &super::Order,
        after: &super::Order,
        out: &mut Outcome<'_>,
    ) -> Result<(), Reason> {
        let (asset, held) = self.rules.given(before.side, before.price, before.open());
        let (_, needed) = self.rules.given(after.side, after.price, after.open());
        if needed <= held {
            out.ledger.release(account, asset, Units(held.0 - needed.0));
            return Ok(());
        }
        let more = Units(needed.0 - held.0);
        out.ledger.check_free(account, asset, more)?;
        out.ledger.reserve(account, asset, more);
        Ok(())
    }

    /// An order of the book leaves its queue. A waiting stop order keeps its place, which its trigger decides.
    fn unlink_or_keep_waiting(&mut self, slot: u32, price: Ticks, lots: Lots) {
        let order = self.orders[slot];
        if order.waits() {
            let levels = self.stops_mut(order.direction);
            levels.take(order.level, order.open().0);
            levels.give(order.level, lots.less(order.filled).0);
        } else {
            self.unlink(slot);
        }
        let kept = &mut self.orders[slot];
        (kept.price, kept.lots) = (price, lots);
    }
}
