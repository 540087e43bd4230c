use std::time::Duration;

use alloy_primitives::hex;
use node::{BlockTiming, Node, NodeError, PoolLimits};
use serde_json::json;

use crate::setup::*;

/// A node that makes no block while a test looks at its pool.
fn patient() -> TestNode {
    TestNode::with(|config| {
        config.timing = BlockTiming { batching_window: Duration::from_secs(3_600), ..BlockTiming::default() };
    })
}

#[tokio::test]
async fn waiting_transactions_are_seen_before_their_block() {
    let node = patient();
    let (first, third) = (ping(1, 0), ping(1, 2));
    for raw in [&first, &third] {
        node.call("eth_sendRawTransaction", json!([hex::encode_prefixed(raw)])).await;
    }
    assert_eq!(node.call("txpool_status", json!([])).await, json!({ "pending": "0x1", "queued": "0x1" }));
    let content = node.call("txpool_content", json!([])).await;
    let sender = json!(address(1)).as_str().unwrap().to_owned();
    assert_eq!(content["pending"][&sender]["0"]["hash"], json!(hash_of(&first)));
    assert_eq!(content["queued"][&sender]["2"]["hash"], json!(hash_of(&third)));
    assert_eq!(node.call("eth_getTransactionCount", json!([address(1), "pending"])).await, "0x1");
    assert_eq!(node.call("eth_getTransactionCount", json!([address(1), "latest"])).await, "0x0");
    let transaction = node.call("eth_getTransactionByHash", json!([hash_of(&first)])).await;
    assert_eq!((&transaction["blockNumber"], &transaction["blockHash"]), (&json!(null), &json!(null)));
    assert_eq!(node.call("eth_getTransactionReceipt", json!([hash_of(&first)])).await, json!(null));
    let error = node.error("eth_sendRawTransaction", json!([hex::encode_prefixed(&first)])).await;
    assert_eq!((&error["code"], &error["message"]), (&json!(-32_000), &json!("already known")));
    assert_eq!(node.handle().head().unwrap().number, 0);
}

#[tokio::test]
async fn the_pool_survives_a_restart_and_is_worked_off() {
    let node = patient();
    for nonce in 0..3 {
        node.handle().submit_raw_transaction(&ping(1, nonce)).await.unwrap();
    }
    let TestNode { node, router, directory } = node;
    drop(router);
    tokio::task::spawn_blocking(move || node.shutdown()).await.unwrap().unwrap();
    let node = Node::start(config(directory.path())).unwrap();
    let included = node.handle().wait_for_transaction(hash_of(&ping(1, 2)), PATIENCE).await.unwrap().unwrap();
    assert_eq!(included.place.height, 1);
    assert_eq!(node.handle().nonce(address(1)).unwrap(), 3);
    assert_eq!(node.handle().pool_content(), Default::default());
}

#[tokio::test]
async fn a_stopped_node_takes_nothing() {
    let node = TestNode::new();
    let handle = node.handle();
    tokio::task::spawn_blocking(move || node.node.shutdown()).await.unwrap().unwrap();
    assert!(matches!(handle.submit_raw_transaction(&ping(1, 0)).await, Err(NodeError::Stopped)));
    assert_eq!(handle.head().unwrap().number, 0, "reading goes on");
}

#[tokio::test]
async fn a_used_nonce_and_a_mined_transaction_are_refused_in_known_words() {
    let node = TestNode::new();
    node.execute(&ping(1, 0)).await;
    let error = node.error("eth_sendRawTransaction", json!([hex::encode_prefixed(ping(1, 0))])).await;
    assert_eq!(error["message"], "already known");
    let other = sign(
        1,
        alloy_consensus::TxEip1559 {
            gas_limit: 60_000,
            ..eip1559(0, alloy_primitives::TxKind::Create, Default::default())
        },
    );
    let error = node.error("eth_sendRawTransaction", json!([hex::encode_prefixed(other)])).await;
    assert_eq!(error["code"], -32_003);
    assert!(error["message"].as_str().unwrap().starts_with("nonce too low"), "{error}");
}

#[tokio::test]
async fn blocks_come_only_with_transactions_and_batch_them() {
    let node = TestNode::with(|config| {
        config.timing.batching_window = Duration::from_millis(200);
        config.pool_limits = PoolLimits::default();
    });
    let handle = node.handle();
    let all = (1..=20).map(|seed| {
        let handle = handle.clone();
        async move { handle.submit_raw_transaction(&ping(seed, 0)).await.unwrap() }
    });
    let hashes = futures::future::join_all(all).await;
    for hash in hashes {
        handle.wait_for_transaction(hash, PATIENCE).await.unwrap().unwrap();
    }
    let head = handle.head().unwrap();
    assert!(head.number < 20, "{} blocks for 20 transactions", head.number);
    assert_eq!(handle.snapshot().unwrap().transaction_total(head.number).unwrap(), 20);
    assert!((1..=head.number).all(|height| !handle.block_by_number(height).unwrap().unwrap().transactions.is_empty()));
}

#[test]
fn a_second_node_on_the_same_database_and_a_foreign_key_are_refused() {
    let node = TestNode::new();
    assert!(Node::start(config(node.directory.path())).is_err());
    let mut foreign = config(node.directory.path());
    foreign.role = node::Role::Alone(node::chain::ValidatorKey::new(key(1)));
    drop(node.router);
    drop(node.node);
    assert!(matches!(Node::start(foreign), Err(NodeError::NoQuorum { power: 0, total: 1, .. })));
}
