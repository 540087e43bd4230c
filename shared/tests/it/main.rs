//! Signed documents against vectors that other implementations check as well, and against forgers.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod exchange_vectors;
mod failure_vectors;
mod fuzz;
mod hardware;
mod log_vectors;
mod payment_order_vectors;
mod receipt_vectors;
mod tampering;
