//! Signed orders through the order book to the contract on the EVM that the chain runs.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as the tests do")]

mod agreement;
mod batches;
mod compliance;
mod evm;
mod intake;
mod ledger;
mod setup;
