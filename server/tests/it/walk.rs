//! The whole walk: a prompt becomes a picture, a receipt, a token and a block.

use std::io::{BufRead, BufReader};

use serde_json::{Value, json};
use shared::api::keys::ApiScope;
use shared::job::image::{SchedulerName, ValidImageInput};
use shared::job::lifecycle::Blame;
use shared::job::request::Work;
use shared::job::task::TaskRole;
use shared::protocol::{HubMessage, Preview, Progress, WorkerMessage};
use shared::receipt::{SignedReceipt, expires_at};
use shared::time::UnixMillis;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::server::{TestServer, is_minted, is_over, small_job};
use super::worker::{MODEL, TestWorker, capability, fast_capability, key, picture, result};

/// Takes one assignment and serves it; answers the result's answer.
async fn serve_one(server: &TestServer, worker: &mut TestWorker) -> Value {
    let assignment = worker.assignment().await;
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    let answer = server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_becomes_a_picture_a_receipt_a_token_and_a_block() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let id = server.submit(&[], 7).await;
    let accepted = serve_one(&server, &mut worker).await;
    let job = server.follow(&id, &[], is_minted).await;
    assert_eq!((job["state"].as_str(), job["sponsored"].as_bool()), (Some("COMPLETED"), Some(true)));
    assert_eq!(job["receipt_hash"], accepted["receipt_hash"]);

    let artifact = server.get(job["artifacts"][0]["url"].as_str().unwrap()).await;
    assert_eq!(artifact.body, picture(64, 64, 7));
    assert_eq!(artifact.header("content-type"), "image/png");
    let etag = artifact.header("etag").to_owned();
    let path = format!("/v1/jobs/{id}/artifacts/0");
    assert_eq!(server.send("GET", &path, &[("if-none-match", &etag)], vec![]).await.status, 304);

    let receipt = server.get(&format!("/v1/jobs/{id}/receipt")).await.json();
    let mut signed = receipt.clone();
    for field in ["amount", "attested_at_unix_ms", "settlement", "mint"] {
        signed.as_object_mut().unwrap().remove(field);
    }
    let signed: SignedReceipt = serde_json::from_value(signed).unwrap();
    signed.verify().unwrap();
    let stated = (signed.receipt.task_role, signed.receipt.contract);
    assert_eq!(stated, (TaskRole::Serve, shared::chain::MINTER_ADDRESS));
    let deadline = UnixMillis(job["deadline_unix_ms"].as_u64().unwrap());
    assert_eq!(signed.receipt.expires_at, expires_at(deadline), "{job}");
    assert_eq!(receipt["settlement"], "minted");
    // 64 × 64 pixels × 2 steps = 0.008192 megapixel steps at 1 AIT.
    assert_eq!(receipt["amount"], "8192000000000000");
    let balance = server.app.node.token_balance(worker.address()).await.unwrap();
    assert_eq!(balance.to_string(), "0.008192");
    assert_eq!(server.app.node.token_supply().await.unwrap(), balance);

    let miner = server.get(&format!("/v1/miners/{}", worker.address())).await.json();
    assert_eq!((miner["earned"].as_str(), miner["pending"].as_str()), (Some("8192000000000000"), Some("0")));
    assert_eq!((miner["jobs_completed"].as_u64(), miner["faults"].as_u64()), (Some(1), Some(0)));
    assert_eq!(miner["reputation_per_mille"], 1_000);
    assert_eq!(miner.get("audit_rate"), None, "nothing audits");
    assert_eq!(job["artifacts"][0].get("flagged"), None);
    let by_block = server.get(&format!("/v1/receipts?block={}", job["mint"]["block_number"])).await.json();
    assert_eq!(by_block["items"].as_array().unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flagged_picture_is_told_from_others() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let id = server.submit(&[], 7).await;
    let assignment = worker.assignment().await;
    let mut submission = result(&worker.key, &assignment);
    submission.artifacts[0].flagged = true;
    let body = serde_json::to_value(submission).unwrap();
    let answer = server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &body).await;
    assert_eq!(answer.status, 200);
    let job = server.follow(&id, &[], is_over).await;
    assert_eq!((job["state"].as_str(), job["artifacts"][0]["flagged"].as_bool()), (Some("COMPLETED"), Some(true)));
    server.stop().await;
}

/// Asks for a small picture, and gives the steps and the guidance that the answer tells.
async fn ask_for_picture(server: &TestServer, more: Value) -> (u64, f64) {
    let mut input = json!({"prompt": "a lake", "width": 64, "height": 64, "seed": 7});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = server.post("/v1/jobs", &json!({"kind": "image", "input": input})).await;
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    let input = &answer.json()["input"];
    (input["steps"].as_u64().unwrap(), input["guidance"].as_f64().unwrap())
}

async fn assigned_picture(worker: &mut TestWorker) -> ValidImageInput {
    match worker.assignment().await.work {
        Work::Image(input) => input,
        other => panic!("a picture, got {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_and_guidance_left_open_are_the_models_own_and_told_to_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let ask = |more: Value| ask_for_picture(&server, more);
    assert_eq!(ask(json!({})).await, (8, 2.0), "also before its first miner");
    let mut worker = TestWorker::connect(server.address, key(1), 2).await;
    assert_eq!(ask(json!({})).await, (8, 2.0));
    assert_eq!(ask(json!({"guidance": 1.5})).await, (8, 1.5));
    assert_eq!(ask(json!({"steps": 2})).await, (2, 2.0));
    assert_eq!(ask(json!({"steps": 3, "guidance": 0.5, "scheduler": "euler"})).await, (3, 0.5));
    let (first, second) = (assigned_picture(&mut worker).await, assigned_picture(&mut worker).await);
    let told = [&first, &second].map(|input| (input.steps, input.guidance));
    assert_eq!(told, [(8, 2.0), (8, 2.0)]);
    drop(worker);
    assert_eq!(ask(json!({})).await, (8, 2.0), "the model is known while its miner is away");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fast_setting_brings_its_own_defaults_and_goes_to_those_who_offer_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let ask = |more: Value| ask_for_picture(&server, more);
    let fast = json!({"scheduler": "fast"});
    let refused = async |why: &str| {
        let body = json!({"kind": "image", "input": {"prompt": "a lake", "scheduler": "fast"}});
        let problem = server.post("/v1/jobs", &body).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], "input.scheduler", "{why}");
        assert_eq!(problem["errors"][0]["value"], "fast", "{why}");
        let detail = problem["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.contains(MODEL) && detail.contains("a setting for few steps"), "{why}: {detail}");
        assert_eq!(server.app.store.list_open_jobs().await.unwrap().len(), 0, "{why}");
    };
    refused("nobody is connected").await;
    let _plain = TestWorker::connect(server.address, key(1), 4).await;
    refused("the only miner offers none").await;
    assert_eq!(server.get("/v1/status").await.json().get("default_fast"), None);
    let mut worker = TestWorker::register(server.address, key(2), fast_capability(4), vec![]).await;
    assert_eq!(ask(fast.clone()).await, (4, 1.0));
    assert_eq!(ask(json!({"scheduler": "fast", "steps": 6, "guidance": 2})).await, (6, 2.0));
    for expected in [(4, 1.0), (6, 2.0)] {
        let input = assigned_picture(&mut worker).await;
        assert_eq!((input.scheduler, input.steps, input.guidance), (Some(SchedulerName::Fast), expected.0, expected.1));
    }
    let status = server.get("/v1/status").await.json();
    assert_eq!(status["default_fast"], json!({"steps": 4, "guidance": 1.0}));
    assert_eq!(ask(json!({})).await, (8, 2.0), "the other setting stays the model's own");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_receipts_share_few_transactions_and_each_mints_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let api_key = server.client_key(ApiScope::Client, Some(1_000)).await;
    let headers = [("x-api-key", api_key.secret.as_str())];
    let mut worker = TestWorker::connect(server.address, key(1), 4).await;
    let mut ids = Vec::new();
    for seed in 0..20 {
        ids.push(server.submit(&headers, seed).await);
    }
    for _ in &ids {
        serve_one(&server, &mut worker).await;
    }
    for id in &ids {
        server.follow(id, &headers, is_minted).await;
    }
    let supply = server.app.node.token_supply().await.unwrap();
    assert_eq!(supply.atto(), 20 * 8_192_000_000_000_000);
    assert_eq!(server.app.node.token_balance(worker.address()).await.unwrap(), supply);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stage1_call_waits_and_answers_a_data_url() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let api_key = server.client_key(ApiScope::Client, None).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let body = json!({"api_key": api_key.secret, "prompt": "a lake", "steps": 5, "width": 256, "height": 256});
    let (answer, _) = tokio::join!(server.post("/v1/generate-image", &body), serve_one(&server, &mut worker));
    assert_eq!(answer.status, 200);
    let image = answer.json();
    assert_eq!(image["status"], "ok");
    assert!(image["image_base64"].as_str().unwrap().starts_with("data:image/png;base64,iVBOR"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_stream_tells_steps_previews_the_result_and_the_mint_and_then_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let id = server.submit(&[], 7).await;
    let url = format!("http://{}/v1/jobs/{id}/events", server.address);
    let events = {
        let url = url.clone();
        tokio::task::spawn_blocking(move || read_events(&url))
    };
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let assignment = worker.assignment().await;
    // The stream must be open before the step, which nobody tells twice.
    while server.app.metrics.text().matches("events").count() == 0 {
        tokio::task::yield_now().await;
    }
    let preview = Preview { media_type: "image/png".into(), base64: "AAAA".into() };
    let progress = Progress { lease_id: assignment.lease_id, step: 1, steps: 2, preview: Some(preview), piece: None };
    worker.send(&WorkerMessage::Progress(progress)).await;
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;

    let events = events.await.unwrap();
    let names: Vec<&str> = events.iter().map(|(name, ..)| name.as_str()).collect();
    for name in ["state", "progress", "preview", "minted"] {
        assert!(names.contains(&name), "{name} is missing in {names:?}");
    }
    let (last_name, last_id, last) = events.last().unwrap();
    assert_eq!(last_name, "minted");
    assert!(last["mint"]["block_number"].as_u64().unwrap() > 0);
    let path = format!("/v1/jobs/{id}/events");
    assert_eq!(server.send("GET", &path, &[("last-event-id", last_id)], vec![]).await.status, 204);
    let again = server.send("GET", &path, &[("last-event-id", "1")], vec![]).await;
    assert_eq!(String::from_utf8_lossy(&again.body).matches("event: ").count(), 2, "the state and the mint");
    server.stop().await;
}

/// A reader of a job's events, who leaves when this is dropped.
async fn look_at(server: &TestServer, id: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = format!("GET /v1/jobs/{id}/events HTTP/1.1\r\nhost: {}\r\n\r\n", server.address);
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_hears_whether_somebody_looks() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = TestWorker::register(server.address, key(1), capability(1), vec![]).await;
    let id = server.submit(&[], 7).await;
    let assignment = worker.assignment().await;
    let lease_id = assignment.lease_id;
    assert!(!assignment.watched);
    // A long poll waits for the end and sees no previews.
    server.send("GET", &format!("/v1/jobs/{id}?wait=1"), &[], vec![]).await;
    let (one, two) = (look_at(&server, &id).await, look_at(&server, &id).await);
    assert_eq!(worker.receive().await, HubMessage::Watched { lease_id, watched: true });
    // A miner that comes back hears it again.
    let mut worker = TestWorker::register(server.address, key(1), capability(1), vec![lease_id]).await;
    assert_eq!(worker.receive().await, HubMessage::Watched { lease_id, watched: true });
    drop((one, two));
    assert_eq!(worker.receive().await, HubMessage::Watched { lease_id, watched: false });
    server.stop().await;
}

/// Reads a stream to its end: name, id and data of each event.
pub(crate) fn read_events(url: &str) -> Vec<(String, String, Value)> {
    read_events_from(url, "")
}

/// The same for a reader that saw the event of this id.
pub(crate) fn read_events_from(url: &str, last_event_id: &str) -> Vec<(String, String, Value)> {
    let mut response = ureq::get(url).header("last-event-id", last_event_id).call().unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let (mut events, mut name, mut id) = (vec![], String::new(), String::new());
    for line in BufReader::new(response.body_mut().as_reader()).lines() {
        let line = line.unwrap();
        match line.split_once(": ") {
            Some(("event", value)) => name = value.to_owned(),
            Some(("id", value)) => id = value.to_owned(),
            Some(("data", value)) => events.push((name.clone(), id.clone(), serde_json::from_str(value).unwrap())),
            _ => {}
        }
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_job_stops_its_worker_and_stays_canceled() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let (id, token) = server.submit_for_token(7).await;
    let assignment = worker.assignment().await;
    let canceled = server.send("DELETE", &format!("/v1/jobs/{id}"), &[("x-job-token", &token)], vec![]).await;
    assert_eq!((canceled.status, canceled.json()["state"].as_str()), (200, Some("CANCELED")));
    let cancel = worker.receive().await;
    assert!(matches!(cancel, HubMessage::Cancel { lease_id, .. } if lease_id == assignment.lease_id));
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await.problem(409);
    assert!(is_over(&server.get(&format!("/v1/jobs/{id}")).await.json()));
    assert_eq!(server.app.node.token_supply().await.unwrap().atto(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_a_key_are_seen_by_its_address_only_and_listed_in_pages() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let owner = server.client_key(ApiScope::Client, None).await;
    let stranger = server.client_key(ApiScope::Client, None).await;
    let (own, foreign) = ([("x-api-key", owner.secret.as_str())], [("x-api-key", stranger.secret.as_str())]);
    let id = server.submit(&own, 1).await;
    let path = format!("/v1/jobs/{id}");
    assert_eq!(server.send("GET", &path, &own, vec![]).await.status, 200);
    server.send("GET", &path, &foreign, vec![]).await.problem(404);
    server.get(&path).await.problem(404);
    server.send("DELETE", &path, &foreign, vec![]).await.problem(404);
    server.submit(&own, 2).await;
    let first = server.send("GET", "/v1/jobs?limit=1", &own, vec![]).await.json();
    let second = format!("/v1/jobs?limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    let second = server.send("GET", &second, &own, vec![]).await.json();
    assert_eq!(second["items"][0]["id"], id.as_str());
    assert!(second.get("next_cursor").is_none());
    let none = server.send("GET", "/v1/jobs", &foreign, vec![]).await.json();
    assert_eq!(none["items"].as_array().unwrap().len(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn explains_in_words_why_a_job_waits_and_how_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = server.connect_worker().await;
    let id = server.submit(&[], 1).await;
    let lease_id = worker.assignment().await.lease_id;
    worker.send(&WorkerMessage::fail(lease_id, Blame::Input, false, "the prompt is too long.")).await;
    server.follow(&id, &[], is_over).await;
    let failed = server.get(&format!("/v1/jobs/{id}/explain")).await.json();
    assert_eq!(failed["summary"], "It failed: the prompt is too long.");

    let mut job = small_job(1);
    job["constraints"] = json!({"max_price": "0"});
    let refused = server.post("/v1/jobs", &job).await.problem(422);
    assert_eq!(refused["type"], "/problems/cannot-be-served");
    let words = "0 of 1 connected miners can serve this job: 1 too dear. What would help: `constraints.max_price` of \
                 0.008192 AIT (1 could then).";
    assert_eq!(refused["detail"], words);
    assert_eq!(refused["unservable"]["removed"], json!([{"filter": "max_price", "miners": 1}]));
    assert_eq!(refused["unservable"]["relaxations"][0]["value"], "8192000000000000");

    server.stop().await;

    // While nobody serves the model, its miner may come; then the job says why that one does not take it.
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let created = server.post("/v1/jobs", &job).await;
    let (id, token) = (created.json()["id"].as_str().unwrap().to_owned(), created.header("x-job-token"));
    let _worker = server.connect_worker().await;
    let explain = async || server.get(&format!("/v1/jobs/{id}/explain")).await.json();
    let waits = explain().await;
    assert_eq!(waits["miners"][0]["reason"], "it asks 0.008192 AIT, above the job's limit of 0 AIT");
    assert_eq!(waits["miners"][0]["eligible"], false);
    server.send("DELETE", &format!("/v1/jobs/{id}"), &[("x-job-token", token)], vec![]).await;
    assert_eq!(explain().await, json!({"summary": "It was canceled.", "miners": [], "others": 0}));

    server.stop().await;

    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    job["ttl_seconds"] = json!(1);
    let id = server.post("/v1/jobs", &job).await.json()["id"].as_str().unwrap().to_owned();
    server.follow(&id, &[], |job| job["state"] == "EXPIRED").await;
    let over = server.get(&format!("/v1/jobs/{id}/explain")).await.json();
    assert_eq!(over["summary"], "No miner served it within its time to live of 1 s.");
    server.stop().await;
}
