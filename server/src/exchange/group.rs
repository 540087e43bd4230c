//! What one group of commands leads to, gathered until it is durable.

use std::collections::BTreeMap;

use exchange::{CancelReason, Event, Fill, Side as BookSide, UnixMs};
use shared::api::exchange::{OrderState, TradeState};
use shared::exchange::Side;
use shared::time::UnixMillis;
use store::change::KeepSigned;
use store::record::exchange::{OrderRecord, OrderUpdate, PartyRecord, TradeRecord};
use trading::MatchedTrade;

use super::feed::{MarketChange, SideKey};
use super::ledgers::Ledgers;
use super::request::Waiting;

/// One group.
#[derive(Default)]
pub(super) struct Group {
    /// What must be stored before the journal has the group.
    pub(super) signed: KeepSigned,
    /// Orders that came, as they came; the journal has what was signed.
    pub(super) placed: Vec<OrderRecord>,
    /// By order.
    pub(super) updates: BTreeMap<u64, OrderUpdate>,
    pub(super) trades: Vec<TradeRecord>,
    /// Orders of followed traders that changed, as they are after it.
    pub(super) followed: BTreeMap<u64, OrderRecord>,
    /// By account.
    pub(super) nonces: BTreeMap<u32, u64>,
    /// By market.
    pub(super) changes: BTreeMap<u16, MarketChange>,
    pub(super) waiting: Vec<Waiting>,
}

/// An order of the book, or one that is being placed.
#[derive(Debug, Clone)]
pub(super) struct OpenOrder {
    pub(super) record: OrderRecord,
    pub(super) side: Side,
    /// It stands in the book.
    pub(super) has_rested: bool,
    /// When it leaves the book by itself.
    pub(super) leaves_at: UnixMs,
}

impl OpenOrder {
    fn open_lots(&self) -> u64 {
        self.record.lots.saturating_sub(self.record.filled_lots)
    }
}

/// The words for a reason of the book.
fn in_words(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Owner => "its trader cancelled it",
        CancelReason::SelfTrade => "it would have traded with an order of the same trader",
        CancelReason::Unfilled => "nothing more could be had at once within its limit",
        CancelReason::FillOrKill => "not all of it could be had at once",
        CancelReason::PostOnlyWouldTake => "it would have taken an order, and it is post-only",
        CancelReason::NotionalTooSmall => "what a reduction left of it is worth less than the market takes",
        CancelReason::TooManyPrices => "the market has as many prices as it holds",
    }
}

impl Group {
    /// Takes note of what a command led to. `cancel_words` say why orders are cancelled that their traders did not cancel.
    pub(super) fn take(
        &mut self,
        ledgers: &mut Ledgers,
        (sequence, now): (u64, UnixMs),
        events: &[Event],
        cancel_words: Option<&str>,
    ) {
        for event in events {
            match *event {
                Event::Accepted { order, .. } => self.follow(ledgers, order.0),
                Event::Filled(ref fill) => self.filled(ledgers, (sequence, now), fill),
                Event::Rested { order, side, price, open } => {
                    if let Some(order) = ledgers.orders.get_mut(&order.0) {
                        order.has_rested = true;
                        let market = order.record.market;
                        let side = side_of(side);
                        self.move_level(ledgers, market, side, price.0, |lots| lots + open.0);
                    }
                }
                Event::Cancelled { order, reason, .. } => {
                    let words = match (reason, cancel_words) {
                        (CancelReason::Owner, Some(words)) => words,
                        _ => in_words(reason),
                    };
                    self.ended(ledgers, order.0, now, OrderState::Cancelled, Some(words.to_owned()));
                }
                Event::Triggered { order } => {
                    if let Some(order) = ledgers.orders.get_mut(&order.0) {
                        order.record.triggered_at = Some(UnixMillis(now.0));
                    }
                    self.update(ledgers, order.0, now);
                }
                Event::Reduced { order, by, .. } => self.reduced(ledgers, order.0, now, by.0),
                Event::Expired { order, .. } => self.ended(ledgers, order.0, now, OrderState::Expired, None),
                _ => {}
            }
        }
    }

    fn filled(&mut self, ledgers: &mut Ledgers, (sequence, now): (u64, UnixMs), fill: &Fill) {
        let matched = MatchedTrade::of_fill(fill, sequence, now);
        let taker_side = side_of(fill.taker_side);
        let maker_side = side_of(fill.taker_side.opposite());
        self.move_level(ledgers, fill.market.0, maker_side, fill.price.0, |lots| lots.saturating_sub(fill.lots.0));
        let party = |account: exchange::AccountId, order: exchange::OrderId, fee: exchange::Units| PartyRecord {
            address: ledgers.accounts.get(account).map(|account| account.address).unwrap_or_default(),
            account: account.0,
            order: order.0,
            fee: fee.0,
        };
        let record = TradeRecord {
            seq: 0,
            market: fill.market.0,
            trade: fill.trade.0,
            sequence,
            taker_side,
            price_ticks: fill.price.0,
            lots: fill.lots.0,
            maker: party(fill.maker_account, fill.maker, fill.maker_fee),
            taker: party(fill.taker_account, fill.taker, fill.taker_fee),
            matched_at: UnixMillis(now.0),
            state: TradeState::Matched,
            settled_in: None,
            reason: None,
        };
        ledgers.wait_for(matched);
        self.trades.push(record);
        for (order, open) in [(fill.maker, fill.maker_open), (fill.taker, fill.taker_open)] {
            if let Some(known) = ledgers.orders.get_mut(&order.0) {
                known.record.filled_lots += fill.lots.0;
            }
            if open == exchange::Lots::ZERO {
                self.ended(ledgers, order.0, now, OrderState::Filled, None);
            } else {
                self.update(ledgers, order.0, now);
            }
        }
    }

    fn reduced(&mut self, ledgers: &mut Ledgers, id: u64, now: UnixMs, by: u64) {
        let Some(order) = ledgers.orders.get_mut(&id) else { return };
        order.record.lots = order.record.lots.saturating_sub(by);
        if order.has_rested {
            let (market, side, price) = (order.record.market, order.side, order.record.price_ticks);
            self.move_level(ledgers, market, side, price, |lots| lots.saturating_sub(by));
        }
        self.update(ledgers, id, now);
    }

    fn update(&mut self, ledgers: &mut Ledgers, id: u64, now: UnixMs) {
        let Some(order) = ledgers.orders.get_mut(&id) else { return };
        order.record.changed_at = UnixMillis(now.0);
        self.updates.insert(id, update_of(&order.record));
        self.follow(ledgers, id);
    }

    /// Keeps an open order for its trader, where somebody wants to hear of that one.
    fn follow(&mut self, ledgers: &Ledgers, id: u64) {
        let Some(order) = ledgers.orders.get(&id) else { return };
        if ledgers.account_feeds.is_followed(order.record.signed.signed.trader) {
            self.followed.insert(id, order.record.clone());
        }
    }

    fn ended(&mut self, ledgers: &mut Ledgers, id: u64, now: UnixMs, state: OrderState, reason: Option<String>) {
        let Some(mut order) = ledgers.forget_order(id) else { return };
        if order.has_rested && state != OrderState::Filled {
            let (open, price) = (order.open_lots(), order.record.price_ticks);
            self.move_level(ledgers, order.record.market, order.side, price, |lots| lots.saturating_sub(open));
        }
        order.record.changed_at = UnixMillis(now.0);
        (order.record.state, order.record.reason) = (state, reason);
        self.updates.insert(id, update_of(&order.record));
        if ledgers.account_feeds.is_followed(order.record.signed.signed.trader) {
            self.followed.insert(id, order.record);
        }
    }

    fn move_level(
        &mut self,
        ledgers: &mut Ledgers,
        market: u16,
        side: Side,
        price: u32,
        change: impl FnOnce(u64) -> u64,
    ) {
        let Some(sides) = ledgers.sides.get_mut(usize::from(market)) else { return };
        let lots = change(sides.lots_at(side, price));
        sides.set(side, price, lots);
        self.changes.entry(market).or_default().levels.insert((SideKey::from(side), price), lots);
    }
}

fn update_of(record: &OrderRecord) -> OrderUpdate {
    OrderUpdate {
        id: record.id,
        lots: record.lots,
        filled_lots: record.filled_lots,
        state: record.state,
        reason: record.reason.clone(),
        triggered_at: record.triggered_at,
        changed_at: record.changed_at,
    }
}

pub(super) const fn side_of(side: BookSide) -> Side {
    match side {
        BookSide::Buy => Side::Buy,
        BookSide::Sell => Side::Sell,
    }
}
