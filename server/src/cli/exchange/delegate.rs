//! `aitbc exchange delegate …`: keys that sign orders for a wallet. The contract is asked alone, so that a key can be taken
//! back where the exchange's operator is gone; any node of the chain serves.

use alloy_sol_types::SolCall as _;
use anyhow::{Result, ensure};
use clap::{Args, Subcommand};
use contracts::ExchangeSettlement::{
    Delegation, addDelegateCall, delegationsOfCall, exitDelaySecondsCall, revokeDelegateCall,
};
use serde::Serialize;
use shared::api::exchange_keys::{TradingKey, TradingKeyState};
use shared::chain::EXCHANGE_ADDRESS;
use shared::time::UnixSeconds;
use shared::{Address, B256, Bytes};

use super::exit::ask_contract;
use crate::cli::client::print_json;
use crate::cli::table;
use crate::cli::wallet::folder::{Folder, WalletName};
use crate::cli::wallet::node::Node;
use crate::cli::wallet::signing::Signing;
use crate::cli::wallet::{ask, contract};
use crate::clock;

const DAY_SECONDS: u64 = 86_400;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Delegate {
    /// Lets a key sign orders for a wallet; it cannot withdraw
    Add(Add),
    /// Lists the keys that sign orders for an account
    List(List),
    /// Takes a key back
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Add {
    /// Wallet that trades
    wallet: WalletName,
    /// Key that may sign: the name of a wallet of this machine, or an address
    delegate: String,
    /// How many days it may sign
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=364))]
    days: u64,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Name of a wallet of this machine, or an address
    who: String,
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    node: Node,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Revoke {
    /// Wallet that trades
    wallet: WalletName,
    /// Key that may sign no more: the name of a wallet of this machine, or an address
    delegate: String,
    #[command(flatten)]
    signing: Signing,
}

/// What was done, for programs.
#[derive(Debug, Serialize)]
struct Changed {
    transaction_hash: B256,
    block_number: u64,
    key: TradingKey,
}

pub(super) fn run(delegate: &Delegate) -> Result<()> {
    match delegate {
        Delegate::Add(asked) => add(asked),
        Delegate::List(asked) => list(asked),
        Delegate::Revoke(asked) => revoke(asked),
    }
}

fn keys_of(node: &Node, trader: Address) -> Result<Vec<TradingKey>> {
    let now = clock::now().seconds();
    let found = ask_contract(node, &delegationsOfCall { trader })?;
    let key = |found: Delegation| TradingKey::new(found.delegate, UnixSeconds(found.expiresAt), found.isRevoked, now);
    Ok(found.into_iter().map(key).collect())
}

fn add(asked: &Add) -> Result<()> {
    let signing = &asked.signing;
    let (trader, delegate) = (signing.folder.address(&asked.wallet)?, signing.folder.resolve(&asked.delegate)?);
    ensure!(trader != delegate, "a wallet signs its own orders anyway");
    let expires_at = clock::now().seconds().0 + asked.days * DAY_SECONDS;
    eprintln!("key       {delegate}");
    eprintln!("signs     orders, reductions and cancellations for {trader}");
    eprintln!("not       withdrawals, exits, or other keys; but it can trade at bad prices");
    eprintln!("until     {expires_at} (Unix seconds), or until it is revoked");
    ask::confirm("Let it sign?", signing.yes)?;
    let call = addDelegateCall { delegate, expiresAt: expires_at }.abi_encode();
    change(signing, &asked.wallet, call.into(), (trader, delegate))
}

fn revoke(asked: &Revoke) -> Result<()> {
    let signing = &asked.signing;
    let (trader, delegate) = (signing.folder.address(&asked.wallet)?, signing.folder.resolve(&asked.delegate)?);
    let known = keys_of(&signing.node, trader)?;
    ensure!(known.iter().any(|key| key.delegate == delegate), "{delegate} is no trading key of {trader}");
    let delay = ask_contract(&signing.node, &exitDelaySecondsCall {})?;
    eprintln!("key       {delegate}");
    eprintln!("signs     no new order for {trader}, and its open orders leave the book");
    eprintln!("settles   for {delay} s more what was matched before");
    ask::confirm("Take it back?", signing.yes)?;
    change(signing, &asked.wallet, revokeDelegateCall { delegate }.abi_encode().into(), (trader, delegate))
}

/// Sends a call of the contract, and tells what the key may do then.
fn change(signing: &Signing, wallet: &WalletName, call: Bytes, (trader, delegate): (Address, Address)) -> Result<()> {
    let keystore = signing.folder.open(wallet)?;
    let key = keystore.open(&signing.password.of(&wallet.to_string())?)?;
    let (transaction_hash, block_number) =
        contract::send(&signing.node, &key, EXCHANGE_ADDRESS, call, "change of a trading key")?;
    let keys = keys_of(&signing.node, trader)?;
    let key = keys.into_iter().find(|key| key.delegate == delegate);
    let key = key.ok_or_else(|| anyhow::anyhow!("the contract does not list {delegate}"))?;
    if signing.json {
        return print_json(&Changed { transaction_hash, block_number, key });
    }
    println!("{transaction_hash}");
    eprintln!("Done: it is in block {block_number}. The key is {}, until {}.", word(key.state), key.expires_at.0);
    Ok(())
}

fn list(asked: &List) -> Result<()> {
    let keys = keys_of(&asked.node, asked.folder.resolve(&asked.who)?)?;
    if asked.json {
        return print_json(&keys);
    }
    if keys.is_empty() {
        eprintln!("No key signs orders for this account but its own.");
        return Ok(());
    }
    let row = |key: TradingKey| [key.delegate.to_string(), word(key.state).to_owned(), key.expires_at.0.to_string()];
    table::print(["KEY", "STATE", "UNTIL (UNIX SECONDS)"], &keys.into_iter().map(row).collect::<Vec<_>>());
    Ok(())
}

const fn word(state: TradingKeyState) -> &'static str {
    match state {
        TradingKeyState::Active => "active",
        TradingKeyState::Revoked => "revoked",
        TradingKeyState::Expired => "expired",
    }
}
