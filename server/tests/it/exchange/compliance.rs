//! The operator's policy: whose orders are taken, that nobody's money is kept by it, and that every decision is in the log.

use std::path::Path;

use contracts::{AI_TOKEN_ADDRESS, TEST_DOLLAR_ADDRESS};
use serde_json::{Value, json};
use server::config::{Config, ExchangeConfig};
use shared::exchange::Side;

use super::trader::{DOLLAR, LOT, MARKET, Trader, units_of};
use crate::server::{TestServer, config};

fn with_policy(folder: &Path, policy: &Path) -> Config {
    let exchange = ExchangeConfig { policy: Some(policy.to_owned()), ..ExchangeConfig::default() };
    Config { exchange, ..config(folder) }
}

fn decisions(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("exchange-decisions.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn word<'a>(decision: &'a Value, name: &str) -> &'a str {
    decision[name].as_str().unwrap_or("none")
}

/// What decisions say, without traders and times.
fn said(decisions: &[Value]) -> Vec<(&str, &str, &str)> {
    let is_whole = |one: &Value| one["at_unix_ms"].is_u64() && one["trader"].is_string() && one["market"] == MARKET;
    assert!(decisions.iter().all(is_whole), "{decisions:?}");
    decisions.iter().map(|one| (word(one, "policy"), word(one, "jurisdiction"), word(one, "orders"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_refuses_orders_in_words_and_keeps_nobodys_money() {
    let place = tempfile::tempdir().unwrap();
    let (folder, file) = (place.path().join("data"), place.path().join("policy.json"));
    // Without a policy, everybody's orders are taken and nothing is decided.
    let server = TestServer::start(&folder).await;
    let seller = Trader::with_ait(&server, 2, 100).await;
    let buyer = Trader::with_dollars(&server, 3, 100).await;
    seller.place(&server, Side::Sell, 10, 300).await;
    assert!(!folder.join("exchange-decisions.jsonl").exists());
    server.stop().await;

    let policy = |version: &str, sellers: &str| {
        json!({
            "version": version,
            "unknown": {"orders": "refuse", "reason": "say first where you live"},
            "others": {"orders": "allow"},
            "jurisdictions": {"US": {"orders": "refuse", "reason": "not offered there"}},
            "traders": {seller.address().to_string(): sellers},
        })
    };
    std::fs::write(&file, policy("first", "US").to_string()).unwrap();
    let server = TestServer::start_with(with_policy(&folder, &file)).await;
    for (trader, side, words) in
        [(&seller, Side::Sell, "not offered there"), (&buyer, Side::Buy, "say first where you live")]
    {
        let before = (trader.account(&server).await["balances"].clone(), trader.next_nonce(&server).await);
        for _ in 0..2 {
            let refused = trader.post(&server, &trader.order(&server, side, 1, 300).await).await.problem(451);
            let detail = refused["detail"].as_str().unwrap();
            assert!(detail.contains(words) && detail.contains("withdrawing and leaving go on"), "{detail}");
        }
        assert_eq!((trader.account(&server).await["balances"].clone(), trader.next_nonce(&server).await), before);
    }
    // Who has no account is no matter of the policy, and fills no log.
    let stranger = Trader::known(77);
    let order = stranger.order(&server, Side::Buy, 1, 200).await;
    stranger.post(&server, &order).await.problem(409);
    let logged = decisions(&folder);
    assert_eq!(said(&logged), [("first", "US", "refused"), ("first", "none", "refused")]);

    // What was taken before waits, is cancelled by its trader, and all of it is withdrawn.
    assert_eq!(units_of(&seller.account(&server).await, AI_TOKEN_ADDRESS, "reserved_units"), 10 * LOT);
    assert_eq!(seller.cancel(&server, 1, 1).await.json()["order_ids"].as_array().unwrap().len(), 1);
    assert_eq!(seller.withdraw(&server, AI_TOKEN_ADDRESS, 100 * LOT).await.status, 201);
    seller.until(&server, |account| units_of(account, AI_TOKEN_ADDRESS, "in_contract_units") == 0).await;
    assert_eq!(buyer.withdraw(&server, TEST_DOLLAR_ADDRESS, DOLLAR).await.status, 201);

    // A file that is no policy leaves the one before in force; the next whole one counts from the next order on.
    std::fs::write(&file, "{").unwrap();
    buyer.post(&server, &buyer.order(&server, Side::Buy, 1, 300).await).await.problem(451);
    let mut second = policy("the second", "US");
    second["traders"][buyer.address().to_string()] = json!("CH");
    std::fs::write(&file, second.to_string()).unwrap();
    buyer.place(&server, Side::Buy, 1, 300).await;
    buyer.place(&server, Side::Buy, 1, 300).await;
    let logged = decisions(&folder);
    assert_eq!(said(&logged)[2..], [("the second", "CH", "allowed")]);
    server.stop().await;

    // A start without a whole policy takes nothing, and says why.
    std::fs::write(&file, "{").unwrap();
    let server = TestServer::start_with(with_policy(&folder, &file)).await;
    let refused = server.get("/v1/exchange").await.problem(503);
    assert!(refused["detail"].as_str().unwrap().contains("policy"), "{refused}");
    server.stop().await;
}
