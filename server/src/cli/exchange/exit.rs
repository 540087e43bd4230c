//! `aitbc exchange exit`: the way out that needs nobody. It asks the chain alone, so that it works where the exchange's
//! operator is gone; any node of the chain serves.

use alloy_sol_types::SolCall;
use anyhow::{Context, Result, bail};
use clap::Args;
use contracts::ExchangeSettlement::{
    assetsCall, balanceOfCall, cancelExitCall, exitAtOfCall, exitCall, exitDelaySecondsCall, requestExitCall,
};
use serde::Serialize;
use serde_json::json;
use shared::chain::EXCHANGE_ADDRESS;
use shared::{Address, B256, Bytes, U256};

use crate::cli::client::print_json;
use crate::cli::wallet::ask;
use crate::cli::wallet::contract;
use crate::cli::wallet::folder::WalletName;
use crate::cli::wallet::node::Node;
use crate::cli::wallet::signing::Signing;
use crate::clock;

#[derive(Debug, Args)]
pub(in crate::cli) struct Exit {
    /// Wallet that leaves
    wallet: WalletName,
    /// Stays after all
    #[arg(long)]
    cancel: bool,
    #[command(flatten)]
    signing: Signing,
}

/// What was done, for programs.
#[derive(Debug, Serialize)]
struct Left {
    step: &'static str,
    transactions: Vec<B256>,
    /// From when on everything can be taken, in Unix seconds; 0 where the wallet stays.
    exit_at: U256,
}

pub(super) fn ask_contract<C: SolCall>(node: &Node, call: &C) -> Result<C::Return> {
    let data = Bytes::from(call.abi_encode());
    let answer: Bytes = node.call("eth_call", json!([{ "to": EXCHANGE_ADDRESS, "data": data }, "latest"]))?;
    C::abi_decode_returns(&answer).context("the chain has no exchange")
}

pub(super) fn run(exit: &Exit) -> Result<()> {
    let signing = &exit.signing;
    let node = &signing.node;
    let trader = signing.folder.address(&exit.wallet)?;
    let exit_at = ask_contract(node, &exitAtOfCall { trader })?;
    if exit.cancel {
        return stay(exit, exit_at);
    }
    if exit_at.is_zero() {
        return request(exit);
    }
    let now = U256::from(clock::now().seconds().0);
    if now < exit_at {
        bail!("everything can be taken from {exit_at} (Unix seconds) on, in {} s", exit_at - now);
    }
    take(exit, trader, exit_at)
}

/// Signs one call of the contract after another.
fn send_all(exit: &Exit, calls: Vec<Bytes>, what: &str) -> Result<Vec<B256>> {
    let signing = &exit.signing;
    let keystore = signing.folder.open(&exit.wallet)?;
    let key = keystore.open(&signing.password.of(&exit.wallet.to_string())?)?;
    let send = |call| Ok(contract::send(&signing.node, &key, EXCHANGE_ADDRESS, call, what)?.0);
    calls.into_iter().map(send).collect()
}

fn tell(exit: &Exit, left: &Left, words: &str) -> Result<()> {
    if exit.signing.json {
        return print_json(left);
    }
    for hash in &left.transactions {
        println!("{hash}");
    }
    eprintln!("{words}");
    Ok(())
}

fn request(exit: &Exit) -> Result<()> {
    let node = &exit.signing.node;
    let delay = ask_contract(node, &exitDelaySecondsCall {})?;
    eprintln!("leaves    the exchange, without its operator");
    eprintln!("then      no orders of yours are taken; what was matched settles");
    eprintln!("after     {delay} s the same command takes everything out");
    ask::confirm("Ask the contract for the way out?", exit.signing.yes)?;
    let trader = exit.signing.folder.address(&exit.wallet)?;
    let transactions = send_all(exit, vec![requestExitCall {}.abi_encode().into()], "request to leave")?;
    let exit_at = ask_contract(node, &exitAtOfCall { trader })?;
    let words = format!("From {exit_at} (Unix seconds) on, the same command takes everything out.");
    tell(exit, &Left { step: "requested", transactions, exit_at }, &words)
}

fn stay(exit: &Exit, exit_at: U256) -> Result<()> {
    if exit_at.is_zero() {
        bail!("{} did not ask to leave", exit.wallet);
    }
    ask::confirm("Stay on the exchange?", exit.signing.yes)?;
    let transactions = send_all(exit, vec![cancelExitCall {}.abi_encode().into()], "call to stay")?;
    tell(exit, &Left { step: "stayed", transactions, exit_at: U256::ZERO }, "You stay, and your orders settle again.")
}

fn take(exit: &Exit, trader: Address, exit_at: U256) -> Result<()> {
    let node = &exit.signing.node;
    let mut calls = Vec::new();
    for asset in ask_contract(node, &assetsCall {})? {
        let balance = ask_contract(node, &balanceOfCall { trader, asset })?;
        if !balance.is_zero() {
            eprintln!("takes     {balance} smallest units of {asset}");
            calls.push(exitCall { asset }.abi_encode().into());
        }
    }
    if calls.is_empty() {
        bail!("the exchange holds nothing for {trader}");
    }
    ask::confirm("Take all of it?", exit.signing.yes)?;
    let transactions = send_all(exit, calls, "way out")?;
    tell(exit, &Left { step: "taken", transactions, exit_at }, "Everything is in the wallet.")
}
