//! The wallet: its messages, its keys and the box they are kept in.
//!
//! The page knows only [`protocol`]. Keys and passwords are handled by the Web Worker `bin/wallet_worker.rs`.

#[cfg(feature = "wallet")]
pub mod audit;
#[cfg(feature = "wallet")]
pub mod keys;
pub mod protocol;
#[cfg(feature = "wallet")]
pub mod vault;
