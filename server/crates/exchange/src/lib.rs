//! An exchange as a pure state machine: order books by price and time, and a ledger that covers every open order.
//!
//! ```text
//! Command, time ──▶ Exchange::apply ──▶ Event, Event, …
//!       │                                  settlement, market data, private feeds
//!       └──▶ Journal (before anything is acknowledged) ──▶ after a crash: the same commands, the same state
//! ```
//!
//! - **Integers only.** Prices are ticks, quantities are lots, amounts are smallest units of an asset.
//! - **Nothing can be taken that cannot be settled.** An order is accepted only if its account has what the order may
//!   hand over, and that stays reserved until it is handed over or the order ends.
//! - **Nothing but the commands decides.** No clock, no chance, no hash order: a replay leads to the same state, and
//!   [`Exchange::hash`] says so.
//! - **Everything is bounded**; `limits` names the bounds. No command on orders allocates once its market is open.
//!
//! Only [`journal`] does I/O.

mod book;
mod codec;
mod command;
mod event;
mod exchange;
pub mod journal;
mod ledger;
pub mod limits;
mod market;
pub mod price_tree;
mod quantity;
mod reason;
mod snapshot;

pub use book::HashKey;
pub use command::{Command, NewOrder, OrderKind, OrderRef, SelfTradeRule, TimeInForce, Trigger, TriggerDirection};
pub use event::{CancelReason, Event, Fill};
pub use exchange::Exchange;
pub use ledger::Balance;
pub use market::{MarketRules, fee_on};
pub use quantity::{
    AccountId, AssetId, BASIS_POINTS_PER_WHOLE, BasisPoints, ClientOrderId, Lots, MarketId, OrderId, Side, Ticks,
    TradeId, Units, UnixMs,
};
pub use reason::Reason;
