//! The store through its public face, every test on SQLite and on PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod database;
mod fixture;
mod jobs;
mod postgres;
mod receipt_index;
mod settlement;
mod two_hubs;
