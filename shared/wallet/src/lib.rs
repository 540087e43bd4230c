//! The wallet: recovery words, keys, keystore files, everything that is signed, the sealed form that a browser stores, and
//! the messages between a page and the wallet.
//!
//! Nothing here does I/O. Randomness, time and what is stored are arguments, so a Web Worker, a daemon and a command line
//! use the same code. Without the feature `keys` only the messages are left; that is what a page needs.

#[cfg(feature = "keys")]
pub mod account;
pub mod call_batches;
pub mod calls;
#[cfg(feature = "keys")]
pub mod escrow;
#[cfg(feature = "keys")]
pub mod keystore;
#[cfg(feature = "keys")]
pub mod mnemonic;
#[cfg(feature = "keys")]
mod normal_form;
pub mod pending;
#[cfg(feature = "keys")]
pub mod permit;
pub mod protocol;
pub mod provider;
#[cfg(feature = "qr-code")]
pub mod qr_code;
mod quantity;
#[cfg(feature = "keys")]
pub mod receipt_check;
#[cfg(feature = "keys")]
pub mod risk;
#[cfg(feature = "keys")]
pub mod secret;
#[cfg(feature = "keys")]
pub mod session;
#[cfg(feature = "keys")]
pub mod sheet;
#[cfg(feature = "keys")]
pub mod sign_in;
pub mod sites;
#[cfg(feature = "keys")]
pub mod token;
#[cfg(feature = "keys")]
pub mod transaction;
#[cfg(feature = "keys")]
pub mod transaction_request;
#[cfg(feature = "keys")]
pub mod typed_data;
#[cfg(feature = "keys")]
pub mod vault;

/// The traits and the system's generator that callers pass randomness with.
#[cfg(feature = "keys")]
pub use k256::elliptic_curve::rand_core;
