//! Traders with money in the contract, and what they sign.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use alloy_consensus::{SignableTransaction as _, TxEip1559};
use alloy_eips::Encodable2718 as _;
use alloy_primitives::{Signature, TxKind, U256, hex};
use alloy_sol_types::SolCall as _;
use contracts::{
    AI_TOKEN_ADDRESS, AIToken, EXCHANGE_SETTLEMENT_ADDRESS, ExchangeSettlement, TEST_DOLLAR_ADDRESS, TestDollar,
};
use serde_json::{Value, json};
use shared::Address;
use shared::chain::DEV_CHAIN_ID;
use shared::exchange::{AssetUnits, ExchangeOrder, OfTrader as _, OrderCancellation, Side, TimeInForce, Trigger};
use shared::signing::PrivateKey;
use shared::time::UnixSeconds;

use crate::client::Client;
use crate::http;
use crate::worker::{TestWorker, key, result};

/// Who asks for what is not measured.
pub(crate) const OWN: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Hundredths of one AIT.
pub(crate) const LOT: u128 = 10_000_000_000_000_000;

/// Units of one dollar.
const DOLLAR: u128 = 1_000_000;

/// Traders that buy only; a trader may have 200 open orders.
const BUYERS: u8 = 64;

/// Traders that settle with each other, as the bar of the gas has it.
pub(crate) const TWO_SIDED: u8 = 8;

/// What each of them earns and deposits.
const AIT_LOTS_EACH: u128 = 200;

/// Pictures that bring enough AIT for all of them.
const PICTURES: u64 = 3;

const POLL: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Trader {
    pub(crate) key: PrivateKey,
    /// A network address of its own on this machine.
    pub(crate) from: IpAddr,
    server: SocketAddr,
    transactions: AtomicU64,
    last_nonce: AtomicU64,
}

impl Trader {
    fn new(server: SocketAddr, number: u8) -> Self {
        Self {
            key: key(number),
            from: Ipv4Addr::new(127, 0, 2, number).into(),
            server,
            transactions: AtomicU64::new(0),
            last_nonce: AtomicU64::new(0),
        }
    }

    pub(crate) fn address(&self) -> Address {
        self.key.address()
    }

    /// Signs an order of so many lots at a price in units of the test dollar, with the next nonce.
    pub(crate) fn order(&self, side: Side, lots: u128, limit_price: u128, time_in_force: TimeInForce) -> Value {
        let order = ExchangeOrder {
            trader: self.address(),
            side,
            base: AI_TOKEN_ADDRESS,
            quote: TEST_DOLLAR_ADDRESS,
            amount: AssetUnits(lots * LOT),
            limit_price: AssetUnits(limit_price),
            time_in_force,
            trigger: Trigger::None,
            trigger_price: AssetUnits(0),
            max_fee_basis_points: 20,
            expires_at: UnixSeconds(server::clock::now().seconds().0 + 3_600),
            epoch: 0,
            nonce: self.last_nonce.fetch_add(1, Ordering::Relaxed) + 1,
            chain_id: DEV_CHAIN_ID,
            contract: EXCHANGE_SETTLEMENT_ADDRESS,
        };
        let signature = self.key.sign(&order, &order.domain()).unwrap();
        json!({"signed": order, "signature": signature})
    }

    /// Signs that all orders so far are cancelled.
    pub(crate) fn cancel_all(&self) -> Value {
        let cancellation = OrderCancellation {
            trader: self.address(),
            from_nonce: 1,
            to_nonce: self.last_nonce.load(Ordering::Relaxed),
            chain_id: DEV_CHAIN_ID,
            contract: EXCHANGE_SETTLEMENT_ADDRESS,
        };
        json!({"signed": cancellation, "signature": self.key.sign(&cancellation, &cancellation.domain()).unwrap()})
    }

    pub(crate) async fn account(&self) -> Value {
        let path = format!("/v1/exchange/accounts/{}", self.address());
        http::send(self.from, self.server, "GET", &path, b"").await.unwrap().json()
    }

    async fn until_free(&self, asset: Address, units: u128) {
        let asset = json!(asset);
        let has = async {
            loop {
                let account = self.account().await;
                let balances = account["balances"].as_array().unwrap();
                let balance = balances.iter().find(|balance| balance["asset"] == asset).unwrap();
                if balance["free_units"].as_str().unwrap().parse::<u128>().unwrap() >= units {
                    return;
                }
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(PATIENCE, has).await.expect("a deposit reaches the book");
    }

    /// Takes dollars from the faucet and deposits them.
    async fn deposit_dollars(&self) {
        self.transact(TEST_DOLLAR_ADDRESS, TestDollar::faucetCall {}.abi_encode()).await;
        self.deposit(TEST_DOLLAR_ADDRESS, 10_000 * DOLLAR).await;
    }

    async fn deposit(&self, asset: Address, units: u128) {
        let (spender, value) = (EXCHANGE_SETTLEMENT_ADDRESS, U256::from(units));
        self.transact(asset, AIToken::approveCall { spender, value }.abi_encode()).await;
        let deposit = ExchangeSettlement::depositCall { asset, amount: value }.abi_encode();
        self.transact(EXCHANGE_SETTLEMENT_ADDRESS, deposit).await;
        self.until_free(asset, units).await;
    }

    /// Hands in a transaction; those of one trader come into blocks in order.
    async fn transact(&self, to: Address, input: Vec<u8>) {
        let transaction = TxEip1559 {
            chain_id: DEV_CHAIN_ID,
            nonce: self.transactions.fetch_add(1, Ordering::Relaxed),
            gas_limit: 400_000,
            max_fee_per_gas: 0,
            max_priority_fee_per_gas: 0,
            to: TxKind::Call(to),
            value: U256::ZERO,
            access_list: Default::default(),
            input: input.into(),
        };
        let signature = self.key.sign_digest(transaction.signature_hash()).unwrap();
        let signed = transaction.into_signed(Signature::from_raw(&signature).unwrap());
        let raw = hex::encode_prefixed(signed.encoded_2718());
        let answer = rpc(self.from, self.server, "eth_sendRawTransaction", &json!([raw])).await;
        assert!(answer["result"].is_string(), "a transaction was refused: {answer}");
    }
}

pub(crate) async fn rpc(from: IpAddr, server: SocketAddr, method: &str, parameters: &Value) -> Value {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).to_string();
    http::send(from, server, "POST", "/rpc", body.as_bytes()).await.unwrap().json()
}

/// Buyers with dollars in the contract.
pub(crate) async fn make_buyers(server: SocketAddr) -> Vec<Trader> {
    let traders = (1..=BUYERS).map(|number| Trader::new(server, 100 + number)).collect::<Vec<_>>();
    futures::future::join_all(traders.iter().map(Trader::deposit_dollars)).await;
    traders
}

/// Traders with both assets: a miner earns AIT and hands them on.
pub(crate) async fn make_two_sided(server: SocketAddr) -> Vec<Trader> {
    let miner = Trader::new(server, 1);
    earn(server, &miner.key).await;
    let traders = (1..=TWO_SIDED).map(|number| Trader::new(server, 10 + number)).collect::<Vec<_>>();
    for trader in &traders {
        let value = U256::from(AIT_LOTS_EACH * LOT);
        let transfer = AIToken::transferCall { to: trader.address(), value }.abi_encode();
        miner.transact(AI_TOKEN_ADDRESS, transfer).await;
    }
    let deposited = traders.iter().map(|trader| async move {
        trader.deposit_dollars().await;
        trader.deposit(AI_TOKEN_ADDRESS, AIT_LOTS_EACH * LOT).await;
    });
    futures::future::join_all(deposited).await;
    traders
}

/// Draws pictures and waits until they are minted.
async fn earn(server: SocketAddr, key: &PrivateKey) {
    let mut worker = TestWorker::connect(server, key.clone(), 1).await;
    let mut client = Client::open(OWN, server).await;
    for seed in 0..PICTURES {
        let input = json!({"prompt": "a lake", "steps": 30, "width": 512, "height": 512, "seed": seed});
        let job = client.post("/v1/jobs", &json!({"kind": "image", "input": input, "constraints": {}}), 201).await;
        let assignment = worker.assignment().await;
        let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
        client.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission, 200).await;
        let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
        let minted = async {
            while client.get(&path).await["mint"].is_null() {
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(PATIENCE, minted).await.expect("a picture is minted");
    }
}
