//! A trader that is a contract (ERC-1271): its word counts for withdrawals and cancellations, and a key that it names trades.

use alloy_primitives::{Bytes, U256};
use alloy_sol_types::{SolCall, SolValue, sol};
use contracts::{EXCHANGE_SETTLEMENT_ADDRESS, ExchangeSettlement, TEST_DOLLAR_ADDRESS, TestDollar};
use serde_json::Value;
use shared::Address;
use shared::exchange::{AssetUnits, ExchangeOrder, ExchangeWithdrawal, OfTrader as _, OrderCancellation, Side};

use super::trader::{DOLLAR, Trader, in_an_hour, units_of};
use crate::server::{Answer, TestServer};

sol! {
    /// `contracts/tests/solidity/TestWallet.sol`.
    enum Habit { Honest, Refuses, BurnsGas, AnswersMuch, CallsBack }
    function execute(address target, bytes data);
    function behave(Habit habit, address target, bytes data);
}

const CREATION_CODE: &[u8] = include_bytes!("../../../../contracts/tests/artifacts/TestWallet.creation.bin");

struct Wallet {
    owner: Trader,
    address: Address,
}

impl Wallet {
    async fn empty(server: &TestServer, number: u8) -> Self {
        let owner = Trader::known(number);
        let code = [CREATION_CODE, &owner.address().abi_encode()].concat();
        let address = owner.buyer.create(server, code).await;
        Self { owner, address }
    }

    /// One that has deposited so many dollars.
    async fn with_dollars(server: &TestServer, number: u8, dollars: u128) -> Self {
        let wallet = Self::empty(server, number).await;
        let amount = U256::from(dollars * DOLLAR);
        let spender = EXCHANGE_SETTLEMENT_ADDRESS;
        wallet.executes(server, TEST_DOLLAR_ADDRESS, TestDollar::faucetCall {}.abi_encode()).await;
        let approve = TestDollar::approveCall { spender, value: amount }.abi_encode();
        wallet.executes(server, TEST_DOLLAR_ADDRESS, approve).await;
        let deposit = ExchangeSettlement::depositCall { asset: TEST_DOLLAR_ADDRESS, amount }.abi_encode();
        wallet.executes(server, EXCHANGE_SETTLEMENT_ADDRESS, deposit).await;
        wallet.until(server, |account| units_of(account, TEST_DOLLAR_ADDRESS, "free_units") == dollars * DOLLAR).await;
        wallet
    }

    async fn executes(&self, server: &TestServer, target: Address, data: Vec<u8>) {
        self.owner.buyer.send(server, self.address, executeCall { target, data: data.into() }.abi_encode()).await;
    }

    async fn behaves(&self, server: &TestServer, habit: Habit) {
        let (target, data) = (EXCHANGE_SETTLEMENT_ADDRESS, Bytes::new());
        self.owner.buyer.send(server, self.address, behaveCall { habit, target, data }.abi_encode()).await;
    }

    async fn account(&self, server: &TestServer) -> Value {
        server.get(&format!("/v1/exchange/accounts/{}", self.address)).await.json()
    }

    async fn until(&self, server: &TestServer, holds: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..15_000 {
            let account = self.account(server).await;
            if holds(&account) {
                return account;
            }
            tokio::time::sleep(std::time::Duration::from_millis(40)).await;
        }
        panic!("the wallet did not get there: {}", self.account(server).await);
    }

    async fn order(&self, server: &TestServer, lots: u128, cents: u128) -> ExchangeOrder {
        let nonce = self.account(server).await["next_nonce"].as_u64().unwrap();
        ExchangeOrder { trader: self.address, nonce, ..self.owner.order(server, Side::Buy, lots, cents).await }
    }

    async fn place(&self, server: &TestServer, lots: u128, cents: u128) -> Answer {
        server.post("/v1/exchange/orders", &self.owner.sign_order(&self.order(server, lots, cents).await)).await
    }
}

async fn fills_of(server: &TestServer, trader: Address) -> Vec<Value> {
    let fills = server.get(&format!("/v1/exchange/accounts/{trader}/fills")).await.json();
    fills["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_trades_by_a_key_that_it_names_and_not_by_its_own_word() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let seller = Trader::with_ait(&server, 2, 100).await;
    let wallet = Wallet::with_dollars(&server, 4, 100).await;
    for habit in [Habit::Honest, Habit::Refuses, Habit::BurnsGas] {
        wallet.behaves(&server, habit).await;
        let refused = wallet.place(&server, 10, 200).await.problem(403);
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains("a contract trades through a trading key that it names"), "{refused}");
    }

    // Its owner's key is a key like any other once the wallet names it, whatever the wallet answers then.
    let expires_at = server::clock::now().seconds().0 + 7_200;
    let add = ExchangeSettlement::addDelegateCall { delegate: wallet.owner.address(), expiresAt: expires_at };
    wallet.executes(&server, EXCHANGE_SETTLEMENT_ADDRESS, add.abi_encode()).await;
    let placed = wallet.place(&server, 10, 200).await;
    assert_eq!(placed.status, 201, "{}", String::from_utf8_lossy(&placed.body));
    assert_eq!(placed.json()["order"]["delegate"], serde_json::to_value(wallet.owner.address()).unwrap());
    seller.place(&server, Side::Sell, 4, 200).await;
    let account = wallet.until(&server, |account| account["trades_to_settle"] == 0).await;
    assert_eq!(units_of(&account, TEST_DOLLAR_ADDRESS, "in_contract_units"), 100 * DOLLAR - 8 * DOLLAR / 100);
    assert_eq!(fills_of(&server, wallet.address).await[0]["state"], "final");
    let view = server.get("/v1/exchange").await.json();
    assert_eq!((&view["fault"], &view["reconciliation"]["differing"]), (&Value::Null, &0.into()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_withdraws_and_cancels_by_what_its_owner_signs() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let stranger = Trader::known(5);
    let wallet = Wallet::with_dollars(&server, 4, 100).await;
    let order = wallet.order(&server, 1, 100).await;
    let (trader, chain_id, contract) = (wallet.address, order.chain_id, order.contract);
    let withdrawal = ExchangeWithdrawal {
        trader,
        asset: TEST_DOLLAR_ADDRESS,
        amount: AssetUnits(DOLLAR),
        expires_at: in_an_hour(),
        nonce: 1,
        chain_id,
        contract,
    };
    let out = |by: &Trader| by.signed(&withdrawal, &withdrawal.domain());
    let refused = server.post("/v1/exchange/withdrawals", &out(&stranger)).await.problem(403);
    assert!(refused["detail"].as_str().unwrap().contains("ERC-1271"), "{refused}");
    // What it refuses or never answers is not taken, and a signature has a length.
    for habit in [Habit::Refuses, Habit::BurnsGas, Habit::AnswersMuch] {
        wallet.behaves(&server, habit).await;
        server.post("/v1/exchange/withdrawals", &out(&wallet.owner)).await.problem(403);
    }
    let mut long = out(&wallet.owner);
    long["signature"] = format!("0x{}", "11".repeat(1_025)).into();
    let refused = server.post("/v1/exchange/withdrawals", &long).await.problem(403);
    assert!(refused["detail"].as_str().unwrap().contains("at most 1024 bytes, got 1025"), "{refused}");

    // One that has nothing here is not asked.
    let poor = Wallet::empty(&server, 6).await;
    let of_poor = ExchangeWithdrawal { trader: poor.address, ..withdrawal.clone() };
    let signed = poor.owner.signed(&of_poor, &of_poor.domain());
    let refused = server.post("/v1/exchange/withdrawals", &signed).await.problem(409);
    assert!(refused["detail"].as_str().unwrap().contains("knows no deposit"), "{refused}");

    wallet.behaves(&server, Habit::Honest).await;
    assert_eq!(server.post("/v1/exchange/withdrawals", &out(&wallet.owner)).await.status, 201);
    let left = 99 * DOLLAR;
    wallet.until(&server, |account| units_of(account, TEST_DOLLAR_ADDRESS, "in_contract_units") == left).await;
    let cancellation = OrderCancellation { trader, from_nonce: 1, to_nonce: 1, chain_id, contract };
    let signed = |by: &Trader| by.signed(&cancellation, &cancellation.domain());
    server.post("/v1/exchange/cancels", &signed(&stranger)).await.problem(403);
    assert_eq!(server.post("/v1/exchange/cancels", &signed(&wallet.owner)).await.status, 200);
    server.stop().await;
}
