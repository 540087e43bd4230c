//! Nothing that was acknowledged is lost and nothing settles twice, at whatever moment the server dies.

use std::io::Write as _;
use std::path::Path;

use alloy_primitives::U256;
use alloy_sol_types::{SolCall as _, SolEvent as _};
use contracts::{AI_TOKEN_ADDRESS, AIToken, EXCHANGE_SETTLEMENT_ADDRESS, ExchangeSettlement, TEST_DOLLAR_ADDRESS};
use node::ExchangeReader;
use node::chain::{Call, LogFilter};
use shared::exchange::{Side, Trigger};

use super::trader::{DOLLAR, LOT, MARKET, Trader};
use crate::server::{TestServer, config};
use crate::victim::{change_rows, run_until_killed};

const ROUNDS: u64 = 4;
const FOLDER_VARIABLE: &str = "AITBC_EXCHANGE_FOLDER";
const SEED_VARIABLE: &str = "AITBC_EXCHANGE_SEED";

/// The victim: two traders trade back and forth at two prices for ever, some orders wait for the higher one, some become
/// smaller, and it prints each order that was acknowledged.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by `a_killed_exchange_loses_nothing_and_settles_each_trade_once` as its child"]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else { return };
    let server = TestServer::start_with(config(Path::new(&folder))).await;
    let traders = [Trader::known(2), Trader::known(3)];
    for number in 0_usize.. {
        let (one, other) = (&traders[number % 2], &traders[(number + 1) % 2]);
        // Who lacks what it offers is refused; both have something at some time.
        for (trader, side) in [(one, Side::Sell), (other, Side::Buy)] {
            let cents = 200 + number as u128 / 4 % 2;
            let mut order = trader.order(&server, side, 1 + number as u128 % 3, cents).await;
            if number % 3 == 0 && side == Side::Sell {
                order = trader.waiting(&server, (side, 2, 199), (Trigger::AtOrAbove, 201)).await;
            }
            let answer = trader.post(&server, &order).await;
            if answer.status != 201 {
                continue;
            }
            if number % 3 == 0 {
                trader.reduce(&server, order.nonce, 1).await;
            }
            let mut out = std::io::stdout().lock();
            writeln!(out, "\nacknowledged {}", answer.json()["order"]["id"]).unwrap();
            out.flush().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_exchange_loses_nothing_and_settles_each_trade_once() {
    let given = std::env::var(SEED_VARIABLE).ok().and_then(|text| text.parse().ok());
    let mut random: u64 = given.unwrap_or_else(|| server::clock::now().0);
    println!("{SEED_VARIABLE}={random}");
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let seller = Trader::with_ait(&server, 2, 100).await;
    let buyer = Trader::with_dollars(&server, 3, 1_000).await;
    server.stop().await;
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (directory, lines) = (folder.path().to_owned(), (random >> 33) % 12);
        let printed = tokio::task::spawn_blocking(move || {
            run_until_killed("exchange::crash::child", FOLDER_VARIABLE, &directory, lines)
        });
        acknowledged.extend(printed.await.unwrap());
        // What the outbox knew of a batch may be gone as well: the contract's numbers still say what settled.
        if round % 2 == 1 {
            change_rows(folder.path(), &["DELETE FROM outbox"]).await;
        }
    }

    let server = TestServer::start(folder.path()).await;
    for id in &acknowledged {
        let order = server.get(&format!("/v1/exchange/orders/{id}")).await;
        assert_eq!(order.status, 200, "order {id} was acknowledged and is lost");
    }
    seller.settled(&server).await;
    buyer.settled(&server).await;
    check_all(&server, &[&seller, &buyer]).await;
    server.stop().await;
}

/// Each trade stands once in the contract's log, and what the contract owes its traders and as fees is what it holds.
async fn check_all(server: &TestServer, traders: &[&Trader]) {
    let view = server.get("/v1/exchange").await.json();
    assert_eq!(
        (view["fault"].clone(), view["reconciliation"]["differing"].as_u64()),
        (serde_json::Value::Null, Some(0))
    );
    let mut filter = LogFilter::default();
    filter.addresses.insert(EXCHANGE_SETTLEMENT_ADDRESS);
    filter.topics[0].insert(ExchangeSettlement::Filled::SIGNATURE_HASH);
    let head = server.app.node.head().unwrap().number;
    let logs = server.app.node.logs(filter, 0, head).await.unwrap();
    let settled: Vec<u64> =
        logs.iter().map(|log| ExchangeSettlement::Filled::decode_log(&log.log).unwrap().trade).collect();
    let last = view["markets"][0]["last_trade"].as_u64().unwrap();
    assert_eq!(settled, (1..=last).collect::<Vec<_>>(), "a trade is missing, or settled twice");
    let trades = server.get(&format!("/v1/exchange/{MARKET}/trades?limit=100")).await.json();
    assert!(trades["trades"].as_array().unwrap().iter().all(|trade| trade["state"] == "final"), "{trades}");

    let deposited = [(AI_TOKEN_ADDRESS, 100 * LOT), (TEST_DOLLAR_ADDRESS, 1_000 * DOLLAR)];
    for (asset, expected) in deposited {
        let data = AIToken::balanceOfCall { account: EXCHANGE_SETTLEMENT_ADDRESS }.abi_encode().into();
        let held = server.app.node.call(Call { to: Some(asset), data, ..Call::default() }).await.unwrap();
        assert_eq!(U256::from_be_slice(&held.output), U256::from(expected));
        let snapshot = server.app.node.snapshot().unwrap();
        let reader = ExchangeReader::at(&snapshot, snapshot.head().number);
        let owed: u128 = traders.iter().map(|trader| reader.balance(trader.address(), asset).unwrap()).sum();
        assert!(owed <= expected && owed > 0);
    }
}
