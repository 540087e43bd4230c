//! One side of a book: the prices in order, and at each price its orders by time.

use super::orders::{NIL, Orders};
use crate::limits::LEVELS_PER_SIDE_MAX;
use crate::price_tree::PriceTree;

/// Which end of the prices trades first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Best {
    Lowest,
    Highest,
}

#[derive(Debug, Clone, Copy)]
struct Level {
    price: u32,
    head: u32,
    tail: u32,
    /// Open lots of all its orders.
    lots: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Levels {
    tree: PriceTree,
    levels: Vec<Level>,
    unused: Vec<u32>,
    end: Best,
    /// The best level; [`NIL`] where there is none.
    best: u32,
}

impl Levels {
    pub(crate) fn new(end: Best) -> Self {
        Self {
            tree: PriceTree::with_capacity(LEVELS_PER_SIDE_MAX),
            levels: Vec::with_capacity(LEVELS_PER_SIDE_MAX),
            unused: Vec::with_capacity(LEVELS_PER_SIDE_MAX),
            end,
            best: NIL,
        }
    }

    /// The best price and its oldest order.
    #[inline]
    pub(crate) fn best(&self) -> Option<(u32, u32)> {
        let level = self.levels.get(self.best as usize)?;
        Some((level.price, level.head))
    }

    pub(crate) fn has_room_for(&mut self, price: u32) -> bool {
        self.levels.len() - self.unused.len() < LEVELS_PER_SIDE_MAX || self.tree.get(price).is_some()
    }

    /// Prices from the best on, with their open lots and their oldest orders.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u64, u32)> + '_ {
        let mut next = self.levels.get(self.best as usize).map(|level| (level.price, self.best));
        std::iter::from_fn(move || {
            let (price, level) = next?;
            next = self.worse(price);
            let level = &self.levels[level as usize];
            Some((price, level.lots, level.head))
        })
    }

    /// Puts the order at the end of the queue of `price`. There is room for it.
    pub(crate) fn append(&mut self, orders: &mut Orders, slot: u32, price: u32) {
        let index = match self.tree.get(price) {
            Some(index) => index,
            None => self.open(price),
        };
        let level = &mut self.levels[index as usize];
        let order = &mut orders[slot];
        (order.level, order.previous, order.next) = (index, level.tail, NIL);
        level.lots += order.open().0;
        let tail = std::mem::replace(&mut level.tail, slot);
        match tail {
            NIL => level.head = slot,
            tail => orders[tail].next = slot,
        }
    }

    /// Takes the order out of its queue.
    pub(crate) fn unlink(&mut self, orders: &mut Orders, slot: u32) {
        let order = orders[slot];
        let level = &mut self.levels[order.level as usize];
        level.lots -= order.open().0;
        match order.previous {
            NIL => level.head = order.next,
            previous => orders[previous].next = order.next,
        }
        match order.next {
            NIL => level.tail = order.previous,
            next => orders[next].previous = order.previous,
        }
        if level.head == NIL {
            self.close(order.level);
        }
    }

    /// Lots left an order that stays in its queue, or is taken out next.
    pub(crate) fn take(&mut self, level: u32, lots: u64) {
        self.levels[level as usize].lots -= lots;
    }

    /// Lots came to an order that stays in its queue.
    pub(crate) fn give(&mut self, level: u32, lots: u64) {
        self.levels[level as usize].lots += lots;
    }

    fn open(&mut self, price: u32) -> u32 {
        let level = Level { price, head: NIL, tail: NIL, lots: 0 };
        let index = match self.unused.pop() {
            Some(index) => {
                self.levels[index as usize] = level;
                index
            }
            None => {
                self.levels.push(level);
                (self.levels.len() - 1) as u32
            }
        };
        self.tree.insert(price, index);
        let is_best = self.levels.get(self.best as usize).is_none_or(|best| match self.end {
            Best::Lowest => price < best.price,
            Best::Highest => price > best.price,
        });
        if is_best {
            self.best = index;
        }
        index
    }

    fn close(&mut self, index: u32) {
        let price = self.levels[index as usize].price;
        if index == self.best {
            self.best = self.worse(price).map_or(NIL, |(_, level)| level);
        }
        self.tree.remove(price);
        self.unused.push(index);
    }

    /// The next price behind `price`, and its level.
    fn worse(&self, price: u32) -> Option<(u32, u32)> {
        match self.end {
            Best::Lowest => self.tree.next_above(price),
            Best::Highest => self.tree.next_below(price),
        }
    }
}
