//! Reads. Each answer comes from one consistent snapshot of the database.

mod accounts;
mod artifacts;
mod audits;
mod bids;
mod contracts;
mod days;
mod demand;
mod exchange;
mod holds;
mod index;
mod index_tokens;
mod jobs;
mod log;
mod measured;
mod miners;
mod models;
mod operators;
mod outbox;
mod payments;
mod prefixes;
mod receipts;
pub(crate) mod reviews;
mod second_factors;
mod sessions;
mod stuck;
mod tasks;
mod webhooks;

pub use bids::BookedRow;
pub use index::IndexPage;
pub use index_tokens::TransferFilter;
pub use jobs::JobFilter;
pub use log::LogRecord;
pub use models::ModelName;
pub use receipts::ReceiptFilter;

/// Where a page of rows begins and how many it has.
#[derive(Debug, Clone, Copy)]
pub struct Keyset {
    /// Only rows before this one, newest first; all where absent.
    pub before_seq: Option<i64>,
    pub limit: u64,
}
