//! The chain as its users drive it: transactions in, blocks out, everything read back from the database.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod blocks;
mod certificates;
mod follower;
mod fuzz;
mod growth;
mod history;
mod log_bounds;
mod pruning;
mod setup;
mod simulate;
mod snapshot_file;
mod state_root;
mod traces;
mod transactions;
mod undecided;
mod validator_changes;
