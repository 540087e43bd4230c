//! `Staking`: who decides, with how much weight, and what a contradiction costs.

mod contradictions;
mod delegations;
mod fixture;
mod gas;
mod ledger;
mod validators;
