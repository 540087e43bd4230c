//! `aitbc attester …`: the hubs whose receipts the minter takes. The chain's contract alone is asked, so that any node of the
//! chain serves.

use alloy_sol_types::SolCall;
use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use contracts::AI_TOKEN_MINTER_ADDRESS;
use contracts::AITokenMinter::{
    ATTESTER_MANAGER_ROLECall, addAttesterCall, attesterThresholdCall, attestersCall, hasRoleCall, removeAttesterCall,
};
use serde::Serialize;
use serde_json::json;
use shared::{Address, Bytes};

use super::client::print_json;
use super::wallet::contract;
use super::wallet::folder::WalletName;
use super::wallet::node::Node;
use super::wallet::signing::Signing;

#[derive(Debug, Subcommand)]
pub(super) enum Attester {
    /// Lists the hubs whose receipts the minter takes
    List(List),
    /// Lets a hub's key attest receipts. The wallet has to manage the attesters; at first that is the account --admin
    Add(Change),
    /// Takes that from a hub's key. Its receipts that were not minted yet are refused from then on
    Remove(Change),
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    node: Node,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Change {
    /// Wallet that manages the attesters
    wallet: WalletName,
    /// Address or wallet of the hub's key
    hub: String,
    #[command(flatten)]
    signing: Signing,
}

/// Who attests, for programs.
#[derive(Debug, Serialize)]
struct Attesters {
    attesters: Vec<Address>,
    /// Signatures of different attesters that a receipt needs.
    threshold: String,
}

pub(super) fn run(attester: Attester) -> Result<()> {
    match attester {
        Attester::List(list) => show(&list),
        Attester::Add(change) => add(&change),
        Attester::Remove(change) => remove(&change),
    }
}

fn ask_minter<C: SolCall>(node: &Node, call: &C) -> Result<C::Return> {
    let data = Bytes::from(call.abi_encode());
    let answer: Bytes = node.call("eth_call", json!([{ "to": AI_TOKEN_MINTER_ADDRESS, "data": data }, "latest"]))?;
    C::abi_decode_returns(&answer).context("the chain of this node has no minter")
}

fn show(List { node, json }: &List) -> Result<()> {
    let attesters = ask_minter(node, &attestersCall {})?;
    let threshold = ask_minter(node, &attesterThresholdCall {})?.to_string();
    if *json {
        return print_json(&Attesters { attesters, threshold });
    }
    for attester in attesters {
        println!("{attester}");
    }
    println!("A receipt needs the signatures of {threshold}.");
    Ok(())
}

fn add(change: &Change) -> Result<()> {
    let hub = resolved(change)?;
    let known = ask_minter(&change.signing.node, &attestersCall {})?;
    ensure!(!known.contains(&hub), "{hub} is an attester already");
    send(change, hub, "admits", addAttesterCall { attester: hub }.abi_encode().into())
}

fn remove(change: &Change) -> Result<()> {
    let hub = resolved(change)?;
    let known = ask_minter(&change.signing.node, &attestersCall {})?;
    ensure!(known.contains(&hub), "{hub} is no attester");
    send(change, hub, "removes", removeAttesterCall { attester: hub }.abi_encode().into())
}

/// The hub's address, once the wallet is known to have the role.
fn resolved(Change { wallet, hub, signing }: &Change) -> Result<Address> {
    let (hub, account) = (signing.folder.resolve(hub)?, signing.folder.address(wallet)?);
    let role = ask_minter(&signing.node, &ATTESTER_MANAGER_ROLECall {})?;
    let has_role = ask_minter(&signing.node, &hasRoleCall { role, account })?;
    ensure!(has_role, "{account} does not manage the attesters: it lacks the minter's ATTESTER_MANAGER_ROLE");
    Ok(hub)
}

fn send(Change { wallet, signing, .. }: &Change, hub: Address, what: &str, call: Bytes) -> Result<()> {
    let lines = [(what, hub.to_string()), ("minter", AI_TOKEN_MINTER_ADDRESS.to_string())];
    let question = "Let the minter decide so?";
    contract::ask_and_send(wallet, signing, AI_TOKEN_MINTER_ADDRESS, &lines, question, "decision", |_, _| Ok(call))
}
