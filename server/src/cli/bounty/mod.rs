//! `aitbc bounty …`: AIT pledged for models. What is pledged is read from a server; what moves AIT is a transaction of a wallet
//! of this machine.

mod act;
mod claim;
mod show;

use alloy_sol_types::SolCall;
use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::json;
use shared::Bytes;
use shared::chain::BOUNTY_ADDRESS;

use super::wallet::node::Node;

#[derive(Debug, Subcommand)]
pub(super) enum Bounty {
    /// Lists what is pledged for models
    List(show::List),
    /// Shows a bounty with its claims
    Show(show::Show),
    /// Pledges AIT of a wallet for a model
    Pledge(act::Pledge),
    /// Claims a reward for a receipt of the wallet's own work
    Claim(claim::Claim),
    /// Pays a claim that is due to its miner; anybody may
    Collect(act::OfClaim),
    /// Gives the pledger back what nobody claimed, after the end; anybody may
    Refund(act::OfBounty),
    /// Attester: drops a claim that waits, since its receipt does not hold
    Reject(act::Reject),
}

pub(super) fn run(bounty: Bounty) -> Result<()> {
    match bounty {
        Bounty::List(list) => show::list(&list),
        Bounty::Show(show) => show::show(&show),
        Bounty::Pledge(asked) => act::pledge(&asked),
        Bounty::Claim(asked) => claim::claim(&asked),
        Bounty::Collect(asked) => act::collect(&asked),
        Bounty::Refund(asked) => act::refund(&asked),
        Bounty::Reject(asked) => act::reject(&asked),
    }
}

/// Reads the contract of the bounties at the head.
fn ask_contract<C: SolCall>(node: &Node, call: &C) -> Result<C::Return> {
    let data = Bytes::from(call.abi_encode());
    let answer: Bytes = node.call("eth_call", json!([{ "to": BOUNTY_ADDRESS, "data": data }, "latest"]))?;
    C::abi_decode_returns(&answer).context("this chain has no bounties")
}
