//! Messages of the exchange's WebSockets: `/ws/exchange/{market}` is everybody's, `/ws/exchange/account` of who is signed in.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use super::exchange::{BookLevel, BookView, FillView, OrderView, TradeView};

/// A message of the WebSocket `/ws/exchange/{market}`. A client sends nothing.
///
/// The first one is a snapshot. Each delta names the sequence of the message before it; where that is not the last one
/// seen, or the checksum differs, the client connects again. Levels beyond the first [`super::exchange::BOOK_DEPTH_MAX`] of a side come with
/// their next change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FeedMessage {
    Snapshot {
        #[serde(flatten)]
        book: BookView,
        /// The last trades, the newest first.
        trades: Vec<TradeView>,
    },
    Delta {
        previous_sequence: u64,
        sequence: u64,
        /// Of the book after this message.
        checksum: u32,
        /// Levels that changed, whole; an amount of `0` removes one.
        bids: Vec<BookLevel>,
        asks: Vec<BookLevel>,
        /// New trades, in order.
        trades: Vec<TradeView>,
    },
    /// Trades that ended: final, or void.
    Settled { trades: Vec<TradeView> },
    /// The last message: why the server ends the connection.
    Closed { reason: String },
}

/// A message of the WebSocket `/ws/exchange/account`: what happens to the orders of one trader. A client sends nothing.
///
/// The first one is a snapshot. Each message after it has the number of the one before and 1; where it has not, the client
/// connects again. What is older than the snapshot stands in the lists of `/v1/exchange/accounts/{address}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AccountMessage {
    Snapshot {
        /// Number of the last message before it.
        sequence: u64,
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        trader: Address,
        /// All open orders, the newest first.
        orders: Vec<OrderView>,
    },
    /// Orders that were taken, changed or ended, and new trades.
    Update {
        sequence: u64,
        /// Each as it is after this message.
        orders: Vec<OrderView>,
        /// In order.
        fills: Vec<FillView>,
    },
    /// Trades that ended: final, or void.
    Settled { sequence: u64, fills: Vec<FillView> },
    /// The last message: why the server ends the connection.
    Closed { reason: String },
}
