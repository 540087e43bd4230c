//! What the exchange refuses, and in which words. Nothing that is refused changes an account.

use contracts::{AI_TOKEN_ADDRESS, TEST_DOLLAR_ADDRESS};
use serde_json::{Value, json};
use shared::Address;
use shared::exchange::{AssetUnits, ExchangeOrder, Side, TimeInForce};
use shared::time::UnixSeconds;

use super::trader::{DOLLAR, LOT, MARKET, Trader};
use crate::server::TestServer;

type Spoil = fn(&mut ExchangeOrder);

/// How an order is spoilt, the status, and what the answer says.
const SPOILT: &[(Spoil, u16, &str)] = &[
    (|order| order.amount = AssetUnits(0), 422, "amount"),
    (|order| order.amount = AssetUnits(LOT + 1), 422, "multiple of 10000000000000000"),
    (|order| order.amount = AssetUnits(u128::MAX), 422, "amount"),
    (|order| order.limit_price = AssetUnits(0), 422, "limit_price"),
    (|order| order.limit_price = AssetUnits(1), 422, "limit_price"),
    (|order| order.limit_price = AssetUnits(u128::MAX - 5), 422, "limit_price"),
    (|order| order.amount = AssetUnits(10_000 * LOT), 422, "are needed"),
    (|order| order.base = Address::repeat_byte(9), 422, "no market trades"),
    (|order| order.max_fee_basis_points = 19, 422, "max_fee_basis_points"),
    (|order| order.expires_at = UnixSeconds(1), 422, "expires_at"),
    (|order| order.expires_at = UnixSeconds(u64::MAX), 422, "expires_at"),
    (|order| order.chain_id += 1, 422, "chain_id"),
    (|order| order.contract = AI_TOKEN_ADDRESS, 422, "contract"),
    (|order| order.nonce = 0, 409, "nonce"),
    (|order| order.nonce = 1 << 60, 409, "at most 9007199254740991"),
    (|order| order.limit_price = AssetUnits(100), 422, "at least 10000"),
    (
        |order| {
            order.time_in_force = TimeInForce::PostOnly;
            order.limit_price = AssetUnits(3 * DOLLAR);
        },
        422,
        "post-only",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn bad_orders_are_refused_in_words_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let seller = Trader::with_ait(&server, 2, 100).await;
    let buyer = Trader::with_dollars(&server, 3, 100).await;
    seller.place(&server, Side::Sell, 10, 300).await;
    let before = (buyer.account(&server).await["balances"].clone(), buyer.next_nonce(&server).await);
    for (position, (spoil, status, words)) in SPOILT.iter().enumerate() {
        let mut order = buyer.order(&server, Side::Buy, 10, 200).await;
        spoil(&mut order);
        let problem = buyer.post(&server, &order).await.problem(*status);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{position}: {detail}");
    }
    assert_eq!((buyer.account(&server).await["balances"].clone(), buyer.next_nonce(&server).await), before);

    // Another's order, a signature of nobody, and one whose signature is for something else.
    let order = buyer.order(&server, Side::Buy, 10, 200).await;
    let foreign = seller.sign_order(&order);
    server.post("/v1/exchange/orders", &foreign).await.problem(403);
    let mut changed = buyer.sign_order(&order);
    changed["signed"]["amount"] = json!((20 * LOT).to_string());
    server.post("/v1/exchange/orders", &changed).await.problem(403);
    changed["signature"] = json!("0x00");
    server.post("/v1/exchange/orders", &changed).await.problem(403);
    let unknown = Trader::known(77);
    let mut order = unknown.order(&server, Side::Buy, 1, 200).await;
    order.nonce = 1;
    assert!(unknown.post(&server, &order).await.problem(409)["detail"].as_str().unwrap().contains("no deposit"));

    // A replay of a used nonce with other terms, and an order of a trader that the server cancels for nobody else.
    let placed = buyer.place(&server, Side::Buy, 10, 200).await;
    let mut order = buyer.order(&server, Side::Buy, 11, 200).await;
    order.nonce -= 1;
    assert!(buyer.post(&server, &order).await.problem(409)["detail"].as_str().unwrap().contains("above"));
    let id = placed["order"]["id"].as_u64().unwrap();
    server.send("DELETE", &format!("/v1/exchange/orders/{id}"), &[], vec![]).await.problem(401);
    buyer.cancel(&server, 1, 1 << 40).await.problem(422);
    buyer.withdraw(&server, TEST_DOLLAR_ADDRESS, 0).await.problem(422);
    buyer.withdraw(&server, Address::repeat_byte(9), 1).await.problem(422);
    buyer.withdraw(&server, TEST_DOLLAR_ADDRESS, 100 * DOLLAR).await.problem(422);
    assert_eq!(server.get(&format!("/v1/exchange/orders/{id}")).await.json()["order"]["state"], "open");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_questions_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    for (path, status) in [
        ("/v1/exchange/NOPE/book".to_owned(), 404),
        (format!("/v1/exchange/{MARKET}/book?depth=0"), 422),
        (format!("/v1/exchange/{MARKET}/book?depth=1001"), 422),
        (format!("/v1/exchange/{MARKET}/trades?limit=101"), 422),
        (format!("/v1/exchange/{MARKET}/candles"), 422),
        (format!("/v1/exchange/{MARKET}/candles?interval=2m"), 422),
        ("/v1/exchange/orders/1".to_owned(), 404),
        ("/v1/exchange/accounts/0x12".to_owned(), 404),
        (format!("/v1/exchange/accounts/{}/orders?cursor=x", Address::ZERO), 422),
        (format!("/ws/exchange/{MARKET}"), 426),
    ] {
        server.get(&path).await.problem(status);
    }
    let nobody = server.get(&format!("/v1/exchange/accounts/{}", Address::repeat_byte(1))).await.json();
    assert_eq!((nobody["next_nonce"].as_u64(), nobody["open_orders"].as_u64()), (Some(1), Some(0)));
    let empty: Vec<Value> = vec![];
    let book = server.get(&format!("/v1/exchange/{MARKET}/book")).await.json();
    assert_eq!((book["bids"].clone(), book["checksum"].as_u64()), (json!(empty), Some(0)));
    server.stop().await;
}
