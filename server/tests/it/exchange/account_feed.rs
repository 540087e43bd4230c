//! The WebSocket of a trader's own orders: who may follow, the snapshot, and every change of the orders after it.

use std::collections::BTreeMap;

use axum::http::{HeaderName, HeaderValue};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use shared::exchange::Side;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::trader::{MARKET, Trader};
use crate::server::TestServer;
use crate::sign_in::Owner;
use crate::worker::key;

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// The connection, or the status of the refusal.
async fn connect(server: &TestServer, headers: &[(&str, &str)]) -> Result<Socket, u16> {
    let mut request = format!("ws://{}/ws/exchange/account", server.address).into_client_request().unwrap();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
    }
    match tokio_tungstenite::connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(refused)) => Err(refused.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn next(socket: &mut Socket) -> Value {
    loop {
        let message = tokio::time::timeout(std::time::Duration::from_secs(300), socket.next()).await.unwrap();
        match message.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(text.as_str()).unwrap(),
            Message::Close(_) => panic!("the feed ended"),
            _ => {}
        }
    }
}

/// A message of a kind, with the number after `last`.
async fn next_after(socket: &mut Socket, last: &mut u64, kind: &str) -> Value {
    let message = next(socket).await;
    *last += 1;
    assert_eq!((message["type"].as_str(), message["sequence"].as_u64()), (Some(kind), Some(*last)), "{message}");
    message
}

fn amounts(message: &Value) -> Vec<(&str, &str, &str)> {
    let orders = message["orders"].as_array().unwrap().iter();
    orders
        .map(|order| {
            let [state, amount, filled] = ["state", "amount", "filled"].map(|name| order[name].as_str().unwrap());
            (state, amount, filled)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_trader_itself_follows() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let owner = Owner::sign_in(&server, key(2)).await;
    let [cookie, origin, _] = owner.headers();
    assert_eq!(connect(&server, &[]).await.unwrap_err(), 401);
    assert_eq!(connect(&server, &[cookie]).await.unwrap_err(), 403, "nobody says which page asks");
    assert_eq!(connect(&server, &[cookie, ("origin", "https://evil.example")]).await.unwrap_err(), 403);
    assert_eq!(connect(&server, &[("x-api-key", "aitbc_unknown")]).await.unwrap_err(), 401);
    assert_eq!(owner.send(&server, "GET", "/ws/exchange/account", None).await.status, 426, "no WebSocket");

    let mut by_session = connect(&server, &[cookie, origin]).await.unwrap();
    let created = owner.send(&server, "POST", "/v1/keys", Some(json!({"label": "bot"}))).await.json();
    let secret = created["secret"].as_str().unwrap();
    let mut by_key = connect(&server, &[("x-api-key", secret)]).await.unwrap();
    for socket in [&mut by_session, &mut by_key] {
        let snapshot = next(socket).await;
        let expected = json!({"type": "snapshot", "sequence": 0, "trader": owner.address(), "orders": []});
        assert_eq!(snapshot, expected, "a trader without a deposit has an empty one");
    }
    // A reader that talks is told that nobody listens.
    by_key.send(Message::text("buy!")).await.unwrap();
    let last = next(&mut by_key).await;
    assert_eq!(last["type"], "closed");
    assert!(last["reason"].as_str().unwrap().contains("/v1/exchange/orders"), "{last}");
    server.stop().await;
    assert_eq!(next(&mut by_session).await["reason"], "the server is stopping");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trader_sees_each_change_of_its_orders_and_nothing_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let seller = Trader::with_ait(&server, 2, 100).await;
    let buyer = Trader::with_dollars(&server, 3, 1_000).await;
    let first = seller.place(&server, Side::Sell, 50, 200).await["order"].clone();
    let owner = Owner::sign_in(&server, key(2)).await;
    let [cookie, origin, _] = owner.headers();
    let mut socket = connect(&server, &[cookie, origin]).await.unwrap();
    let snapshot = next(&mut socket).await;
    assert_eq!((snapshot["type"].as_str(), snapshot["orders"].clone()), (Some("snapshot"), json!([first])));
    let mut last = snapshot["sequence"].as_u64().unwrap();

    let second = seller.place(&server, Side::Sell, 50, 210).await["order"].clone();
    let placed = next_after(&mut socket, &mut last, "update").await;
    assert_eq!((placed["orders"].clone(), placed["fills"].clone()), (json!([second]), json!([])));

    // An order that meets none of the seller's is none of its business.
    buyer.place(&server, Side::Buy, 3, 100).await;
    buyer.place(&server, Side::Buy, 60, 210).await;
    let traded = next_after(&mut socket, &mut last, "update").await;
    assert_eq!(amounts(&traded), [("filled", "0.5", "0.5"), ("open", "0.5", "0.1")]);
    let fills = traded["fills"].as_array().unwrap();
    let told: Vec<_> = fills.iter().map(|fill| (fill["order_id"].clone(), fill["amount"].as_str().unwrap())).collect();
    assert_eq!(told, [(first["id"].clone(), "0.5"), (second["id"].clone(), "0.1")]);
    assert!(fills.iter().all(|fill| fill["role"] == "maker" && fill["side"] == "sell"), "{traded}");
    assert!(!traded.to_string().to_lowercase().contains(&buyer.address().to_string().to_lowercase()), "{traded}");

    // One block may have both trades, or two blocks one each.
    let mut states = BTreeMap::new();
    while states.len() < 2 {
        let settled = next_after(&mut socket, &mut last, "settled").await;
        for fill in settled["fills"].as_array().unwrap() {
            states.insert(fill["trade"].as_u64().unwrap(), fill["state"].as_str().unwrap().to_owned());
        }
    }
    assert!(states.values().all(|state| state == "final"), "{states:?}");

    seller.reduce(&server, second["nonce"].as_u64().unwrap(), 30).await;
    let reduced = next_after(&mut socket, &mut last, "update").await;
    assert_eq!(amounts(&reduced), [("open", "0.3", "0.1")]);
    let nonce = second["nonce"].as_u64().unwrap();
    assert_eq!(seller.cancel(&server, nonce, nonce).await.status, 200);
    let cancelled = next_after(&mut socket, &mut last, "update").await;
    assert_eq!(amounts(&cancelled), [("cancelled", "0.3", "0.1")]);
    assert_eq!(cancelled["orders"][0]["reason"], "its trader cancelled it");

    // Who connects later begins with the same number, and reads the rest in the lists.
    let mut later = connect(&server, &[cookie, origin]).await.unwrap();
    let snapshot = next(&mut later).await;
    assert_eq!((snapshot["sequence"].as_u64(), snapshot["orders"].clone()), (Some(last), json!([])));
    let listed = server.get(&format!("/v1/exchange/accounts/{}/fills", seller.address())).await.json();
    let numbers: Vec<_> = listed["items"].as_array().unwrap().iter().map(|fill| fill["trade"].clone()).collect();
    assert_eq!(numbers, [2, 1]);
    let book = server.get(&format!("/v1/exchange/{MARKET}/book")).await.json();
    assert_eq!(book["asks"], json!([]));
    server.stop().await;
}
