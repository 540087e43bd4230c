//! The chain as its users drive it: transactions in, blocks out, everything read back from the database.

mod blocks;
mod history;
mod setup;
mod state_root;
mod transactions;
