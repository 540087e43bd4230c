//! The whole server over a PostgreSQL of its own, as `DATABASE_URL` sets it up.

use shared::api::receipts::SettlementState;
use test_support::postgres::database_or_skip;

use super::server::{TestServer, config, is_minted, small_job};
use super::worker::{TestWorker, key, result};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_minted_over_postgresql_and_a_restart_forgets_nothing() {
    let Some(url) = database_or_skip() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.database_url = Some(url.parse().unwrap());
    config.limits.images_per_key_per_minute = 2;
    let server = TestServer::start_with(config.clone()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let running = server.submit(&[], 1).await;
    let waiting = server.submit(&[], 2).await;
    assert_eq!(server.post("/v1/jobs", &small_job(3)).await.status, 429);
    let assignment = worker.assignment().await;
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    server.stop().await;

    let server = TestServer::start_with(config).await;
    let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
    assert_eq!(server.post(&path, &submission).await.status, 200);
    server.follow(&running, &[], is_minted).await;
    let receipt = server.app.store.find_receipt_of_job(running.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(receipt.settlement, SettlementState::Minted);
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    assert_eq!(worker.assignment().await.task.job_id.to_string(), waiting);
    server.stop().await;
    assert!(!folder.path().join("hub.sqlite").exists(), "a second database was made");
}
