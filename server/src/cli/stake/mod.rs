//! `aitbc stake …`: AIT staked with validators, and what the authority of the validators decides. The chain's contract alone is
//! asked, so that any node of the chain serves.

mod act;
mod report;
mod status;

use alloy_sol_types::SolCall;
use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::json;
use shared::Bytes;
use shared::chain::STAKING_ADDRESS;

use super::wallet::node::Node;

#[derive(Debug, Subcommand)]
pub(super) enum Stake {
    /// Shows validators with their stake, or what a wallet or an address has staked
    Status(status::Status),
    /// Stakes AIT of a wallet with a validator
    Delegate(act::Move),
    /// Takes staked AIT out of a validator's power, so that it can be withdrawn later
    Undelegate(act::Move),
    /// Pays what was undelegated and is due
    Withdraw(act::OfWallet),
    /// Lets the fees that came since the last time flow to those who have staked
    Collect(act::OfWallet),
    /// Pays what the wallet's stake has earned of the fees
    Claim(act::Claim),
    /// Reports validators that contradicted themselves, as far as the node saw it
    Report(report::ReportContradictions),
    /// Ends the part of the wallet's key as a validator
    Resign(act::OfWallet),
    /// Authority: lets a key decide blocks
    Admit(act::Admit),
    /// Authority: changes the power that a validator has without stake
    Weigh(act::Admit),
    /// Authority: ends a validator's part
    Remove(act::OfValidator),
    /// Authority: lets a jailed validator decide again
    Release(act::OfValidator),
}

pub(super) fn run(stake: Stake) -> Result<()> {
    match stake {
        Stake::Status(status) => status::run(&status),
        Stake::Delegate(asked) => act::delegate(&asked),
        Stake::Undelegate(asked) => act::undelegate(&asked),
        Stake::Withdraw(asked) => act::withdraw(&asked),
        Stake::Collect(asked) => act::collect(&asked),
        Stake::Claim(asked) => act::claim(&asked),
        Stake::Report(report) => report::run(&report),
        Stake::Resign(asked) => act::resign(&asked),
        Stake::Admit(asked) => act::admit(&asked),
        Stake::Weigh(asked) => act::weigh(&asked),
        Stake::Remove(asked) => act::remove(&asked),
        Stake::Release(asked) => act::release(&asked),
    }
}

/// Reads the contract of the validators at the head.
fn ask_contract<C: SolCall>(node: &Node, call: &C) -> Result<C::Return> {
    let data = Bytes::from(call.abi_encode());
    let answer: Bytes = node.call("eth_call", json!([{ "to": STAKING_ADDRESS, "data": data }, "latest"]))?;
    C::abi_decode_returns(&answer).context("the validators of this chain are those of its genesis: it has no stake")
}
