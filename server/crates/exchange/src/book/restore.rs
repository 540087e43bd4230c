//! A book out of a list of its orders, and the check that a book is sound.

use std::collections::{BTreeMap, BTreeSet};

use super::{Book, HashKey, Immediacy, Levels, NIL, Order, OrdersOfAccount};
use crate::command::{OrderKind, TriggerDirection};
use crate::limits::{ORDERS_PER_ACCOUNT_MAX, PRICE_TICKS_MAX};
use crate::market::{MarketRules, check_price};
use crate::quantity::{AccountId, AssetId, Lots, MarketId, OrderId, Side, Ticks, TradeId};

/// What is not in the orders of a book.
pub(crate) struct BookHead {
    pub(crate) market: MarketId,
    pub(crate) rules: MarketRules,
    pub(crate) last_trade: TradeId,
    pub(crate) last_price: Option<Ticks>,
    /// Prices of trades that have reached stop orders which still wait.
    pub(crate) traded: Option<(Ticks, Ticks)>,
}

impl Book {
    /// All open orders: bids, asks, and orders that wait for a rise and for a fall; each from the best price on and then by time.
    pub(crate) fn open_orders(&self) -> impl Iterator<Item = &Order> + '_ {
        let sides = [&self.bids, &self.asks, &self.rise_stops, &self.fall_stops];
        sides.into_iter().flat_map(|side| side.iter().flat_map(|(_, _, head)| self.queue(head)))
    }

    fn queue(&self, head: u32) -> impl Iterator<Item = &Order> + '_ {
        let mut slot = head;
        std::iter::from_fn(move || {
            let order = (slot != NIL).then(|| &self.orders[slot])?;
            slot = order.next;
            Some(order)
        })
    }

    /// The book of these open orders, in the order of [`Self::open_orders`]. `accounts` is the number of rows of the ledger.
    pub(crate) fn restore(
        head: BookHead,
        hash_key: HashKey,
        accounts: usize,
        open_orders: &[Order],
    ) -> Result<Self, &'static str> {
        head.rules.validate().map_err(|_| "a market has rules out of bounds")?;
        if open_orders.len() > head.rules.orders_max as usize {
            return Err("a market has more open orders than it has room for");
        }
        let mut book = Self::new(head.market, head.rules, hash_key);
        (book.last_trade, book.last_price, book.traded) = (head.last_trade, head.last_price, head.traded);
        book.admit(accounts);
        let mut by_id: Vec<usize> = (0..open_orders.len()).collect();
        by_id.sort_by_key(|place| open_orders[*place].id);
        let mut slots = vec![NIL; open_orders.len()];
        let mut previous = None;
        for place in by_id {
            let order = open_orders[place];
            if previous == Some(order.id) {
                return Err("two open orders have one id");
            }
            previous = Some(order.id);
            book.check_restored(&order, accounts)?;
            slots[place] = book.keep(order);
        }
        for slot in slots {
            let order = book.orders[slot];
            let room = match order.waits() {
                false => book.side_mut(order.side).has_room_for(order.price.0),
                true => book.stops_mut(order.direction).has_room_for(order.trigger),
            };
            if !room {
                return Err("a market has more prices than it has room for");
            }
            book.link(slot);
        }
        Ok(book)
    }

    fn check_restored(&self, order: &Order, accounts: usize) -> Result<(), &'static str> {
        if order.account.0 as usize >= accounts {
            return Err("an open order belongs to no account");
        }
        let prices_hold = check_price(order.price).is_ok() && order.trigger <= PRICE_TICKS_MAX;
        if !prices_hold || self.rules.check_lots(order.lots).is_err() || order.filled >= order.lots {
            return Err("an open order has a price or quantity out of bounds");
        }
        let may_wait_here = order.immediacy == Immediacy::Rests && !matches!(order.kind, OrderKind::Market { .. });
        if !order.waits() && !may_wait_here {
            return Err("an order that leaves at once is in the book");
        }
        if self.accounts[order.account.0 as usize].count >= ORDERS_PER_ACCOUNT_MAX {
            return Err("an account has more open orders than it may have");
        }
        match order.client {
            Some(client) if self.find(order.account, crate::OrderRef::Client(client)).is_ok() => {
                Err("two open orders of an account have one client order id")
            }
            _ => Ok(()),
        }
    }

    /// Recounts what can be counted twice, and adds what the open orders reserve to `reserved`.
    pub(crate) fn audit(
        &self,
        last_order: OrderId,
        reserved: &mut BTreeMap<(AccountId, AssetId), u128>,
    ) -> Result<(), &'static str> {
        if let (Some((bid, _)), Some((ask, _))) = (self.bids.best(), self.asks.best())
            && bid >= ask
        {
            return Err("the book is crossed");
        }
        if let Some((low, high)) = self.traded {
            let has_last = self.last_price.is_some_and(|last| (low..=high).contains(&last));
            if !has_last || check_price(low).is_err() || check_price(high).is_err() || self.reached_stop().is_none() {
                return Err("a market has traded prices that reach no waiting order");
            }
        }
        use TriggerDirection::{Fall, Rise};
        // The queue, whether its lowest price comes first, and what stands in it: a side of the book, or a direction.
        let queues: [(&Levels, bool, Option<Side>, TriggerDirection); 4] = [
            (&self.bids, false, Some(Side::Buy), Rise),
            (&self.asks, true, Some(Side::Sell), Rise),
            (&self.rise_stops, true, None, Rise),
            (&self.fall_stops, false, None, Fall),
        ];
        let mut ids = BTreeSet::new();
        for (levels, is_lowest_first, side, direction) in queues {
            let mut previous: Option<u32> = None;
            for (price, lots, head) in levels.iter() {
                if previous.is_some_and(|previous| (previous < price) != is_lowest_first) {
                    return Err("prices are out of order");
                }
                previous = Some(price);
                let mut open = Lots(0);
                for order in self.queue(head) {
                    open.0 += order.open().0;
                    let (belongs, key) = match side {
                        Some(side) => (order.side == side && !order.waits(), order.price.0),
                        None => (order.direction == direction && order.waits(), order.trigger),
                    };
                    if !belongs || key != price || order.open() == Lots(0) {
                        return Err("an order stands where it does not belong");
                    }
                    if self.slot_of(order.id).is_none() || order.id > last_order || !ids.insert(order.id) {
                        return Err("an order is not found by its id");
                    }
                    let (asset, amount) = self.rules.given(order.side, order.price, order.open());
                    *reserved.entry((order.account, asset)).or_default() += amount.0;
                }
                if open.0 != lots {
                    return Err("a price has other lots than its orders");
                }
            }
        }
        let of_accounts: u32 = self.accounts.iter().map(|OrdersOfAccount { count, .. }| count).sum();
        if ids.len() != self.orders.count() as usize || of_accounts != self.orders.count() {
            return Err("an order stands in no queue");
        }
        Ok(())
    }
}
