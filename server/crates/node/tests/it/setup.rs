use std::path::Path;
use std::time::Duration;

use alloy_consensus::TxEip1559;
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use contracts::{EscrowFee, GenesisParameters, UnitPriceLimit};
use k256::ecdsa::SigningKey;
use k256::ecdsa::signature::hazmat::PrehashSigner as _;
use node::chain::{Envelope, Genesis, IncludedTransaction, ValidatorKey, ValidatorSet};
use node::{Node, NodeConfig, NodeHandle, development_genesis, router};
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub(crate) const CHAIN_ID: u64 = shared::chain::DEV_CHAIN_ID;

pub(crate) const ATTO_PER_AIT: u128 = shared::amount::ATTO_PER_AIT;

/// Long enough for a block on a machine that is busy with other things.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

pub(crate) fn address(seed: u8) -> Address {
    Address::from_private_key(&key(seed))
}

pub(crate) const VALIDATOR: u8 = 0xaa;
pub(crate) const ATTESTER: u8 = 0xab;

pub(crate) fn genesis() -> Genesis {
    let parameters = GenesisParameters {
        admin: address(VALIDATOR),
        attesters: vec![address(ATTESTER)],
        attester_threshold: 1,
        epoch_seconds: 86_400,
        epoch_cap_atto: 1_000 * ATTO_PER_AIT,
        provider_epoch_cap_atto: 1_000 * ATTO_PER_AIT,
        hold_seconds: 0,
        max_unit_prices: vec![UnitPriceLimit {
            unit_type: "megapixel_step".to_owned(),
            max_unit_price_atto: 10 * ATTO_PER_AIT,
        }],
        escrow_fee: EscrowFee::to_one(address(VALIDATOR), 200),
    };
    development_genesis(ValidatorSet::single(address(VALIDATOR)), &parameters)
}

pub(crate) fn config(directory: &Path) -> NodeConfig {
    NodeConfig::new(directory.join("chain.redb"), genesis(), ValidatorKey::new(key(VALIDATOR)))
}

pub(crate) struct TestNode {
    pub(crate) node: Node,
    pub(crate) router: Router,
    pub(crate) directory: tempfile::TempDir,
}

impl TestNode {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(adjust: impl FnOnce(&mut NodeConfig)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = config(directory.path());
        adjust(&mut config);
        let node = Node::start(config).unwrap();
        let router = router(node.handle()).unwrap();
        Self { node, router, directory }
    }

    pub(crate) fn handle(&self) -> NodeHandle {
        self.node.handle()
    }

    /// Sends a transaction and waits for its block.
    pub(crate) async fn execute(&self, raw: &[u8]) -> IncludedTransaction {
        let hash = self.handle().submit_raw_transaction(raw).await.unwrap();
        self.handle().wait_for_transaction(hash, PATIENCE).await.unwrap().unwrap()
    }

    pub(crate) async fn post(&self, body: impl Into<Body>) -> (StatusCode, String) {
        let request = Request::post("/rpc").header("content-type", "application/json").body(body.into()).unwrap();
        self.send(request).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> (StatusCode, String) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        let (status, text) = self.send(Request::get(path).body(Body::empty()).unwrap()).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// The answer of a JSON-RPC call, whole.
    pub(crate) async fn answer(&self, method: &str, params: Value) -> Value {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        serde_json::from_str(&self.post(body.to_string()).await.1).unwrap()
    }

    /// The result of a call that must succeed.
    pub(crate) async fn call(&self, method: &str, params: Value) -> Value {
        let answer = self.answer(method, params).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// The error of a call that must fail.
    pub(crate) async fn error(&self, method: &str, params: Value) -> Value {
        let answer = self.answer(method, params).await;
        assert!(answer.get("result").is_none(), "{method}: {answer}");
        answer["error"].clone()
    }
}

pub(crate) fn eip1559(nonce: u64, to: TxKind, input: Bytes) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 1_000_000,
        max_fee_per_gas: 1,
        max_priority_fee_per_gas: 1,
        to,
        value: U256::ZERO,
        access_list: Default::default(),
        input,
    }
}

pub(crate) fn sign<T>(seed: u8, transaction: T) -> Vec<u8>
where
    T: alloy_consensus::SignableTransaction<Signature>,
    Envelope: From<alloy_consensus::Signed<T>>,
{
    let (signature, recovery) = key(seed).sign_prehash(transaction.signature_hash().as_slice()).unwrap();
    Envelope::from(transaction.into_signed(Signature::from((signature, recovery)))).encoded_2718()
}

/// A signed transfer of nothing to nobody.
pub(crate) fn ping(seed: u8, nonce: u64) -> Vec<u8> {
    sign(seed, eip1559(nonce, TxKind::Call(Address::repeat_byte(9)), Bytes::new()))
}

pub(crate) fn hash_of(raw: &[u8]) -> B256 {
    alloy_primitives::keccak256(raw)
}
