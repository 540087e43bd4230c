//! Fills the index of the chain in the store, so that lists by address, token and holder need not read the chain.
//!
//! ```text
//! node ── blocks, receipts ──▶ decode (pure) ── rows ──▶ store: one change for some blocks, its position with it
//! ```
//! The chain stays what counts: the index is emptied and filled again where it belongs to another chain, or on command.

pub mod decode;
mod error;
mod follow;
pub mod token_text;

pub use error::IndexError;
pub use follow::{BLOCKS_PER_STEP, Indexer, Step, TRANSACTIONS_PER_STEP};
