//! Bounties for models, from the pledge to the reward, and the models that were asked for and could not be served.

use serde_json::{Value, json};
use shared::api::keys::ApiScope;

use super::command_line::{aitbc, error, json, text};
use super::payments::buyer::Buyer;
use super::server::{TestServer, config};
use super::wallet::Person;
use super::worker::{MODEL, pinned_sha256};

/// The only receipt of a miner.
async fn receipt_of(server: &TestServer, miner: &Buyer) -> String {
    let receipts = server.get(&format!("/v1/receipts?provider={}", miner.address())).await.json();
    assert_eq!(receipts["items"].as_array().unwrap().len(), 1, "{receipts}");
    receipts["items"][0]["receipt_hash"].as_str().unwrap().to_owned()
}

async fn import(person: &Person, name: &str, miner: &Buyer) {
    json(&person.import(name, &hex::encode(miner.key.to_bytes())).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_earns_what_somebody_pledged_for_a_model() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(place.path()).await;
    let url = format!("http://{}", server.address);
    let person = Person::new();
    let pledger = Buyer::with_earnings(&server, 1).await;
    import(&person, "pledger", &pledger).await;
    let model = pinned_sha256().to_string();

    let uneven = ["pledge", "pledger", &model, "1", "--receipts", "3", "--url", &url];
    let refused = error(&person.bounty(&uneven).await);
    assert!(refused.contains("1 AIT cannot be parted into 3 equal rewards"), "{refused}");
    let pledge = ["pledge", "pledger", &model, "1", "--receipts", "2", "--min-work", "0.5", "--days", "2"];
    let pledged = json(&person.bounty(&[&pledge[..], &["--url", &url]].concat()).await);
    assert_eq!(pledged["bounty"], 1);

    let open = server.get("/v1/bounties?state=open").await.json();
    let bounty = &open["items"][0];
    assert_eq!((&bounty["id"], &bounty["state"], &bounty["model_sha256"]), (&json!(1), &json!("open"), &json!(model)));
    assert_eq!(bounty["model_names"], json!([MODEL]));
    assert_eq!((&bounty["rewards_free"], &bounty["reward"]), (&json!(2), &json!("500000000000000000")));
    assert_eq!(open["next_cursor"], Value::Null);
    assert_eq!(server.get("/v1/demand").await.json()["bounties"], open["items"]);
    let listed = text(&aitbc(&["bounty", "list", "--model", &model, "--url", &url]).await);
    assert!(listed.contains(MODEL) && listed.contains("2 of 2"), "{listed}");

    // What was served before the pledge does not count, nor does the pledger's own work.
    let old = receipt_of(&server, &pledger).await;
    let refused = error(&person.bounty(&["claim", "pledger", "1", &old, "--url", &url]).await);
    assert!(refused.contains("pledged bounty 1"), "{refused}");
    let miner = Buyer::with_earnings(&server, 2).await;
    import(&person, "miner", &miner).await;
    let refused = error(&person.bounty(&["claim", "miner", "1", &old, "--url", &url]).await);
    assert!(refused.contains("the receipt is of"), "{refused}");
    let receipt = receipt_of(&server, &miner).await;
    json(&person.bounty(&["claim", "miner", "1", &receipt, "--url", &url]).await);
    let refused = error(&person.bounty(&["claim", "miner", "1", &receipt, "--url", &url]).await);
    assert!(refused.contains("has claimed from bounty 1 before"), "{refused}");

    let detail = server.get("/v1/bounties/1").await.json();
    assert_eq!((&detail["bounty"]["rewards_waiting"], &detail["bounty"]["rewards_free"]), (&json!(1), &json!(1)));
    let claim = &detail["claims"][0];
    assert_eq!((&claim["state"], &claim["receipt_hash"]), (&json!("waiting"), &json!(receipt)));
    let before = server.app.node.token_balance(miner.address()).await.unwrap();
    json(&person.bounty(&["collect", "pledger", "1", "--miner", "miner", "--url", &url]).await);
    let after = server.app.node.token_balance(miner.address()).await.unwrap();
    assert_eq!(after.checked_sub(before).unwrap().to_string(), "0.5");
    let shown = text(&aitbc(&["bounty", "show", "1", "--url", &url]).await);
    assert!(shown.contains("paid        1"), "{shown}");
    let refused = error(&person.bounty(&["collect", "miner", "1", "--url", &url]).await);
    assert!(refused.contains("is paid already"), "{refused}");
    let refused = error(&person.bounty(&["refund", "pledger", "1", "--url", &url]).await);
    assert!(refused.contains("nothing goes back before"), "{refused}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attester_drops_a_claim() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(place.path()).await;
    let url = format!("http://{}", server.address);
    let person = Person::new();
    let pledger = Buyer::with_earnings(&server, 1).await;
    import(&person, "pledger", &pledger).await;
    let model = pinned_sha256().to_string();
    json(&person.bounty(&["pledge", "pledger", &model, "1", "--url", &url]).await);
    let miner = Buyer::with_earnings(&server, 2).await;
    import(&person, "miner", &miner).await;
    let receipt = receipt_of(&server, &miner).await;
    json(&person.bounty(&["claim", "miner", "1", &receipt, "--url", &url]).await);

    let reject = |wallet: &'static str| ["reject", wallet, "1", "miner", "another result", "--url", url.as_str()];
    let refused = person.bounty(&reject("pledger")).await;
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("the rejection would fail"), "{said}");
    let hub = std::fs::read_to_string(place.path().join("keys/hub-dev.key")).unwrap();
    json(&person.import("hub", hub.trim()).await);
    json(&person.bounty(&reject("hub")).await);
    let detail = server.get("/v1/bounties/1").await.json();
    assert_eq!((&detail["claims"][0]["state"], &detail["bounty"]["state"]), (&json!("dropped"), &json!("open")));
    let refused = error(&person.bounty(&["collect", "miner", "1", "--url", &url]).await);
    assert!(refused.contains("was dropped"), "{refused}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused_with_its_bound() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(place.path()).await;
    assert_eq!(server.get("/v1/bounties").await.json(), json!({"items": []}));
    for unreadable in ["cursor=x", "state=lost", "model=12", "limit=0", "limit=101", "from=1"] {
        let answer = server.get(&format!("/v1/bounties?{unreadable}")).await;
        assert!((400..500).contains(&answer.status), "{unreadable}: {}", answer.status);
        answer.problem(answer.status);
    }
    for unknown in ["0", "1", "18446744073709551615"] {
        server.get(&format!("/v1/bounties/{unknown}")).await.problem(404);
    }
    server.stop().await;
}

/// The models that could not be served, once so many requests were counted.
async fn unserved(server: &TestServer, asked: u64) -> Vec<Value> {
    for _ in 0..15_000 {
        let demand = server.get("/v1/demand").await.json();
        let unserved = demand["unserved"].as_array().unwrap().clone();
        if unserved.iter().map(|row| row["asked"].as_u64().unwrap()).sum::<u64>() == asked {
            return unserved;
        }
        tokio::task::yield_now().await;
    }
    panic!("{asked} were not counted: {}", server.get("/v1/demand").await.json());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_nobody_serves_counts_once_for_each_asker() {
    let place = tempfile::tempdir().unwrap();
    let mut behind = config(place.path());
    behind.behind_proxy = true;
    let server = TestServer::start_with(behind).await;
    let job = |model: &str| json!({"kind": "text", "model": model, "input": {"prompt": "Tell of a lake"}});
    let from = |address: &'static str| [("x-forwarded-for", address)];
    for _ in 0..3 {
        server.post_with("/v1/jobs", &from("10.0.0.1"), &job("llama3.2:1b")).await.problem(422);
    }
    let mut quoted = job("llama3.2:1b");
    quoted["payment"] = json!({"mode": "escrow", "client": "0x0101010101010101010101010101010101010101"});
    server.post_with("/v1/quotes", &from("10.0.0.1"), &quoted).await.problem(422);
    assert_eq!(unserved(&server, 1).await[0]["model"], "llama3.2:1b");

    server.post_with("/v1/quotes", &from("10.0.0.2"), &quoted).await.problem(422);
    let client = server.client_key(ApiScope::Client, None).await;
    // A key asks in private.
    server.post_with("/v1/jobs", &[("x-api-key", &client.secret)], &job("a-secret-model")).await.problem(422);
    // No name, and a request that would be refused for another reason too.
    server.post_with("/v1/jobs", &from("10.0.0.3"), &job("buy this now")).await.problem(422);
    let mut wrong = job("qwen3:4b");
    wrong["input"]["max_tokens"] = json!(0);
    server.post_with("/v1/jobs", &from("10.0.0.3"), &wrong).await.problem(422);
    // Another network of a site counts with it.
    server.post_with("/v1/quotes", &from("2001:db8:1:1::1"), &quoted).await.problem(422);
    server.post_with("/v1/quotes", &from("2001:db8:1:2::1"), &quoted).await.problem(422);
    let rows = unserved(&server, 3).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((&rows[0]["asked"], &rows[0]["kind"]), (&json!(3), &json!("text")));
    server.stop().await;
}
