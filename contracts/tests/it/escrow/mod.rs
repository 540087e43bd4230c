//! `JobEscrow`: deposits, reservations, payments by receipt, and every way out.

mod administration;
mod bounties;
mod closing;
mod deposits;
mod fixture;
mod forgery;
mod gas;
mod ledger;
mod register;
mod reserving;
mod settling;
mod staking;
mod vectors;
