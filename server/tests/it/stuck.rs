//! The hub counts each kind of thing that did not move on, from rows and chain alone, and says so everywhere.

use serde_json::{Value, json};
use server::clock;
use shared::time::MS_PER_DAY;

use super::payments::buyer::{Buyer, paid_job, text_job};
use super::server::{TestServer, is_minted};
use super::victim::change_rows;
use super::worker::result;

const KINDS: [&str; 6] = ["job", "lease", "reservation", "receipt", "hold", "transaction"];

fn counted(stuck: &Value) -> Vec<(String, u64)> {
    let count = |count: &Value| (count["kind"].as_str().unwrap().to_owned(), count["count"].as_u64().unwrap());
    stuck["counts"].as_array().unwrap().iter().map(count).collect()
}

/// What `/v1/status` says once it was counted.
async fn status(server: &TestServer) -> Value {
    loop {
        let stuck = server.get("/v1/status").await.json()["stuck"].clone();
        if !stuck["counted_at_unix_ms"].is_null() {
            return stuck;
        }
        tokio::task::yield_now().await;
    }
}

/// Rows that nothing of the hub moves on: each belongs to work that is over, or to another key.
const LEFT_BEHIND: [&str; 5] = [
    "UPDATE job SET state = 'RUNNING', deadline_unix_ms = 1000",
    "UPDATE lease SET ended_at_unix_ms = NULL, deadline_unix_ms = 1000",
    "UPDATE outbox SET state = 'signed', signed_at_unix_ms = 1000, signer = '0x0000000000000000000000000000000000000009'",
    // It waits for a moment that never comes.
    "UPDATE job_receipt SET settlement = 'pending', attested_at_unix_ms = 1000, not_before_unix_ms = 9000000000000000 \
     WHERE seq = (SELECT MIN(seq) FROM job_receipt)",
    "UPDATE job_receipt SET hold = 'held', due_unix = 1, not_before_unix_ms = 9000000000000000 \
     WHERE seq = (SELECT MAX(seq) FROM job_receipt)",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_counted_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let fresh = status(&server).await;
    assert_eq!(counted(&fresh), KINDS.map(|kind| (kind.to_owned(), 0)), "{fresh}");
    let mut worker = server.connect_worker().await;
    for seed in [1, 2] {
        let id = server.submit(&[], seed).await;
        let assignment = worker.assignment().await;
        let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
        let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
        assert_eq!(server.post(&path, &submission).await.status, 200);
        server.follow(&id, &[], is_minted).await;
    }
    drop(worker);
    server.stop().await;

    change_rows(folder.path(), &LEFT_BEHIND).await;
    let server = TestServer::start(folder.path()).await;
    let stuck = status(&server).await;
    let counts = counted(&stuck);
    for (kind, count) in &counts {
        let expected = match kind.as_str() {
            "job" | "lease" => 2,
            "receipt" | "hold" => 1,
            "reservation" => 0,
            _ => *count,
        };
        assert_eq!(*count, expected, "{kind}: {stuck}");
    }
    assert!(counts.iter().any(|(kind, count)| kind == "transaction" && *count > 0), "{stuck}");
    assert_eq!(stuck["total"].as_u64().unwrap(), counts.iter().map(|(_, count)| count).sum::<u64>());
    let receipt = &stuck["counts"][3];
    assert_eq!(receipt["oldest_unix_ms"], 1_000);
    let path = receipt["ask"].as_str().unwrap().strip_prefix("GET ").unwrap();
    let path = path.replace("NAME", receipt["names"][0].as_str().unwrap());
    assert_eq!(server.get(&path).await.status, 200, "{path}");

    let metrics = String::from_utf8(server.get("/metrics").await.body).unwrap();
    assert!(metrics.contains("aitbc_stuck{kind=\"lease\"} 2"), "{metrics}");
    let html = server.send("GET", "/explorer", &[("accept", "text/html")], vec![]).await;
    let html = String::from_utf8(html.body).unwrap();
    assert!(html.contains(&format!("stuck: {}", stuck["total"])), "the page says it");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_the_chain_has_set_aside_for_nothing_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let buyer = Buyer::with_deposit(&server, 2).await;
    let _worker = server.connect_worker().await;
    let (id, _) = buyer.buy(&server, &text_job()).await;
    paid_job(&server, &id, "reserved").await;
    let tomorrow = clock::now().plus_ms(MS_PER_DAY);
    let reservations = |view: shared::api::stuck::StuckView| {
        let count = view.counts.into_iter().find(|count| count.kind.as_str() == "reservation").unwrap();
        (count.count, count.names)
    };
    let view = server.app.stuck.count(tomorrow).await.unwrap();
    assert_eq!(view.chain_read_to, Some(server.app.node.head().unwrap().number));
    assert_eq!(reservations(view).0, 0, "its job still runs");
    server.stop().await;

    // The database forgets the job; the chain does not forget the money.
    let forget = ["DELETE FROM payment", "DELETE FROM task", "DELETE FROM lease", "DELETE FROM job"];
    change_rows(folder.path(), &forget).await;
    let server = TestServer::start(folder.path()).await;
    // The server's own first count would otherwise take the place of a later one.
    while server.app.stuck.latest().counted_at_unix_ms.is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(reservations(server.app.stuck.count(clock::now()).await.unwrap()).0, 0, "it may be on its way");
    let view = server.app.stuck.count(clock::now().plus_ms(MS_PER_DAY)).await.unwrap();
    assert_eq!(reservations(view), (1, vec![id]));
    assert_eq!(status(&server).await["counts"][2]["count"], json!(1), "the answer is the last count");
    server.stop().await;
}
