//! What traders are told of their own orders and trades.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use shared::Address;
use shared::api::exchange::{FillView, OrderView};
use shared::api::exchange_feeds::AccountMessage;
use store::record::exchange::{OrderRecord, TradeRecord};
use tokio::sync::broadcast;

use super::desk::Desk;
use super::limits::{FEED_MESSAGES_WAITING, FILLS_PER_MESSAGE_MAX};
use super::views;

/// A snapshot, and every message after it.
pub(crate) type AccountFollowing = (AccountMessage, broadcast::Receiver<Arc<str>>);

/// Traders whom somebody follows.
#[derive(Debug, Default)]
pub(super) struct AccountFeeds {
    by_trader: RwLock<HashMap<Address, AccountFeed>>,
}

#[derive(Debug)]
struct AccountFeed {
    /// Messages so far.
    sequence: u64,
    messages: broadcast::Sender<Arc<str>>,
}

impl AccountFeeds {
    pub(super) fn is_followed(&self, trader: Address) -> bool {
        self.by_trader.read().unwrap_or_else(PoisonError::into_inner).contains_key(&trader)
    }

    /// The number of the last message, and every message after it. Feeds that nobody follows any more are forgotten.
    fn follow(&self, trader: Address) -> (u64, broadcast::Receiver<Arc<str>>) {
        let mut by_trader = self.by_trader.write().unwrap_or_else(PoisonError::into_inner);
        by_trader.retain(|_, feed| feed.messages.receiver_count() > 0);
        let new = || AccountFeed { sequence: 0, messages: broadcast::Sender::new(FEED_MESSAGES_WAITING) };
        let feed = by_trader.entry(trader).or_insert_with(new);
        (feed.sequence, feed.messages.subscribe())
    }

    /// Tells the next message, which is made for its number.
    fn tell(&self, trader: Address, message: impl FnOnce(u64) -> AccountMessage) {
        let mut by_trader = self.by_trader.write().unwrap_or_else(PoisonError::into_inner);
        let Some(feed) = by_trader.get_mut(&trader) else { return };
        if feed.messages.receiver_count() == 0 {
            by_trader.remove(&trader);
            return;
        }
        feed.sequence += 1;
        if let Ok(text) = serde_json::to_string(&message(feed.sequence)) {
            // The last one may have left just now.
            let _ = feed.messages.send(text.into());
        }
    }
}

/// What one group of commands brought a trader.
#[derive(Default)]
struct News {
    orders: Vec<OrderView>,
    fills: Vec<FillView>,
}

impl Desk {
    /// What the trader's open orders are, and what becomes of them. No group may be unfinished. The desk waits for no
    /// database: who asks lets the rows catch up before it shows the snapshot, so that the lists have everything older.
    pub(super) fn follow_account(&self, trader: Address) -> AccountFollowing {
        let (sequence, messages) = self.ledgers.account_feeds.follow(trader);
        let ids = self.ledgers.accounts.of(trader).into_iter().flat_map(|account| account.orders.iter().rev());
        let records = ids.filter_map(|id| self.ledgers.orders.get(id)).map(|order| &order.record);
        let orders = records.filter_map(|record| self.order_view(record)).collect();
        (AccountMessage::Snapshot { sequence, trader, orders }, messages)
    }

    fn order_view(&self, record: &OrderRecord) -> Option<OrderView> {
        Some(views::order(self.ledgers.listing.market(record.market)?, record))
    }

    /// Tells followed traders what a group that is durable brought them.
    pub(super) fn tell_traders(&self, orders: &BTreeMap<u64, OrderRecord>, trades: &[TradeRecord]) {
        let mut news: BTreeMap<Address, News> = BTreeMap::new();
        for record in orders.values() {
            let trader = record.signed.signed.trader;
            news.entry(trader).or_default().orders.extend(self.order_view(record));
        }
        for (trader, fill) in self.fills_of_followed(trades) {
            news.entry(trader).or_default().fills.push(fill);
        }
        let feeds = &self.ledgers.account_feeds;
        for (trader, News { orders, mut fills }) in news {
            // The orders come with the last of them, since they are as they are after all.
            while fills.len() > FILLS_PER_MESSAGE_MAX {
                let rest = fills.split_off(FILLS_PER_MESSAGE_MAX);
                let some = std::mem::replace(&mut fills, rest);
                feeds.tell(trader, |sequence| AccountMessage::Update { sequence, orders: vec![], fills: some });
            }
            feeds.tell(trader, |sequence| AccountMessage::Update { sequence, orders, fills });
        }
    }

    /// Tells followed traders of their trades that ended.
    pub(super) fn tell_traders_ended(&self, trades: &[TradeRecord]) {
        let mut ended: BTreeMap<Address, Vec<FillView>> = BTreeMap::new();
        for (trader, fill) in self.fills_of_followed(trades) {
            ended.entry(trader).or_default().push(fill);
        }
        for (trader, fills) in ended {
            self.ledgers.account_feeds.tell(trader, |sequence| AccountMessage::Settled { sequence, fills });
        }
    }

    fn fills_of_followed(&self, trades: &[TradeRecord]) -> Vec<(Address, FillView)> {
        let mut fills = Vec::new();
        for trade in trades {
            let Some(market) = self.ledgers.listing.market(trade.market) else { continue };
            for party in [&trade.maker, &trade.taker] {
                if self.ledgers.account_feeds.is_followed(party.address) {
                    fills.push((party.address, views::fill_of_trader(market, trade, party.address)));
                }
            }
        }
        fills
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRADER: Address = Address::repeat_byte(7);

    fn told(feeds: &AccountFeeds) {
        feeds.tell(TRADER, |sequence| AccountMessage::Settled { sequence, fills: vec![] });
    }

    #[test]
    fn messages_are_numbered_without_a_gap_and_go_to_who_follows() {
        let feeds = AccountFeeds::default();
        told(&feeds);
        assert!(!feeds.is_followed(TRADER), "nobody asked");
        let (first, mut messages) = feeds.follow(TRADER);
        told(&feeds);
        told(&feeds);
        let (later, mut late) = feeds.follow(TRADER);
        told(&feeds);
        assert_eq!((first, later), (0, 2));
        let sequences = |messages: &mut broadcast::Receiver<Arc<str>>| -> Vec<u64> {
            let texts = std::iter::from_fn(|| messages.try_recv().ok());
            let sequence = |text: Arc<str>| match serde_json::from_str(&text).unwrap() {
                AccountMessage::Settled { sequence, .. } => sequence,
                other => panic!("{other:?}"),
            };
            texts.map(sequence).collect()
        };
        assert_eq!((sequences(&mut messages), sequences(&mut late)), (vec![1, 2, 3], vec![3]));
        drop((messages, late));
        told(&feeds);
        assert!(!feeds.is_followed(TRADER), "a feed that nobody follows is forgotten");
    }

    #[test]
    fn who_falls_behind_hears_how_many_were_missed() {
        let feeds = AccountFeeds::default();
        let (_, mut messages) = feeds.follow(TRADER);
        (0..=FEED_MESSAGES_WAITING).for_each(|_| told(&feeds));
        let missed = messages.try_recv().unwrap_err();
        assert_eq!(missed, broadcast::error::TryRecvError::Lagged(1));
    }
}
