//! The store through its public face, every test on SQLite and on PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod artifacts;
mod audits;
mod bids;
mod contracts;
mod daily_use;
mod database;
mod demand;
mod exchange;
mod failures;
mod fixture;
mod holds;
mod index;
mod jobs;
mod log;
mod miners;
mod models;
mod operators;
mod payments;
mod receipt_index;
mod reviews;
mod second_factor;
mod sessions;
mod settlement;
mod shards;
mod stuck;
mod two_hubs;
mod webhooks;
