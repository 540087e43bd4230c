//! The program itself: what it prints, how it fails.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use super::server::{TestServer, is_minted};
use super::worker::{TestWorker, key, result};

async fn aitbc(arguments: &[&str]) -> Output {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let run = move || Command::new(env!("CARGO_BIN_EXE_aitbc")).args(arguments).output().unwrap();
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// One sentence on stderr, nothing on stdout, and a code that is not 0.
#[track_caller]
fn error(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && output.stdout.is_empty(), "{text}");
    assert!(text.starts_with("error: ") && text.trim_end().lines().count() == 1, "{text}");
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_made_beside_a_running_server_work_and_stop_working_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let data = folder.path().to_str().unwrap();
    let created = json(&aitbc(&["keys", "api", "create", "--data", data, "--label", "shop", "--json"]).await);
    let secret = created["secret"].as_str().unwrap();
    server.submit(&[("x-api-key", secret)], 1).await;
    let listed = aitbc(&["keys", "api", "list", "--data", data, "--json"]).await;
    assert!(!String::from_utf8_lossy(&listed.stdout).contains(secret), "a secret was shown twice");
    assert_eq!(json(&listed)[0]["label"], "shop");
    let id = created["key"]["id"].as_str().unwrap();
    assert!(aitbc(&["keys", "api", "revoke", id, "--data", data]).await.status.success());
    let refused = server.send("GET", "/v1/jobs", &[("x-api-key", secret)], vec![]).await;
    refused.problem(401);
    error(&aitbc(&["keys", "api", "revoke", id, "--data", data]).await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_verified_offline_and_on_the_chain_and_an_altered_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let url = format!("http://{}", server.address);
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let submitted = json(
        &aitbc(&["submit", "a lake", "--steps", "1", "--width", "64", "--height", "64", "--url", &url, "--json"]).await,
    );
    let id = submitted["id"].as_str().unwrap();
    let assignment = worker.assignment().await;
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
    server.follow(id, &[], is_minted).await;

    let receipt = server.get(&format!("/v1/jobs/{id}/receipt")).await;
    let file = folder.path().join("receipt.json");
    std::fs::write(&file, &receipt.body).unwrap();
    let path = file.to_str().unwrap();
    assert_eq!(json(&aitbc(&["receipt", "verify", path, "--json"]).await)["valid"], true);
    let rpc = format!("{url}/rpc");
    let minted = json(&aitbc(&["receipt", "verify", path, "--rpc", &rpc, "--json"]).await);
    assert_eq!(minted["mint"]["transaction_hash"], receipt.json()["mint"]["transaction_hash"]);
    alter(&file, receipt.json());
    let refused = error(&aitbc(&["receipt", "verify", path]).await);
    assert!(refused.contains("hashes to"), "{refused}");

    let status = aitbc(&["status", id, "--url", &url]).await;
    assert!(String::from_utf8_lossy(&status.stdout).contains("COMPLETED"));
    let receipts = json(&aitbc(&["receipts", "--job-id", id, "--url", &url, "--json"]).await);
    assert_eq!(receipts["items"].as_array().unwrap().len(), 1);
    let miners = json(&aitbc(&["miner", "list", "--url", &url, "--json"]).await);
    assert_eq!(miners[0]["online"], true);
    server.stop().await;
}

fn alter(file: &Path, mut receipt: Value) {
    receipt["receipt"]["units"] = "1000000000".into();
    std::fs::write(file, receipt.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_one_sentence_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port().to_string();
    let data = folder.path().join("data");
    let in_use = error(&aitbc(&["up", "--data", data.to_str().unwrap(), "--port", &port]).await);
    assert!(in_use.contains(&format!("port {port}")) && in_use.contains("--port"), "{in_use}");
    drop(other);
    let nobody = error(&aitbc(&["submit", "a lake", "--url", &format!("http://127.0.0.1:{port}")]).await);
    assert!(nobody.contains("is the server running there?"), "{nobody}");
    let missing = error(&aitbc(&["keys", "api", "list", "--data", data.to_str().unwrap()]).await);
    assert!(missing.contains("--data"), "{missing}");
    error(&aitbc(&["receipt", "verify", "/no/such/file"]).await);
}
