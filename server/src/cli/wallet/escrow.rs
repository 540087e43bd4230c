//! `aitbc wallet deposit` and `withdraw`: AIT between a wallet and its account in the escrow, from which it pays jobs.

use alloy_sol_types::SolCall as _;
use anyhow::{Context, Result, ensure};
use clap::Args;
use contracts::JobEscrow;
use serde::Serialize;
use serde_json::json;
use shared::amount::Amount;
use shared::chain::ESCROW_ADDRESS;
use shared::signing::PrivateKey;
use shared::{Address, B256, Bytes, U256};
use wallet::permit::PermitDomain;
use wallet::transaction::Fees;

use super::folder::WalletName;
use super::node::Node;
use super::signing::Signing;
use super::{ask, contract};
use crate::cli::client::print_json;

#[derive(Debug, Args)]
pub(in crate::cli) struct Move {
    /// Wallet whose AIT move
    wallet: WalletName,
    /// How much AIT, as 1.5
    amount: Amount,
    #[command(flatten)]
    signing: Signing,
}

/// Which way AIT move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    IntoEscrow,
    OutOfEscrow,
}

/// What was done, for programs.
#[derive(Debug, Serialize)]
struct Moved {
    transaction_hash: B256,
    block_number: u64,
    /// What the wallet has, and what is free in the escrow.
    balance: Amount,
    deposited: Amount,
}

pub(super) fn run(asked: &Move, way: Way) -> Result<()> {
    let keystore = asked.signing.folder.open(&asked.wallet)?;
    let (address, amount, node) = (asked.signing.folder.address(&asked.wallet)?, asked.amount, &asked.signing.node);
    let (balance, deposited) = (node.balance(address)?, free(node, address)?);
    let after = after(way, amount, balance, deposited)?;
    let question = if way == Way::IntoEscrow { "Deposit it?" } else { "Withdraw it?" };
    show(asked, way, address, after)?;
    ask::confirm(question, asked.signing.yes)?;
    let key = keystore.open(&asked.signing.password.of(&asked.wallet.to_string())?)?;
    let (hash, block_number) = match way {
        Way::IntoEscrow => deposit(node, &key, amount)?,
        Way::OutOfEscrow => withdraw(node, &key, amount)?,
    };
    if asked.signing.json {
        let (balance, deposited) = (node.balance(address)?, free(node, address)?);
        return print_json(&Moved { transaction_hash: hash, block_number, balance, deposited });
    }
    println!("{hash}");
    eprintln!("Done: it is in block {block_number}.");
    Ok(())
}

/// What the wallet and the escrow have afterwards.
#[derive(Debug, Clone, Copy)]
struct After {
    balance: Amount,
    deposited: Amount,
}

/// # Errors
/// More than there is, or nothing.
fn after(way: Way, amount: Amount, balance: Amount, deposited: Amount) -> Result<After> {
    ensure!(amount > Amount::ZERO, "0 AIT cannot be moved");
    let (from, to, words) = match way {
        Way::IntoEscrow => (balance, deposited, "the wallet has"),
        Way::OutOfEscrow => (deposited, balance, "free in the escrow are"),
    };
    let left = from.checked_sub(amount).with_context(|| format!("{words} {from} AIT, {amount} AIT are asked for"))?;
    let grown = to.checked_add(amount).context("that is more than every sum of AIT")?;
    Ok(match way {
        Way::IntoEscrow => After { balance: left, deposited: grown },
        Way::OutOfEscrow => After { balance: grown, deposited: left },
    })
}

/// Goes to stderr, so that stdout has the answer alone.
fn show(asked: &Move, way: Way, address: Address, after: After) -> Result<()> {
    let (name, from, to) = match way {
        Way::IntoEscrow => ("deposit", "the wallet", "the escrow, where it pays jobs that you sign orders for"),
        Way::OutOfEscrow => ("withdraw", "the escrow", "the wallet"),
    };
    eprintln!("{name:<9} {} AIT", asked.amount);
    eprintln!("account   {address}");
    eprintln!("from      {from}");
    eprintln!("to        {to}");
    if asked.signing.node.fees()? == Fees::free() {
        eprintln!("fee       none: gas is free on this chain");
    }
    eprintln!("after     {} AIT in the wallet, {} AIT free in the escrow", after.balance, after.deposited);
    Ok(())
}

/// What an account has in the escrow and has not reserved.
pub(super) fn free(node: &Node, client: Address) -> Result<Amount> {
    let call = JobEscrow::balanceOfCall { client }.abi_encode();
    let answer: Bytes =
        node.call("eth_call", json!([{ "to": ESCROW_ADDRESS, "data": Bytes::from(call) }, "latest"]))?;
    let free = JobEscrow::balanceOfCall::abi_decode_returns(&answer).context("the chain has no escrow")?;
    Ok(Amount::from_atto(u128::try_from(free).ok().context("the deposit is above every sum of AIT")?))
}

/// One transaction of the wallet: the permit goes with the deposit. Its hash and its block.
pub(super) fn deposit(node: &Node, key: &PrivateKey, amount: Amount) -> Result<(B256, u64)> {
    let (owner, value) = (key.address(), U256::from(amount.atto()));
    let permit = contract::permit(node, key, &PermitDomain::of_ait(node.chain_id()?), ESCROW_ADDRESS, value)?;
    let contract::SignedPermit { deadline, v, r, s } = permit;
    let call = JobEscrow::depositWithPermitCall { client: owner, amount: value, deadline, v, r, s };
    contract::send(node, key, ESCROW_ADDRESS, call.abi_encode().into(), "deposit")
}

fn withdraw(node: &Node, key: &PrivateKey, amount: Amount) -> Result<(B256, u64)> {
    let call = JobEscrow::withdrawCall { amount: U256::from(amount.atto()) };
    contract::send(node, key, ESCROW_ADDRESS, call.abi_encode().into(), "withdrawal")
}
