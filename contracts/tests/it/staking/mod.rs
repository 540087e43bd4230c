//! `Staking`: who decides, with how much weight, and what a contradiction costs, and what stake earns.

mod contradictions;
mod delegations;
mod fixture;
mod gas;
mod ledger;
mod rewards;
mod validators;
