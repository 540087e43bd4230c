//! The open orders of one market, in one piece of memory. Lists run through them by their slots.

use std::ops::{Index, IndexMut};

use crate::command::{NewOrder, OrderKind, SelfTradeRule, TimeInForce, TriggerDirection};
use crate::quantity::{AccountId, ClientOrderId, Lots, OrderId, Side, Ticks};

/// No slot.
pub(crate) const NIL: u32 = u32::MAX;
/// The expiry of an order that never expires.
pub(crate) const NEVER: u64 = u64::MAX;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    pub(crate) id: OrderId,
    /// The filled ones are included.
    pub(crate) lots: Lots,
    pub(crate) filled: Lots,
    pub(crate) client: Option<ClientOrderId>,
    pub(crate) expires_at: u64,
    pub(crate) account: AccountId,
    /// The limit, also of a market order.
    pub(crate) price: Ticks,
    /// Zero unless the order waits for its trigger.
    pub(crate) trigger: u32,
    /// Where the trigger lies; nothing depends on it once the order waits no longer.
    pub(crate) direction: TriggerDirection,
    pub(crate) level: u32,
    /// Neighbours in the queue of its price. `next` also links unused slots.
    pub(crate) previous: u32,
    pub(crate) next: u32,
    /// Neighbours among the orders of its account.
    pub(crate) previous_of_account: u32,
    pub(crate) next_of_account: u32,
    /// Its place among the orders that expire.
    pub(crate) expiry: u32,
    pub(crate) side: Side,
    pub(crate) kind: OrderKind,
    pub(crate) immediacy: Immediacy,
    pub(crate) self_trade: SelfTradeRule,
}

/// [`TimeInForce`] without the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Immediacy {
    Rests,
    ImmediateOrCancel,
    FillOrKill,
}

impl Order {
    pub(crate) fn new(order: &NewOrder) -> Self {
        let waits_until = order.trigger.and_then(|trigger| trigger.waits_until).map_or(NEVER, |time| time.0);
        let (immediacy, expires_at) = match order.time_in_force {
            TimeInForce::GoodTilCancelled => (Immediacy::Rests, NEVER),
            TimeInForce::GoodTilTime(time) => (Immediacy::Rests, time.0),
            TimeInForce::ImmediateOrCancel => (Immediacy::ImmediateOrCancel, waits_until),
            TimeInForce::FillOrKill => (Immediacy::FillOrKill, waits_until),
        };
        Self {
            id: order.id,
            lots: order.lots,
            filled: Lots::ZERO,
            client: order.client_order_id,
            expires_at,
            account: order.account,
            price: order.price,
            trigger: order.trigger.map_or(0, |trigger| trigger.price.0),
            direction: order.trigger.map_or(TriggerDirection::Rise, |trigger| trigger.direction),
            level: NIL,
            previous: NIL,
            next: NIL,
            previous_of_account: NIL,
            next_of_account: NIL,
            expiry: NIL,
            side: order.side,
            kind: order.kind,
            immediacy,
            self_trade: order.self_trade,
        }
    }

    pub(crate) fn open(&self) -> Lots {
        self.lots.less(self.filled)
    }

    pub(crate) fn waits(&self) -> bool {
        self.trigger != 0
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Orders {
    slots: Vec<Order>,
    unused: u32,
    count: u32,
}

impl Orders {
    pub(crate) fn with_capacity(orders_max: u32) -> Self {
        Self { slots: Vec::with_capacity(orders_max as usize), unused: NIL, count: 0 }
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn insert(&mut self, order: Order) -> u32 {
        self.count += 1;
        if self.unused == NIL {
            self.slots.push(order);
            return (self.slots.len() - 1) as u32;
        }
        let slot = self.unused;
        self.unused = self[slot].next;
        self[slot] = order;
        slot
    }

    pub(crate) fn remove(&mut self, slot: u32) {
        self.count -= 1;
        self[slot].next = self.unused;
        self.unused = slot;
    }
}

impl Index<u32> for Orders {
    type Output = Order;

    #[inline]
    fn index(&self, slot: u32) -> &Order {
        &self.slots[slot as usize]
    }
}

impl IndexMut<u32> for Orders {
    #[inline]
    fn index_mut(&mut self, slot: u32) -> &mut Order {
        &mut self.slots[slot as usize]
    }
}
