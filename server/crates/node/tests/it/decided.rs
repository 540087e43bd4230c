//! A crash between the decision over a block and its commit, seen from the next start.

use std::path::Path;

use alloy_primitives::B256;
use node::chain::{
    Application as _, Chain, DEV_GENESIS_UNIX_S, DecidedBlock, PendingTransaction, ProposalRequest, SignedTransaction,
    ValidatorKey,
};
use node::{Node, NodeError};

use crate::setup::*;

/// Leaves a data folder as a crash right after the decision does: a transaction waits, its block is decided and
/// recorded, and not committed. Returns the block's hash.
fn crash_after_decision(directory: &Path, change: impl FnOnce(&mut Vec<u8>)) -> B256 {
    let chain = Chain::open(&directory.join("chain.redb"), &genesis()).unwrap();
    let key = ValidatorKey::new(key(VALIDATOR));
    let transaction = SignedTransaction::decode(&ping(1, 0), CHAIN_ID).unwrap();
    let waiting = PendingTransaction { transaction: transaction.clone(), arrival_unix_ms: u64::MAX / 2 };
    chain.update_pending(&[waiting], &[]).unwrap();
    let request = ProposalRequest {
        timestamp_unix_s: DEV_GENESIS_UNIX_S + 1,
        proposer: key.address(),
        candidates: vec![transaction],
        metering: chain::Metering::UNLIMITED,
    };
    let executed = chain.propose(request).unwrap().executed;
    let certificate = key.decide_alone(CHAIN_ID, 1, executed.hash()).unwrap();
    let mut record = DecidedBlock::encode(executed.block(), &certificate);
    change(&mut record);
    std::fs::write(directory.join("chain.decided"), record).unwrap();
    executed.hash()
}

#[tokio::test]
async fn a_decided_block_is_committed_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    // What a longer block left behind in the file does no harm.
    let decided = crash_after_decision(directory.path(), |record| record.extend([7; 100]));
    for _ in 0..2 {
        let node = Node::start(config(directory.path())).unwrap();
        let head = node.handle().head().unwrap();
        assert_eq!((head.number, head.hash()), (1, decided), "the start commits it, the next finds it committed");
        assert!(node.handle().transaction(hash_of(&ping(1, 0))).unwrap().is_some());
        assert_eq!(node.handle().pool_content(), Default::default(), "its transaction waits no longer");
        tokio::task::spawn_blocking(move || node.shutdown()).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_record_that_does_not_hold_is_left_and_its_transactions_are_not() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [Damage; 4] = [
        |record| record.truncate(record.len() / 2),
        |record| record.clear(),
        // The last byte belongs to the certificate's signature.
        |record| *record.last_mut().unwrap() ^= 1,
        |record| record.fill(0xff),
    ];
    for damage in damages {
        let directory = tempfile::tempdir().unwrap();
        let decided = crash_after_decision(directory.path(), damage);
        let node = Node::start(config(directory.path())).unwrap();
        let included = node.handle().wait_for_transaction(hash_of(&ping(1, 0)), PATIENCE).await.unwrap().unwrap();
        assert_eq!(included.place.height, 1);
        assert_ne!(included.block_hash, decided, "the block was made anew, at the present time");
        tokio::task::spawn_blocking(move || node.shutdown()).await.unwrap().unwrap();
    }
}

#[test]
fn a_node_whose_record_cannot_be_opened_says_so() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("chain.decided")).unwrap();
    assert!(matches!(Node::start(config(directory.path())), Err(NodeError::DecidedFile(_))));
}
