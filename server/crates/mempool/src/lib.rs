//! Transactions that wait for a block: ordered by nonce for each sender, by arrival between senders, bounded in every
//! direction. Pure: the accounts' state and the time are arguments, and the same calls give the same pool.
//!
//! A transaction is *ready* when all nonces before it are on the chain or in the pool, and *queued* otherwise. Gas is
//! free, so a price buys no place; it only says which of two transactions with the same nonce its sender means.
//!
//! The senders that settle for everybody have a lane of their own: places that no stranger takes, and the front of every
//! block. All strangers together have a [`Budget`] of gas and of bytes, whatever one of them may ask for.

mod budget;
mod error;
mod limits;
mod meter;
mod pool;
mod queue;

pub use budget::{Budget, Rate};
pub use error::PoolError;
pub use limits::{
    ARRIVAL_OVERHEAD_BYTES, GAS_PER_STAKED_AIT_PER_MINUTE, PoolLimits, SENDER_GAS_PER_MINUTE, STAKE_LOOKS,
    STAKED_SENDER_GAS_PER_MINUTE, STRANGERS_ARRIVAL_BYTES, STRANGERS_BLOCK_GAS, STRANGERS_GAS, STRANGERS_GROWTH_BYTES,
    StrangerRates,
};
pub use pool::{Admission, Lane, Pool, SenderAccount};
