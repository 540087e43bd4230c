//! The server as its clients and workers meet it: real port, real database, real chain.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod admin;
mod attacks;
mod audits;
mod bids;
mod bounties;
mod cancel;
mod command_line;
mod connections;
mod exchange;
mod explorer;
mod faults;
mod hardware;
mod holds;
mod input;
mod keeping;
mod log;
mod marketplace;
mod openai;
mod openapi;
mod payments;
mod pinned;
mod postgres;
#[path = "../../crates/store/tests/it/postgres.rs"]
mod postgres_instance;
mod reconcile;
mod refused_input;
mod relayed;
mod restart;
mod results;
mod search;
mod self_dealing;
mod server;
mod shards;
mod sign_in;
mod stake;
mod stuck;
mod two_hubs;
mod verification;
mod victim;
mod walk;
mod wallet;
mod wallet_daemon;
mod webhooks;
mod words;
mod worker;
