//! A port in use, a full disk, a disk that fails: a clear sentence, and nothing lost.

use std::sync::Arc;

use serde_json::Value;
use server::hub::HubSeal;
use server::serve::{ServeError, Server};
use shared::amount::Amount;
use shared::capability::ModelOffer;
use shared::job::lifecycle::{JobState, TaskEvent, TaskLife};
use shared::job::task::TaskRole;
use shared::protocol::{Assignment, HubMessage};
use store::change::MoveTask;
use store::record::MovedTask;

use super::audits::{audited, auditing, honest};
use super::server::{TestServer, config, is_minted, small_job};
use super::victim::change_rows;
use super::worker::{TestWorker, capability, key, result};

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named_and_the_other_servers_data_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = config(&folder.path().join("data"));
    config.listen = other.local_addr().unwrap();
    let error = Server::start(config).await.err().unwrap();
    assert!(matches!(error, ServeError::PortInUse { .. }));
    assert!(error.to_string().contains(&other.local_addr().unwrap().port().to_string()), "{error}");
    assert!(!folder.path().join("data").exists(), "data was made for a server that did not start");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_new_jobs_and_results_and_loses_neither() {
    let folder = tempfile::tempdir().unwrap();
    let mut full = config(folder.path());
    full.max_database_pages = Some(240);
    full.limits.images_per_key_per_minute = 10_000;
    full.limits.sponsored_per_address_per_day = 10_000;
    let server = TestServer::start_with(full).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let mut acknowledged = vec![server.submit(&[], 0).await];
    let assignment = worker.assignment().await;
    let refused = loop {
        let answer = server.post("/v1/jobs", &small_job(acknowledged.len() as u64)).await;
        if answer.status != 201 {
            break answer;
        }
        acknowledged.push(answer.json()["id"].as_str().unwrap().to_owned());
        assert!(acknowledged.len() < 5_000, "the bound of the database had no effect");
    };
    let problem = refused.problem(507);
    assert_eq!(problem["type"], "/problems/disk-full");
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
    let answer = server.post(&path, &submission).await;
    if answer.status != 200 {
        answer.problem(507);
        assert_eq!(server.get(&format!("/v1/jobs/{}", acknowledged[0])).await.json()["state"], "RUNNING");
    }
    server.stop().await;

    // Somebody makes room.
    let server = TestServer::start(folder.path()).await;
    assert_eq!(server.post(&path, &submission).await.status, 200);
    server.follow(&acknowledged[0], &[], is_minted).await;
    for id in &acknowledged {
        assert_eq!(server.get(&format!("/v1/jobs/{id}")).await.status, 200, "{id} was lost");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_can_never_be_stored_is_given_up_and_its_miner_hears_so() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let id = server.submit(&[], 1).await;
    let assignment = worker.assignment().await;
    // An operator ends the job in the database, behind the hub's back.
    let life = TaskLife::default().apply(TaskEvent::Canceled).unwrap();
    let moved = MovedTask { task: assignment.task, life, job: JobState::Canceled };
    let seal = Arc::new(HubSeal { key: server.app.hub_key.clone(), chain_id: server.app.identity.chain_id });
    server.app.store.write(MoveTask { moved, at: server::clock::now(), ended: None, seal }).await.unwrap();

    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
    server.post(&path, &submission).await.problem(409);
    server.follow(&id, &[], |job| job["state"] == "CANCELED").await;
    let receipts = server.get(&format!("/v1/receipts?job_id={id}")).await.json();
    assert!(receipts["items"].as_array().unwrap().is_empty(), "{receipts}");
    server.stop().await;
}

#[tokio::test]
async fn a_miner_with_two_prices_for_one_model_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut twice = capability(1);
    let again = ModelOffer { unit_price: Amount::from_ait(2), ..twice.offers[2].clone() };
    twice.offers.push(again);
    let (_, answer) = TestWorker::ask(server.address, key(0x41), twice, vec![]).await;
    let reason = "capability: offers has the image model `aitbc-scenes-1` twice, for 1 and 2 AIT: a model of a kind has \
                  one price";
    assert_eq!(answer, HubMessage::Refused { reason: reason.into(), retryable: false });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_comes_again_while_what_it_audits_is_not_stored_and_is_paid_then() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(auditing(folder.path())).await;
    let mut first = TestWorker::connect(server.address, key(1), 1).await;
    let id = server.submit(&[], 7).await;
    let assignment = first.assignment().await;
    let mut auditor = TestWorker::connect(server.address, key(2), 1).await;
    let fails = "CREATE TRIGGER fails BEFORE INSERT ON job_receipt BEGIN SELECT RAISE(ABORT, 'the disk fails'); END";
    change_rows(folder.path(), &[fails]).await;
    let path_of = |assignment: &Assignment| format!("/v1/miners/jobs/{}/result", assignment.lease_id);
    let served = serde_json::to_value(honest(&first, &assignment)).unwrap();
    let answer = server.post(&path_of(&assignment), &served).await;
    assert!(answer.status >= 500, "{}", String::from_utf8_lossy(&answer.body));

    let audit = auditor.assignment().await;
    assert_eq!(audit.task.role, TaskRole::Audit);
    let opinion = honest(&auditor, &audit);
    let body = serde_json::to_value(&opinion).unwrap();
    let told = server.post(&path_of(&audit), &body).await.problem(503);
    assert!(told["detail"].as_str().unwrap().contains("being stored"), "{told}");
    change_rows(folder.path(), &["DROP TRIGGER fails"]).await;
    let mut taken = 503;
    for _ in 0..15_000 {
        taken = server.post(&path_of(&audit), &body).await.status;
        if taken != 503 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(taken, 200);
    assert_eq!(server.post(&path_of(&assignment), &served).await.status, 200, "the first miner asks again, too");
    let receipt = audited(&server, &id, "confirmed").await;
    let of_audit = opinion.receipt.hash().unwrap().to_string();
    assert_eq!(receipt["audit"]["opinions"][0]["receipt_hash"].as_str(), Some(of_audit.as_str()));
    is_held(&server, &of_audit).await;
    assert_eq!(server.app.hub.board().miner(auditor.address()).unwrap().faults, 0);
    server.stop().await;
}

/// Waits until the chain holds what a receipt is worth.
async fn is_held(server: &TestServer, receipt_hash: &str) {
    let mut told = Value::Null;
    for _ in 0..15_000 {
        told = server.get(&format!("/v1/receipts/{receipt_hash}")).await.json();
        if told["hold"]["state"] == "held" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the chain does not hold it: {told}");
}

/// The file system is not filled: the floor is set above what any has free.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_below_its_floor_takes_no_job_and_still_mints_what_was_taken() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let id = server.submit(&[], 1).await;
    let assignment = worker.assignment().await;
    assert_eq!(server.get("/v1/health").await.json()["disk_is_low"], false);
    server.stop().await;

    let mut low = config(folder.path());
    low.disk_floor_bytes = u64::MAX;
    let server = TestServer::start_with(low).await;
    let problem = server.post("/v1/jobs", &small_job(2)).await.problem(507);
    assert!(problem["detail"].as_str().unwrap().contains("disk"), "{problem}");
    assert_eq!(server.app.hub.board().queue_depth(), 0, "a refused job was queued");
    assert_eq!(server.get("/v1/health").await.json()["disk_is_low"], true);
    let ready = server.get("/health/ready").await;
    assert!(ready.json()["disk"].as_str().unwrap().contains("nearly full"), "operators are not told");
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    let taken = server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
    assert_eq!(taken.status, 200, "{}", String::from_utf8_lossy(&taken.body));
    server.follow(&id, &[], is_minted).await;
    server.stop().await;

    let server = TestServer::start(folder.path()).await;
    assert_eq!(server.post("/v1/jobs", &small_job(2)).await.status, 201, "a disk with room again takes no job");
    server.stop().await;
}
