//! Who asks for much gets it within bounds of bytes.

use std::time::Duration;

use alloy_consensus::TxEip1559;
use alloy_primitives::{Bytes, TxKind, bytes};
use axum::http::StatusCode;
use node::BlockTiming;
use serde_json::json;

use crate::setup::*;

/// Init code of a contract that logs four topics again and again, until its gas is nearly used up.
const LOG_SPAMMER: Bytes = bytes!("60108060093d393df35b5a5a5a5a5f5fa46113885a115f5700");

const SPAM_GAS: u64 = 16_000_000;

/// A node with thousands of events in each of so many blocks.
async fn with_spam(blocks: u64) -> TestNode {
    let node = TestNode::new();
    let deployed = node.execute(&sign(1, eip1559(0, TxKind::Create, LOG_SPAMMER))).await;
    let spammer = TxKind::Call(deployed.receipt.contract_address.unwrap());
    for nonce in 1..=blocks {
        let call = TxEip1559 { gas_limit: SPAM_GAS, ..eip1559(nonce, spammer, Bytes::new()) };
        assert!(node.execute(&sign(1, call)).await.receipt.success);
    }
    node
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_of_blocks_and_a_query_of_logs_end_at_their_bytes() {
    let node = with_spam(3).await;
    let (status, problem) = node.get("/rpc/blocks-range?from=0&to=9").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("bytes of a range of blocks"), "{problem}");
    let (status, _) = node.get("/rpc/blocks-range?from=0&to=1").await;
    assert_eq!(status, StatusCode::OK);
    let error = node.error("eth_getLogs", json!([{ "fromBlock": "0x0", "toBlock": "latest" }])).await;
    assert_eq!(error["code"], -32_005, "{error}");
    assert!(error["message"].as_str().unwrap().contains("query results"), "{error}");
}

#[tokio::test]
async fn a_list_of_the_pool_ends_at_its_bytes_and_says_how_many_wait() {
    let node = TestNode::with(|config| {
        config.timing = BlockTiming { batching_window: Duration::from_secs(3_600), ..BlockTiming::default() };
    });
    node.handle().submit_raw_transaction(&ping(2, 0)).await.unwrap();
    for nonce in 0..50 {
        let call = eip1559(nonce, TxKind::Call(address(9)), vec![0; 100_000].into());
        node.handle().submit_raw_transaction(&sign(1, TxEip1559 { gas_limit: 2_000_000, ..call })).await.unwrap();
    }
    let error = node.error("txpool_content", json!([])).await;
    assert_eq!(error["code"], -32_005, "{error}");
    assert_eq!(node.error("txpool_contentFrom", json!([address(1)])).await["code"], -32_005);
    let of_other = node.call("txpool_contentFrom", json!([address(2)])).await;
    assert_eq!(of_other["pending"]["0"]["hash"], json!(hash_of(&ping(2, 0))));
    assert_eq!(node.call("txpool_status", json!([])).await["pending"], "0x33");
    let (status, pool) = node.get("/rpc/mempool").await;
    assert_eq!((status, &pool["ready_count"]), (StatusCode::OK, &json!(51)));
    let listed: usize = pool["ready"].as_array().unwrap().iter().map(|listed| listed["input"].to_string().len()).sum();
    assert!(listed < 10 << 20, "{listed} characters of input are listed");
}
