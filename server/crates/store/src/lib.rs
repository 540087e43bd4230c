//! The hub's database: jobs, leases, receipts, miners, keys and mint transactions.
//!
//! ```text
//! shell ── Change ──▶ writer (one connection, group commit) ──▶ SQLite file, or PostgreSQL
//! shell ◀── records ── repositories (several read-only connections) ◀──┘
//! bytes of artifacts lie beside it, by their SHA-256, in a folder
//! ```
//! A change is acknowledged when its transaction is on the disk. Nothing here wakes anybody up: the shell does that
//! in memory, after the acknowledgement. Counters and sums are changed by the database itself (`SET n = n + 1`), and what
//! may happen only once is guarded by a unique key, so that several hubs can share one PostgreSQL.

mod amount;
pub mod artifacts;
pub mod change;
mod columns;
mod database;
mod entity;
mod error;
mod migration;
pub mod record;
pub mod repository;
mod review_rows;
mod store;
mod writer;

pub use artifacts::ArtifactFolder;
pub use database::DatabaseUrl;
pub use error::{Refusal, StoreError};
pub use store::{Store, StoreOptions};
