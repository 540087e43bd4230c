//! The native process `aitbc`: node, hub, API and pages on one port, and the command line.
//!
//! ```text
//! main ─▶ cli ─▶ serve ─▶ App (store, hub, node, settlement) ─▶ router ─▶ http::<area>
//! http::<area> ─▶ submit, watch, view, status, hub
//! ```

// A page is one nested type; rendering the deepest needs more than the default of 128.
#![recursion_limit = "512"]

pub mod app;
pub mod auth;
mod chain;
pub mod cli;
pub mod clock;
pub mod config;
pub mod error;
mod housekeeping;
pub mod http;
pub mod hub;
pub mod keys;
pub mod metrics;
mod middleware;
pub mod rate_limits;
pub mod router;
pub mod serve;
mod settlement;
pub mod site;
pub mod status;
pub mod submit;
pub mod view;
pub mod watch;
