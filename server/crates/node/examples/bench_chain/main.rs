//! Four validators over real connections and disks, in one process: how soon a transaction is final on all of them, and
//! how many a second. One node beside Foundry's anvil, with the same transactions over JSON-RPC. A node that takes the blocks of
//! another, and starts again. Prints figures as a JSON array: `cargo xtask bench chain`.
#![expect(clippy::print_stdout, reason = "the figures are the output")]

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alloy_consensus::{SignableTransaction as _, TxEip1559};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256};
use anyhow::Context as _;
use clap::Parser;
use contracts::{EscrowFee, GenesisParameters};
use k256::ecdsa::SigningKey;
use k256::ecdsa::signature::hazmat::PrehashSigner as _;
use node::chain::{Envelope, Genesis, Validator, ValidatorKey, ValidatorSet};
use node::{Node, NodeConfig, NodeHandle, Peer, Role, ValidatorNetwork, development_genesis};
use serde_json::{Value, json};

mod json_rpc;
mod sync;

const VALIDATORS: u8 = 4;
/// Transactions that are sent one after another, each when the one before is final everywhere.
const SINGLE: u64 = 300;
/// Senders and transfers of each for the throughput.
const SENDERS: u8 = 64;
const PER_SENDER: u64 = 128;
const PATIENCE: Duration = Duration::from_secs(120);

const P50_BAR_MS: f64 = 300.0;
const P99_BAR_MS: f64 = 800.0;
const THROUGHPUT_BAR: f64 = 1_500.0;

#[derive(Debug, Parser)]
struct Arguments {
    /// Foundry's anvil, to measure beside it
    #[arg(long)]
    anvil: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { anvil } = Arguments::parse();
    let mut figures = four_validators().await?;
    figures.extend(json_rpc::measure(anvil.as_deref()).await?);
    figures.extend(sync::measure().await?);
    println!("{}", serde_json::to_string_pretty(&figures)?);
    Ok(())
}

async fn four_validators() -> anyhow::Result<Vec<Value>> {
    let directories = (0..VALIDATORS).map(|_| tempfile::tempdir()).collect::<Result<Vec<_>, _>>()?;
    let nodes = start_all(&directories)?;
    let handles: Vec<NodeHandle> = nodes.iter().map(Node::handle).collect();
    wait_for_connections(&handles).await;
    let mut figures = measure_latency(&handles).await?;
    figures.push(measure_throughput(&handles).await?);
    for node in nodes {
        tokio::task::spawn_blocking(move || node.shutdown()).await??;
    }
    Ok(figures)
}

fn signing_key(seed: u8) -> anyhow::Result<SigningKey> {
    Ok(SigningKey::from_slice(&[seed; 32])?)
}

fn validator(index: u8) -> anyhow::Result<ValidatorKey> {
    Ok(ValidatorKey::new(signing_key(0xd0 + index)?))
}

/// Block 0 of a chain with so many of the validators.
fn genesis(validators: u8) -> anyhow::Result<Genesis> {
    let keys = (0..validators).map(validator).collect::<Result<Vec<_>, _>>()?;
    let admin = keys.first().context("no validator")?.address();
    let parameters = GenesisParameters {
        admin,
        attesters: vec![admin],
        attester_threshold: 1,
        epoch_seconds: 86_400,
        epoch_cap_atto: 0,
        provider_epoch_cap_atto: 0,
        hold_seconds: 0,
        max_unit_prices: Vec::new(),
        escrow_fee: EscrowFee::to_one(admin, 200),
    };
    let members = keys.iter().map(|key| Validator { address: key.address(), voting_power: 1 });
    Ok(development_genesis(ValidatorSet::new(members)?, &parameters))
}

fn start_all(directories: &[tempfile::TempDir]) -> anyhow::Result<Vec<Node>> {
    let listeners = directories.iter().map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<Vec<_>, _>>()?;
    let endpoints = listeners.iter().map(TcpListener::local_addr).collect::<Result<Vec<_>, _>>()?;
    drop(listeners);
    let genesis = genesis(VALIDATORS)?;
    (0..VALIDATORS)
        .zip(directories)
        .map(|(index, directory)| start(directory.path(), genesis.clone(), index, &endpoints))
        .collect()
}

fn start(directory: &Path, genesis: Genesis, index: u8, endpoints: &[SocketAddr]) -> anyhow::Result<Node> {
    let mut peers = Vec::new();
    for (other, endpoint) in (0..VALIDATORS).zip(endpoints).filter(|(other, _)| *other != index) {
        peers.push(Peer { address: validator(other)?.address(), endpoint: endpoint.to_string() });
    }
    let network = ValidatorNetwork { listen: endpoints[usize::from(index)], peers };
    let role = Role::Among(validator(index)?, network);
    Ok(Node::start(config(directory, genesis, role))?)
}

/// A node without the bounds of strangers.
fn config(directory: &Path, genesis: Genesis, role: Role) -> NodeConfig {
    let mut config = NodeConfig::of(directory.join("chain.redb"), genesis, role);
    config.pool_limits.max_gas_per_sender_per_minute = u64::MAX;
    config.pool_limits.strangers_arrival_bytes = node::Rate::UNLIMITED;
    config.stranger_rates = node::StrangerRates::UNLIMITED;
    config
}

async fn wait_for_connections(handles: &[NodeHandle]) {
    while !handles.iter().all(|handle| handle.peers().iter().all(|peer| peer.is_connected)) {
        tokio::task::yield_now().await;
    }
}

/// From the call that submits a transaction until each of the four has it in a block on its disk. The chain is idle before
/// each, so that waking up is part of it.
async fn measure_latency(handles: &[NodeHandle]) -> anyhow::Result<Vec<Value>> {
    let mut taken_ms = Vec::new();
    for nonce in 0..SINGLE {
        let raw = transfer(1, nonce)?;
        let by = &handles[usize::try_from(nonce)? % handles.len()];
        let begun = Instant::now();
        let hash = by.submit_raw_transaction(&raw).await?;
        for handle in handles {
            handle.wait_for_transaction(hash, PATIENCE).await?.context("a transaction is not final everywhere")?;
        }
        taken_ms.push(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    taken_ms.sort_by(f64::total_cmp);
    let percentile = |percent: usize| taken_ms[(taken_ms.len() * percent / 100).min(taken_ms.len() - 1)];
    Ok(vec![
        at_most(P50_BAR_MS, "transaction to final on 4 validators, p50", percentile(50)),
        at_most(P99_BAR_MS, "transaction to final on 4 validators, p99", percentile(99)),
    ])
}

async fn measure_throughput(handles: &[NodeHandle]) -> anyhow::Result<Value> {
    let queues = (2..2 + SENDERS)
        .map(|seed| (0..PER_SENDER).map(|nonce| transfer(seed, nonce)).collect::<Result<Vec<_>, _>>())
        .collect::<Result<Vec<_>, _>>()?;
    let begun = Instant::now();
    let mut submitters = Vec::new();
    for (queue, own) in queues.into_iter().zip(handles.iter().cycle().cloned()) {
        submitters.push(tokio::spawn(async move {
            let mut last = None;
            for raw in queue {
                last = Some(own.submit_raw_transaction(&raw).await?);
            }
            last.context("no transaction was sent")
        }));
    }
    for submitter in submitters {
        let hash = submitter.await??;
        for handle in handles {
            handle.wait_for_transaction(hash, PATIENCE).await?.context("a transaction is not final everywhere")?;
        }
    }
    let rate = f64::from(SENDERS) * PER_SENDER as f64 / begun.elapsed().as_secs_f64();
    Ok(at_least(THROUGHPUT_BAR, "transfers through 4 validators, final on all", rate, "per s"))
}

fn at_least(bar: f64, name: &str, value: f64, unit: &str) -> Value {
    json!({ "name": name, "value": value, "unit": unit, "bar": bar, "holds": value >= bar })
}

fn at_most(bar: f64, name: &str, value: f64) -> Value {
    json!({ "name": name, "value": value, "unit": "ms", "bar": bar, "holds": value <= bar })
}

/// A transfer of nothing.
fn transfer(seed: u8, nonce: u64) -> anyhow::Result<Vec<u8>> {
    call(seed, nonce, Address::repeat_byte(9), Bytes::new(), 21_000)
}

fn call(seed: u8, nonce: u64, to: Address, input: Bytes, gas_limit: u64) -> anyhow::Result<Vec<u8>> {
    let transaction = TxEip1559 {
        chain_id: shared::chain::DEV_CHAIN_ID,
        nonce,
        gas_limit,
        max_fee_per_gas: 0,
        max_priority_fee_per_gas: 0,
        to: TxKind::Call(to),
        value: U256::ZERO,
        access_list: Default::default(),
        input,
    };
    let (signature, recovery) = signing_key(seed)?.sign_prehash(transaction.signature_hash().as_slice())?;
    Ok(Envelope::from(transaction.into_signed(Signature::from((signature, recovery)))).encoded_2718())
}
