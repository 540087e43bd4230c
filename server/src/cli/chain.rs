//! `aitbc chain …`: what stands on the chain, as a node says.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::amount::Amount;
use shared::{Address, B256};

use super::client::{Server, print_json};
use super::{rpc, table};

/// Blocks in which logs are looked for where no first block is named.
const LOG_BLOCKS_DEFAULT: u64 = 1_000;

#[derive(Debug, Subcommand)]
pub(super) enum Chain {
    /// Shows the last block
    Head(Ask),
    /// Shows a block, and who decided it
    Block(One),
    /// Shows a transaction
    Tx(One),
    /// Shows what an account holds
    Account(One),
    /// Lists events of contracts
    Logs(Logs),
    /// Lists who decides the next block, and what their power is made of
    Validators(Ask),
}

/// Which node is asked.
#[derive(Debug, Args)]
pub(super) struct Ask {
    #[command(flatten)]
    server: Server,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// Height or hash of a block, hash of a transaction, or address of an account
    #[arg(value_parser = path_part)]
    id: String,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Debug, Args)]
pub(super) struct Logs {
    /// Contract that emitted them
    #[arg(long)]
    address: Option<Address>,
    /// First topic: the hash of the event's signature
    #[arg(long)]
    topic: Option<B256>,
    /// First block; a thousand blocks before the last where absent
    #[arg(long)]
    from: Option<u64>,
    /// Last block; the head where absent
    #[arg(long)]
    to: Option<u64>,
    #[command(flatten)]
    ask: Ask,
}

/// Digits of a number, a hash or an address: nothing that would change the path.
fn path_part(text: &str) -> Result<String, String> {
    let is_part = (1..=66).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_part { Ok(text.to_owned()) } else { Err("a height, a hash or an address".to_owned()) }
}

#[derive(Debug, Deserialize)]
struct Block {
    number: u64,
    hash: B256,
    parent_hash: B256,
    timestamp_unix_s: u64,
    producer: Address,
    state_root: B256,
    gas_used: u64,
    transactions: Vec<Transaction>,
    certificate: Option<Certificate>,
}

#[derive(Debug, Deserialize)]
struct Certificate {
    round: u32,
    signatures: Vec<Signed>,
}

#[derive(Debug, Deserialize)]
struct Signed {
    validator: Address,
}

#[derive(Debug, Deserialize)]
struct Transaction {
    hash: B256,
    state: String,
    from: Address,
    to: Option<Address>,
    nonce: u64,
    block_number: Option<u64>,
    gas_used: Option<u64>,
    contract_address: Option<Address>,
    failure: Option<String>,
    #[serde(default)]
    logs: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Account {
    address: Address,
    ait: Amount,
    nonce: u64,
    block_number: u64,
}

#[derive(Debug, Deserialize)]
struct Validator {
    address: Address,
    voting_power: u64,
    base_power: u64,
    own_stake: Amount,
    delegated_stake: Amount,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Log {
    address: Address,
    topics: Vec<B256>,
    block_number: String,
    transaction_hash: B256,
}

pub(super) fn run(chain: Chain) -> Result<()> {
    match chain {
        Chain::Head(ask) => head(&ask),
        Chain::Block(One { id, ask }) => block(&format!("/rpc/blocks/{id}"), &ask),
        Chain::Tx(one) => transaction(&one),
        Chain::Account(one) => account(&one),
        Chain::Logs(logs) => list_logs(&logs),
        Chain::Validators(ask) => validators(&ask),
    }
}

#[derive(Debug, Deserialize)]
struct Head {
    number: u64,
}

fn head_number(server: &Server) -> Result<u64> {
    Ok(server.get::<Head>("/rpc/head")?.number)
}

fn head(ask: &Ask) -> Result<()> {
    let number = head_number(&ask.server)?;
    block(&format!("/rpc/blocks/{number}"), ask)
}

fn block(path: &str, ask: &Ask) -> Result<()> {
    let body: Value = ask.server.get(path)?;
    if ask.json {
        return print_json(&body);
    }
    let block: Block = serde_json::from_value(body)?;
    println!("block         {}", block.number);
    println!("hash          {}", block.hash);
    println!("parent        {}", block.parent_hash);
    println!("time          {} (unix seconds)", block.timestamp_unix_s);
    println!("proposed by   {}", block.producer);
    println!("state root    {}", block.state_root);
    println!("gas used      {}", block.gas_used);
    match block.certificate {
        Some(certificate) => {
            println!("decided by    {} in round {}", certificate.signatures.len(), certificate.round);
            certificate.signatures.iter().for_each(|signed| println!("              {}", signed.validator));
        }
        None => println!("decided by    nobody: it is block 0"),
    }
    println!("transactions  {}", block.transactions.len());
    block.transactions.iter().for_each(|transaction| println!("              {}", transaction.hash));
    Ok(())
}

fn transaction(one: &One) -> Result<()> {
    let body: Value = one.ask.server.get(&format!("/rpc/tx/{}", one.id))?;
    if one.ask.json {
        return print_json(&body);
    }
    let transaction: Transaction = serde_json::from_value(body)?;
    println!("transaction   {}", transaction.hash);
    println!("state         {}", transaction.state);
    println!("from          {}, nonce {}", transaction.from, transaction.nonce);
    match (transaction.to, transaction.contract_address) {
        (Some(to), _) => println!("to            {to}"),
        (None, Some(made)) => println!("created       {made}"),
        (None, None) => println!("creates       a contract"),
    }
    if let Some(number) = transaction.block_number {
        println!("block         {number}");
        println!("gas used      {}", transaction.gas_used.unwrap_or_default());
        println!("events        {}", transaction.logs.len());
    }
    if let Some(failure) = transaction.failure {
        println!("failure       {failure}");
    }
    Ok(())
}

fn account(one: &One) -> Result<()> {
    let body: Value = one.ask.server.get(&format!("/rpc/balance/{}", one.id))?;
    if one.ask.json {
        return print_json(&body);
    }
    let account: Account = serde_json::from_value(body)?;
    println!("account       {}", account.address);
    println!("balance       {} AIT at block {}", account.ait, account.block_number);
    println!("transactions  {}", account.nonce);
    Ok(())
}

fn validators(ask: &Ask) -> Result<()> {
    let body: Value = ask.server.get("/rpc/validators")?;
    if ask.json {
        return print_json(&body);
    }
    let validators: Vec<Validator> = serde_json::from_value(body)?;
    let row = |validator: &Validator| {
        [
            validator.address.to_string(),
            validator.voting_power.to_string(),
            validator.base_power.to_string(),
            validator.own_stake.to_string(),
            validator.delegated_stake.to_string(),
        ]
    };
    let rows: Vec<[String; 5]> = validators.iter().map(row).collect();
    table::print(["VALIDATOR", "POWER", "BASE", "OWN AIT", "DELEGATED AIT"], &rows);
    Ok(())
}

fn list_logs(logs: &Logs) -> Result<()> {
    let server = &logs.ask.server;
    let to = match logs.to {
        Some(to) => to,
        None => head_number(server)?,
    };
    let from = logs.from.unwrap_or_else(|| to.saturating_sub(LOG_BLOCKS_DEFAULT - 1));
    let mut filter = json!({ "fromBlock": format!("{from:#x}"), "toBlock": format!("{to:#x}") });
    if let Some(address) = logs.address {
        filter["address"] = json!(address);
    }
    if let Some(topic) = logs.topic {
        filter["topics"] = json!([topic]);
    }
    let url = format!("{}/rpc", server.url().trim_end_matches('/'));
    let found: Value = rpc::call(&url, "eth_getLogs", json!([filter]))?;
    if logs.ask.json {
        return print_json(&found);
    }
    let found: Vec<Log> = serde_json::from_value(found)?;
    if found.is_empty() {
        println!("No events in blocks {from} to {to}.");
        return Ok(());
    }
    let rows: Vec<[String; 4]> = found
        .iter()
        .map(|log| {
            let number = u64::from_str_radix(log.block_number.trim_start_matches("0x"), 16);
            let topic = log.topics.first().map(ToString::to_string).unwrap_or_default();
            let block = number.map_or_else(|_| log.block_number.clone(), |number| number.to_string());
            [block, log.address.to_string(), topic, log.transaction_hash.to_string()]
        })
        .collect();
    table::print(["BLOCK", "CONTRACT", "EVENT", "TRANSACTION"], &rows);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::path_part;

    #[test]
    fn what_becomes_part_of_a_path_cannot_leave_it() {
        for taken in ["7", "0x0000000000000000000000000000000000A17001"] {
            assert_eq!(path_part(taken).unwrap(), taken);
        }
        for refused in ["", "../head", "a b", "1?x", "%2e", &"0".repeat(67)] {
            assert!(path_part(refused).is_err(), "{refused}");
        }
    }
}
