//! Blocks that others decided, handed over by REST.

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, hex};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use mempool::PoolError;
use node::chain::{Block, CommitCertificate, Contradiction, DecidedBlock, SealedHeader, ValidatorKey};
use node::{Allowance, Lane, MAX_IMPORT_BODY_BYTES, NodeError, Role, upstream};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::setup::*;

fn follower() -> TestNode {
    TestNode::with(|config| config.role = Role::Follower(None))
}

/// A chain with a block for each of these senders.
async fn origin(senders: &[u8]) -> TestNode {
    let node = TestNode::new();
    for sender in senders {
        node.execute(&ping(*sender, 0)).await;
    }
    node
}

/// The blocks as other nodes ask for them.
async fn decided(node: &TestNode) -> Vec<String> {
    let (status, answer) = node.get("/rpc/blocks-range/decided?from=0&to=99").await;
    assert_eq!(status, StatusCode::OK);
    answer["blocks"].as_array().unwrap().iter().map(|block| block.as_str().unwrap().to_owned()).collect()
}

async fn import(node: &TestNode, block: &str) -> (u16, Value) {
    let body = json!({ "block": block }).to_string();
    let request = Request::post("/rpc/blocks/import").header("content-type", "application/json").body(Body::from(body));
    let (status, text) = node.send(request.unwrap()).await;
    (status.as_u16(), serde_json::from_str(&text).unwrap())
}

fn decode(block: &str) -> DecidedBlock {
    DecidedBlock::decode(&mut hex::decode(block).unwrap().as_slice(), CHAIN_ID).unwrap()
}

fn encode(block: &Block, certificate: &CommitCertificate) -> String {
    hex::encode_prefixed(DecidedBlock::encode(block, certificate))
}

/// The block with another state root, signed by these keys.
fn with_other_root(block: &Block, signers: &[u8]) -> String {
    let mut header = block.header.header().clone();
    header.state_root = B256::repeat_byte(1);
    let changed = Block { header: SealedHeader::new(header), transactions: block.transactions.clone() };
    let (height, hash) = (changed.header.number, changed.header.hash());
    let sign = |seed: &u8| ValidatorKey::new(key(*seed)).sign_commit(CHAIN_ID, height, 0, hash).unwrap();
    let signatures = signers.iter().map(sign).collect();
    encode(&changed, &CommitCertificate { height, round: 0, block_hash: hash, signatures })
}

#[tokio::test]
async fn a_follower_takes_blocks_in_their_order_and_each_once() {
    let (origin, follower) = (origin(&[1, 2, 3]).await, follower());
    let blocks = decided(&origin).await;
    assert_eq!(blocks.len(), 3, "nobody decided block 0");

    let (status, orphan) = import(&follower, &blocks[2]).await;
    assert_eq!((status, &orphan["type"]), (409, &json!("/problems/orphan-block")));
    assert!(orphan["detail"].as_str().unwrap().contains("block 1 is missing"), "{orphan}");
    assert_eq!(follower.handle().head().unwrap().number, 0);

    for (height, block) in (1..).zip(&blocks) {
        let hash = decode(block).block.header.hash();
        let told = |outcome: &str| json!({ "outcome": outcome, "number": height, "hash": hash });
        assert_eq!(import(&follower, block).await, (201, told("imported")));
        assert_eq!(import(&follower, block).await, (200, told("exists")));
    }
    assert_eq!(follower.handle().head().unwrap(), origin.handle().head().unwrap());
    let snapshot = follower.handle().snapshot().unwrap();
    assert_eq!(snapshot.recompute_state_root().unwrap(), snapshot.head().state_root);
    assert_eq!(decided(&follower).await, blocks, "others can follow the follower");
}

#[tokio::test]
async fn what_does_not_hold_is_refused_and_changes_nothing() {
    let (origin, other, follower) = (origin(&[1, 2]).await, origin(&[3]).await, follower());
    let blocks = decided(&origin).await;
    assert_eq!(import(&follower, &blocks[0]).await.0, 201);
    let next = decode(&blocks[1]);

    let mut forged = next.certificate.clone();
    let mut signature = forged.signatures[0].signature.to_vec();
    signature[5] ^= 1;
    forged.signatures[0].signature = signature.into();
    let nobody = CommitCertificate { signatures: vec![], ..next.certificate.clone() };
    let of_before = decode(&blocks[0]).certificate;
    for (what, block) in [
        ("a forged signature", encode(&next.block, &forged)),
        ("no signature", encode(&next.block, &nobody)),
        ("a certificate of another block", encode(&next.block, &of_before)),
        ("a stranger's signature", with_other_root(&next.block, &[9])),
        ("a wrong root that a quorum signed", with_other_root(&next.block, &[VALIDATOR])),
        ("one signature twice", with_other_root(&next.block, &[VALIDATOR, VALIDATOR])),
    ] {
        let (status, problem) = import(&follower, &block).await;
        assert_eq!((status, &problem["type"]), (400, &json!("/problems/invalid-block")), "{what}: {problem}");
    }
    let (status, problem) = import(&follower, &decided(&other).await[0]).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/conflicting-block")), "{problem}");

    let whole = hex::decode(&blocks[1]).unwrap();
    let long = hex::encode_prefixed([whole.as_slice(), &[0]].concat());
    let short = hex::encode_prefixed(&whole[..whole.len() - 1]);
    for block in [long.as_str(), short.as_str(), "0x", "0xdeadbeef", "garbage"] {
        assert_eq!(import(&follower, block).await.0, 422, "{block}");
    }
    let huge = Request::post("/rpc/blocks/import")
        .header("content-type", "application/json")
        .body(Body::from(vec![b' '; MAX_IMPORT_BODY_BYTES + 1]))
        .unwrap();
    assert_eq!(follower.send(huge).await.0, StatusCode::PAYLOAD_TOO_LARGE);

    assert_eq!(follower.handle().head().unwrap().hash(), decode(&blocks[0]).block.header.hash());
    assert_eq!(import(&follower, &blocks[1]).await.0, 201, "the true block is taken after all of them");
}

#[tokio::test]
async fn a_conflicting_block_is_refused_and_its_signatures_are_kept_as_a_proof() {
    let (origin, other, follower) = (origin(&[1, 2]).await, origin(&[3]).await, follower());
    for block in decided(&origin).await {
        assert_eq!(import(&follower, &block).await.0, 201);
    }
    let seen = || async { follower.call("aitbc_getContradictions", json!([])).await };
    let conflicting = decided(&other).await.remove(0);
    let first = decode(&conflicting);
    // Nobody is accused by a signature that is not its own.
    for signers in [&[9][..], &[]] {
        let (status, problem) = import(&follower, &with_other_root(&first.block, signers)).await;
        assert_eq!((status, &problem["type"]), (409, &json!("/problems/conflicting-block")), "{problem}");
    }
    assert_eq!(seen().await, json!([]));

    assert_eq!(import(&follower, &conflicting).await.0, 409);
    let shown = seen().await;
    let found: Vec<Contradiction> = serde_json::from_value(shown.clone()).unwrap();
    let [found] = found.as_slice() else { panic!("one validator decided both: {found:?}") };
    assert!(found.holds(CHAIN_ID), "{found:?}");
    assert_eq!((found.validator, found.height, found.round), (address(VALIDATOR), 1, 0));
    let committed = decode(&decided(&origin).await[0]).block.header.hash();
    assert_eq!([found.first.block_hash, found.second.block_hash], [committed, first.block.header.hash()]);
    assert_eq!(import(&follower, &conflicting).await.0, 409);
    assert_eq!(seen().await, shown, "it is kept once");
    assert_eq!(follower.handle().head().unwrap(), origin.handle().head().unwrap());
}

#[tokio::test]
async fn a_follower_says_that_it_takes_no_transactions() {
    let follower = follower();
    assert!(matches!(follower.handle().submit_raw_transaction(&ping(1, 0)).await, Err(NodeError::Follows)));
    let error = follower.error("eth_sendRawTransaction", json!([hex::encode_prefixed(ping(1, 0))])).await;
    assert!(error["message"].as_str().unwrap().contains("send them to a validator"), "{error}");
    assert_eq!(follower.handle().pool_content(), Default::default());
}

#[tokio::test]
async fn a_follower_with_a_way_to_others_sends_transactions_on_and_gives_their_answer() {
    let (upstream, mut queue) = upstream();
    let follower = TestNode::with(|config| config.role = Role::Follower(Some(upstream)));
    let sent = ping(1, 0);
    let (handle, settling) = (follower.handle(), follower.handle().in_lane(Lane::Settlement));
    let (taken, refused, ()) =
        tokio::join!(handle.submit_raw_transaction(&sent), settling.submit_raw_transaction(&sent), async {
            let forwarded = queue.others.recv().await.unwrap();
            assert_eq!(forwarded.raw, sent);
            forwarded.answer(Ok(()));
            let forwarded = queue.settlement.recv().await.unwrap();
            forwarded.answer(Err(NodeError::UpstreamRefused("nonce too low".to_owned())));
        });
    assert_eq!(taken.unwrap(), alloy_primitives::keccak256(&sent));
    assert!(matches!(refused, Err(NodeError::UpstreamRefused(reason)) if reason == "nonce too low"));
    // What is no transaction of this chain is sent to nobody.
    assert!(handle.submit_raw_transaction(&sent[1..]).await.is_err());
    assert!(queue.others.try_recv().is_err());
    assert_eq!(handle.pool_content(), Default::default());
    drop(queue);
    assert!(matches!(handle.submit_raw_transaction(&sent).await, Err(NodeError::Stopped)));
}

#[tokio::test]
async fn what_cannot_run_here_is_sent_on_to_nobody() {
    let (upstream, mut queue) = upstream();
    let follower = TestNode::with(|config| config.role = Role::Follower(Some(upstream)));
    for block in decided(&origin(&[1]).await).await {
        assert_eq!(import(&follower, &block).await.0, 201);
    }
    let handle = follower.handle();
    let submit = async |raw: Vec<u8>| handle.submit_raw_transaction(&raw).await.unwrap_err();
    assert!(matches!(submit(ping(1, 0)).await, NodeError::AlreadyKnown));
    let other = |nonce, value| {
        sign(1, TxEip1559 { value, ..eip1559(nonce, TxKind::Call(Address::repeat_byte(8)), Bytes::new()) })
    };
    assert!(submit(other(0, U256::ZERO)).await.to_string().contains("nonce too low"));
    assert!(submit(other(1, U256::ONE)).await.to_string().contains("insufficient funds"));
    let gap = submit(other(1_026, U256::ZERO)).await;
    assert!(matches!(gap, NodeError::Pool(PoolError::NonceGap { given: 1_026, expected: 1, limit: 1_024 })), "{gap}");
    assert!(queue.others.try_recv().is_err());
    let furthest = other(1_025, U256::ZERO);
    let (sent, ()) = tokio::join!(handle.submit_raw_transaction(&furthest), async {
        queue.others.recv().await.unwrap().answer(Ok(()));
    });
    assert_eq!(sent.unwrap(), alloy_primitives::keccak256(&furthest));
}

#[tokio::test]
async fn one_address_has_eight_transactions_on_their_way_and_others_have_theirs() {
    let (upstream, mut queue) = upstream();
    let follower = TestNode::with(|config| config.role = Role::Follower(Some(upstream)));
    let send = |caller: &str, nonce| {
        let body = json!({ "raw": hex::encode_prefixed(ping(1, nonce)) }).to_string();
        let request = Request::post("/rpc/tx").header("content-type", "application/json");
        let request = request.extension(Allowance::new(caller, |_| Ok(()))).body(Body::from(body)).unwrap();
        let router = follower.router.clone();
        tokio::spawn(async move { router.oneshot(request).await.unwrap().status() })
    };
    let waiting: Vec<_> = (0..8).map(|nonce| send("one", nonce)).collect();
    let mut forwarded = Vec::new();
    for _ in 0..8 {
        forwarded.push(queue.others.recv().await.unwrap());
    }
    assert_eq!(send("one", 8).await.unwrap(), StatusCode::SERVICE_UNAVAILABLE);
    let another = send("another", 8);
    queue.others.recv().await.unwrap().answer(Ok(()));
    assert_eq!(another.await.unwrap(), StatusCode::ACCEPTED);
    for forwarded in forwarded {
        forwarded.answer(Ok(()));
    }
    for sent in waiting {
        assert_eq!(sent.await.unwrap(), StatusCode::ACCEPTED);
    }
    let again = send("one", 8);
    queue.others.recv().await.unwrap().answer(Ok(()));
    assert_eq!(again.await.unwrap(), StatusCode::ACCEPTED, "places are given back");
}

#[tokio::test]
async fn the_one_validator_takes_its_own_blocks_back_and_goes_on() {
    let (origin, lost) = (origin(&[1, 2]).await, TestNode::new());
    for block in decided(&origin).await {
        assert_eq!(import(&lost, &block).await.0, 201);
    }
    assert_eq!(lost.handle().head().unwrap(), origin.handle().head().unwrap());
    assert_eq!(lost.execute(&ping(1, 1)).await.place.height, 3);
}
