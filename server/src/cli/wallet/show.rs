//! `aitbc wallet list`, `aitbc wallet balance` and `aitbc wallet history`.

use alloy_sol_types::SolEvent;
use anyhow::{Context, Result};
use clap::Args;
use contracts::AIToken;
use serde::Serialize;
use serde_json::{Value, json};
use shared::amount::Amount;
use shared::chain::TOKEN_ADDRESS;
use shared::{Address, B256, U256};
use wallet::keystore::Keystore;

use super::folder::{Folder, WalletName};
use super::node::{Node, hex_number, parse_address};
use crate::cli::client::print_json;
use crate::cli::table;

/// Blocks of the first question for transfers. Each further one reaches twice as far back.
const FIRST_WINDOW_BLOCKS: u64 = 4_096;

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    folder: Folder,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Balance {
    /// Wallets or addresses; every wallet of this machine where absent
    who: Vec<String>,
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    node: Node,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct History {
    /// Wallet or address
    who: String,
    /// Most transfers to show
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    node: Node,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// One wallet or address.
#[derive(Debug, Serialize)]
struct Account {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    address: Address,
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<Amount>,
}

/// AIT that came or went.
#[derive(Debug, Serialize)]
pub(super) struct Transfer {
    block_number: u64,
    #[serde(skip)]
    log_index: u64,
    transaction_hash: B256,
    from: Address,
    to: Address,
    amount: Amount,
}

pub(super) fn list(list: &List) -> Result<()> {
    let accounts: Vec<Account> = own(&list.folder)?;
    if list.json {
        return print_json(&accounts);
    }
    if accounts.is_empty() {
        eprintln!("There is no wallet yet: `aitbc wallet create NAME` makes one.");
        return Ok(());
    }
    let rows: Vec<[String; 2]> =
        accounts.into_iter().map(|one| [one.name.unwrap_or_default(), one.address.to_string()]).collect();
    table::print(["WALLET", "ADDRESS"], &rows);
    Ok(())
}

fn own(folder: &Folder) -> Result<Vec<Account>> {
    folder.list()?.into_iter().map(account).collect()
}

fn account((name, keystore): (WalletName, Keystore)) -> Result<Account> {
    let address = keystore.address();
    let address = address.with_context(|| format!("the file of {name} names no address: import it again"))?;
    Ok(Account { name: Some(name.to_string()), address, balance: None })
}

/// A wallet of this machine, or an address.
fn find(folder: &Folder, who: &str) -> Result<Account> {
    match who.parse::<WalletName>() {
        Ok(name) if !who.starts_with("0x") => {
            Ok(Account { address: folder.address(&name)?, name: Some(name.to_string()), balance: None })
        }
        _ => {
            let address = parse_address(who)?;
            Ok(Account { name: folder.name_of(address).map(|name| name.to_string()), address, balance: None })
        }
    }
}

pub(super) fn balance(balance: &Balance) -> Result<()> {
    let mut accounts = if balance.who.is_empty() {
        own(&balance.folder)?
    } else {
        balance.who.iter().map(|who| find(&balance.folder, who)).collect::<Result<_>>()?
    };
    for account in &mut accounts {
        account.balance = Some(balance.node.balance(account.address)?);
    }
    if balance.json {
        return print_json(&accounts);
    }
    let row = |one: Account| {
        let amount = one.balance.map(|amount| format!("{amount} AIT")).unwrap_or_default();
        [one.name.unwrap_or_default(), one.address.to_string(), amount]
    };
    let rows: Vec<[String; 3]> = accounts.into_iter().map(row).collect();
    table::print(["WALLET", "ADDRESS", "BALANCE"], &rows);
    Ok(())
}

pub(super) fn history(history: &History) -> Result<()> {
    let account = find(&history.folder, &history.who)?;
    let transfers = transfers(&history.node, account.address, history.limit)?;
    if history.json {
        return print_json(&transfers);
    }
    let row = |transfer: Transfer| {
        let (sign, other) = if transfer.from == account.address { ("-", transfer.to) } else { ("+", transfer.from) };
        let other = if other == Address::ZERO { "minted for work".to_owned() } else { named(history, other) };
        let amount = format!("{sign}{} AIT", transfer.amount);
        [transfer.block_number.to_string(), amount, other, transfer.transaction_hash.to_string()]
    };
    let rows: Vec<[String; 4]> = transfers.into_iter().map(row).collect();
    table::print(["BLOCK", "AMOUNT", "FROM OR TO", "TRANSACTION"], &rows);
    Ok(())
}

fn named(history: &History, address: Address) -> String {
    history.folder.name_of(address).map_or_else(|| address.to_string(), |name| name.to_string())
}

/// The newest transfers, read backwards in windows that grow.
pub(super) fn transfers(node: &Node, account: Address, limit: u32) -> Result<Vec<Transfer>> {
    let limit = usize::try_from(limit)?;
    let (mut found, mut last, mut window) = (Vec::new(), node.head()?, FIRST_WINDOW_BLOCKS);
    loop {
        let first = last.saturating_sub(window - 1);
        let mut part = logs(node, first, last, json!([account.into_word()]))?;
        part.extend(logs(node, first, last, json!([null, account.into_word()]))?);
        part.sort_by_key(|transfer| std::cmp::Reverse((transfer.block_number, transfer.log_index)));
        // A transfer to oneself is found twice.
        part.dedup_by_key(|transfer| (transfer.block_number, transfer.log_index));
        found.extend(part);
        if first == 0 || found.len() >= limit {
            found.truncate(limit);
            return Ok(found);
        }
        (last, window) = (first - 1, window.saturating_mul(2));
    }
}

fn logs(node: &Node, first: u64, last: u64, mut parties: Value) -> Result<Vec<Transfer>> {
    if let Some(topics) = parties.as_array_mut() {
        topics.insert(0, json!(AIToken::Transfer::SIGNATURE_HASH));
    }
    let range = (format!("{first:#x}"), format!("{last:#x}"));
    let filter = json!([{ "address": TOKEN_ADDRESS, "fromBlock": range.0, "toBlock": range.1, "topics": parties }]);
    let logs: Vec<Value> = node.call("eth_getLogs", filter)?;
    logs.iter().map(transfer).collect()
}

fn transfer(log: &Value) -> Result<Transfer> {
    let party = |position: usize| -> Result<Address> {
        let topic: B256 = serde_json::from_value(log["topics"][position].clone())?;
        Ok(Address::from_word(topic))
    };
    let amount: U256 = hex_number(&log["data"])?;
    Ok(Transfer {
        block_number: hex_number(&log["blockNumber"])?,
        log_index: hex_number(&log["logIndex"])?,
        transaction_hash: serde_json::from_value(log["transactionHash"].clone())?,
        from: party(1)?,
        to: party(2)?,
        amount: Amount::from_atto(u128::try_from(amount).ok().context("a transfer of more than every sum of AIT")?),
    })
}
