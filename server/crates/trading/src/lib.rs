//! What lies between signed orders, the order book and the contract that settles: amounts, limits and batches.
//!
//! ```text
//! listing ─► Market ─┐
//! signed order ──────┴► NewOrder ─► exchange ─► Fill ─► PendingTrade ─► next_batch ─► settle
//! ```
//! An order is taken only if the contract would settle every fill of it. Pure: no I/O, no clock, no randomness.

mod batch;
mod checksum;
mod compliance;
mod decimal;
mod ledger;
mod market;
mod order;

pub use batch::{BatchError, PendingTrade, next_batch};
pub use checksum::checksum;
pub use compliance::{CompliancePolicy, Decision, Jurisdiction, JurisdictionError, Outcome, PolicyError};
pub use decimal::{decimal, price_decimal};
pub use ledger::{Correction, MatchedTrade, Owed, TradeParty, correction};
pub use market::{Assets, Market, MarketError, ORDERS_PER_MARKET};
pub use order::{Intake, ORDER_SECONDS_MAX, OrderRefused, SETTLEMENT_SECONDS};
