//! One market: its open orders, by price and then by time.
//!
//! ```text
//! place  ─ checks ─ reserve ─┬─ execute ─ fills ─ rests or leaves
//! amend  ─ checks ─ reserve ─┘     ↑
//! trade  ─ stop orders whose trigger it reached, one after another, some with each command
//! ```

mod change;
mod expiries;
mod levels;
mod matching;
mod names;
mod orders;
mod place;
pub(crate) mod restore;

pub use names::HashKey;
pub(crate) use orders::{Immediacy, NEVER, NIL, Order};

use crate::command::{OrderRef, TriggerDirection};
use crate::event::{CancelReason, Event};
use crate::ledger::{Ledger, index};
use crate::limits::TRIGGERS_PER_COMMAND_MAX;
use crate::market::MarketRules;
use crate::quantity::{AccountId, Lots, MarketId, OrderId, Side, Ticks, TradeId};
use crate::reason::Reason;
use expiries::Expiries;
use levels::{Best, Levels};
use names::Names;
use orders::Orders;

#[derive(Debug, Clone)]
pub(crate) struct Book {
    pub(crate) market: MarketId,
    pub(crate) rules: MarketRules,
    orders: Orders,
    bids: Levels,
    asks: Levels,
    /// Orders that wait, by trigger price: for a rise, and for a fall.
    rise_stops: Levels,
    fall_stops: Levels,
    by_id: Names,
    by_client_id: Names,
    accounts: Vec<OrdersOfAccount>,
    expiries: Expiries,
    hash_key: HashKey,
    pub(crate) last_trade: TradeId,
    pub(crate) last_price: Option<Ticks>,
    /// The lowest and highest price since the last time that no stop order was reached. Between two commands it is absent,
    /// or stop orders wait that it reached.
    pub(crate) traded: Option<(Ticks, Ticks)>,
    /// Orders that this command may still trigger.
    triggers_left: u32,
}

/// A list through the open orders of one account, the oldest first.
#[derive(Debug, Clone, Copy)]
struct OrdersOfAccount {
    first: u32,
    last: u32,
    count: u32,
}

const NO_ORDERS: OrdersOfAccount = OrdersOfAccount { first: NIL, last: NIL, count: 0 };

/// Where a command's results go.
pub(crate) struct Outcome<'a> {
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) events: &'a mut Vec<Event>,
}

impl Book {
    pub(crate) fn new(market: MarketId, rules: MarketRules, hash_key: HashKey) -> Self {
        Self {
            market,
            rules,
            orders: Orders::with_capacity(rules.orders_max),
            bids: Levels::new(Best::Highest),
            asks: Levels::new(Best::Lowest),
            rise_stops: Levels::new(Best::Lowest),
            fall_stops: Levels::new(Best::Highest),
            by_id: Names::with_capacity(rules.orders_max),
            by_client_id: Names::with_capacity(rules.orders_max),
            accounts: Vec::new(),
            expiries: Expiries::with_capacity(rules.orders_max),
            hash_key,
            last_trade: TradeId(0),
            last_price: None,
            traded: None,
            triggers_left: 0,
        }
    }

    /// Makes room for accounts up to the ledger's, so that no order has to.
    pub(crate) fn admit(&mut self, accounts: usize) {
        if accounts > self.accounts.len() {
            self.accounts.resize(accounts, NO_ORDERS);
        }
    }

    /// What comes before a command that may trade: orders whose time has come end, and those go on that earlier trades
    /// reached.
    pub(crate) fn begin(&mut self, now_unix_ms: u64, out: &mut Outcome<'_>) {
        self.triggers_left = TRIGGERS_PER_COMMAND_MAX;
        self.expire(now_unix_ms, out);
        self.trigger_stops(out);
    }

    /// Ends the orders whose time has come.
    pub(crate) fn expire(&mut self, now_unix_ms: u64, out: &mut Outcome<'_>) {
        while let Some(slot) = self.expiries.due(&self.orders, now_unix_ms) {
            let order = self.orders[slot];
            self.unlink(slot);
            self.forget(slot);
            self.release(&order, order.open(), out);
            out.events.push(Event::Expired { order: order.id, account: order.account, open: order.open() });
        }
    }

    /// Open lots at each price of a side, from the best on.
    pub(crate) fn depth(&self, side: Side) -> impl Iterator<Item = (Ticks, Lots)> + '_ {
        self.side(side).iter().map(|(price, lots, _)| (Ticks(price), Lots(lots)))
    }

    fn side(&self, side: Side) -> &Levels {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    #[inline]
    fn side_mut(&mut self, side: Side) -> &mut Levels {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    fn stops_mut(&mut self, direction: TriggerDirection) -> &mut Levels {
        match direction {
            TriggerDirection::Rise => &mut self.rise_stops,
            TriggerDirection::Fall => &mut self.fall_stops,
        }
    }

    /// The best price that an order of `side` at `limit` could trade at.
    #[inline]
    fn crossed(&self, side: Side, limit: Ticks) -> Option<Ticks> {
        let (best, _) = self.side(side.opposite()).best()?;
        side.accepts(limit, Ticks(best)).then_some(Ticks(best))
    }

    pub(crate) fn slot_of(&self, id: OrderId) -> Option<u32> {
        self.by_id.find(self.hash_key.hash(id.0, 0), |slot| self.orders[slot].id == id)
    }

    pub(crate) fn order(&self, slot: u32) -> &Order {
        &self.orders[slot]
    }

    /// The slot of an open order of the account.
    fn find(&self, account: AccountId, order: OrderRef) -> Result<u32, Reason> {
        match order {
            OrderRef::Id(id) => {
                let slot = self.slot_of(id).ok_or(Reason::UnknownOrder(id))?;
                if self.orders[slot].account != account {
                    return Err(Reason::OrderOfAnother(id));
                }
                Ok(slot)
            }
            OrderRef::Client(client) => {
                let hash = self.hash_key.hash(client.0.get(), account.0);
                let is_it = |slot: u32| {
                    let order = &self.orders[slot];
                    order.client == Some(client) && order.account == account
                };
                self.by_client_id.find(hash, is_it).ok_or(Reason::UnknownClientOrder(client))
            }
        }
    }

    /// Keeps an order under its names. It stands in no queue until it is linked.
    fn keep(&mut self, order: Order) -> u32 {
        let slot = self.orders.insert(order);
        self.by_id.insert(self.hash_key.hash(order.id.0, 0), slot);
        if let Some(client) = order.client {
            self.by_client_id.insert(self.hash_key.hash(client.0.get(), order.account.0), slot);
        }
        let of_account = &mut self.accounts[index(order.account)];
        of_account.count += 1;
        let last = std::mem::replace(&mut of_account.last, slot);
        self.orders[slot].previous_of_account = last;
        match last {
            NIL => of_account.first = slot,
            last => self.orders[last].next_of_account = slot,
        }
        if order.expires_at != NEVER {
            self.expiries.insert(&mut self.orders, slot);
        }
        slot
    }

    /// The reverse of [`Self::keep`], for an order that stands in no queue.
    fn forget(&mut self, slot: u32) {
        let order = self.orders[slot];
        self.by_id.remove(self.hash_key.hash(order.id.0, 0), slot);
        if let Some(client) = order.client {
            self.by_client_id.remove(self.hash_key.hash(client.0.get(), order.account.0), slot);
        }
        let of_account = &mut self.accounts[index(order.account)];
        of_account.count -= 1;
        match order.previous_of_account {
            NIL => of_account.first = order.next_of_account,
            previous => self.orders[previous].next_of_account = order.next_of_account,
        }
        match order.next_of_account {
            NIL => of_account.last = order.previous_of_account,
            next => self.orders[next].previous_of_account = order.previous_of_account,
        }
        if order.expires_at != NEVER {
            self.expiries.remove(&mut self.orders, slot);
        }
        self.orders.remove(slot);
    }

    /// Puts a kept order into the queue of its price, or of its trigger. There is room for it.
    #[inline]
    fn link(&mut self, slot: u32) {
        let order = &self.orders[slot];
        let (side, price, trigger, direction) = (order.side, order.price, order.trigger, order.direction);
        match (side, trigger) {
            (Side::Buy, 0) => self.bids.append(&mut self.orders, slot, price.0),
            (Side::Sell, 0) => self.asks.append(&mut self.orders, slot, price.0),
            (_, trigger) => match direction {
                TriggerDirection::Rise => self.rise_stops.append(&mut self.orders, slot, trigger),
                TriggerDirection::Fall => self.fall_stops.append(&mut self.orders, slot, trigger),
            },
        }
    }

    #[inline]
    fn unlink(&mut self, slot: u32) {
        let order = &self.orders[slot];
        match (order.waits(), order.side, order.direction) {
            (false, Side::Buy, _) => self.bids.unlink(&mut self.orders, slot),
            (false, Side::Sell, _) => self.asks.unlink(&mut self.orders, slot),
            (true, _, TriggerDirection::Rise) => self.rise_stops.unlink(&mut self.orders, slot),
            (true, _, TriggerDirection::Fall) => self.fall_stops.unlink(&mut self.orders, slot),
        }
    }

    /// Hands back what was reserved for lots that will not trade.
    fn release(&self, order: &Order, lots: Lots, out: &mut Outcome<'_>) {
        let (asset, amount) = self.rules.given(order.side, order.price, lots);
        out.ledger.release(order.account, asset, amount);
    }

    /// Ends a kept order that stands in no queue.
    fn cancel_unlinked(&mut self, slot: u32, reason: CancelReason, out: &mut Outcome<'_>) {
        let order = self.orders[slot];
        self.forget(slot);
        self.say_cancelled(&order, reason, out);
    }

    fn say_cancelled(&self, order: &Order, reason: CancelReason, out: &mut Outcome<'_>) {
        let open = order.open();
        self.release(order, open, out);
        out.events.push(Event::Cancelled { order: order.id, account: order.account, open, reason });
    }
}
