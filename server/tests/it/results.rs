//! Results that must not count: from the wrong hand, forged, replayed, or not what was asked for.

use serde_json::Value;
use shared::amount::Amount;
use shared::digest::Sha256Digest;
use shared::protocol::{Assignment, ReceiptTerms, ResultSubmission};

use super::server::{TestServer, is_minted};
use super::worker::{TestWorker, key, picture, receipt, result, sign};

async fn post(server: &TestServer, assignment: &Assignment, submission: &ResultSubmission) -> super::server::Answer {
    let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
    server.post(&path, &serde_json::to_value(submission).unwrap()).await
}

async fn state(server: &TestServer, assignment: &Assignment) -> Value {
    server.get(&format!("/v1/jobs/{}", assignment.task.job_id)).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_from_another_miner_or_with_a_foreign_signature_is_refused_and_harms_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    server.submit(&[], 1).await;
    let assignment = worker.assignment().await;
    let mut forged = result(&worker.key, &assignment);
    forged.receipt.unit_price = Amount::from_ait(1_000_000);
    let bytes = picture(64, 64, 1);
    let other_contract = ReceiptTerms { contract: shared::Address::repeat_byte(9), ..assignment.terms.clone() };
    let for_another_contract =
        sign(&worker.key, receipt(worker.address(), &assignment, &bytes), &other_contract, &bytes);
    for submission in [result(&key(2), &assignment), forged, for_another_contract] {
        post(&server, &assignment, &submission).await.problem(403);
        assert_eq!(state(&server, &assignment).await["state"], "RUNNING", "a stranger ended the lease");
    }
    let unknown = format!("/v1/miners/jobs/lease_{}/result", "0".repeat(32));
    let honest = result(&worker.key, &assignment);
    server.post(&unknown, &serde_json::to_value(&honest).unwrap()).await.problem(404);
    assert_eq!(post(&server, &assignment, &honest).await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_result_gets_the_first_answer_and_mints_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let id = server.submit(&[], 1).await;
    let assignment = worker.assignment().await;
    let honest = result(&worker.key, &assignment);
    let first = post(&server, &assignment, &honest).await;
    server.follow(&id, &[], is_minted).await;
    let second = post(&server, &assignment, &honest).await;
    assert_eq!((first.status, first.json()), (second.status, second.json()));
    // The same work under another nonce is another receipt, and the job has one already.
    post(&server, &assignment, &result(&worker.key, &assignment)).await.problem(409);
    let supply = server.app.node.token_supply().await.unwrap();
    assert_eq!(supply.atto(), 8_192_000_000_000_000);
    let miner = server.get(&format!("/v1/miners/{}", worker.address())).await.json();
    assert_eq!(miner["jobs_completed"], 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_miner_signed_but_does_not_hold_ends_its_lease_with_blame() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let id = server.submit(&[], 1).await;
    type Spoil = fn(&TestWorker, &Assignment) -> ResultSubmission;
    let spoilt: [(&str, Spoil); 3] = [
        ("result_commitment", |worker, assignment| {
            let mut submission = result(&worker.key, assignment);
            submission.artifacts =
                result(&worker.key, &Assignment { work: other_seed(assignment), ..assignment.clone() }).artifacts;
            submission
        }),
        ("pixels", |worker, assignment| {
            let small = picture(32, 32, 1);
            sign(&worker.key, receipt(worker.address(), assignment, &small), &assignment.terms, &small)
        }),
        ("receipt.unit_price", |worker, assignment| {
            let bytes = picture(64, 64, 1);
            let mut greedy = receipt(worker.address(), assignment, &bytes);
            greedy.unit_price = Amount::from_ait(1_000);
            sign(&worker.key, greedy, &assignment.terms, &bytes)
        }),
    ];
    for (word, spoil) in spoilt {
        let assignment = worker.assignment().await;
        let problem = post(&server, &assignment, &spoil(&worker, &assignment)).await.problem(422);
        assert!(problem["detail"].as_str().unwrap().contains(word), "{problem}");
    }
    let job = server.follow(&id, &[], |job| job["state"] == "FAILED").await;
    let faults = job["faults"].as_array().unwrap();
    assert!(faults.len() == 3 && faults.iter().all(|fault| fault["blame"] == "miner"), "{faults:?}");
    assert!(server.get(&format!("/v1/receipts?job_id={id}")).await.json()["items"].as_array().unwrap().is_empty());
    assert_eq!(server.app.node.token_supply().await.unwrap(), Amount::ZERO);
    server.stop().await;
}

/// Bounties pay by what the receipt says there.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_for_another_model_than_the_one_on_offer_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let id = server.submit(&[], 1).await;
    let assignment = worker.assignment().await;
    let bytes = picture(64, 64, 1);
    let mut other = receipt(worker.address(), &assignment, &bytes);
    other.determinism_class = format!("{}@{}/test", other.model, Sha256Digest::of(b"what somebody pledged for"));
    let spoilt = sign(&worker.key, other, &assignment.terms, &bytes);
    let problem = post(&server, &assignment, &spoilt).await.problem(422);
    assert!(problem["detail"].as_str().unwrap().contains("receipt.determinism_class"), "{problem}");
    let again = worker.assignment().await;
    assert_eq!(post(&server, &again, &result(&worker.key, &again)).await.status, 200);
    server.follow(&id, &[], is_minted).await;
    server.stop().await;
}

fn other_seed(assignment: &Assignment) -> shared::job::request::Work {
    let shared::job::request::Work::Image(mut input) = assignment.work.clone() else { panic!("a picture") };
    input.seed += 1;
    shared::job::request::Work::Image(input)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_worker_returns_its_job_and_its_late_result_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut first = TestWorker::connect(server.address, key(1), 1).await;
    let id = server.submit(&[], 1).await;
    let lost = first.assignment().await;
    let late = result(&first.key, &lost);
    drop(first);
    let mut second = TestWorker::connect(server.address, key(2), 1).await;
    let assignment = second.assignment().await;
    assert_eq!(assignment.task.job_id, lost.task.job_id);
    post(&server, &lost, &late).await.problem(409);
    assert_eq!(post(&server, &assignment, &result(&second.key, &assignment)).await.status, 200);
    let job = server.follow(&id, &[], is_minted).await;
    assert_eq!(job["faults"][0]["blame"], "network");
    assert_eq!(job["mint"]["provider"].as_str().unwrap().to_lowercase(), format!("{:#x}", second.address()));
    server.stop().await;
}
