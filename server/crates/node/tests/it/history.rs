//! What nodes answer of the past that they do not keep.

use axum::http::StatusCode;
use node::chain::{StateHistory, import_snapshot};
use node::{Node, Role, router};
use serde_json::{Value, json};

use crate::setup::*;

async fn with_blocks(node: TestNode, count: u64) -> TestNode {
    for nonce in 0..count {
        node.execute(&ping(1, nonce)).await;
    }
    node
}

fn is_state_gone(error: &Value) -> bool {
    error["code"] == -32_000
        && error["message"].as_str().is_some_and(|text| text.starts_with("historical state is not available"))
}

#[tokio::test]
async fn a_state_that_is_no_longer_kept_is_refused_as_other_clients_do() {
    let node = with_blocks(TestNode::with(|config| config.history = StateHistory::Last(2)), 5).await;
    let who = json!(address(1));
    for (method, params) in [
        ("eth_getBalance", json!([who, "0x3"])),
        ("eth_getTransactionCount", json!([who, "0x1"])),
        ("eth_getCode", json!([who, "0x0"])),
        ("eth_getStorageAt", json!([who, "0x0", "0x2"])),
        ("eth_call", json!([{ "to": who }, "0x3"])),
        ("debug_traceBlockByNumber", json!(["0x4", {}])),
    ] {
        let error = node.error(method, params).await;
        assert!(is_state_gone(&error), "{method}: {error}");
    }
    assert_eq!(node.call("eth_getTransactionCount", json!([who, "0x4"])).await, "0x4");
    assert_eq!(node.call("eth_getTransactionCount", json!([who, "latest"])).await, "0x5");
    let block = node.call("eth_getBlockByNumber", json!(["0x1", true])).await;
    assert_eq!(block["transactions"].as_array().unwrap().len(), 1, "blocks stay");
    let hash = block["transactions"][0]["hash"].clone();
    assert_eq!(node.call("eth_getTransactionReceipt", json!([hash])).await["blockNumber"], "0x1");
    let whole = with_blocks(TestNode::new(), 5).await;
    assert_eq!(whole.call("eth_getTransactionCount", json!([who, "0x1"])).await, "0x1", "others keep all");
}

#[tokio::test]
async fn a_node_that_began_from_a_snapshot_serves_what_it_has_and_says_what_it_has_not() {
    let origin = with_blocks(TestNode::new(), 4).await;
    let mut bytes = Vec::new();
    origin.handle().snapshot().unwrap().export(3, &mut bytes).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(directory.path());
    config.role = Role::Follower(None);
    import_snapshot(&bytes[..], &genesis(), &config.database, None).unwrap();
    let node = Node::start(config).unwrap();
    let router = router(node.handle()).unwrap();
    let node = TestNode { node, router, directory };

    let latest = node.call("eth_getBlockByNumber", json!(["latest", true])).await;
    assert_eq!(latest["number"], "0x3");
    assert_eq!(latest, origin.call("eth_getBlockByNumber", json!(["0x3", true])).await);
    let range = |from: u64| format!("/rpc/blocks-range/decided?from={from}&to=9");
    let (status, problem) = node.get(&range(1)).await;
    assert_eq!((status, &problem["type"]), (StatusCode::GONE, &json!("/problems/history-unavailable")));
    assert_eq!(node.get(&range(3)).await, origin.get("/rpc/blocks-range/decided?from=3&to=3").await);

    let (_, next) = origin.get(&range(4)).await;
    let block: Vec<u8> = alloy_primitives::hex::decode(next["blocks"][0].as_str().unwrap()).unwrap();
    let received = node::chain::ReceivedBlock::decode(&mut block.as_slice()).unwrap();
    assert!(node.handle().import(received).await.unwrap());
    assert_eq!(node.handle().head().unwrap(), origin.handle().head().unwrap());
    for (number, count) in [("0x0", "0x0"), ("0x3", "0x1"), ("0x4", "0x1")] {
        assert_eq!(node.call("eth_getBlockTransactionCountByNumber", json!([number])).await, count, "{number}");
    }
    for (method, params) in [
        ("eth_getBlockTransactionCountByNumber", json!(["0x1"])),
        ("eth_getBlockByNumber", json!(["0x1", false])),
        ("eth_getBlockReceipts", json!(["0x3"])),
        ("eth_getLogs", json!([{ "fromBlock": "0x1" }])),
    ] {
        let error = node.error(method, params).await;
        assert_eq!(error["code"], 4_444, "{method}: {error}");
        let text = error["message"].as_str().unwrap_or_default();
        assert!(text.starts_with("pruned history unavailable"), "{method}: {text}");
    }
    assert!(is_state_gone(&node.error("eth_getBalance", json!([address(1), "0x2"])).await));
    assert_eq!(node.call("eth_getTransactionCount", json!([address(1), "0x3"])).await, "0x3");
    assert_eq!(node.call("eth_getBlockReceipts", json!(["0x4"])).await.as_array().unwrap().len(), 1);
    let since = json!([{ "fromBlock": "0x4" }]);
    assert_eq!(node.call("eth_getLogs", since.clone()).await, origin.call("eth_getLogs", since).await);
}
