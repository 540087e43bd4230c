//! `GET /v1/search` over a real chain, store and board.

use serde_json::Value;
use shared::api::keys::ApiScope;

use super::server::{TestServer, is_minted};
use super::worker::result;

async fn hits(server: &TestServer, query: &str) -> Vec<(String, String)> {
    let answer = server.get(&format!("/v1/search?q={query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", String::from_utf8_lossy(&answer.body));
    let text = |hit: &Value, field: &str| hit[field].as_str().unwrap().to_owned();
    let items = answer.json()["items"].as_array().unwrap().clone();
    items.iter().map(|hit| (text(hit, "kind"), text(hit, "path"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_found_by_its_beginning_and_each_hit_has_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let model = server.get("/v1/status").await.json()["default_model"].as_str().unwrap().to_owned();
    let mut worker = server.connect_worker().await;
    let id = server.submit(&[], 1).await;
    let assignment = worker.assignment().await;
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
    assert_eq!(server.post(&path, &submission).await.status, 200);
    let job = server.follow(&id, &[], is_minted).await;
    let (receipt, transaction) =
        (job["receipt_hash"].as_str().unwrap(), job["mint"]["transaction_hash"].as_str().unwrap());
    let miner = worker.key.address().to_string();
    let token = shared::chain::TOKEN_ADDRESS.to_string();
    while server.get("/v1/status").await.json()["index"]["behind"] != 0 {
        tokio::task::yield_now().await;
    }
    let expected = [
        ("1".to_owned(), "block", "/explorer/blocks/1".to_owned()),
        (id[..12].to_owned(), "job", format!("/jobs/{id}")),
        (receipt[..10].to_owned(), "receipt", format!("/explorer/receipts/{receipt}")),
        (receipt.to_owned(), "receipt", format!("/explorer/receipts/{receipt}")),
        (
            transaction[..10].to_uppercase().replace("0X", "0x"),
            "transaction",
            format!("/explorer/transactions/{transaction}"),
        ),
        (transaction.to_owned(), "transaction", format!("/explorer/transactions/{transaction}")),
        (miner[..9].to_owned(), "miner", format!("/miners/{miner}")),
        (miner.clone(), "address", format!("/explorer/addresses/{miner}")),
        (token[..16].to_owned(), "token", format!("/explorer/tokens/{token}")),
        (model[..5].to_owned(), "model", format!("/models/{model}?kind=image")),
        ("mining".to_owned(), "document", "/docs/mining".to_owned()),
    ];
    for (text, kind, path) in expected {
        let found = hits(&server, &text).await;
        assert!(found.contains(&(kind.to_owned(), path.clone())), "{text}: {found:?}");
        for (_, path) in found {
            let page = server.send("GET", &path, &[("accept", "text/html")], vec![]).await;
            assert_eq!(page.status, 200, "{text} leads to {path}");
        }
    }
    for nothing in ["", "x", "0x1", "job_zz", "%25%27", "999999999", "no-such-name"] {
        assert!(hits(&server, nothing).await.is_empty(), "{nothing}");
    }
    assert_eq!(hits(&server, "0xab&limit=1").await.len().min(1), hits(&server, "0xab&limit=1").await.len());
    server.get(&format!("/v1/search?q={}", "a".repeat(101))).await.problem(422);
    server.get("/v1/search?q=a&limit=21").await.problem(422);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_job_is_not_suggested() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let key = server.client_key(ApiScope::Client, None).await.secret;
    let id = server.submit(&[("x-api-key", &key)], 1).await;
    let answer = server.send("GET", &format!("/v1/search?q={id}"), &[("x-api-key", &key)], vec![]).await;
    assert!(answer.json()["items"].as_array().unwrap().is_empty(), "not even to its own client");
    server.stop().await;
}
