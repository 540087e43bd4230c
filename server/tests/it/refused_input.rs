//! Jobs whose input a miner refuses: the client reads why, and the miner keeps its name unless another one proves it wrong.

use serde_json::{Value, json};
use shared::Address;
use shared::job::lifecycle::Blame;
use shared::protocol::{Assignment, WorkerMessage};

use super::server::{TestServer, is_minted};
use super::worker::{TestWorker, key, result};

const REASON: &str = "input.prompt is 1 to 255 tokens for this model, got 900";

async fn refuse(worker: &mut TestWorker, assignment: &Assignment) {
    worker.send(&WorkerMessage::fail(assignment.lease_id, Blame::Input, false, REASON)).await;
}

/// Faults and reputation on the miner's public profile.
async fn name(server: &TestServer, miner: Address) -> (Option<u64>, Option<u64>) {
    let profile = server.get(&format!("/v1/miners/{miner}")).await.json();
    (profile["faults"].as_u64(), profile["reputation_per_mille"].as_u64())
}

fn is_failed(job: &Value) -> bool {
    job["state"] == "FAILED"
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_a_lone_miner_refuses_fails_its_job_at_once_in_the_miners_words() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let id = server.submit(&[], 1).await;
    let assignment = worker.assignment().await;
    refuse(&mut worker, &assignment).await;
    let job = server.follow(&id, &[], is_failed).await;
    let lease_id = assignment.lease_id;
    assert_eq!(job["faults"], json!([{"lease_id": lease_id, "blame": "input", "reason": REASON}]));
    let page = server.get(&format!("/jobs/{id}")).await;
    assert!(String::from_utf8_lossy(&page.body).contains(REASON), "the job's page does not say why");
    assert_eq!(name(&server, worker.address()).await, (Some(0), Some(1_000)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_two_miners_refuse_fails_its_job_and_costs_neither_anything() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut first = TestWorker::connect(server.address, key(1), 1).await;
    let id = server.submit(&[], 1).await;
    let assignment = first.assignment().await;
    let mut second = TestWorker::connect(server.address, key(2), 1).await;
    refuse(&mut first, &assignment).await;
    let again = second.assignment().await;
    assert_eq!(again.task, assignment.task);
    refuse(&mut second, &again).await;
    let job = server.follow(&id, &[], is_failed).await;
    let blames: Vec<_> = job["faults"].as_array().unwrap().iter().map(|fault| fault["blame"].clone()).collect();
    assert_eq!(blames, ["input", "input"]);
    for miner in [first.address(), second.address()] {
        assert_eq!(name(&server, miner).await, (Some(0), Some(1_000)));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_input_that_another_miner_serves_is_the_fault_of_who_refused_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut lazy = TestWorker::connect(server.address, key(1), 1).await;
    let id = server.submit(&[], 1).await;
    let assignment = lazy.assignment().await;
    let mut other = TestWorker::connect(server.address, key(2), 1).await;
    refuse(&mut lazy, &assignment).await;
    let assignment = other.assignment().await;
    let submission = serde_json::to_value(result(&other.key, &assignment)).unwrap();
    let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
    assert_eq!(server.post(&path, &submission).await.status, 200);
    let job = server.follow(&id, &[], is_minted).await;
    assert_eq!((job["state"].as_str(), job["faults"][0]["reason"].as_str()), (Some("COMPLETED"), Some(REASON)));
    while name(&server, lazy.address()).await == (Some(0), Some(1_000)) {
        tokio::task::yield_now().await;
    }
    assert_eq!(name(&server, lazy.address()).await, (Some(1), Some(500)));
    assert_eq!(name(&server, other.address()).await, (Some(0), Some(1_000)));
    server.stop().await;
}
