//! The miner: serves AI jobs of a hub on its own machine and signs the receipts that pay it.
//!
//! ```text
//! hub ⇄ session ── jobs ── supervisor ⇄ (pipe) child: runtime ── engine
//!                   │
//!                   └─ receipt ── outbox (disk) ── uploader ── hub
//! ```
//! Inference runs in a child process, so that a crash or a lack of memory there costs one job and not the worker.

pub mod child;
pub mod commands;
pub mod engine;
pub mod error;
pub mod philox;
pub mod runtime;
