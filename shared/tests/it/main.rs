//! Signed documents against vectors that other implementations check as well, and against forgers.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod hardware;
mod receipt_vectors;
mod tampering;
