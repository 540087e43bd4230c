//! The transparency log as its auditors meet it: proven over HTTP, counted again by the command, and never forked.

mod crash;
mod recompute;

use serde_json::{Value, json};
use shared::api::log::{ConsistencyProof, FailureView, InclusionProof, LogSlice};
use shared::failure::{FailureEnd, FailureStage};
use shared::log::entry::EntryKind;
use shared::log::proof::{Head, verify_consistency, verify_inclusion};
use shared::log::tree::leaf_hash;
use shared::log::{LogEntry, SignedCheckpoint};
use shared::protocol::Assignment;

use super::command_line::{aitbc, error, json as json_of, text};
use super::server::{TestServer, is_minted};
use super::worker::{TestWorker, result};

/// Answers the next assignment with a picture.
async fn serve_one(server: &TestServer, worker: &mut TestWorker) {
    let assignment = worker.assignment().await;
    serve(server, worker, &assignment).await;
}

async fn serve(server: &TestServer, worker: &TestWorker, assignment: &Assignment) {
    let submission = serde_json::to_value(result(&worker.key, assignment)).unwrap();
    let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
    let answer = server.post(&path, &submission).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
}

/// Makes a job and cancels it at once.
async fn cancel_one(server: &TestServer, seed: u64) -> String {
    let (id, token) = server.submit_for_token(seed).await;
    let canceled = server.send("DELETE", &format!("/v1/jobs/{id}"), &[("x-job-token", &token)], vec![]).await;
    assert!(canceled.status < 300, "{}", String::from_utf8_lossy(&canceled.body));
    server.follow(&id, &[], |job| job["state"] == "CANCELED").await;
    id
}

async fn read<T: serde::de::DeserializeOwned>(server: &TestServer, path: &str) -> T {
    let answer = server.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
    serde_json::from_slice(&answer.body).unwrap()
}

async fn checkpoint(server: &TestServer) -> Head {
    let signed: SignedCheckpoint = read(server, "/v1/log/checkpoint").await;
    signed.verify().unwrap();
    assert_eq!(signed.hub, server.app.hub_key.address());
    signed.checkpoint.head()
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_and_failures_are_proven_to_be_in_a_log_that_only_grows() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let empty = checkpoint(&server).await;
    assert_eq!(empty.size, 0);
    let failed = cancel_one(&server, 1).await;
    let earlier = checkpoint(&server).await;
    let mut worker = server.connect_worker().await;
    let served = server.submit(&[], 2).await;
    serve_one(&server, &mut worker).await;
    server.follow(&served, &[], is_minted).await;
    let later = checkpoint(&server).await;
    assert_eq!((earlier.size, later.size), (1, 2));

    let slice: LogSlice = read(&server, "/v1/log/entries").await;
    let entries: Vec<LogEntry> = slice.entries.iter().map(|leaf| serde_json::from_str(&leaf.leaf).unwrap()).collect();
    let kinds: Vec<EntryKind> = entries.iter().map(LogEntry::kind).collect();
    assert_eq!((kinds, slice.size), (vec![EntryKind::Failure, EntryKind::Receipt], 2));
    assert!(slice.entries.iter().all(|leaf| leaf_hash(leaf.leaf.as_bytes()) == leaf.leaf_hash));
    let LogEntry::Receipt(receipt) = &entries[1] else { panic!("a receipt") };
    receipt.verify().unwrap();

    let consistent: ConsistencyProof = read(&server, "/v1/log/proof/consistency?from=1").await;
    verify_consistency(earlier, later, &consistent.proof).unwrap();
    assert_eq!((consistent.from_root, consistent.to_root), (earlier.root, later.root));
    for (asked, index) in [
        (format!("failure={failed}"), 0),
        (format!("receipt={}", receipt.receipt_hash), 1),
        ("index=1&size=2".to_owned(), 1),
    ] {
        let proven: InclusionProof = read(&server, &format!("/v1/log/proof/inclusion?{asked}")).await;
        assert_eq!((proven.index, proven.size, proven.root), (index, 2, later.root), "{asked}");
        verify_inclusion(proven.leaf_hash, proven.index, proven.size, &proven.proof, later.root).unwrap();
    }
    let in_earlier: InclusionProof = read(&server, "/v1/log/proof/inclusion?index=0&size=1").await;
    assert_eq!((in_earlier.root, in_earlier.proof.len()), (earlier.root, 0));

    for (path, status) in [
        ("/v1/log/entries?limit=0", 422),
        ("/v1/log/entries?limit=101", 422),
        ("/v1/log/proof/inclusion?index=2", 422),
        ("/v1/log/proof/inclusion?index=0&size=3", 422),
        ("/v1/log/proof/inclusion", 422),
        ("/v1/log/proof/inclusion?index=0&failure=job_00000000000000000000000000000001", 422),
        ("/v1/log/proof/inclusion?failure=job_00000000000000000000000000000001", 404),
        ("/v1/log/proof/consistency?from=0", 422),
        ("/v1/log/proof/consistency?from=2&to=1", 422),
        ("/v1/log/proof/consistency?from=1&to=3", 422),
        ("/v1/jobs/job_00000000000000000000000000000001/failure", 404),
    ] {
        server.get(path).await.problem(status);
    }
    server.get(&format!("/v1/jobs/{served}/failure")).await.problem(404);
    let beyond: LogSlice = read(&server, "/v1/log/entries?from=2").await;
    assert!(beyond.entries.is_empty() && beyond.size == 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_job_has_a_record_that_is_verified_offline_and_on_its_page() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let id = cancel_one(&server, 1).await;
    let answer = server.get(&format!("/v1/jobs/{id}/failure")).await;
    let view: FailureView = serde_json::from_slice(&answer.body).unwrap();
    view.signed.verify().unwrap();
    let failure = &view.signed.failure;
    assert_eq!((failure.end, failure.stage), (FailureEnd::Canceled, FailureStage::Queue));
    assert_eq!((failure.hub, failure.job_id.to_string()), (server.app.hub_key.address(), id.clone()));
    let page = String::from_utf8(server.get(&format!("/jobs/{id}")).await.body).unwrap();
    assert!(page.contains("holds: this hub’s key signed this record") && page.contains("the client canceled it"));

    let file = folder.path().join("failure.json");
    std::fs::write(&file, &answer.body).unwrap();
    let path = file.to_str().unwrap();
    assert_eq!(json_of(&aitbc(&["receipt", "verify", path, "--json"]).await)["valid"], true);
    let rpc = format!("http://{}/rpc", server.address);
    let told = text(&aitbc(&["receipt", "verify", path, "--rpc", &rpc]).await);
    assert!(told.contains("the client canceled it") && told.contains("nothing was reserved"), "{told}");
    let transaction = json!({"transaction_hash": format!("0x{}", "01".repeat(32)), "block_number": 1});
    for (pointer, forged, said) in [
        ("/failure/reason", json!("a storm"), "hashes to"),
        ("/failure/hub", json!(format!("0x{}", "01".repeat(20))), "hashes to"),
        ("/failure/end", json!("won"), "is not a signed failure"),
        ("/refund", json!({"amount": "1", "transaction": transaction, "log_index": 1}), "the chain has none"),
    ] {
        let mut altered: Value = serde_json::from_slice(&answer.body).unwrap();
        if pointer == "/refund" {
            altered["refund"] = forged;
        } else {
            *altered.pointer_mut(pointer).unwrap() = forged;
        }
        std::fs::write(&file, altered.to_string()).unwrap();
        let refused = error(&aitbc(&["receipt", "verify", path, "--rpc", &rpc]).await);
        assert!(refused.contains(said), "{pointer}: {refused}");
    }
    server.stop().await;
}
