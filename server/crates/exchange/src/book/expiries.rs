//! Orders that expire, the next one first: a heap in which each order knows its place, so that one that is cancelled
//! leaves at once and the heap never holds more than the open orders.

use super::orders::{NIL, Orders};

#[derive(Debug, Clone)]
pub(crate) struct Expiries {
    slots: Vec<u32>,
}

impl Expiries {
    pub(crate) fn with_capacity(orders_max: u32) -> Self {
        Self { slots: Vec::with_capacity(orders_max as usize) }
    }

    /// The order that expires next, if it does so by `now`. Orders of one time go by their ids.
    pub(crate) fn due(&self, orders: &Orders, now: u64) -> Option<u32> {
        self.slots.first().copied().filter(|slot| orders[*slot].expires_at <= now)
    }

    pub(crate) fn insert(&mut self, orders: &mut Orders, slot: u32) {
        let place = self.slots.len();
        self.slots.push(slot);
        orders[slot].expiry = place as u32;
        self.rise(orders, place);
    }

    pub(crate) fn remove(&mut self, orders: &mut Orders, slot: u32) {
        let place = orders[slot].expiry as usize;
        orders[slot].expiry = NIL;
        let Some(last) = self.slots.pop() else { return };
        if last == slot {
            return;
        }
        self.slots[place] = last;
        orders[last].expiry = place as u32;
        let place = self.rise(orders, place);
        self.sink(orders, place);
    }

    fn rise(&mut self, orders: &mut Orders, mut place: usize) -> usize {
        while place > 0 {
            let parent = (place - 1) / 2;
            if !self.is_before(orders, place, parent) {
                break;
            }
            self.swap(orders, place, parent);
            place = parent;
        }
        place
    }

    fn sink(&mut self, orders: &mut Orders, mut place: usize) {
        loop {
            let children = [2 * place + 1, 2 * place + 2].into_iter().filter(|child| *child < self.slots.len());
            let first = children.reduce(|left, right| if self.is_before(orders, right, left) { right } else { left });
            let Some(child) = first.filter(|child| self.is_before(orders, *child, place)) else { return };
            self.swap(orders, place, child);
            place = child;
        }
    }

    fn is_before(&self, orders: &Orders, left: usize, right: usize) -> bool {
        let key = |place: usize| {
            let order = &orders[self.slots[place]];
            (order.expires_at, order.id)
        };
        key(left) < key(right)
    }

    fn swap(&mut self, orders: &mut Orders, left: usize, right: usize) {
        self.slots.swap(left, right);
        orders[self.slots[left]].expiry = left as u32;
        orders[self.slots[right]].expiry = right as u32;
    }
}
