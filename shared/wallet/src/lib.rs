//! The wallet: recovery words, keys, the sealed form that is stored, and the messages that its users exchange with it.
//!
//! Nothing here does I/O. Randomness and what is stored are arguments, so a Web Worker, a daemon and a command line use
//! the same code. Without the feature `keys` only the messages are left; that is what a page needs.

#[cfg(feature = "keys")]
pub mod account;
#[cfg(feature = "keys")]
pub mod mnemonic;
#[cfg(feature = "keys")]
mod normal_form;
pub mod pending;
pub mod protocol;
#[cfg(feature = "keys")]
pub mod receipt_check;
#[cfg(feature = "keys")]
pub mod session;
#[cfg(feature = "keys")]
pub mod vault;

/// The traits and the system's generator that callers pass randomness with.
#[cfg(feature = "keys")]
pub use k256::elliptic_curve::rand_core;
