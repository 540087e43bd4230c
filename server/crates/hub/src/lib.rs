//! The hub's rules, pure: which miner gets a job and for how long, whether a result may be attested, which receipts
//! share a mint transaction.
//!
//! ```text
//! Board (queue, miners, leases) ── apply(input, now) ──▶ effects, which the shell performs in order
//! result ──▶ receipt_check ──▶ verification ──▶ attested by the shell ──▶ settlement decides the batches
//! ```
//! Time and random bits are arguments; nothing depends on the order of a hash map.

pub mod board;
pub mod catalog;
pub mod idempotency;
pub mod lease;
pub mod matching;
pub mod plan;
pub mod price;
pub mod quota;
pub mod rate_limit;
pub mod receipt_check;
pub mod reputation;
pub mod settlement;
pub mod verification;
