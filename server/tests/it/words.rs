//! Text and embedding jobs through the whole server: streamed, checked, paid by the token.

use serde_json::{Value, json};
use shared::job::embedding;
use shared::job::lifecycle::{Blame, JobState};
use shared::job::text;
use shared::job::token::Tokens;
use shared::protocol::{Assignment, PIECE_MAX_BYTES, Piece, Progress, ResultSubmission, WorkerMessage};

use super::server::{Answer, TestServer, is_minted};
use super::walk::read_events;
use super::worker::{EMBEDDING_MODEL, TEXT_MODEL, TestWorker, key, words_result};

fn text_job(prompt: &str) -> Value {
    json!({"kind": "text", "model": TEXT_MODEL, "input": {"prompt": prompt, "max_tokens": 8, "seed": 3}})
}

async fn submit(server: &TestServer, job: &Value) -> Value {
    let answer = server.post("/v1/jobs", job).await;
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

async fn hand_in(server: &TestServer, assignment: &Assignment, submission: &ResultSubmission) -> Answer {
    let submission = serde_json::to_value(submission).unwrap();
    server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await
}

fn piece(assignment: &Assignment, step: u32, at: usize, text: &str) -> WorkerMessage {
    let piece = Some(Piece { at, text: text.into() });
    WorkerMessage::Progress(Progress { lease_id: assignment.lease_id, step, steps: 8, preview: None, piece })
}

/// Waits until the job's row says that it runs, which it is told after the miner's first piece, and answers its revision.
async fn running_revision(server: &TestServer, id: &str) -> u64 {
    loop {
        let record = server.app.store.find_job(id.parse().unwrap()).await.unwrap().unwrap();
        if record.state == JobState::Running {
            return record.revision;
        }
    }
}

/// Waits until the hub has so much of the text.
async fn written(server: &TestServer, id: &str, text: &str) {
    let id = id.parse().unwrap();
    while server.app.hub.board().job(id).is_none_or(|job| job.text() != text) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_streams_while_it_is_written_and_is_paid_by_its_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let job = submit(&server, &text_job("Tell of a lake")).await;
    let id = job["id"].as_str().unwrap().to_owned();
    assert_eq!((job["model"].as_str(), job["unit_type"].as_str()), (Some(TEXT_MODEL), Some("token")));
    let assignment = worker.assignment().await;
    assert_eq!(assignment.model, TEXT_MODEL);
    worker.send(&piece(&assignment, 1, 0, "A still ")).await;
    written(&server, &id, "A still ").await;
    // A reader that comes late gets what was written before it, one that resumes the rest.
    let events = {
        let url = format!("http://{}/v1/jobs/{id}/events", server.address);
        tokio::task::spawn_blocking(move || read_events(&url))
    };
    worker.send(&piece(&assignment, 2, 8, "lake")).await;
    written(&server, &id, "A still lake").await;
    let counted = Tokens { read: 5, written: 4 };
    let submission = words_result(&worker.key, &assignment, text::MEDIA_TYPE, "A still lake.", counted);
    assert_eq!(hand_in(&server, &assignment, &submission).await.status, 200);

    let job = server.follow(&id, &[], is_minted).await;
    assert_eq!((job["units"].as_str(), job["state"].as_str()), (Some("9000000"), Some("COMPLETED")));
    assert_eq!(job["mint"]["amount"], "9000000000000000", "9 tokens at 0.001 AIT");
    let artifact = server.get(&format!("/v1/jobs/{id}/artifacts/0")).await;
    assert_eq!(artifact.body, b"A still lake.");
    assert_eq!(artifact.header("content-type"), text::MEDIA_TYPE);
    let result = server.get(&format!("/v1/jobs/{id}/result")).await.json();
    assert_eq!((result["seed"].as_u64(), result["units"].as_str()), (Some(3), Some("9000000")));
    assert_eq!(result["finish_reason"], "stop");

    let events = events.await.unwrap();
    let tokens: Vec<&Value> = events.iter().filter(|(name, ..)| name == "token").map(|(.., data)| data).collect();
    let mut told = String::new();
    for token in tokens {
        assert_eq!(token["at"].as_u64(), Some(told.len() as u64), "{events:?}");
        told.push_str(token["text"].as_str().unwrap());
    }
    assert_eq!(told, "A still lake.");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_resumes_after_the_bytes_that_were_seen_and_begins_anew_with_another_miner() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let id = submit(&server, &text_job("Tell of a lake")).await["id"].as_str().unwrap().to_owned();
    let assignment = worker.assignment().await;
    worker.send(&piece(&assignment, 1, 0, "A still lake")).await;
    written(&server, &id, "A still lake").await;
    let revision = running_revision(&server, &id).await;
    let resumed = {
        let url = format!("http://{}/v1/jobs/{id}/events", server.address);
        let seen = format!("{revision}.8");
        tokio::task::spawn_blocking(move || super::walk::read_events_from(&url, &seen))
    };
    while server.app.metrics.text().matches("events").count() == 0 {
        tokio::task::yield_now().await;
    }
    let fail = WorkerMessage::fail(assignment.lease_id, Blame::Miner, true, "Ollama was silent for more than 60 s");
    worker.send(&fail).await;
    let assignment = worker.assignment().await;
    worker.send(&piece(&assignment, 1, 0, "Grey")).await;
    written(&server, &id, "Grey").await;
    let counted = Tokens { read: 5, written: 2 };
    let submission = words_result(&worker.key, &assignment, text::MEDIA_TYPE, "Grey water", counted);
    assert_eq!(hand_in(&server, &assignment, &submission).await.status, 200);
    let events = resumed.await.unwrap();
    let tokens: Vec<(u64, String)> = events
        .iter()
        .filter(|(name, ..)| name == "token")
        .map(|(.., data)| (data["at"].as_u64().unwrap(), data["text"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(tokens[0], (8, "lake".to_owned()), "{tokens:?}");
    let mut told = "A still ".to_owned();
    for (at, text) in tokens {
        told.truncate(usize::try_from(at).unwrap());
        told.push_str(&text);
    }
    assert_eq!(told, "Grey water");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_miner_may_not_do_with_a_text_is_refused_and_blamed_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let id = submit(&server, &text_job("Tell of a lake")).await["id"].as_str().unwrap().to_owned();
    let fair = Tokens { read: 5, written: 3 };
    let make = |worker: &TestWorker, assignment: &Assignment, text: &str| {
        words_result(&worker.key, assignment, text::MEDIA_TYPE, text, fair)
    };
    let assignment = worker.assignment().await;
    worker.send(&piece(&assignment, 1, 0, "A lake")).await;
    written(&server, &id, "A lake").await;
    let other = make(&worker, &assignment, "A sea");
    let problem = hand_in(&server, &assignment, &other).await.problem(422);
    assert!(problem["detail"].as_str().unwrap().contains("were streamed"), "{problem}");

    let assignment = worker.assignment().await;
    let mut greedy = make(&worker, &assignment, "A lake");
    greedy.metering.tokens_written = 2;
    let problem = hand_in(&server, &assignment, &greedy).await.problem(422);
    assert!(problem["detail"].as_str().unwrap().contains("units are 7"), "{problem}");

    let assignment = worker.assignment().await;
    let picture = words_result(&worker.key, &assignment, "image/png", "A lake", fair);
    let problem = hand_in(&server, &assignment, &picture).await.problem(422);
    assert!(problem["detail"].as_str().unwrap().contains("text/plain"), "{problem}");
    let job = server.follow(&id, &[], |job| job["state"] == "FAILED").await;
    assert!(job["faults"].as_array().unwrap().iter().all(|fault| fault["blame"] == "miner"), "{job}");

    let id = submit(&server, &text_job("Tell of a sea")).await["id"].as_str().unwrap().to_owned();
    for _ in 0..3 {
        let assignment = worker.assignment().await;
        let mut endless = make(&worker, &assignment, "A sea");
        endless.metering.finish_reason = None;
        let problem = hand_in(&server, &assignment, &endless).await.problem(422);
        assert!(problem["detail"].as_str().unwrap().contains("metering.finish_reason"), "{problem}");
    }
    let job = server.follow(&id, &[], |job| job["state"] == "FAILED").await;
    assert!(job["faults"].as_array().unwrap().iter().all(|fault| fault["blame"] == "miner"), "{job}");

    let id = submit(&server, &text_job("Another")).await["id"].as_str().unwrap().to_owned();
    let assignment = worker.assignment().await;
    worker.send(&piece(&assignment, 1, 0, &"x".repeat(PIECE_MAX_BYTES + 1))).await;
    while worker.try_receive().await.is_some() {}
    assert_eq!(server.app.hub.board().job(id.parse().unwrap()).unwrap().text(), "");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_become_vectors_and_a_wrong_number_of_them_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let request = json!({"kind": "embedding", "model": EMBEDDING_MODEL, "input": {"input": ["one", "two"]}});
    let id = submit(&server, &request).await["id"].as_str().unwrap().to_owned();
    let assignment = worker.assignment().await;
    assert_eq!(assignment.model, EMBEDDING_MODEL);
    let counted = Tokens { read: 6, written: 0 };
    let make = |worker: &TestWorker, assignment: &Assignment, vectors: &str| {
        words_result(&worker.key, assignment, embedding::MEDIA_TYPE, vectors, counted)
    };
    let one = make(&worker, &assignment, "[[0.6,0.8]]");
    assert!(hand_in(&server, &assignment, &one).await.problem(422)["detail"].as_str().unwrap().contains("2 vectors"));
    let assignment = worker.assignment().await;
    let both = make(&worker, &assignment, "[[0.6,0.8],[1,0]]");
    assert_eq!(hand_in(&server, &assignment, &both).await.status, 200);
    let job = server.follow(&id, &[], is_minted).await;
    assert_eq!(job["units"], "6000000");
    let result = server.get(&format!("/v1/jobs/{id}/result")).await.json();
    assert!(result["seed"].is_null());
    assert_eq!(server.get(&format!("/v1/jobs/{id}/artifacts/0")).await.json(), json!([[0.6, 0.8], [1, 0]]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_name_their_fields() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut unserved = text_job("Tell of a lake");
    unserved["model"] = json!("nobody-has-it");
    let unserved = server.post("/v1/jobs", &unserved).await.problem(422);
    assert_eq!(unserved["errors"][0]["field"], "model");
    let long = json!({"kind": "text", "model": "m", "input": {"prompt": "x".repeat(100_000), "max_tokens": 0}});
    let problem = server.post("/v1/jobs", &long).await.problem(422);
    let fields: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["model", "input.max_tokens", "input.prompt"]);
    let empty = json!({"kind": "embedding", "model": "aitbc-meanings-1", "input": {"input": []}});
    assert_eq!(server.post("/v1/jobs", &empty).await.problem(422)["errors"][0]["field"], "input.input");
    server.stop().await;
}
