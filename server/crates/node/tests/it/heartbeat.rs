//! Blocks without transactions, for those who want some.

use std::time::Instant;

use node::chain::ReceivedBlock;
use node::{Heartbeat, Role};
use serde_json::json;

use crate::setup::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_makes_one_block_and_followers_take_it() {
    // Block 0 of a development chain is old, so that a block is due at once, and the next one much later.
    let node = TestNode::with(|config| config.timing.heartbeat = Heartbeat::every_seconds(3_600));
    let waits = Instant::now();
    while node.handle().head().unwrap().number == 0 {
        assert!(waits.elapsed() < PATIENCE, "no block came");
        tokio::task::yield_now().await;
    }
    assert_eq!(node.handle().why_no_blocks().unwrap(), None);
    let block = node.call("eth_getBlockByNumber", json!(["0x1", false])).await;
    assert_eq!((&block["transactions"], &block["gasUsed"]), (&json!([]), &json!("0x0")), "{block}");
    let included = node.execute(&ping(1, 0)).await;
    assert_eq!(included.place.height, 2, "a block without transactions came between");

    let follower = TestNode::with(|config| config.role = Role::Follower(None));
    let snapshot = node.handle().snapshot().unwrap();
    for height in 1..=2 {
        let decided = snapshot.decided_block(height).unwrap().unwrap();
        assert!(follower.handle().import(ReceivedBlock::from(decided)).await.unwrap());
    }
    assert_eq!(follower.handle().head().unwrap(), *snapshot.head());
}

#[tokio::test]
async fn without_a_heartbeat_no_block_is_made() {
    let node = TestNode::new();
    let included = node.execute(&ping(1, 0)).await;
    assert_eq!(included.place.height, 1);
    assert_eq!(node.handle().head().unwrap().number, 1);
}
