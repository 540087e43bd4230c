//! The native process `aitbc`: node, hub, API and pages on one port, and the command line.
//!
//! ```text
//! main ─▶ cli ─▶ serve ─▶ App (store, hub, node, exchange, settlement) ─▶ router ─▶ http::<area>
//! http::<area> ─▶ submit, watch, view, status, hub
//! ```

// A page is one nested type; rendering the deepest needs more than the default of 128.
#![recursion_limit = "512"]

pub mod admin;
pub mod admission;
pub mod app;
mod arriving_bodies;
pub mod auth;
mod bids;
mod bounties;
mod chain;
pub mod cli;
pub mod clock;
pub mod config;
mod connections;
mod demand;
mod disk;
pub mod error;
pub mod exchange;
mod follow;
mod handler_state;
mod housekeeping;
pub mod http;
pub mod hub;
pub mod job_token;
pub mod keys;
pub mod large_bodies;
pub mod log;
mod low_priority;
mod marketplace;
pub mod metrics;
mod middleware;
mod miner_pages;
mod network;
mod node_lanes;
mod node_server;
pub mod origins;
pub mod pins;
pub mod quotes;
pub mod rate_limits;
mod reads;
mod reviews;
pub mod router;
pub mod search;
pub mod serve;
pub mod session_cookie;
mod settlement;
mod shares;
pub mod sign_in;
pub mod site;
pub mod status;
pub mod stuck;
pub mod submit;
mod unread_answers;
mod unrouted;
mod upstream;
pub mod verification;
pub mod view;
pub mod watch;
mod webhooks;
