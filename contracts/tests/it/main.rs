//! The contracts on the EVM that the chain runs (revm), built as genesis builds them.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as the tests do")]

mod administration;
mod artifacts;
mod batch;
mod evm;
mod forgery;
mod gas;
mod ledger;
mod minting;
mod receipts;
mod reentrancy;
mod token;
mod vectors;
