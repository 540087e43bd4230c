//! Reads. Each answer comes from one consistent snapshot of the database.

mod accounts;
mod jobs;
mod outbox;
mod receipts;
mod tasks;

pub use jobs::JobFilter;
pub use receipts::ReceiptFilter;

/// Where a page of rows begins and how many it has.
#[derive(Debug, Clone, Copy)]
pub struct Keyset {
    /// Only rows before this one, newest first; all where absent.
    pub before_seq: Option<i64>,
    pub limit: u64,
}
