use std::net::SocketAddr;

use alloy_consensus::{SignableTransaction as _, TxEip1559};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256};
use axum::Router;
use axum::response::Json;
use axum::routing::get;
use k256::ecdsa::SigningKey;
use k256::ecdsa::signature::hazmat::PrehashSigner as _;
use node::chain::{Envelope, Genesis, ValidatorKey, ValidatorSet};
use node::{Node, NodeConfig, Role};
use serde_json::json;

use super::super::{Following, Round};
use super::*;

const VALIDATOR: u8 = 0xaa;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

/// A chain that one validator decides, so that its key can decide two branches.
fn genesis() -> Genesis {
    Genesis::development(ValidatorSet::single(Address::from_private_key(&key(VALIDATOR))), vec![])
}

struct Running {
    node: Node,
    url: String,
    _folder: tempfile::TempDir,
}

impl Running {
    async fn start(role: Role) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let node = Node::start(NodeConfig::of(folder.path().join("chain.redb"), genesis(), role)).unwrap();
        let url = serve(node::router(node.handle()).unwrap()).await;
        Self { node, url, _folder: folder }
    }

    async fn validator() -> Self {
        Self::start(Role::Alone(ValidatorKey::new(key(VALIDATOR)))).await
    }

    /// A block with one transaction of this sender.
    async fn block(&self, sender: u8, nonce: u64) {
        let unsigned = TxEip1559 {
            chain_id: self.node.handle().chain_id(),
            nonce,
            gas_limit: 21_000,
            to: TxKind::Call(Address::repeat_byte(9)),
            value: U256::ZERO,
            input: Bytes::new(),
            ..TxEip1559::default()
        };
        let (signature, recovery) = key(sender).sign_prehash(unsigned.signature_hash().as_slice()).unwrap();
        let raw = Envelope::from(unsigned.into_signed(Signature::from((signature, recovery)))).encoded_2718();
        let handle = self.node.handle();
        let hash = handle.submit_raw_transaction(&raw).await.unwrap();
        let patience = std::time::Duration::from_secs(60);
        handle.wait_for_transaction(hash, patience).await.unwrap().unwrap();
    }

    /// What following these nodes once brings.
    async fn follow(&self, urls: &[&str]) -> Option<String> {
        self.following(urls).round().await.fault
    }

    /// With less patience than in use, since some never answer.
    fn following(&self, urls: &[&str]) -> Following {
        let urls: Vec<String> = urls.iter().map(|url| (*url).to_owned()).collect();
        Following::of(self.node.handle(), &urls, std::time::Duration::from_secs(3))
    }

    fn head(&self) -> u64 {
        self.node.handle().head().unwrap().number
    }

    fn accused(&self) -> Vec<(Address, u64)> {
        let kept = self.node.handle().snapshot().unwrap().contradictions().unwrap();
        kept.iter().map(|found| (found.validator, found.height)).collect()
    }
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    url
}

/// Two branches from block 2 on, of three blocks each, and a follower of the first.
async fn branches() -> (Running, Running, Running) {
    let (one, other) = (Running::validator().await, Running::validator().await);
    one.block(1, 0).await;
    let follower = Running::start(Role::Follower(None)).await;
    assert_eq!(follower.follow(&[&one.url]).await, None);
    // The other has the same first block.
    let first = one.node.handle().snapshot().unwrap();
    let decided = node::chain::DecidedBlock {
        block: first.block_at(1).unwrap().unwrap(),
        certificate: first.certificate_at(1).unwrap().unwrap(),
    };
    assert!(other.node.handle().import(decided.into()).await.unwrap());
    for nonce in 0..2 {
        one.block(2, nonce).await;
        other.block(3, nonce).await;
    }
    assert_eq!(follower.follow(&[&one.url]).await, None);
    assert_eq!((follower.head(), other.head()), (3, 3));
    (one, other, follower)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_is_seen_at_equal_lower_and_higher_height_and_its_proof_is_kept() {
    let (one, other, follower) = branches().await;
    let liar = Address::from_private_key(&key(VALIDATOR));
    let head = follower.node.handle().head().unwrap();
    let fault = follower.follow(&[&one.url, &other.url]).await.unwrap();
    assert!(fault.starts_with("the chain has two branches: a quorum signed block 0x"), "{fault}");
    assert!(fault.contains("at height 2,") && fault.contains("1 validators signed both"), "{fault}");
    assert_eq!(follower.accused(), [(liar, 2)]);

    one.block(2, 2).await;
    let fault = follower.follow(&[&other.url, &one.url]).await.unwrap();
    assert!(fault.contains("two branches") && fault.contains("at height 2,"), "the other is behind: {fault}");
    assert_eq!(follower.head(), 4, "the branch that it has goes on");
    for nonce in 2..4 {
        other.block(3, nonce).await;
    }
    let fault = follower.follow(&[&other.url]).await.unwrap();
    assert!(fault.contains("two branches") && fault.contains("at height 2,"), "the other is ahead: {fault}");
    assert_eq!((follower.head(), follower.accused()), (4, vec![(liar, 2)]));
    let kept = follower.node.handle().snapshot().unwrap().header_at(head.number).unwrap().unwrap();
    assert_eq!(kept, head, "no block was replaced");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_only_claims_another_chain_is_no_fork_and_accuses_nobody() {
    let (one, _, follower) = branches().await;
    let other = B256::repeat_byte(7);
    let lie = json!({ "genesis_hash": follower.node.handle().genesis_hash(), "number": 3, "hash": other });
    let block = json!({ "hash": other });
    let claims = |blocks: serde_json::Value| {
        let (lie, block) = (lie.clone(), block.clone());
        Router::new()
            .route("/rpc/head", get(move || async move { Json(lie) }))
            .route("/rpc/blocks/{height}", get(move || async move { Json(block) }))
            .route("/rpc/blocks-range/decided", get(move || async move { Json(json!({ "blocks": blocks })) }))
    };
    let real = follower.node.handle().snapshot().unwrap();
    let (block, certificate) = (real.block_at(1).unwrap().unwrap(), real.certificate_at(1).unwrap().unwrap());
    let real = Bytes::from(node::chain::DecidedBlock::encode(&block, &certificate));
    for (blocks, says) in
        [(json!([]), "and does not give it"), (json!(["0x01"]), "is no block"), (json!([real]), "and does not give it")]
    {
        let liar = serve(claims(blocks)).await;
        let fault = follower.follow(&[&liar]).await.unwrap();
        assert!(fault.contains(says), "{fault}");
        assert_eq!(follower.follow(&[&liar, &one.url]).await, None, "another node can be followed");
    }
    assert_eq!((follower.accused(), follower.head()), (vec![], 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_no_quorum_signed_is_said_to_be_unproven() {
    let (_, other, follower) = branches().await;
    let theirs = other.node.handle().snapshot().unwrap();
    let (block, mut certificate) = (theirs.block_at(2).unwrap().unwrap(), theirs.certificate_at(2).unwrap().unwrap());
    certificate.signatures.clear();
    let decided = Bytes::from(node::chain::DecidedBlock::encode(&block, &certificate));
    let hash = |height| theirs.header_at(height).unwrap().unwrap().hash();
    let head = json!({ "genesis_hash": theirs.header_at(0).unwrap().unwrap().hash(), "number": 2, "hash": hash(2) });
    let (first, second) = (json!({ "hash": hash(1) }), json!({ "hash": hash(2) }));
    let liar = Router::new()
        .route("/rpc/head", get(move || async move { Json(head) }))
        .route("/rpc/blocks/1", get(move || async move { Json(first) }))
        .route("/rpc/blocks/2", get(move || async move { Json(second) }))
        .route("/rpc/blocks-range/decided", get(move || async move { Json(json!({ "blocks": [decided] })) }));
    let fault = follower.follow(&[&serve(liar).await]).await.unwrap();
    assert!(fault.contains("does not show that a quorum signed it"), "{fault}");
    assert_eq!((follower.accused(), follower.head()), (vec![], 3));
}

/// A node that claims this height, and answers a range as `range` does.
fn claiming(genesis_hash: B256, number: u64, range: axum::routing::MethodRouter) -> Router {
    let head = json!({ "genesis_hash": genesis_hash, "number": number, "hash": B256::repeat_byte(7) });
    Router::new().route("/rpc/head", get(move || async move { Json(head) })).route("/rpc/blocks-range/decided", range)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_answers_and_claims_much_keeps_no_block_away_and_then_rests() {
    let one = Running::validator().await;
    for nonce in 0..3 {
        one.block(1, nonce).await;
    }
    let follower = Running::start(Role::Follower(None)).await;
    let silent = get(|| async { std::future::pending::<()>().await });
    let liar = serve(claiming(follower.node.handle().genesis_hash(), 1_000_000, silent)).await;
    let mut following = follower.following(&[&liar, &one.url]);
    let round = following.round().await;
    assert_eq!((follower.head(), round), (3, Round { has_advanced: true, ..Round::default() }));
    assert_eq!(super::super::catch_up(&follower.node.handle(), std::slice::from_ref(&one.url)).await, None);
    let fault = follower.follow(&[&liar]).await.unwrap();
    assert!(fault.starts_with(&format!("{liar} does not answer: ")), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_a_block_at_a_time_is_at_fault_and_its_blocks_count() {
    let one = Running::validator().await;
    for nonce in 0..3 {
        one.block(1, nonce).await;
    }
    let real = one.node.handle().snapshot().unwrap();
    let first = Bytes::from(node::chain::DecidedBlock::encode(
        &real.block_at(1).unwrap().unwrap(),
        &real.certificate_at(1).unwrap().unwrap(),
    ));
    let follower = Running::start(Role::Follower(None)).await;
    let one_block = get(move || async move { Json(json!({ "blocks": [first] })) });
    let miser = serve(claiming(follower.node.handle().genesis_hash(), 3, one_block)).await;
    let round = follower.following(&[&miser]).round().await;
    assert!(round.has_advanced && round.behind_blocks == 0, "who is at fault says nothing of the lag: {round:?}");
    assert_eq!(round.fault, Some(format!("{miser} claims to have block 3, and gives none from block 2 on")));
    assert_eq!(follower.head(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_known_blocks_for_new_ones_is_at_fault() {
    let (one, _, follower) = branches().await;
    let real = one.node.handle().snapshot().unwrap();
    let (block, certificate) = (real.block_at(1).unwrap().unwrap(), real.certificate_at(1).unwrap().unwrap());
    let first = Bytes::from(node::chain::DecidedBlock::encode(&block, &certificate));
    let known = get(move || async move { Json(json!({ "blocks": vec![first; 100] })) });
    let liar = serve(claiming(follower.node.handle().genesis_hash(), 1_000_000, known)).await;
    let round = follower.following(&[&liar]).round().await;
    let fault = Some(format!("what {liar} gives at height 4 is block 1"));
    assert_eq!(round, Round { fault, ..Round::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lets_bytes_follow_a_block_is_at_fault_and_names_no_height() {
    let one = Running::validator().await;
    one.block(1, 0).await;
    let real = one.node.handle().snapshot().unwrap();
    let (block, certificate) = (real.block_at(1).unwrap().unwrap(), real.certificate_at(1).unwrap().unwrap());
    let mut longer = node::chain::DecidedBlock::encode(&block, &certificate);
    longer.push(0);
    let longer = Bytes::from(longer);
    let follower = Running::start(Role::Follower(None)).await;
    let range = get(move || async move { Json(json!({ "blocks": [longer] })) });
    let liar = serve(claiming(follower.node.handle().genesis_hash(), 1_000_000, range)).await;
    let round = follower.following(&[&liar]).round().await;
    assert!(round.fault.is_some_and(|fault| fault.contains("1 bytes follow the block")));
    assert_eq!((round.has_advanced, round.behind_blocks, follower.head()), (false, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_brings_one_range_and_the_round_tells_what_is_missing() {
    let one = Running::validator().await;
    for nonce in 0..101 {
        one.block(1, nonce).await;
    }
    let follower = Running::start(Role::Follower(None)).await;
    let mut following = follower.following(&[&one.url]);
    assert_eq!(following.round().await, Round { fault: None, behind_blocks: 1, has_advanced: true });
    assert_eq!(following.round().await, Round { fault: None, behind_blocks: 0, has_advanced: true });
    assert_eq!(following.round().await, Round::default());
    assert_eq!(follower.head(), 101);
}
