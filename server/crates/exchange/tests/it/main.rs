//! The exchange as its callers drive it: commands in, events out, everything read back from the disk.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod agreement;
mod allocations;
mod bounds;
mod crash;
mod fuzz;
mod invariants;
mod journal;
mod kinds;
mod naive;
mod recovery;
mod self_trade;
mod setup;
mod snapshot;
mod streams;
mod triggers;
