//! The node as its clients drive it: JSON-RPC, WebSocket and REST through the router, and the process killed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod crash;
mod decided;
mod escrow;
mod full_disk;
mod fuzz;
mod growth_document;
mod heartbeat;
mod history;
mod import;
mod json_rpc;
mod lanes;
mod large_answers;
mod mint;
mod otterscan;
mod pool;
mod rest;
mod setup;
mod simulate;
mod stake_quota;
mod standstill;
mod strangers;
mod validator_processes;
mod validators;
mod websocket;
