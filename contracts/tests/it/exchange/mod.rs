//! The contract of the exchange.

mod administration;
mod batches;
mod fixture;
mod gas;
mod leaving;
mod money;
mod orders;
mod property;
mod vectors;
