//! The pages and files of the marketplace over a real board and store.

use serde_json::{Value, json};
use shared::api::keys::ApiScope;

use super::server::{TestServer, is_minted};
use super::worker::result;

async fn page(server: &TestServer, path: &str) -> (u16, String) {
    let answer = server.send("GET", path, &[("accept", "text/html")], vec![]).await;
    (answer.status, String::from_utf8(answer.body).unwrap())
}

/// The rows of a CSV file, each field by the name of its column.
async fn rows(server: &TestServer, path: &str) -> Vec<Value> {
    let answer = server.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
    let text = String::from_utf8(answer.body).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let heads = lines.next().unwrap();
    lines.map(|fields| heads.iter().cloned().zip(fields.into_iter().map(Value::from)).collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_market_shows_what_the_board_and_the_store_have() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let pinned = server.get("/v1/status").await.json()["default_model"].as_str().unwrap().to_owned();
    let mut worker = server.connect_worker().await;
    let id = server.submit(&[], 1).await;
    let assignment = worker.assignment().await;
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
    assert_eq!(server.post(&path, &submission).await.status, 200);
    server.follow(&id, &[], is_minted).await;

    // The first question reads the sums, which are kept for a while.
    let models = rows(&server, "/api/marketplace/csv/models").await;
    let model = models.iter().find(|row| row["model"] == pinned.as_str()).unwrap();
    assert_eq!((&model["miners"], &model["jobs"], &model["jobs_last_day"]), (&json!("1"), &json!("1"), &json!("1")));
    assert_eq!((&model["pinned"], &model["kind"]), (&json!("true"), &json!("image")));
    let miner = worker.key.address().to_string();
    let offers = rows(&server, &format!("/api/marketplace/csv/offers?model={pinned}")).await;
    assert_eq!(offers.len(), 1);
    assert_eq!(offers[0]["miner"].as_str().unwrap().to_lowercase(), miner.to_lowercase());
    assert_eq!(offers[0]["unit_price_ait"], model["lowest_ait"]);
    assert_eq!(offers[0]["speed_measured_by_hub"], "true", "its result was measured");
    let days = rows(&server, &format!("/api/marketplace/csv/days?kind=image&model={pinned}")).await;
    assert_eq!((&days[0]["jobs"], &days[0]["unit_price_ait"]), (&json!("1"), &offers[0]["unit_price_ait"]));

    let (status, html) = page(&server, &format!("/models/{pinned}")).await;
    assert_eq!(status, 200);
    assert!(html.contains(&format!("/jobs/{id}")), "the public job is a sample");
    assert!(html.contains(&format!("/miners/{miner}")), "who serves it");
    let (status, html) = page(&server, "/miners?kind=image").await;
    assert!(status == 200 && html.contains("data-testid=\"offers\"") && html.contains(&pinned));
    let none = rows(&server, "/api/marketplace/csv/offers?reputation=100&price=0").await;
    assert!(none.is_empty(), "a filter is applied: {none:?}");
    assert!(page(&server, "/models").await.1.contains(&format!("/models/{pinned}?kind=image")));

    assert_eq!(page(&server, "/models/nobody-knows-it").await.0, 404);
    let miners = rows(&server, "/api/marketplace/csv/miners").await;
    assert_eq!(
        (&miners[0]["online"], &miners[0]["paused"], &miners[0]["results"]),
        (&json!("true"), &json!("false"), &json!("1"))
    );
    assert!(rows(&server, "/api/marketplace/csv/bounties").await.is_empty());
    assert_eq!(server.get("/api/marketplace/csv/nothing").await.status, 404);
    for query in ["offers?colour=red", "offers?memory=much", "days"] {
        server.get(&format!("/api/marketplace/csv/{query}")).await.problem(422);
    }
    for path in ["/Marketplace", "/marketplace"] {
        let (status, html) = page(&server, path).await;
        assert!(status == 200 && html.contains("data-testid=\"offers\""), "{path} leads to the offers");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_job_is_counted_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let pinned = server.get("/v1/status").await.json()["default_model"].as_str().unwrap().to_owned();
    let key = server.client_key(ApiScope::Client, None).await.secret;
    let headers = [("x-api-key", key.as_str())];
    let mut worker = server.connect_worker().await;
    let id = server.submit(&headers, 1).await;
    let assignment = worker.assignment().await;
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
    assert_eq!(server.post(&path, &submission).await.status, 200);
    server.follow(&id, &headers, is_minted).await;
    let models = rows(&server, "/api/marketplace/csv/models?kind=image").await;
    let model = models.iter().find(|row| row["model"] == pinned.as_str()).unwrap();
    assert_eq!(model["jobs"], "1");
    let (_, html) = page(&server, &format!("/models/{pinned}")).await;
    assert!(!html.contains(&format!("/jobs/{id}")) && html.contains("Nothing to show yet"));
    server.stop().await;
}
