//! Proofs of receipts: what holds, and every lie that does not.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod changes;
mod contradictions;
mod fuzz;
mod receipts;
mod setup;
