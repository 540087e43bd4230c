//! The contract of the exchange.

mod administration;
mod batches;
mod delegates;
mod fixture;
mod gas;
mod leaving;
mod money;
mod orders;
mod property;
mod vectors;
mod wallets;
