//! Transactions that wait for a block: ordered by nonce for each sender, by arrival between senders, bounded in every
//! direction. Pure: the accounts' state and the time are arguments, and the same calls give the same pool.
//!
//! A transaction is *ready* when all nonces before it are on the chain or in the pool, and *queued* otherwise. Gas is
//! free, so a price buys no place; it only says which of two transactions with the same nonce its sender means.

mod error;
mod limits;
mod meter;
mod pool;
mod queue;

pub use error::PoolError;
pub use limits::PoolLimits;
pub use pool::{Admission, Pool, SenderAccount};
