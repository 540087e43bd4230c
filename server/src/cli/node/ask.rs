//! `aitbc node peers` and `aitbc node status`: what a running node says of itself.

use anyhow::{Context, Result};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{Address, B256};

use crate::cli::client::{Server, print_json};
use crate::cli::table;
use crate::clock;
use crate::network::{PEERS_FILE, Peers as PeersFile};

#[derive(Debug, Args)]
pub(in crate::cli) struct Status {
    #[command(flatten)]
    server: Server,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Peers {
    #[command(flatten)]
    server: Server,
    /// Folder of the node, to show where its peers.json says that each is reached
    #[arg(long, env = "AITBC_DATA")]
    data: Option<std::path::PathBuf>,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Deserialize)]
struct Head {
    chain_id: u64,
    genesis_hash: B256,
    number: u64,
    hash: B256,
    state_root: B256,
    timestamp_unix_s: u64,
    transaction_count_total: u64,
}

#[derive(Debug, Deserialize)]
struct Network {
    version: String,
    peers: usize,
    validators: Vec<Peer>,
    fault: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Peer {
    address: Address,
    connected: bool,
}

#[derive(Debug, Deserialize)]
struct Validator {
    address: Address,
    voting_power: u64,
}

pub(super) fn status(arguments: &Status) -> Result<()> {
    let server = &arguments.server;
    if arguments.json {
        let (head, network): (Value, Value) = (server.get("/rpc/head")?, server.get("/rpc/net_info")?);
        return print_json(&json!({ "head": head, "network": network }));
    }
    let (head, network): (Head, Network) = (server.get("/rpc/head")?, server.get("/rpc/net_info")?);
    let now_unix_s = clock::now().0 / 1_000;
    let age = now_unix_s.saturating_sub(head.timestamp_unix_s);
    println!("node          aitbc {} at {}", network.version, server.url());
    println!("chain         {}, genesis {}", head.chain_id, head.genesis_hash);
    println!("head          block {}, {age} s old", head.number);
    println!("hash          {}", head.hash);
    println!("state root    {}", head.state_root);
    println!("transactions  {}", head.transaction_count_total);
    println!("peers         {} of {} validators connected", network.peers, network.validators.len());
    println!("fault         {}", network.fault.as_deref().unwrap_or("none"));
    Ok(())
}

pub(super) fn peers(arguments: &Peers) -> Result<()> {
    let server = &arguments.server;
    let network: Network = server.get("/rpc/net_info")?;
    let validators: Vec<Validator> = server.get("/rpc/validators")?;
    let file = match &arguments.data {
        Some(data) => {
            let path = data.join(PEERS_FILE);
            let file = PeersFile::read(&path)?;
            file.with_context(|| format!("there is no file {}", path.display()))?.validators
        }
        None => Vec::new(),
    };
    let endpoint = |address| file.iter().find(|peer| peer.address == address).map(|peer| peer.endpoint.clone());
    let power = |address| validators.iter().find(|one| one.address == address).map_or(0, |one| one.voting_power);
    if arguments.json {
        let rows = network.validators.iter().map(|peer| {
            json!({
                "address": peer.address,
                "endpoint": endpoint(peer.address),
                "voting_power": power(peer.address),
                "connected": peer.connected,
            })
        });
        return print_json(&rows.collect::<Vec<_>>());
    }
    if network.validators.is_empty() {
        println!("This node speaks with no other validator: it decides alone, or follows.");
        return Ok(());
    }
    let rows: Vec<[String; 4]> = network
        .validators
        .iter()
        .map(|peer| {
            let connected = if peer.connected { "yes" } else { "no" };
            let endpoint = endpoint(peer.address).unwrap_or_default();
            [peer.address.to_string(), power(peer.address).to_string(), connected.to_owned(), endpoint]
        })
        .collect();
    table::print(["VALIDATOR", "POWER", "CONNECTED", "ENDPOINT"], &rows);
    Ok(())
}
