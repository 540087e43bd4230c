//! Vocabulary and rules of AITBC: money, jobs, receipts, the worker protocol and the API's types.
//!
//! Everything here is pure: no I/O, no clock, no randomness. It compiles to wasm32, so the page, the hub, the miner
//! and an auditor use the same code.

pub mod amount;
pub mod api;
pub mod assignment_bounds;
pub mod canonical;
pub mod capability;
pub mod capability_bounds;
pub mod chain;
pub mod commitment;
pub mod comparison;
pub mod device;
pub mod digest;
pub mod escrow;
pub mod exchange;
pub mod failure;
pub mod field_error;
mod finite;
pub mod hardware;
pub mod id;
pub mod job;
pub mod log;
pub mod model;
pub mod null_is_absent;
#[cfg(feature = "openapi")]
mod openapi;
pub mod protocol;
pub mod quote;
pub mod receipt;
pub mod review;
#[cfg(feature = "signing")]
pub mod signing;
pub mod time;
pub mod trace;
pub mod typed_data;
pub mod unit;
pub mod void;

pub use alloy_primitives::{Address, B256, Bytes, U256};
