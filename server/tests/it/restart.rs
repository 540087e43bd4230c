//! Nothing that was acknowledged is lost when the server goes away and comes back.

use shared::api::receipts::SettlementState;

use super::server::{TestServer, config, is_minted};
use super::worker::{TestWorker, key, result};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_brings_its_result_to_the_next_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let running = server.submit(&[], 1).await;
    let waiting = server.submit(&[], 2).await;
    let assignment = worker.assignment().await;
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    server.stop().await;

    let server = TestServer::start(folder.path()).await;
    assert_eq!(server.get(&format!("/v1/jobs/{running}")).await.json()["state"], "RUNNING");
    let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
    assert_eq!(server.post(&path, &submission).await.status, 200);
    let job = server.follow(&running, &[], is_minted).await;
    assert!(job["faults"].as_array().unwrap().is_empty(), "the restart was blamed on somebody");
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    assert_eq!(worker.assignment().await.task.job_id.to_string(), waiting);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_names_its_lease_keeps_it_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let id = server.submit(&[], 1).await;
    let assignment = worker.assignment().await;
    server.stop().await;
    let server = TestServer::start(folder.path()).await;
    let _back = TestWorker::reconnect(server.address, key(1), 1, vec![assignment.lease_id]).await;
    let job = server.get(&format!("/v1/jobs/{id}")).await.json();
    assert_eq!((job["state"].as_str(), job["faults"].as_array().unwrap().len()), (Some("RUNNING"), 0));
    server.stop().await;
}

/// The chain lost what the hub had signed, as after a crash between the two: the very same bytes go out again.
#[tokio::test(flavor = "multi_thread")]
async fn a_signed_mint_that_was_never_sent_is_sent_after_the_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let id = server.submit(&[], 1).await;
    let assignment = worker.assignment().await;
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
    let before = server.follow(&id, &[], is_minted).await;
    server.stop().await;

    // An empty chain under the same hub: its transaction is open again, and unknown to it.
    std::fs::remove_file(folder.path().join("chain.redb")).unwrap();
    reopen_outbox(folder.path()).await;
    let server = TestServer::start(folder.path()).await;
    let after = server.follow(&id, &[], is_minted).await;
    assert_eq!(after["mint"]["transaction_hash"], before["mint"]["transaction_hash"], "another transaction was signed");
    assert_eq!(server.app.node.token_supply().await.unwrap().atto(), 8_192_000_000_000_000);
    server.stop().await;
}

/// Puts the database back to the moment before the block was recorded.
async fn reopen_outbox(folder: &std::path::Path) {
    use sea_orm::{ConnectionTrait, Database};
    let url = format!("sqlite://{}", folder.join("hub.sqlite").display());
    let database = Database::connect(url).await.unwrap();
    for sql in [
        "UPDATE outbox SET state = 'signed', block_number = NULL",
        "UPDATE job_receipt SET settlement = 'submitted', block_number = NULL",
    ] {
        database.execute_unprepared(sql).await.unwrap();
    }
    database.close().await.unwrap();
}

/// A receipt that another account mints first counts once, and the hub finds out.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_is_minted_already_is_recorded_where_it_was_minted() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let id = server.submit(&[], 1).await;
    let assignment = worker.assignment().await;
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
    let before = server.follow(&id, &[], is_minted).await;
    server.stop().await;

    forget_mint(folder.path()).await;
    let server = TestServer::start(folder.path()).await;
    let after = server.follow(&id, &[], is_minted).await;
    assert_eq!(after["mint"], before["mint"]);
    let receipt = server.app.store.find_receipt_of_job(id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(receipt.settlement, SettlementState::Minted);
    assert_eq!(server.app.node.token_supply().await.unwrap().atto(), 8_192_000_000_000_000);
    server.stop().await;
}

/// The hub forgets that it ever signed anything for its receipts.
async fn forget_mint(folder: &std::path::Path) {
    use sea_orm::{ConnectionTrait, Database};
    let url = format!("sqlite://{}", folder.join("hub.sqlite").display());
    let database = Database::connect(url).await.unwrap();
    for sql in [
        "DELETE FROM outbox",
        "UPDATE job_receipt SET settlement = 'pending', block_number = NULL, transaction_hash = NULL",
    ] {
        database.execute_unprepared(sql).await.unwrap();
    }
    database.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_has_the_same_keys_and_chain() {
    let folder = tempfile::tempdir().unwrap();
    let first = TestServer::start_with(config(folder.path())).await;
    let (hub, genesis) = (first.app.hub_key.address(), first.app.node.genesis_hash());
    first.stop().await;
    let second = TestServer::start(folder.path()).await;
    assert_eq!((second.app.hub_key.address(), second.app.node.genesis_hash()), (hub, genesis));
    second.stop().await;
}
