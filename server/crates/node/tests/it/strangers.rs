//! Gas is free, so what strangers send is bounded for all of them together, and what settles never waits for it.

use std::time::Duration;

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, Bytes, TxKind, bytes, hex};
use alloy_sol_types::SolCall as _;
use contracts::{AI_TOKEN_MINTER_ADDRESS, AITokenMinter};
use node::{DISK_FLOOR_BYTES, NodeConfig, NodeError, Rate, StrangerRates};
use serde_json::json;

use crate::setup::*;

/// Init code of a contract that logs four topics again and again, until its gas is nearly used up.
const LOG_SPAMMER: Bytes = bytes!("60108060093d393df35b5a5a5a5a5f5fa46113885a115f5700");

const FRESH_KEYS: u8 = 48;
const SPAM_GAS: u64 = 4_000_000;
const BURST_BYTES: u64 = 1 << 20;

/// Strangers get the burst and nothing more.
fn with_one_burst(config: &mut NodeConfig) {
    config.stranger_rates =
        StrangerRates { growth_bytes: Rate { per_second: 0, burst: BURST_BYTES }, ..StrangerRates::default() };
    config.timing.strangers_pause = Duration::from_secs(3_600);
}

/// A mint of nothing.
fn settling(seed: u8, nonce: u64) -> Vec<u8> {
    let call = AITokenMinter::mintBatchCall { receipts: Vec::new() }.abi_encode();
    sign(seed, eip1559(nonce, TxKind::Call(AI_TOKEN_MINTER_ADDRESS), call.into()))
}

/// The attack: 48 transactions of fresh keys wrote 43 MB of logs in a second.
#[tokio::test]
async fn log_spam_of_fresh_keys_ends_at_the_allowance_and_a_mint_passes_it_by() {
    let node = TestNode::with(with_one_burst);
    let deployed = node.execute(&sign(1, eip1559(0, TxKind::Create, LOG_SPAMMER))).await;
    let spammer = deployed.receipt.contract_address.unwrap();
    let spam = |seed: u8, nonce: u64| {
        let call = eip1559(nonce, TxKind::Call(spammer), Bytes::new());
        sign(seed, TxEip1559 { gas_limit: SPAM_GAS, ..call })
    };
    let first = node.handle().submit_raw_transaction(&spam(1, 1)).await.unwrap();
    for seed in 2..=FRESH_KEYS {
        node.handle().submit_raw_transaction(&spam(seed, 0)).await.unwrap();
    }
    node.handle().wait_for_transaction(first, PATIENCE).await.unwrap().unwrap();
    for nonce in 0..3 {
        let mint = node.execute(&settling(ATTESTER, nonce)).await;
        assert!(mint.receipt.success);
    }
    let waiting = node.handle().pool_content().ready;
    assert!(waiting.len() > usize::from(FRESH_KEYS) / 2, "{} wait", waiting.len());
    let head = node.handle().head().unwrap().number;
    let receipts = (1..=head).flat_map(|number| node.handle().block_receipts(number).unwrap());
    let logged: usize = receipts.flat_map(|receipt| receipt.logs).map(|log| 20 + 32 * log.topics().len()).sum();
    let bound = BURST_BYTES + SPAM_GAS / node::chain::GAS_PER_GROWTH_BYTE;
    assert!(logged as u64 <= bound, "{logged} bytes of logs");
    assert!(logged > 100_000, "the attack ran");
}

#[tokio::test]
async fn a_pool_full_of_strangers_takes_a_mint_and_puts_it_into_the_next_block() {
    let node = TestNode::with(|config| {
        with_one_burst(config);
        config.stranger_rates.growth_bytes.burst = 0;
        config.pool_limits.max_transactions = 12;
        config.pool_limits.reserved_transactions = 2;
    });
    for seed in 1..=10 {
        node.handle().submit_raw_transaction(&ping(seed, 0)).await.unwrap();
    }
    let error = node.error("eth_sendRawTransaction", json!([hex::encode_prefixed(ping(11, 0))])).await;
    assert_eq!((&error["code"], &error["message"]), (&json!(-32_005), &json!("txpool is full: limit 10 transactions")));
    for nonce in 0..5 {
        assert_eq!(node.execute(&settling(ATTESTER, nonce)).await.place.index, 0);
    }
    assert_eq!(node.handle().pool_content().ready.len(), 10);
    assert_eq!(node.handle().head().unwrap().number, 5, "no block was made of strangers");
}

#[tokio::test]
async fn below_the_disks_floor_only_the_settlement_runs_and_strangers_are_told() {
    let node = TestNode::new();
    let handle = node.handle();
    handle.tell_free_disk(DISK_FLOOR_BYTES);
    node.execute(&ping(1, 0)).await;
    assert!(handle.disk_shortage().is_none());
    handle.tell_free_disk(DISK_FLOOR_BYTES - 1);
    let refused = handle.submit_raw_transaction(&ping(1, 1)).await;
    assert!(matches!(refused, Err(NodeError::DiskLow { free_bytes, .. }) if free_bytes == DISK_FLOOR_BYTES - 1));
    let error = node.error("eth_sendRawTransaction", json!([hex::encode_prefixed(ping(1, 1))])).await;
    assert_eq!(error["code"], -32_002);
    assert!(error["message"].as_str().unwrap().contains("nearly full"), "{error}");
    let (_, told) = node.get("/rpc/net_info").await;
    assert!(told["fault"].as_str().unwrap().contains("nearly full"), "{told}");
    assert!(node.execute(&settling(ATTESTER, 0)).await.receipt.success, "the settlement goes on");
    let to: Address = address(9);
    assert_eq!(node.call("eth_call", json!([{ "to": to }, "latest"])).await, "0x", "reading goes on");
    handle.tell_free_disk(u64::MAX);
    node.execute(&ping(1, 1)).await;
}

/// The attack: the key of a hub that was removed goes on to send without a bound.
#[tokio::test]
async fn who_attests_at_the_head_settles_and_who_attested_before_is_a_stranger() {
    let (node, newcomer) = (TestNode::new(), 7);
    let manage =
        |nonce: u64, call: Vec<u8>| sign(VALIDATOR, eip1559(nonce, TxKind::Call(AI_TOKEN_MINTER_ADDRESS), call.into()));
    let added = AITokenMinter::addAttesterCall { attester: address(newcomer) }.abi_encode();
    let removed = AITokenMinter::removeAttesterCall { attester: address(ATTESTER) }.abi_encode();
    for (nonce, call) in (0..).zip([added, removed]) {
        assert!(node.execute(&manage(nonce, call)).await.receipt.success);
    }
    let handle = node.handle();
    handle.tell_free_disk(DISK_FLOOR_BYTES - 1);
    let is_refused = |sent: Result<_, NodeError>| matches!(sent, Err(NodeError::DiskLow { .. }));
    assert!(is_refused(handle.submit_raw_transaction(&settling(ATTESTER, 0)).await));
    assert!(node.execute(&settling(newcomer, 0)).await.receipt.success);
    assert!(
        is_refused(handle.submit_raw_transaction(&ping(newcomer, 1)).await),
        "it is no call of the chain's contracts"
    );
}
