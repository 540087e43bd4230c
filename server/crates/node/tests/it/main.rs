//! The node as its clients drive it: JSON-RPC, WebSocket and REST through the router, and the process killed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod crash;
mod decided;
mod full_disk;
mod json_rpc;
mod mint;
mod pool;
mod rest;
mod setup;
mod websocket;
