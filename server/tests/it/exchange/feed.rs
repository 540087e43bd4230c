//! The WebSocket of a market: a snapshot, then every change, with numbers and checksums by which a reader knows that it has all.

use futures::StreamExt as _;
use serde_json::Value;
use shared::exchange::Side;
use tokio_tungstenite::tungstenite::Message;

use super::trader::{MARKET, Trader};
use crate::server::TestServer;

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_every_change_and_can_check_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let seller = Trader::with_ait(&server, 2, 100).await;
    let buyer = Trader::with_dollars(&server, 3, 1_000).await;
    seller.place(&server, Side::Sell, 50, 200).await;
    let url = format!("ws://{}/ws/exchange/{MARKET}", server.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let snapshot = next(&mut socket).await;
    assert_eq!((snapshot["type"].as_str(), snapshot["asks"][0]["amount"].as_str()), (Some("snapshot"), Some("0.5")));

    buyer.place(&server, Side::Buy, 50, 200).await;
    let delta = next(&mut socket).await;
    assert_eq!(delta["type"], "delta");
    assert_eq!(delta["previous_sequence"], snapshot["sequence"]);
    assert!(delta["sequence"].as_u64() > snapshot["sequence"].as_u64());
    assert_eq!((delta["asks"][0]["price"].as_str(), delta["asks"][0]["amount"].as_str()), (Some("2"), Some("0")));
    assert_eq!(delta["checksum"], 0, "the book is empty");
    assert_eq!(
        (delta["trades"][0]["trade"].as_u64(), delta["trades"][0]["state"].as_str()),
        (Some(1), Some("matched"))
    );
    let settled = next(&mut socket).await;
    assert_eq!((settled["type"].as_str(), settled["trades"][0]["state"].as_str()), (Some("settled"), Some("final")));

    seller.place(&server, Side::Sell, 5, 210).await;
    let delta_after = next(&mut socket).await;
    assert_eq!(delta_after["previous_sequence"], delta["sequence"]);
    let book = server.get(&format!("/v1/exchange/{MARKET}/book")).await.json();
    assert_eq!(delta_after["checksum"], book["checksum"]);

    // A reader that talks is told that nobody listens.
    use futures::SinkExt as _;
    socket.send(Message::text("buy!")).await.unwrap();
    let last = next(&mut socket).await;
    assert_eq!(last["type"], "closed");
    assert!(last["reason"].as_str().unwrap().contains("/v1/exchange/orders"), "{last}");
    server.stop().await;
}
