//! The contracts on the EVM that the chain runs (revm), built as genesis builds them.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as the tests do")]

mod administration;
mod artifacts;
mod batch;
mod bounty;
mod bridged_token;
mod escrow;
mod evm;
mod exchange;
mod forgery;
mod gas;
mod handover;
mod holding;
mod ledger;
mod minting;
mod provider_cap;
mod receipts;
mod reentrancy;
mod staking;
mod token;
mod vectors;
