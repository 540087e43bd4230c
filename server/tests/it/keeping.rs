//! How long result files are kept, and what is answered afterwards.

use std::time::Duration;

use shared::api::keys::ApiScope;
use shared::commitment::Salt;
use shared::digest::Sha256Digest;

use super::server::{TestServer, config, is_over};
use super::worker::{TestWorker, key, picture, result};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_kept_no_longer_is_gone_in_words_and_its_receipt_stays() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let api_key = server.client_key(ApiScope::Client, None).await;
    let own = [("x-api-key", api_key.secret.as_str())];
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let mut ids = Vec::new();
    for (headers, seed) in [(&[] as &[_], 1), (&own, 2)] {
        let id = server.submit(headers, seed).await;
        let assignment = worker.assignment().await;
        let body = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
        let answer = server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &body).await;
        assert_eq!(answer.status, 200);
        server.follow(&id, headers, is_over).await;
        ids.push(id);
    }
    drop(worker);
    server.stop().await;

    let mut config = config(folder.path());
    config.keeping.sponsored = Duration::ZERO;
    let server = TestServer::start_with(config).await;
    let path = format!("/v1/jobs/{}", ids[0]);
    let is_gone = |job: &serde_json::Value| job["artifacts"][0]["removed_at_unix_ms"].is_u64();
    let job = server.follow(&ids[0], &[], is_gone).await;
    let problem = server.get(&format!("{path}/artifacts/0")).await.problem(410);
    assert!(problem["detail"].as_str().unwrap().contains("keeps the file no longer"), "{problem}");
    let receipt = server.get(&format!("{path}/receipt")).await.json();
    let salt: Salt = job["salt"].as_str().unwrap().parse().unwrap();
    let file: Sha256Digest = job["artifacts"][0]["sha256"].as_str().unwrap().parse().unwrap();
    assert_eq!(receipt["receipt"]["result_commitment"], salt.commit_result(file).to_string());
    let result = server.get(&format!("{path}/result")).await;
    assert_eq!((result.status, is_gone(&result.json())), (200, true));
    let page = server.send("GET", &format!("/jobs/{}", ids[0]), &[("accept", "text/html")], vec![]).await;
    let page = String::from_utf8(page.body).unwrap();
    assert!(page.contains("does not keep the result of this job any more"), "the page says nothing");
    assert!(!page.contains("/artifacts/0\""), "the page shows a picture that is gone");

    let file = server.send("GET", &format!("/v1/jobs/{}/artifacts/0", ids[1]), &own, vec![]).await;
    assert_eq!((file.status, file.body), (200, picture(64, 64, 2)), "a key's file is kept longer");
    assert_eq!(file.headers["content-length"], picture(64, 64, 2).len().to_string());
    server.stop().await;
}
