//! A trader leaves with everything while nobody operates the exchange.

use alloy_sol_types::SolCall as _;
use contracts::{AI_TOKEN_ADDRESS, EXCHANGE_SETTLEMENT_ADDRESS, ExchangeSettlement, TEST_DOLLAR_ADDRESS};
use node::ExchangeReader;
use server::config::{Config, ExchangeConfig, MarketMaker};
use shared::exchange::Side;

use super::trader::{DOLLAR, LOT, MARKET, Trader, units_of};
use crate::server::{TestServer, config};

/// The shortest that the contract takes.
const EXIT_DELAY_SECONDS: u64 = 30;

fn operated(folder: &std::path::Path, operates: bool) -> Config {
    Config {
        exchange: ExchangeConfig {
            operates,
            exit_delay_seconds: EXIT_DELAY_SECONDS,
            market_maker: MarketMaker::None,
            policy: None,
        },
        ..config(folder)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trader_leaves_alone_while_the_operator_is_switched_off() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(operated(folder.path(), true)).await;
    let seller = Trader::with_ait(&server, 2, 100).await;
    let buyer = Trader::with_dollars(&server, 3, 1_000).await;
    seller.place(&server, Side::Sell, 20, 200).await;
    buyer.place(&server, Side::Buy, 10, 200).await;
    seller.settled(&server).await;
    server.stop().await;

    let server = TestServer::start_with(operated(folder.path(), false)).await;
    server.get("/v1/exchange").await.problem(404);
    seller.call(&server, ExchangeSettlement::requestExitCall {}.abi_encode()).await;
    let snapshot = server.app.node.snapshot().unwrap();
    let exit_at = ExchangeReader::at(&snapshot, snapshot.head().number).exit_at(seller.address()).unwrap().unwrap();
    while server::clock::now().seconds().0 <= exit_at {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let before = server.app.node.token_balance(seller.address()).await.unwrap().atto();
    for asset in [AI_TOKEN_ADDRESS, TEST_DOLLAR_ADDRESS] {
        seller.call(&server, ExchangeSettlement::exitCall { asset }.abi_encode()).await;
    }
    let after = server.app.node.token_balance(seller.address()).await.unwrap().atto();
    assert_eq!(after - before, 90 * LOT);
    server.stop().await;

    // The operator comes back: the order is gone, and the book has nothing of the trader that left.
    let server = TestServer::start_with(operated(folder.path(), true)).await;
    let account = seller.until(&server, |account| account["exit"] == "ready").await;
    for asset in [AI_TOKEN_ADDRESS, TEST_DOLLAR_ADDRESS] {
        for figure in ["free_units", "reserved_units", "in_contract_units"] {
            assert_eq!(units_of(&account, asset, figure), 0, "{figure}");
        }
    }
    let book = server.get(&format!("/v1/exchange/{MARKET}/book")).await.json();
    assert!(book["asks"].as_array().unwrap().is_empty(), "{book}");
    let refused = seller.post(&server, &seller.order(&server, Side::Sell, 1, 200).await).await.problem(409);
    assert!(refused["detail"].as_str().unwrap().contains("exit"), "{refused}");
    assert_eq!(
        units_of(&buyer.account(&server).await, TEST_DOLLAR_ADDRESS, "free_units"),
        1_000 * DOLLAR - DOLLAR * 20 / 100
    );
    assert_eq!(server.get("/v1/exchange").await.json()["reconciliation"]["differing"], 0);
    assert_eq!(server.get(&format!("/v1/exchange/accounts/{EXCHANGE_SETTLEMENT_ADDRESS}")).await.status, 200);
    server.stop().await;
}

/// `cancelAll` of the contract ends orders at once in the book, also before it has effect on the chain.
#[tokio::test(flavor = "multi_thread")]
async fn a_raised_epoch_ends_the_orders_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(operated(folder.path(), true)).await;
    let buyer = Trader::with_dollars(&server, 3, 1_000).await;
    let placed = buyer.place(&server, Side::Buy, 10, 200).await;
    let old = buyer.order(&server, Side::Buy, 5, 200).await;
    buyer.call(&server, ExchangeSettlement::cancelAllCall {}.abi_encode()).await;
    buyer.until(&server, |account| account["newest_epoch"] == 1 && account["open_orders"] == 0).await;
    let id = placed["order"]["id"].as_u64().unwrap();
    let order = server.get(&format!("/v1/exchange/orders/{id}")).await.json()["order"].clone();
    assert_eq!(
        (order["state"].as_str(), order["reason"].as_str()),
        (Some("cancelled"), Some("its trader raised the epoch"))
    );
    assert!(buyer.post(&server, &old).await.problem(422)["detail"].as_str().unwrap().contains("epoch"));
    buyer.place(&server, Side::Buy, 5, 200).await;
    server.stop().await;
}
