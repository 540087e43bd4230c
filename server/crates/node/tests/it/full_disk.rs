//! The database cannot grow any more: submitters are told, and nothing that was acknowledged is lost.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use alloy_primitives::{B256, Bytes, TxKind};
use node::chain::Chain;
use node::{Node, NodeError};

use crate::setup::*;

const DIRECTORY_VARIABLE: &str = "AITBC_FULL_DISK_DIRECTORY";

/// What the shell allows a file to have, in units of 512 bytes: 6 MiB.
const FILE_LIMIT_BLOCKS: u32 = 12_288;

/// Sends transactions until the node refuses one, and prints what it said.
#[test]
#[ignore = "run by `a_full_disk_is_said_and_loses_nothing` as its child"]
fn child() {
    let Ok(directory) = std::env::var(DIRECTORY_VARIABLE) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut config = config(Path::new(&directory));
    config.pool_limits.max_gas_per_sender_per_minute = u64::MAX;
    config.pool_limits.strangers_arrival_bytes = node::Rate::UNLIMITED;
    config.stranger_rates = node::StrangerRates::UNLIMITED;
    let node = Node::start(config).unwrap();
    for nonce in 0.. {
        let filler = Bytes::from(vec![0; 64 * 1024]);
        let raw = sign(1, eip1559(nonce, TxKind::Call(address(9)), filler));
        match runtime.block_on(node.handle().submit_raw_transaction(&raw)) {
            Ok(hash) => println!("\nacknowledged {hash}"),
            Err(NodeError::NotStored(reason)) => {
                println!("\nrefused {reason}");
                return;
            }
            // The producer could not write blocks, so the sender's places fill up.
            Err(error) => {
                println!("\nrefused {error}; fault: {}", node.handle().fault().unwrap_or_default());
                return;
            }
        }
    }
}

#[test]
fn a_full_disk_is_said_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    // The limit raises EFBIG on a write, since the signal that goes with it is ignored.
    let script = format!("trap '' XFSZ; ulimit -f {FILE_LIMIT_BLOCKS}; exec \"$0\" \"$@\"");
    let output = Command::new("/bin/sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .args(["full_disk::child", "--exact", "--ignored", "--nocapture"])
        .env(DIRECTORY_VARIABLE, directory.path())
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let refused = text.lines().find_map(|line| line.strip_prefix("refused ")).unwrap_or_default();
    assert!(refused.contains("chain database"), "the reason names the database: {refused:?}");
    let acknowledged: BTreeSet<B256> =
        text.lines().filter_map(|line| line.strip_prefix("acknowledged ")?.parse().ok()).collect();
    assert!(!acknowledged.is_empty());

    let chain = Chain::open(&directory.path().join("chain.redb"), &genesis()).unwrap();
    let snapshot = chain.snapshot().unwrap();
    assert_eq!(snapshot.recompute_state_root().unwrap(), snapshot.head().state_root);
    let waiting: BTreeSet<B256> =
        chain.pending_transactions().unwrap().iter().map(|entry| entry.transaction.hash()).collect();
    for hash in acknowledged {
        assert!(waiting.contains(&hash) || snapshot.place_of(hash).unwrap().is_some(), "{hash} is lost");
    }
}
