//! The miner: serves AI jobs of a hub on its own machine and signs the receipts that pay it.
//!
//! ```text
//! hub ⇄ link ── worker ── runner ⇄ (pipe) inference process: runtime ── engine
//!                            │
//!                            └─ receipt ── outbox (disk) ── results ── hub
//! ```
//! Inference runs in a child process, so that a crash or a lack of memory there costs one job and not the worker.

pub mod child;
pub mod commands;
pub mod config;
pub mod doctor;
pub mod error;
pub mod files;
pub mod fleet;
pub mod hardware;
pub mod hub;
pub mod keys;
pub mod manifests;
pub mod offer;
pub mod ollama;
pub mod outbox;
pub mod randomness;
pub mod receipt;
pub mod timing;
pub mod worker;
pub mod wrap;
