//! On a network that holds what it mints, a miner is paid once, when it is due, whatever crashes in between.

use std::path::Path;

use serde_json::Value;
use server::config::Config;

use super::server::{TestServer, config, is_minted};
use super::worker::{TestWorker, key, result};

fn holding(folder: &Path, hold_seconds: u64) -> Config {
    Config { hold_seconds, ..config(folder) }
}

/// Serves one job and answers its id once it is minted.
async fn earn(server: &TestServer, worker: &mut TestWorker, seed: u64) -> String {
    let id = server.submit(&[], seed).await;
    let assignment = worker.assignment().await;
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    let answer = server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
    assert_eq!(answer.status, 200);
    server.follow(&id, &[], is_minted).await;
    id
}

/// The receipt once its hold has this state.
async fn receipt_with_hold(server: &TestServer, id: &str, state: &str) -> Value {
    for _ in 0..15_000 {
        let receipt = server.get(&format!("/v1/jobs/{id}/receipt")).await.json();
        if receipt["hold"]["state"] == state {
            return receipt;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the hold of {id} did not become {state}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_shown_and_paid_by_one_release() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(holding(folder.path(), 2)).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let id = earn(&server, &mut worker, 7).await;
    let receipt = receipt_with_hold(&server, &id, "released").await;
    let block = server.app.node.block_by_number(receipt["mint"]["block_number"].as_u64().unwrap()).unwrap().unwrap();
    assert_eq!(receipt["hold"]["due_at"].as_u64(), Some(block.header.timestamp + 2));
    let (balance, supply) =
        (server.app.node.token_balance(worker.address()).await.unwrap(), server.app.node.token_supply().await.unwrap());
    assert_eq!((balance.to_string().as_str(), balance), ("0.008192", supply));
    let miner = server.get(&format!("/v1/miners/{}", worker.address())).await.json();
    assert_eq!((miner["earned"].as_str(), miner["held"].as_str()), (Some("8192000000000000"), Some("0")));
    // The mint and the release, and no block more: nothing else is due.
    assert_eq!(server.app.node.head().unwrap().number, receipt["mint"]["block_number"].as_u64().unwrap() + 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_due_stays_with_the_minter_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(holding(folder.path(), 86_400)).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let id = earn(&server, &mut worker, 7).await;
    receipt_with_hold(&server, &id, "held").await;
    server.stop().await;

    let server = TestServer::start_with(holding(folder.path(), 86_400)).await;
    let miner = server.get(&format!("/v1/miners/{}", worker.address())).await.json();
    assert_eq!(
        (miner["earned"].as_str(), miner["held"].as_str()),
        (Some("8192000000000000"), Some("8192000000000000"))
    );
    let account = server.get(&format!("/api/explorer/addresses/{}", worker.address())).await.json();
    assert_eq!((account["balance"].as_str(), account["held"].as_str()), (Some("0"), Some("8192000000000000")));
    assert_eq!(server.app.node.token_supply().await.unwrap().to_string(), "0.008192");
    server.stop().await;
}

/// The hub forgets that it looked anything up, and that it released: the chain tells it again, without a second payment.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_was_lost_is_found_on_the_chain() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(holding(folder.path(), 1)).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let id = earn(&server, &mut worker, 7).await;
    receipt_with_hold(&server, &id, "released").await;
    let head = server.app.node.head().unwrap().number;
    server.stop().await;

    forget_holds(folder.path()).await;
    let server = TestServer::start_with(holding(folder.path(), 1)).await;
    receipt_with_hold(&server, &id, "released").await;
    assert_eq!(server.app.node.head().unwrap().number, head, "a transaction was sent for nothing");
    let miner = server.get(&format!("/v1/miners/{}", worker.address())).await.json();
    assert_eq!((miner["earned"].as_str(), miner["held"].as_str()), (Some("8192000000000000"), Some("0")));
    server.stop().await;
}

async fn forget_holds(folder: &Path) {
    use sea_orm::{ConnectionTrait, Database};
    let url = format!("sqlite://{}", folder.join("hub.sqlite").display());
    let database = Database::connect(url).await.unwrap();
    for sql in ["DELETE FROM outbox WHERE kind = 'release'", "UPDATE job_receipt SET hold = NULL, due_unix = NULL"] {
        database.execute_unprepared(sql).await.unwrap();
    }
    database.close().await.unwrap();
}
