//! The contracts on the EVM that the chain runs (revm), built as genesis builds them.

mod administration;
mod artifacts;
mod batch;
mod evm;
mod forgery;
mod gas;
mod ledger;
mod minting;
mod plain_form;
mod receipts;
mod reentrancy;
mod token;
mod vectors;
