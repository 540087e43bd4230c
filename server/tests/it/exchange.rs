//! The exchange from a deposit to a final trade, with two wallets, real transactions and the real contract.

mod account_feed;
mod compliance;
mod crash;
mod delegates;
mod feed;
mod halt;
mod leaving;
mod maker;
mod races;
mod reduced;
mod refused;
pub(crate) mod trader;
mod triggers;
mod wallets;

use contracts::{AI_TOKEN_ADDRESS, TEST_DOLLAR_ADDRESS};
use node::ExchangeReader;
use serde_json::{Value, json};
use shared::exchange::{Side, TimeInForce};

use self::trader::{DOLLAR, LOT, MARKET, Trader, units_of};
use super::server::TestServer;

/// What the contract holds for a trader, by the chain alone.
fn in_contract(server: &TestServer, trader: &Trader) -> (u128, u128) {
    let snapshot = server.app.node.snapshot().unwrap();
    let reader = ExchangeReader::at(&snapshot, snapshot.head().number);
    let balance = |asset| reader.balance(trader.address(), asset).unwrap();
    (balance(AI_TOKEN_ADDRESS), balance(TEST_DOLLAR_ADDRESS))
}

async fn market(server: &TestServer) -> Value {
    server.get("/v1/exchange").await.json()["markets"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_wallets_trade_and_the_trade_becomes_final() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let listed = market(&server).await;
    assert_eq!(
        (listed["id"].as_str(), listed["tick"].as_str(), listed["lot"].as_str()),
        (Some(MARKET), Some("0.0001"), Some("0.01"))
    );
    assert_eq!(listed["quote"]["is_worthless"], true);
    let seller = Trader::with_ait(&server, 2, 100).await;
    let buyer = Trader::with_dollars(&server, 3, 1_000).await;

    let placed = seller.place(&server, Side::Sell, 50, 200).await;
    assert_eq!((placed["order"]["state"].as_str(), placed["fills"].as_array().unwrap().len()), (Some("open"), 0));
    let book = server.get(&format!("/v1/exchange/{MARKET}/book")).await.json();
    assert_eq!(
        book["asks"],
        json!([{"price": "2", "amount": "0.5", "limit_price": "2000000", "amount_units": "500000000000000000"}])
    );
    assert_eq!(units_of(&seller.account(&server).await, AI_TOKEN_ADDRESS, "reserved_units"), 50 * LOT);

    // It takes at the price of the order that waits, and pays the taker's fee of 0.2 %.
    let mut order = buyer.order(&server, Side::Buy, 30, 250).await;
    order.time_in_force = TimeInForce::ImmediateOrCancel;
    let taken = buyer.post(&server, &order).await;
    assert_eq!(taken.status, 201, "{}", String::from_utf8_lossy(&taken.body));
    let taken = taken.json();
    assert_eq!((taken["order"]["state"].as_str(), taken["order"]["filled"].as_str()), (Some("filled"), Some("0.3")));
    let fill = &taken["fills"][0];
    assert_eq!(
        (fill["price"].as_str(), fill["role"].as_str(), fill["fee"].as_str()),
        (Some("2"), Some("taker"), Some("0.0006"))
    );
    // The same order again is no second one.
    let again = buyer.post(&server, &order).await;
    assert_eq!((again.status, again.json()["order"]["id"].clone()), (200, taken["order"]["id"].clone()));

    seller.settled(&server).await;
    let account = buyer.settled(&server).await;
    let fills = server.get(&format!("/v1/exchange/accounts/{}/fills", buyer.address())).await.json();
    let last = &fills["items"][0];
    assert_eq!((last["state"].as_str(), last["trade"].as_u64()), (Some("final"), Some(1)));
    let hash = last["settled_in"]["transaction_hash"].as_str().unwrap().parse().unwrap();
    assert!(server.app.node.transaction(hash).unwrap().unwrap().receipt.success);
    let bought = 30 * LOT - 30 * LOT * 20 / 10_000;
    assert_eq!(in_contract(&server, &buyer), (bought, 1_000 * DOLLAR - DOLLAR * 60 / 100));
    assert_eq!(in_contract(&server, &seller), (70 * LOT, DOLLAR * 60 / 100 - DOLLAR * 60 / 100 * 10 / 10_000));
    assert_eq!(units_of(&account, AI_TOKEN_ADDRESS, "free_units"), bought);

    let trades = server.get(&format!("/v1/exchange/{MARKET}/trades")).await.json();
    assert_eq!(trades["trades"].as_array().unwrap().len(), 1);
    let candles = server.get(&format!("/v1/exchange/{MARKET}/candles?interval=1h")).await.json();
    assert_eq!(
        (candles["candles"][0]["close"].as_str(), candles["candles"][0]["volume"].as_str()),
        (Some("2"), Some("0.3"))
    );
    let ticker = server.get(&format!("/v1/exchange/{MARKET}/ticker")).await.json();
    assert_eq!(
        (ticker["last"].as_str(), ticker["best_ask"].as_str(), ticker["best_bid"].as_str()),
        (Some("2"), Some("2"), None)
    );
    assert_eq!(market(&server).await["last_settled_trade"], 1);
    for (short, path) in [
        ("/api/trades/recent".to_owned(), format!("/v1/exchange/{MARKET}/trades?limit=100")),
        ("/api/orders/orderbook".to_owned(), format!("/v1/exchange/{MARKET}/book")),
    ] {
        assert_eq!(server.get(&short).await.json(), server.get(&path).await.json());
    }
    let open = server.get(&format!("/api/orders?address={}", seller.address())).await.json();
    assert_eq!(open["orders"][0]["id"], placed["order"]["id"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_goes_behind_the_trades_and_pays_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let seller = Trader::with_ait(&server, 2, 100).await;
    let buyer = Trader::with_dollars(&server, 3, 1_000).await;
    seller.place(&server, Side::Sell, 50, 200).await;
    buyer.place(&server, Side::Buy, 50, 200).await;
    // What was just bought can be withdrawn at once: the trade goes first.
    let bought = 50 * LOT - 50 * LOT * 20 / 10_000;
    let taken = buyer.withdraw(&server, AI_TOKEN_ADDRESS, bought).await;
    assert_eq!((taken.status, taken.json()["state"].as_str()), (201, Some("accepted")));
    buyer.withdraw(&server, AI_TOKEN_ADDRESS, 1).await.problem(422);
    let path = format!("/v1/exchange/accounts/{}/withdrawals", buyer.address());
    let mut paid = Value::Null;
    for _ in 0..15_000 {
        paid = server.get(&path).await.json()["items"][0].clone();
        if paid["state"] == "final" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(paid["state"], "final", "{paid}");
    let balance = server.app.node.token_balance(buyer.address()).await.unwrap();
    assert_eq!(balance.atto(), bought);
    assert_eq!(in_contract(&server, &buyer), (0, 999 * DOLLAR));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_book_is_the_same_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let seller = Trader::with_ait(&server, 2, 100).await;
    let buyer = Trader::with_dollars(&server, 3, 1_000).await;
    for step in 0..5 {
        seller.place(&server, Side::Sell, 5 + step, 200 + step).await;
        buyer.place(&server, Side::Buy, 7 + step, 190 - step).await;
    }
    buyer.place(&server, Side::Buy, 8, 201).await;
    let state = async |server: &TestServer| {
        let mut book = server.get(&format!("/v1/exchange/{MARKET}/book")).await.json();
        // It rises with what a start does as well.
        book.as_object_mut().unwrap().remove("sequence");
        (book, seller.settled(server).await["balances"].clone(), buyer.settled(server).await["balances"].clone())
    };
    let before = state(&server).await;
    server.stop().await;
    let server = TestServer::start(folder.path()).await;
    assert_eq!(state(&server).await, before);
    let cancelled = buyer.cancel(&server, 1, 5).await.json();
    assert_eq!(cancelled["order_ids"].as_array().unwrap().len(), 5);
    assert_eq!(buyer.cancel(&server, 1, 5).await.json()["order_ids"], json!([]));
    assert_eq!(server.get(&format!("/v1/exchange/{MARKET}/book")).await.json()["bids"], json!([]));
    buyer.place(&server, Side::Buy, 1, 100).await;
    server.stop().await;
}
