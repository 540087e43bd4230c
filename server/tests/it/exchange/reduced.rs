//! Orders that become smaller, and the lists of a trader as files.

use contracts::AI_TOKEN_ADDRESS;
use serde_json::json;
use shared::exchange::Side;

use super::trader::{LOT, MARKET, Trader, units_of};
use crate::server::TestServer;

async fn asks(server: &TestServer) -> serde_json::Value {
    server.get(&format!("/v1/exchange/{MARKET}/book")).await.json()["asks"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_becomes_smaller_and_keeps_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let first = Trader::with_ait(&server, 2, 100).await;
    let second = Trader::with_ait(&server, 4, 100).await;
    let buyer = Trader::with_dollars(&server, 3, 1_000).await;
    let placed = first.place(&server, Side::Sell, 50, 200).await["order"].clone();
    second.place(&server, Side::Sell, 50, 200).await;
    let nonce = placed["nonce"].as_u64().unwrap();

    for (amount, status) in [(50, 422), (51, 422)] {
        first.reduce(&server, nonce, amount).await.problem(status);
    }
    first.reduce(&server, nonce + 1, 1).await.problem(404);
    second.reduce(&server, nonce + 7, 1).await.problem(404);
    let reduced = first.reduce(&server, nonce, 20).await;
    assert_eq!(reduced.status, 200, "{}", String::from_utf8_lossy(&reduced.body));
    let reduced = reduced.json();
    assert_eq!((reduced["amount"].as_str(), reduced["state"].as_str()), (Some("0.2"), Some("open")));
    assert_eq!(units_of(&first.account(&server).await, AI_TOKEN_ADDRESS, "reserved_units"), 20 * LOT);
    assert_eq!(asks(&server).await[0]["amount"], "0.7");
    // Nobody without a session makes an order smaller by its id.
    let path = format!("/v1/exchange/orders/{}", placed["id"]);
    let body = json!({"amount": LOT.to_string()}).to_string().into_bytes();
    assert_eq!(server.send("PATCH", &path, &[("content-type", "application/json")], body).await.status, 401);

    // It still comes before the other order of its price.
    let taken = buyer.place(&server, Side::Buy, 15, 200).await;
    assert_eq!(taken["fills"].as_array().unwrap().len(), 1);
    let read = async || server.get(&path).await.json()["order"].clone();
    assert_eq!(read().await["filled"], "0.15");
    server.stop().await;

    let server = TestServer::start(folder.path()).await;
    let read = async || server.get(&path).await.json()["order"].clone();
    assert_eq!(
        (read().await["amount"].as_str(), asks(&server).await[0]["amount"].as_str()),
        (Some("0.2"), Some("0.55"))
    );
    // What it has traded is more than that: nothing is left of it.
    let ended = first.reduce(&server, nonce, 10).await.json();
    assert_eq!(
        (ended["state"].as_str(), ended["reason"].as_str()),
        (Some("cancelled"), Some("its trader cancelled it"))
    );
    assert_eq!(asks(&server).await[0]["amount"], "0.5");
    assert_eq!(units_of(&first.account(&server).await, AI_TOKEN_ADDRESS, "reserved_units"), 0);
    first.reduce(&server, nonce, 1).await.problem(404);

    // A lot at 0.0001 dollars is a millionth: a hundredth of a dollar is the least, so 10 000 of them.
    let mut dust = buyer.order(&server, Side::Buy, 12_000, 1).await;
    dust.limit_price = shared::exchange::AssetUnits(100);
    let placed = buyer.post(&server, &dust).await;
    assert_eq!(placed.status, 201, "{}", String::from_utf8_lossy(&placed.body));
    assert_eq!(buyer.reduce(&server, dust.nonce, 10_000).await.json()["state"], "open");
    let ended = buyer.reduce(&server, dust.nonce, 9_999).await.json();
    assert_eq!(
        (ended["state"].as_str(), ended["amount"].as_str(), ended["reason"].as_str()),
        (Some("cancelled"), Some("100"), Some("what a reduction left of it is worth less than the market takes"))
    );

    first.settled(&server).await;
    let file = server.get(&format!("/api/exchange/csv/fills?account={}", buyer.address())).await;
    let text = String::from_utf8(file.body.clone()).unwrap();
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[0].starts_with("market,trade,order,time,side,role,price,amount,quote_amount,fee,fee_asset,state"),
        "{text}"
    );
    assert!(
        lines[1].starts_with("AIT-tUSD,1,") && lines[1].contains(",buy,taker,2,0.15,0.3,0.0003,AIT,final,0x"),
        "{text}"
    );
    let file = server.get(&format!("/api/exchange/csv/orders?account={}", first.address())).await;
    let text = String::from_utf8(file.body.clone()).unwrap();
    assert!(text.contains(",sell,GTT,2,0.2,0.15,,,,cancelled,its trader cancelled it,"), "{text}");
    // The open ones alone, on request.
    first.place(&server, Side::Sell, 7, 300).await;
    let file = server.get(&format!("/api/exchange/csv/orders?account={}&state=open", first.address())).await;
    let text = String::from_utf8(file.body.clone()).unwrap();
    assert_eq!(text.split_terminator("\r\n").count(), 2, "{text}");
    assert!(text.contains(",sell,GTT,3,0.07,0,,,,open,,") && !text.contains("cancelled"), "{text}");
    let fills = format!("fills?account={}&state=open", first.address());
    let wrong = [("orders", 422), ("fills?account=0x12", 422), ("balances?account=0x12", 422), (&fills, 422)];
    for (path, status) in wrong {
        assert_eq!(server.get(&format!("/api/exchange/csv/{path}")).await.status, status, "{path}");
    }
    server.get(&format!("/api/exchange/csv/balances?account={}", first.address())).await.problem(404);
    server.stop().await;
}
