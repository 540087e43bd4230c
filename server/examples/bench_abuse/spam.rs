//! Transactions of fresh keys that log as much as their gas pays for.

use std::net::{IpAddr, SocketAddr};

use alloy_consensus::{SignableTransaction as _, TxEip1559};
use alloy_eips::Encodable2718 as _;
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256, bytes, hex};
use serde_json::json;
use shared::signing::PrivateKey;

use crate::http;

/// Init code of a contract that logs four topics again and again, until its gas is nearly used up.
const LOG_SPAMMER: Bytes = bytes!("60108060093d393df35b5a5a5a5a5f5fa46113885a115f5700");

const SPAM_GAS: u64 = 16_000_000;

pub(crate) struct Spammer {
    from: IpAddr,
    server: SocketAddr,
    chain_id: u64,
    contract: Address,
}

impl Spammer {
    /// Sends the contract.
    pub(crate) async fn start(from: IpAddr, server: SocketAddr) -> Self {
        let key = fresh_key();
        let spammer = Self { from, server, chain_id: shared::chain::DEV_CHAIN_ID, contract: key.address().create(0) };
        while !spammer.send(&key, TxKind::Create, 1_000_000, LOG_SPAMMER).await {
            tokio::task::yield_now().await;
        }
        spammer
    }

    /// Whether the node took it.
    pub(crate) async fn send_one(&mut self) -> bool {
        self.send(&fresh_key(), TxKind::Call(self.contract), SPAM_GAS, Bytes::new()).await
    }

    async fn send(&self, key: &PrivateKey, to: TxKind, gas_limit: u64, input: Bytes) -> bool {
        let transaction = TxEip1559 {
            chain_id: self.chain_id,
            nonce: 0,
            gas_limit,
            max_fee_per_gas: 0,
            max_priority_fee_per_gas: 0,
            to,
            value: U256::ZERO,
            access_list: Default::default(),
            input,
        };
        let signature = key.sign_digest(transaction.signature_hash()).unwrap();
        let signed = transaction.into_signed(Signature::from_raw(&signature).unwrap());
        let raw = hex::encode_prefixed(signed.encoded_2718());
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": [raw]}).to_string();
        let answer = http::send(self.from, self.server, "POST", "/rpc", body.as_bytes()).await;
        answer.is_ok_and(|answer| !answer.json()["result"].is_null())
    }
}

fn fresh_key() -> PrivateKey {
    PrivateKey::from_bytes(&server::clock::random_bytes::<32>()).unwrap()
}
