//! ERC-20 transfers per second through one node: `cargo run --release -p node --example transfers -- --count 20000`.
//!
//! Transactions are signed beforehand and submitted by concurrent callers within the process; the time runs from the
//! first submission until the last transaction is in a block on disk. Transfers of 0 AIT cost the token contract the
//! same work as others but for the balances' slots, which stay 0; so each sender transfers to itself.
#![expect(clippy::print_stdout, reason = "the figure is the output")]

use std::time::{Duration, Instant};

use alloy_consensus::{SignableTransaction as _, TxEip1559};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Signature, TxKind, U256};
use alloy_sol_types::SolCall as _;
use anyhow::Context as _;
use clap::Parser;
use contracts::{AI_TOKEN_ADDRESS, AIToken, EscrowFee, GenesisParameters};
use k256::ecdsa::SigningKey;
use k256::ecdsa::signature::hazmat::PrehashSigner as _;
use node::chain::{Envelope, ValidatorKey, ValidatorSet};
use node::{Node, NodeConfig, development_genesis};

const SENDERS: u8 = 64;

#[derive(Debug, Parser)]
struct Arguments {
    /// Transfers in total.
    #[arg(long, default_value_t = 4_096)]
    count: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { count } = Arguments::parse();
    let directory = tempfile::tempdir()?;
    let validator = ValidatorKey::new(SigningKey::from_slice(&[0xd5; 32])?);
    let parameters = GenesisParameters {
        admin: validator.address(),
        attesters: vec![validator.address()],
        attester_threshold: 1,
        epoch_seconds: 86_400,
        epoch_cap_atto: 0,
        provider_epoch_cap_atto: 0,
        hold_seconds: 0,
        max_unit_prices: Vec::new(),
        escrow_fee: EscrowFee::to_one(validator.address(), 200),
    };
    let genesis = development_genesis(ValidatorSet::single(validator.address()), &parameters);
    let mut config = NodeConfig::new(directory.path().join("chain.redb"), genesis, validator);
    config.pool_limits.max_gas_per_sender_per_minute = u64::MAX;
    config.pool_limits.strangers_arrival_bytes = node::Rate::UNLIMITED;
    config.stranger_rates = node::StrangerRates::UNLIMITED;
    let node = Node::start(config)?;

    let per_sender = count / u64::from(SENDERS);
    let queues: Vec<Vec<Vec<u8>>> = (1..=SENDERS)
        .map(|seed| (0..per_sender).map(|nonce| transfer(seed, nonce)).collect())
        .collect::<Result<_, _>>()?;
    let start = Instant::now();
    let mut submitters = Vec::new();
    for queue in queues {
        let handle = node.handle();
        submitters.push(tokio::spawn(async move {
            let mut last = None;
            for raw in queue {
                last = Some(handle.submit_raw_transaction(&raw).await?);
            }
            let hash = last.context("no transaction was sent")?;
            handle.wait_for_transaction(hash, Duration::from_secs(600)).await?.context("no block came")
        }));
    }
    for submitter in submitters {
        submitter.await??;
    }
    let seconds = start.elapsed().as_secs_f64();
    let head = node.handle().head()?;
    let total = node.handle().snapshot()?.transaction_total(head.number)?;
    println!("{total} transfers in {} blocks, {seconds:.2} s: {:.0} per second", head.number, total as f64 / seconds);
    Ok(())
}

fn transfer(seed: u8, nonce: u64) -> anyhow::Result<Vec<u8>> {
    let key = SigningKey::from_slice(&[seed; 32])?;
    let to = alloy_primitives::Address::from_private_key(&key);
    let transaction = TxEip1559 {
        chain_id: shared::chain::DEV_CHAIN_ID,
        nonce,
        gas_limit: 100_000,
        max_fee_per_gas: 0,
        max_priority_fee_per_gas: 0,
        to: TxKind::Call(AI_TOKEN_ADDRESS),
        value: U256::ZERO,
        access_list: Default::default(),
        input: AIToken::transferCall { to, value: U256::ZERO }.abi_encode().into(),
    };
    let (signature, recovery) = key.sign_prehash(transaction.signature_hash().as_slice())?;
    Ok(Envelope::from(transaction.into_signed(Signature::from((signature, recovery)))).encoded_2718())
}
