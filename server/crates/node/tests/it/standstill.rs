//! When a node says that the chain stands still.

use std::path::Path;
use std::time::{Duration, Instant};

use node::chain::ValidatorKey;
use node::{Heartbeat, Node, NodeConfig, Role, ValidatorNetwork};

use crate::setup::*;
use crate::validators::genesis_of_validators;

/// One of four validators, which reaches nobody and knows of nobody.
fn cut_off(directory: &Path, adjust: impl FnOnce(&mut NodeConfig)) -> Node {
    let own = ValidatorKey::new(key(0xc0));
    let mut config = NodeConfig::new(directory.join("chain.redb"), genesis_of_validators(4), own.clone());
    config.role = Role::Among(own, ValidatorNetwork { listen: "127.0.0.1:0".parse().unwrap(), peers: vec![] });
    adjust(&mut config);
    Node::start(config).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_waits_for_too_long_is_a_standstill_and_silence_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let node = cut_off(directory.path(), |config| config.timing.standstill_after = Duration::ZERO);
    let handle = node.handle();
    assert_eq!(handle.why_no_blocks().unwrap(), None, "nothing waits");
    // One behind a nonce that is missing waits for its sender.
    handle.submit_raw_transaction(&ping(1, 1)).await.unwrap();
    assert_eq!(handle.why_no_blocks().unwrap(), None, "it cannot run");
    handle.submit_raw_transaction(&ping(1, 0)).await.unwrap();
    let reason = handle.why_no_blocks().unwrap().unwrap();
    assert!(reason.contains("no block was made"), "{reason}");
    // On a full disk strangers wait because they are to.
    handle.tell_free_disk(0);
    assert_eq!(handle.why_no_blocks().unwrap(), None);
    handle.tell_free_disk(u64::MAX);
    assert!(handle.why_no_blocks().unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_may_wait_for_a_while() {
    let directory = tempfile::tempdir().unwrap();
    let node = cut_off(directory.path(), |_| {});
    node.handle().submit_raw_transaction(&ping(1, 0)).await.unwrap();
    assert_eq!(node.handle().why_no_blocks().unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_that_does_not_come_is_a_standstill() {
    let directory = tempfile::tempdir().unwrap();
    let node = cut_off(directory.path(), |config| {
        config.timing.standstill_after = Duration::ZERO;
        config.timing.heartbeat = Heartbeat::every_seconds(10);
    });
    let reason = node.handle().why_no_blocks().unwrap().unwrap();
    assert!(reason.contains("heartbeat"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_whose_log_cannot_be_decoded_answers_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    drop(cut_off(directory.path(), |_| {}));
    let log = directory.path().join("chain.consensus");
    let mut bytes = b"AITBCBFT".to_vec();
    bytes.extend(1u64.to_le_bytes());
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    let payload = b"no entry";
    bytes.extend(8u32.to_le_bytes());
    bytes.extend(crc32fast::hash(&[1u64.to_le_bytes().as_slice(), payload].concat()).to_le_bytes());
    bytes.extend(payload);
    std::fs::write(&log, &bytes).unwrap();
    let node = cut_off(directory.path(), |_| {});
    let waits = Instant::now();
    let reason = loop {
        assert!(waits.elapsed() < PATIENCE, "nothing is told of the log");
        match node.handle().why_no_blocks().unwrap() {
            Some(reason) => break reason,
            None => tokio::task::yield_now().await,
        }
    };
    assert!(reason.contains("log is damaged"), "{reason}");
    assert_eq!(node.handle().head().unwrap().number, 0, "reads go on");
    drop(node);
    assert_eq!(std::fs::read(&log).unwrap(), bytes, "what a person has to look at is gone");
}
