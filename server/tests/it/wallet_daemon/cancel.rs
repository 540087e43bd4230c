//! Payments that are canceled: dropped before they left, and replaced after that, whatever kills the daemon meanwhile.

use serde_json::{Value, json};
use shared::U256;

use super::between::{Between, Point};
use super::daemon::{Answer, TestDaemon};
use super::money::{FRIEND, balance, nonce, settled, transfer, with_money};
use crate::server::TestServer;

async fn cancel(daemon: &TestDaemon, key: &str) -> Answer {
    daemon.post("cancel", &json!({ "wallet": "miner", "idempotency_key": key })).await
}

/// Waits until a block decided what becomes of a payment.
async fn decided(daemon: &TestDaemon, key: &str, amount: u64) -> Value {
    loop {
        let view = daemon.pay(key, &transfer(amount)).await.ok(200);
        if !["waiting", "canceling"].contains(&view["state"].as_str().unwrap()) {
            return view;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_left_is_replaced_by_a_transaction_of_its_nonce() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(&place.path().join("data")).await;
    let folder = place.path().join("wallets");
    let (daemon, miner) = with_money(&server, &folder).await;
    daemon.stop().await;
    let (between, url) = Between::start(&server).await;
    let daemon = TestDaemon::start(&folder, &url, &[]).await;
    daemon.unlock("miner").await;
    cancel(&daemon, "first").await.refused(404);
    between.swallow(true);
    assert_eq!(daemon.pay("first", &transfer(3)).await.ok(200)["state"], "waiting");
    assert_eq!(daemon.pay("second", &transfer(5)).await.ok(200)["nonce"], 1);
    daemon.post("lock", &json!({})).await;
    cancel(&daemon, "first").await.refused(423);
    daemon.unlock("miner").await;
    let canceling = cancel(&daemon, "first").await.ok(200);
    assert_eq!((&canceling["state"], &canceling["nonce"]), (&json!("canceling"), &json!(0)));
    assert_ne!(canceling["cancellation_hash"], canceling["transaction_hash"]);
    assert_eq!(cancel(&daemon, "first").await.ok(200), canceling, "it is canceled once");
    daemon.kill().await;

    // Nobody asks again, and no wallet is unlocked.
    between.swallow(false);
    let daemon = TestDaemon::start(&folder, &url, &[]).await;
    let canceled = decided(&daemon, "first", 3).await;
    assert_eq!(canceled["state"], "canceled");
    assert!(canceled["block_number"].is_u64(), "{canceled}");
    assert_eq!(cancel(&daemon, "first").await.ok(200), canceled);
    assert_eq!(decided(&daemon, "second", 5).await["state"], "settled", "what waits behind it goes on");
    cancel(&daemon, "second").await.refused(409);
    assert_eq!(balance(&server, FRIEND).await, U256::from(5), "the canceled payment moved something");
    assert_eq!(nonce(&server, miner).await, "0x2");
    daemon.stop().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_that_comes_too_late_is_told_as_the_payment() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(&place.path().join("data")).await;
    let folder = place.path().join("wallets");
    let (daemon, miner) = with_money(&server, &folder).await;
    daemon.stop().await;
    let (between, url) = Between::start(&server).await;
    let daemon = TestDaemon::start(&folder, &url, &[]).await;
    daemon.unlock("miner").await;
    between.swallow(true);
    daemon.pay("late", &transfer(3)).await.ok(200);
    assert_eq!(cancel(&daemon, "late").await.ok(200)["state"], "canceling");
    let raw = between.swallowed().remove(0);
    let send = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": [raw] });
    assert!(server.post("/rpc", &send).await.json()["result"].is_string());
    assert_eq!(decided(&daemon, "late", 3).await["state"], "settled");
    cancel(&daemon, "late").await.refused(409);
    between.swallow(false);
    assert_eq!(settled(&daemon, "next", &transfer(4)).await["nonce"], 1);
    assert_eq!(balance(&server, FRIEND).await, U256::from(7));
    assert_eq!(nonce(&server, miner).await, "0x2", "the cancellation came after its payment");
    daemon.stop().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_never_left_is_dropped_and_its_nonce_is_free() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(&place.path().join("data")).await;
    let folder = place.path().join("wallets");
    let (daemon, miner) = with_money(&server, &folder).await;
    daemon.stop().await;
    let (between, url) = Between::start(&server).await;
    let daemon = TestDaemon::start(&folder, &url, &[]).await;
    daemon.unlock("miner").await;
    // A ticket, since the node is asked for the nonce alone when it is sent.
    let sheet = daemon.post("prepare", &transfer(3)).await.ok(200);
    let ticket = json!({ "ticket": sheet["ticket"] });
    between.close_after_nonce();
    assert_eq!(daemon.pay("dropped", &ticket).await.ok(200)["state"], "waiting");
    daemon.post("lock", &json!({})).await;
    let dropped = cancel(&daemon, "dropped").await.ok(200);
    assert_eq!((&dropped["state"], dropped.get("block_number")), (&json!("canceled"), None));
    daemon.kill().await;

    let daemon = TestDaemon::start(&folder, &format!("http://{}", server.address), &[]).await;
    daemon.unlock("miner").await;
    assert_eq!(daemon.pay("dropped", &ticket).await.ok(200), dropped, "the same request pays once it was canceled");
    assert_eq!(settled(&daemon, "next", &transfer(4)).await["nonce"], 0);
    assert_eq!(balance(&server, FRIEND).await, U256::from(4));
    assert_eq!(nonce(&server, miner).await, "0x1");
    daemon.stop().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_killed_while_it_cancels_neither_pays_nor_forgets() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(&place.path().join("data")).await;
    let folder = place.path().join("wallets");
    let (daemon, miner) = with_money(&server, &folder).await;
    daemon.stop().await;
    let (between, url) = Between::start(&server).await;
    for (round, reaches_node) in [false, true].into_iter().enumerate() {
        let key = format!("round-{round}");
        let daemon = TestDaemon::start(&folder, &url, &[]).await;
        daemon.unlock("miner").await;
        between.swallow(true);
        daemon.pay(&key, &transfer(3)).await.ok(200);
        daemon.kill().await;
        let daemon = TestDaemon::start(&folder, &url, &[]).await;
        daemon.unlock("miner").await;
        let before = between.swallowed().len();
        assert_eq!(cancel(&daemon, &key).await.ok(200)["state"], "canceling");
        assert!(between.swallowed().len() > before, "the cancellation leaves at once");
        between.hold(Some((Point::Sending, reaches_node)));
        between.swallow(false);
        between.reached.notified().await;
        daemon.kill().await;
        between.hold(None);

        let daemon = TestDaemon::start(&folder, &url, &[]).await;
        assert_eq!(decided(&daemon, &key, 3).await["state"], "canceled", "{reaches_node}");
        assert_eq!(balance(&server, FRIEND).await, U256::ZERO, "{reaches_node}");
        assert_eq!(nonce(&server, miner).await, format!("{:#x}", round + 1));
        daemon.kill().await;
    }
    server.stop().await;
}
