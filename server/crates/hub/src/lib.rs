//! The hub's rules, pure: which miner gets a job and for how long, whether a result may be attested, which receipts
//! share a mint transaction.
//!
//! ```text
//! Board (queue, miners, leases) ── apply(input, now) ──▶ effects, which the shell performs in order
//! result ──▶ receipt_check ──▶ verification ──▶ attested by the shell ──▶ settlement decides the batches
//! ```
//! Time and random bits are arguments; nothing depends on the order of a hash map.

pub mod audit;
mod auditor_pool;
pub mod bids;
pub mod board;
pub mod catalog;
mod demand;
pub mod idempotency;
pub mod lease;
mod limits;
pub mod marketplace;
pub mod matching;
pub mod payment;
pub mod pinned;
pub mod plan;
pub mod price;
pub mod quota;
pub mod rate_limit;
pub mod receipt_check;
pub mod reputation;
pub mod settlement;
pub mod speed;
pub mod stuck;
mod summary_tree;
pub mod turns;
pub mod unserved;
pub mod upkeep;
pub mod verification;
