//! `aitbc wallet send`.

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;
use shared::amount::Amount;
use shared::chain::{ESCROW_ADDRESS, MINTER_ADDRESS, TOKEN_ADDRESS};
use shared::{Address, B256, Bytes, U256};
use wallet::token::TokenCall;
use wallet::transaction::{SignedTransaction, Transaction};

use super::ask;
use super::folder::WalletName;
use super::node::Included;
use super::signing::Signing;
use crate::cli::client::print_json;

#[derive(Debug, Args)]
pub(in crate::cli) struct Send {
    /// Wallet that pays
    from: WalletName,
    /// Receiver: an address, or the name of a wallet of this machine
    to: String,
    /// How much AIT, as 1.5
    amount: Amount,
    #[command(flatten)]
    signing: Signing,
}

/// Everything that is known before the signature.
#[derive(Debug)]
struct Plan {
    from: Address,
    to: Address,
    transaction: Transaction,
    balance_after: Amount,
    receiver_after: Amount,
    to_contract: bool,
}

/// What was sent, for programs.
#[derive(Debug, Serialize)]
struct Sent {
    transaction_hash: B256,
    from: Address,
    to: Address,
    amount: Amount,
    /// Absent where no block contained it in time.
    block_number: Option<u64>,
    balance_after: Amount,
}

pub(super) fn run(send: &Send) -> Result<()> {
    let keystore = send.signing.folder.open(&send.from)?;
    let plan = plan(send)?;
    show(send, &plan);
    ask::confirm("Send it?", send.signing.yes)?;
    let key = keystore.open(&send.signing.password.of(&send.from.to_string())?)?;
    let signed = plan.transaction.sign(&key)?;
    let hash = signed.hash;
    deliver(send, &signed)?;
    let waiting = || format!("the transaction {hash} was sent, but the node does not say what became of it");
    finish(send, &plan, hash, send.signing.node.wait_for(hash).with_context(waiting)?)
}

/// Asks the chain what the transfer would do, and refuses what would fail or lose the money.
fn plan(send: &Send) -> Result<Plan> {
    let (from, to) = (send.signing.folder.address(&send.from)?, send.signing.folder.resolve(&send.to)?);
    if send.amount == Amount::ZERO {
        bail!("0 AIT cannot be sent");
    }
    if to == from {
        bail!("{to} is {} itself", send.from);
    }
    if [TOKEN_ADDRESS, MINTER_ADDRESS, ESCROW_ADDRESS, Address::ZERO].contains(&to) {
        bail!("AIT that is sent to {to} is lost: nobody can send it on from there");
    }
    let balance = send.signing.node.balance(from)?;
    let Some(balance_after) = balance.checked_sub(send.amount) else {
        bail!("{} has {balance} AIT, {} AIT cannot be sent", send.from, send.amount);
    };
    let receiver_after =
        send.signing.node.balance(to)?.checked_add(send.amount).context("the receiver would have too much")?;
    let input = TokenCall::Transfer { to, amount: U256::from(send.amount.atto()) }.encode();
    let gas_limit = send.signing.node.gas_limit(from, TOKEN_ADDRESS, &input).context("the transfer would fail")?;
    let transaction = transaction(send, from, gas_limit, input)?;
    let to_contract = send.signing.node.is_contract(to)?;
    Ok(Plan { from, to, transaction, balance_after, receiver_after, to_contract })
}

fn transaction(send: &Send, from: Address, gas_limit: u64, input: Bytes) -> Result<Transaction> {
    Ok(Transaction {
        chain_id: send.signing.node.chain_id()?,
        nonce: send.signing.node.next_nonce(from)?,
        gas_limit,
        to: Some(TOKEN_ADDRESS),
        value: U256::ZERO,
        input,
        fees: send.signing.node.fees()?,
    })
}

/// Sends the transaction. After an error the node is asked whether it has it, so that nobody pays twice.
fn deliver(send: &Send, signed: &SignedTransaction) -> Result<()> {
    let Err(error) = send.signing.node.send(&signed.raw) else { return Ok(()) };
    match send.signing.node.knows(signed.hash) {
        Ok(true) => Ok(()),
        Ok(false) => Err(error.context(format!("the node did not take the transaction {}", signed.hash))),
        Err(_) => Err(error.context(format!(
            "it is not known whether the transaction {} was sent: look at `aitbc wallet history {}` before you send again",
            signed.hash, send.from
        ))),
    }
}

/// Goes to stderr, so that stdout has the answer alone.
fn show(send: &Send, plan: &Plan) {
    let called = |address| send.signing.folder.name_of(address).map(|name| format!(" ({name})")).unwrap_or_default();
    eprintln!("send     {} AIT", send.amount);
    eprintln!("from     {}{}", plan.from, called(plan.from));
    eprintln!("to       {}{}", plan.to, called(plan.to));
    match plan.transaction.most_fee() {
        fee if fee.is_zero() => eprintln!("fee      none: gas is free on this chain"),
        fee => eprintln!("fee      up to {fee} of the smallest units of the chain's own coin"),
    }
    eprintln!("chain    {}", plan.transaction.chain_id);
    eprintln!("after    {} AIT are left, and the receiver has {} AIT", plan.balance_after, plan.receiver_after);
    if plan.to_contract {
        eprintln!("note     the receiver is a contract: send only if you know that it gives the AIT back");
    }
}

fn finish(send: &Send, plan: &Plan, transaction_hash: B256, included: Option<Included>) -> Result<()> {
    if let Some(Included { block_number, succeeded: false }) = included {
        bail!("the transaction {transaction_hash} is in block {block_number} but failed: no AIT moved");
    }
    let block_number = included.map(|included| included.block_number);
    if send.signing.json {
        let (from, to, amount) = (plan.from, plan.to, send.amount);
        let balance_after = plan.balance_after;
        return print_json(&Sent { transaction_hash, from, to, amount, block_number, balance_after });
    }
    println!("{transaction_hash}");
    match block_number {
        Some(number) => eprintln!("Sent: it is in block {number} and cannot be taken back."),
        None => eprintln!("Sent, but no block contains it yet: look at `aitbc wallet history {}` later.", send.from),
    }
    Ok(())
}
