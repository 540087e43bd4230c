//! What is kept of the exchange. Prices are ticks and amounts lots of their market, as the order book counts them.

use shared::api::exchange::{OrderState, TradeState, WithdrawalState};
use shared::api::payments::PlacedTransaction;
use shared::exchange::{ExchangeOrder, ExchangeWithdrawal, Side, SignedByTrader};
use shared::time::{UnixMillis, UnixSeconds};
use shared::{Address, B256};

/// How far the rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExchangePosition {
    /// Hash of the chain's block 0.
    pub genesis: B256,
    /// Entries of the journal whose consequences are stored.
    pub sequence: u64,
    /// The last block whose events are stored.
    pub height: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraderRecord {
    pub account: u32,
    pub address: Address,
    /// The highest nonce that was taken.
    pub last_nonce: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRecord {
    pub id: u64,
    pub market: u16,
    pub account: u32,
    pub price_ticks: u32,
    /// Fewer than were signed once it was reduced.
    pub lots: u64,
    pub filled_lots: u64,
    pub state: OrderState,
    /// Why it left the book.
    pub reason: Option<String>,
    /// When a trade reached its trigger; nothing before that, and for an order without one.
    pub triggered_at: Option<UnixMillis>,
    pub signed: SignedByTrader<ExchangeOrder>,
    /// Whose key signed it: the trader's or a delegate's.
    pub signer: Address,
    /// The entry of the journal that places it.
    pub sequence: u64,
    pub placed_at: UnixMillis,
    pub changed_at: UnixMillis,
}

impl OrderRecord {
    /// The key that signed for the trader, where that is not the trader's own.
    pub fn delegate(&self) -> Option<Address> {
        Some(self.signer).filter(|signer| *signer != self.signed.signed.trader)
    }

    /// Takes what became of the order.
    pub fn apply(&mut self, update: &OrderUpdate) {
        (self.lots, self.filled_lots, self.state) = (update.lots, update.filled_lots, update.state);
        (self.reason, self.triggered_at) = (update.reason.clone(), update.triggered_at);
        self.changed_at = update.changed_at;
    }
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderUpdate {
    pub id: u64,
    pub lots: u64,
    pub filled_lots: u64,
    pub state: OrderState,
    pub reason: Option<String>,
    pub triggered_at: Option<UnixMillis>,
    pub changed_at: UnixMillis,
}

/// One side of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartyRecord {
    pub address: Address,
    pub account: u32,
    pub order: u64,
    /// In the asset that it receives.
    pub fee: u128,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TradeRecord {
    /// Order in which trades were stored; 0 for one that is not stored yet.
    pub seq: i64,
    pub market: u16,
    pub trade: u64,
    /// The entry of the journal that led to it.
    pub sequence: u64,
    pub taker_side: Side,
    pub price_ticks: u32,
    pub lots: u64,
    pub maker: PartyRecord,
    pub taker: PartyRecord,
    pub matched_at: UnixMillis,
    pub state: TradeState,
    pub settled_in: Option<PlacedTransaction>,
    /// Why it is void.
    pub reason: Option<String>,
}

/// The trades of one market in one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandleRecord {
    pub market: u16,
    pub interval_seconds: u64,
    pub start: UnixSeconds,
    /// Prices in ticks.
    pub open: u32,
    pub high: u32,
    pub low: u32,
    pub close: u32,
    pub lots: u128,
    /// Sum of each trade's lots times its ticks.
    pub lot_ticks: u128,
    pub trades: u64,
}

impl CandleRecord {
    /// One that begins with this trade.
    pub fn of_trade(trade: &TradeRecord, interval_seconds: u64) -> Self {
        let (price, lots) = (trade.price_ticks, u128::from(trade.lots));
        let seconds = trade.matched_at.seconds().0;
        Self {
            market: trade.market,
            interval_seconds,
            start: UnixSeconds(seconds - seconds % interval_seconds.max(1)),
            open: price,
            high: price,
            low: price,
            close: price,
            lots,
            lot_ticks: lots * u128::from(price),
            trades: 1,
        }
    }

    /// Adds what came later in the same stretch.
    pub fn extend(&mut self, later: &Self) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.lots = self.lots.saturating_add(later.lots);
        self.lot_ticks = self.lot_ticks.saturating_add(later.lot_ticks);
        self.trades += later.trades;
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithdrawalRecord {
    pub account: u32,
    /// The entry of the journal that takes its amount out of the book.
    pub sequence: u64,
    pub signed: SignedByTrader<ExchangeWithdrawal>,
    pub state: WithdrawalState,
    pub requested_at: UnixMillis,
    pub paid_in: Option<PlacedTransaction>,
    pub reason: Option<String>,
}
