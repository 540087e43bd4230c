//! A market's open prices as everybody may see them, and the messages that tell of changes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use shared::api::exchange::{BookLevel, BookView, CHECKSUM_LEVELS, TradeView};
use shared::api::exchange_feeds::FeedMessage;
use shared::exchange::Side;
use tokio::sync::broadcast;
use trading::checksum;

use super::limits::{FEED_MESSAGES_WAITING, TRADES_REMEMBERED};
use super::listing::ListedMarket;
use super::views;

/// Open lots by price.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sides {
    bids: BTreeMap<u32, u64>,
    asks: BTreeMap<u32, u64>,
}

impl Sides {
    fn of(&self, side: Side) -> &BTreeMap<u32, u64> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn of_mut(&mut self, side: Side) -> &mut BTreeMap<u32, u64> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    pub(crate) fn lots_at(&self, side: Side, price: u32) -> u64 {
        self.of(side).get(&price).copied().unwrap_or(0)
    }

    pub(crate) fn set(&mut self, side: Side, price: u32, lots: u64) {
        let levels = self.of_mut(side);
        if lots == 0 {
            levels.remove(&price);
        } else {
            levels.insert(price, lots);
        }
    }

    /// From the best price on.
    pub(crate) fn best(&self, side: Side) -> Box<dyn Iterator<Item = (u32, u64)> + '_> {
        let levels = self.of(side).iter().map(|(price, lots)| (*price, *lots));
        match side {
            Side::Buy => Box::new(levels.rev()),
            Side::Sell => Box::new(levels),
        }
    }
}

/// What one group of commands changed in a market.
#[derive(Debug, Default)]
pub(crate) struct MarketChange {
    /// New lots of prices.
    pub(crate) levels: BTreeMap<(SideKey, u32), u64>,
    pub(crate) trades: Vec<TradeView>,
}

/// A side that can be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SideKey {
    Bid,
    Ask,
}

impl From<Side> for SideKey {
    fn from(side: Side) -> Self {
        match side {
            Side::Buy => Self::Bid,
            Side::Sell => Self::Ask,
        }
    }
}

impl SideKey {
    const fn side(self) -> Side {
        match self {
            Self::Bid => Side::Buy,
            Self::Ask => Side::Sell,
        }
    }
}

#[derive(Debug)]
struct Published {
    sequence: u64,
    sides: Sides,
    /// The newest last.
    trades: VecDeque<TradeView>,
    last_trade: u64,
    last_settled: u64,
}

/// What is public of one market, durable all of it.
#[derive(Debug)]
pub(crate) struct MarketFeed {
    published: RwLock<Published>,
    messages: broadcast::Sender<Arc<str>>,
}

impl MarketFeed {
    pub(crate) fn new(sequence: u64, sides: Sides, trades: VecDeque<TradeView>, numbers: (u64, u64)) -> Self {
        let (last_trade, last_settled) = numbers;
        let published = Published { sequence, sides, trades, last_trade, last_settled };
        Self { published: RwLock::new(published), messages: broadcast::Sender::new(FEED_MESSAGES_WAITING) }
    }

    /// Numbers of the last trade, and of the last one that is final.
    pub(crate) fn last_trades(&self) -> (u64, u64) {
        let published = self.published.read().unwrap_or_else(PoisonError::into_inner);
        (published.last_trade, published.last_settled)
    }

    /// The best prices of both sides.
    pub(crate) fn best(&self) -> (Option<u32>, Option<u32>) {
        let published = self.published.read().unwrap_or_else(PoisonError::into_inner);
        let best = |side| published.sides.best(side).next().map(|(price, _)| price);
        (best(Side::Buy), best(Side::Sell))
    }

    /// The price of the last trade.
    pub(crate) fn last_price(&self) -> Option<String> {
        let published = self.published.read().unwrap_or_else(PoisonError::into_inner);
        published.trades.back().map(|trade| trade.price.clone())
    }

    pub(crate) fn book(&self, market: &ListedMarket, depth: usize) -> BookView {
        published_book(&self.published.read().unwrap_or_else(PoisonError::into_inner), market, depth)
    }

    /// The book as it is now with its last trades, and every message after that.
    pub(crate) fn follow(&self, market: &ListedMarket, depth: usize) -> (FeedMessage, broadcast::Receiver<Arc<str>>) {
        // Messages are sent under the same lock, so that none falls in between.
        let published = self.published.read().unwrap_or_else(PoisonError::into_inner);
        let receiver = self.messages.subscribe();
        let trades = published.trades.iter().rev().cloned().collect();
        (FeedMessage::Snapshot { book: published_book(&published, market, depth), trades }, receiver)
    }

    /// Makes a change public.
    pub(crate) fn publish(&self, market: &ListedMarket, sequence: u64, change: MarketChange) {
        let mut published = self.published.write().unwrap_or_else(PoisonError::into_inner);
        let previous_sequence = std::mem::replace(&mut published.sequence, sequence);
        let (mut bids, mut asks) = (Vec::new(), Vec::new());
        for ((side, price), lots) in change.levels {
            published.sides.set(side.side(), price, lots);
            let level = views::level(market, price, lots);
            match side {
                SideKey::Bid => bids.push(level),
                SideKey::Ask => asks.push(level),
            }
        }
        for trade in &change.trades {
            published.last_trade = trade.trade;
            published.trades.push_back(trade.clone());
        }
        let surplus = published.trades.len().saturating_sub(TRADES_REMEMBERED);
        published.trades.drain(..surplus);
        let checksum = checksum_of(&published.sides, market);
        let trades = change.trades;
        self.send(&FeedMessage::Delta { previous_sequence, sequence, checksum, bids, asks, trades });
    }

    /// Tells of trades that ended.
    pub(crate) fn settled(&self, trades: Vec<TradeView>) {
        let mut published = self.published.write().unwrap_or_else(PoisonError::into_inner);
        for ended in &trades {
            if ended.settled_in.is_some() {
                published.last_settled = published.last_settled.max(ended.trade);
            }
            if let Some(known) = published.trades.iter_mut().find(|known| known.trade == ended.trade) {
                *known = ended.clone();
            }
        }
        self.send(&FeedMessage::Settled { trades });
    }

    fn send(&self, message: &FeedMessage) {
        if self.messages.receiver_count() == 0 {
            return;
        }
        if let Ok(text) = serde_json::to_string(message) {
            // Nobody may be left.
            let _ = self.messages.send(text.into());
        }
    }
}

fn published_book(published: &Published, market: &ListedMarket, depth: usize) -> BookView {
    let levels = |side| -> Vec<BookLevel> {
        published.sides.best(side).take(depth).map(|(price, lots)| views::level(market, price, lots)).collect()
    };
    BookView {
        market: market.id.clone(),
        sequence: published.sequence,
        checksum: checksum_of(&published.sides, market),
        bids: levels(Side::Buy),
        asks: levels(Side::Sell),
    }
}

fn checksum_of(sides: &Sides, market: &ListedMarket) -> u32 {
    let levels = |side| {
        let best = sides.best(side).take(CHECKSUM_LEVELS);
        best.map(|(price, lots)| {
            let level = views::level(market, price, lots);
            (level.limit_price.0, level.amount_units.0)
        })
    };
    checksum(levels(Side::Buy), levels(Side::Sell))
}
