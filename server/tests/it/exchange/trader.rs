//! A trader with a key of its own: deposits by real transactions and signed orders.

use alloy_primitives::U256;
use alloy_sol_types::SolCall as _;
use contracts::{
    AI_TOKEN_ADDRESS, AIToken, EXCHANGE_SETTLEMENT_ADDRESS, ExchangeSettlement, TEST_DOLLAR_ADDRESS, TestDollar,
};
use serde_json::{Value, json};
use shared::Address;
use shared::exchange::{
    AssetUnits, ExchangeOrder, ExchangeWithdrawal, OrderCancellation, OrderReduction, Side, TimeInForce, Trigger,
};
use shared::time::UnixSeconds;
use shared::typed_data::TypedData;

use crate::payments::buyer::Buyer;
use crate::server::{Answer, TestServer};
use crate::worker::key;

pub(crate) const MARKET: &str = "AIT-tUSD";

/// Hundredths of one AIT.
pub(crate) const LOT: u128 = 10_000_000_000_000_000;

/// Units of one dollar.
pub(crate) const DOLLAR: u128 = 1_000_000;

pub(crate) struct Trader {
    pub(crate) buyer: Buyer,
}

impl Trader {
    /// One that earned AIT and deposited so many lots.
    pub(crate) async fn with_ait(server: &TestServer, number: u8, lots: u128) -> Self {
        let trader = Self { buyer: Buyer::with_earnings(server, number).await };
        trader.deposit(server, AI_TOKEN_ADDRESS, lots * LOT).await;
        trader
    }

    /// One that took dollars from the faucet and deposited so many.
    pub(crate) async fn with_dollars(server: &TestServer, number: u8, dollars: u128) -> Self {
        let trader = Self::known(number);
        trader.buyer.send(server, TEST_DOLLAR_ADDRESS, TestDollar::faucetCall {}.abi_encode()).await;
        trader.deposit(server, TEST_DOLLAR_ADDRESS, dollars * DOLLAR).await;
        trader
    }

    pub(crate) fn known(number: u8) -> Self {
        Self { buyer: Buyer { key: key(number) } }
    }

    pub(crate) fn address(&self) -> Address {
        self.buyer.address()
    }

    /// Deposits, and waits until the book has it.
    pub(crate) async fn deposit(&self, server: &TestServer, asset: Address, units: u128) {
        let before = self.free(server, asset).await;
        let spender = EXCHANGE_SETTLEMENT_ADDRESS;
        let approve = AIToken::approveCall { spender, value: U256::from(units) }.abi_encode();
        self.buyer.send(server, asset, approve).await;
        let deposit = ExchangeSettlement::depositCall { asset, amount: U256::from(units) }.abi_encode();
        self.call(server, deposit).await;
        self.until(server, |account| units_of(account, asset, "free_units") == before + units).await;
    }

    /// Calls the exchange's contract.
    pub(crate) async fn call(&self, server: &TestServer, input: Vec<u8>) {
        self.buyer.send(server, EXCHANGE_SETTLEMENT_ADDRESS, input).await;
    }

    pub(crate) async fn account(&self, server: &TestServer) -> Value {
        let answer = server.get(&format!("/v1/exchange/accounts/{}", self.address())).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    pub(crate) async fn free(&self, server: &TestServer, asset: Address) -> u128 {
        units_of(&self.account(server).await, asset, "free_units")
    }

    /// Waits until the account is so.
    pub(crate) async fn until(&self, server: &TestServer, holds: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..15_000 {
            let account = self.account(server).await;
            if holds(&account) {
                return account;
            }
            tokio::time::sleep(std::time::Duration::from_millis(40)).await;
        }
        panic!("the account of {} did not get there: {}", self.address(), self.account(server).await);
    }

    pub(crate) async fn next_nonce(&self, server: &TestServer) -> u64 {
        self.account(server).await["next_nonce"].as_u64().unwrap()
    }

    /// An order of so many lots at a price in hundredths of a dollar.
    pub(crate) async fn order(&self, server: &TestServer, side: Side, lots: u128, cents: u128) -> ExchangeOrder {
        ExchangeOrder {
            trader: self.address(),
            side,
            base: AI_TOKEN_ADDRESS,
            quote: TEST_DOLLAR_ADDRESS,
            amount: AssetUnits(lots * LOT),
            limit_price: AssetUnits(cents * DOLLAR / 100),
            time_in_force: TimeInForce::GoodTilTime,
            trigger: Trigger::None,
            trigger_price: AssetUnits(0),
            max_fee_basis_points: 20,
            expires_at: in_an_hour(),
            epoch: self.account(server).await["newest_epoch"].as_u64().unwrap(),
            nonce: self.next_nonce(server).await,
            chain_id: server.app.node.chain_id(),
            contract: EXCHANGE_SETTLEMENT_ADDRESS,
        }
    }

    pub(crate) fn sign_order(&self, order: &ExchangeOrder) -> Value {
        self.signed(order, &shared::exchange::OfTrader::domain(order))
    }

    pub(crate) fn signed<T: TypedData + serde::Serialize>(
        &self,
        signed: &T,
        domain: &shared::typed_data::SigningDomain,
    ) -> Value {
        let signature = self.buyer.key.sign(signed, domain).unwrap();
        json!({"signed": serde_json::to_value(signed).unwrap(), "signature": signature})
    }

    pub(crate) async fn post(&self, server: &TestServer, order: &ExchangeOrder) -> Answer {
        server.post("/v1/exchange/orders", &self.sign_order(order)).await
    }

    /// Places an order that must be taken.
    pub(crate) async fn place(&self, server: &TestServer, side: Side, lots: u128, cents: u128) -> Value {
        let answer = self.post(server, &self.order(server, side, lots, cents).await).await;
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    pub(crate) async fn cancel(&self, server: &TestServer, from_nonce: u64, to_nonce: u64) -> Answer {
        let (chain_id, contract) = (server.app.node.chain_id(), EXCHANGE_SETTLEMENT_ADDRESS);
        let wanted = OrderCancellation { trader: self.address(), from_nonce, to_nonce, chain_id, contract };
        let signed = self.signed(&wanted, &shared::exchange::OfTrader::domain(&wanted));
        server.post("/v1/exchange/cancels", &signed).await
    }

    /// Says that an order trades no more than so many lots in all.
    pub(crate) async fn reduce(&self, server: &TestServer, order_nonce: u64, lots: u128) -> Answer {
        let (chain_id, contract) = (server.app.node.chain_id(), EXCHANGE_SETTLEMENT_ADDRESS);
        let amount = AssetUnits(lots * LOT);
        let wanted = OrderReduction { trader: self.address(), order_nonce, amount, chain_id, contract };
        let signed = self.signed(&wanted, &shared::exchange::OfTrader::domain(&wanted));
        server.post("/v1/exchange/reductions", &signed).await
    }

    /// An order that waits for a trade at a price in hundredths of a dollar.
    pub(crate) async fn waiting(
        &self,
        server: &TestServer,
        (side, lots, cents): (Side, u128, u128),
        (trigger, trigger_cents): (Trigger, u128),
    ) -> ExchangeOrder {
        let trigger_price = AssetUnits(trigger_cents * DOLLAR / 100);
        ExchangeOrder { trigger, trigger_price, ..self.order(server, side, lots, cents).await }
    }

    pub(crate) async fn withdraw(&self, server: &TestServer, asset: Address, units: u128) -> Answer {
        let wanted = ExchangeWithdrawal {
            trader: self.address(),
            asset,
            amount: AssetUnits(units),
            expires_at: in_an_hour(),
            nonce: self.next_nonce(server).await,
            chain_id: server.app.node.chain_id(),
            contract: EXCHANGE_SETTLEMENT_ADDRESS,
        };
        let signed = self.signed(&wanted, &shared::exchange::OfTrader::domain(&wanted));
        server.post("/v1/exchange/withdrawals", &signed).await
    }

    /// Waits until all its trades are on the chain.
    pub(crate) async fn settled(&self, server: &TestServer) -> Value {
        self.until(server, |account| account["trades_to_settle"] == 0).await
    }
}

pub(crate) fn in_an_hour() -> UnixSeconds {
    UnixSeconds(server::clock::now().seconds().0 + 3_600)
}

/// A figure of an account's balance of an asset.
pub(crate) fn units_of(account: &Value, asset: Address, figure: &str) -> u128 {
    let asset = serde_json::to_value(asset).unwrap();
    let balances = account["balances"].as_array().unwrap();
    let balance = balances.iter().find(|balance| balance["asset"] == asset).unwrap();
    balance[figure].as_str().unwrap().parse().unwrap()
}
