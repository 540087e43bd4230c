//! Results that other miners compute again: a cheat of each kind is caught by two others and loses what is held of it.

use std::path::Path;

use hub::audit::{Draw, REFUTED_FAULTS};
use serde_json::{Value, json};
use server::config::Config;
use shared::job::request::Work;
use shared::job::task::TaskRole;
use shared::job::text;
use shared::job::token::Tokens;
use shared::protocol::{Assignment, HubMessage, Piece, Progress, ResultSubmission, WorkerMessage};

use super::command_line::json;
use super::payments::buyer::Buyer;
use super::server::{TestServer, config, is_minted};
use super::wallet::Person;
use super::worker::{
    EMBEDDING_MODEL, TEXT_MODEL, TestWorker, key, picture, pinned_sha256, receipt, result, sign, words_result,
};

pub(crate) fn auditing(folder: &Path) -> Config {
    Config { audits: Draw::Always, hold_seconds: 86_400, ..config(folder) }
}

pub(crate) async fn post(server: &TestServer, assignment: &Assignment, submission: &ResultSubmission) {
    let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
    let answer = server.post(&path, &serde_json::to_value(submission).unwrap()).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
}

/// The job's receipt once it is as wanted.
pub(crate) async fn receipt_of(server: &TestServer, id: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..15_000 {
        let answer = server.get(&format!("/v1/jobs/{id}/receipt")).await;
        if answer.status == 200 {
            last = answer.json();
            if is_wanted(&last) {
                return last;
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the receipt of {id} did not get there: {last}");
}

/// The job's receipt once the audit of its result has ended, which must be in this state.
pub(crate) async fn audited(server: &TestServer, id: &str, state: &str) -> Value {
    let receipt = receipt_of(server, id, |receipt| !receipt["audit"]["ended_at_unix_ms"].is_null()).await;
    assert_eq!(receipt["audit"]["state"], state, "{receipt}");
    receipt
}

async fn miner(server: &TestServer, worker: &TestWorker) -> Value {
    server.get(&format!("/v1/miners/{}", worker.address())).await.json()
}

/// The next assignment of either.
async fn next_of(one: &mut TestWorker, other: &mut TestWorker) -> (bool, Assignment) {
    tokio::select! {
        assignment = one.assignment() => (true, assignment),
        assignment = other.assignment() => (false, assignment),
    }
}

fn embeddings(key: &shared::signing::PrivateKey, assignment: &Assignment, rows: &str) -> ResultSubmission {
    words_result(key, assignment, shared::job::embedding::MEDIA_TYPE, rows, Tokens { read: 4, written: 0 })
}

/// What an honest miner hands in.
pub(crate) fn honest(worker: &TestWorker, assignment: &Assignment) -> ResultSubmission {
    match &assignment.work {
        Work::Image(_) => result(&worker.key, assignment),
        Work::Embedding(_) => embeddings(&worker.key, assignment, "[[0.6,0.8,0.0],[0.0,0.6,0.8]]"),
        Work::Text(_) => panic!("no text"),
    }
}

pub(crate) fn of_picture(worker: &TestWorker, assignment: &Assignment, bytes: &[u8]) -> ResultSubmission {
    sign(&worker.key, receipt(worker.address(), assignment, bytes), &assignment.terms, bytes)
}

pub(crate) fn another_seed(worker: &TestWorker, assignment: &Assignment) -> ResultSubmission {
    of_picture(worker, assignment, &picture(64, 64, 107))
}

/// A picture wholly of one colour would be refused at once.
pub(crate) fn nearly_blank(worker: &TestWorker, assignment: &Assignment) -> ResultSubmission {
    let mut bytes = Vec::new();
    let mut pixels = [0; 64 * 64 * 3];
    pixels[0] = u8::MAX;
    let mut encoder = png::Encoder::new(&mut bytes, 64, 64);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    of_picture(worker, assignment, &bytes)
}

fn made_up_rows(worker: &TestWorker, assignment: &Assignment) -> ResultSubmission {
    embeddings(&worker.key, assignment, "[[-0.8,0.6,0.0],[0.0,-0.8,0.6]]")
}

async fn submit(server: &TestServer, body: Value) -> String {
    let answer = server.post("/v1/jobs", &body).await;
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()["id"].as_str().unwrap().to_owned()
}

type Cheat = fn(&TestWorker, &Assignment) -> ResultSubmission;

#[tokio::test(flavor = "multi_thread")]
async fn a_cheat_of_each_kind_is_refuted_by_two_others_and_loses_what_is_held_of_it() {
    let drawn = super::server::small_job(7);
    let embedded = json!({"kind": "embedding", "model": EMBEDDING_MODEL, "input": {"input": ["a lake", "a pond"]}});
    let cheats: [(&str, Value, Cheat); 3] = [
        ("another seed", drawn.clone(), another_seed),
        ("nearly blank", drawn, nearly_blank),
        ("made-up rows", embedded, made_up_rows),
    ];
    for (name, job, cheat) in cheats {
        let folder = tempfile::tempdir().unwrap();
        let server = TestServer::start_with(auditing(folder.path())).await;
        let mut liar = TestWorker::connect(server.address, key(1), 1).await;
        // An earlier receipt of the same miner, honest and held.
        let before = server.submit(&[], 3).await;
        let assignment = liar.assignment().await;
        post(&server, &assignment, &honest(&liar, &assignment)).await;
        receipt_of(&server, &before, |receipt| receipt["hold"]["state"] == "held").await;

        let id = submit(&server, job).await;
        let assignment = liar.assignment().await;
        let (mut one, mut other) = (
            TestWorker::connect(server.address, key(2), 1).await,
            TestWorker::connect(server.address, key(3), 1).await,
        );
        post(&server, &assignment, &cheat(&liar, &assignment)).await;
        let done = server.follow(&id, &[], is_minted).await;
        assert_eq!(done["state"], "COMPLETED", "{name}: the client has its result as ever");
        let (is_one, audit) = next_of(&mut one, &mut other).await;
        assert_eq!((audit.task.role, audit.watched), (TaskRole::Audit, false));
        let waiting = receipt_of(&server, &id, |receipt| receipt["audit"]["state"] == "waiting").await;
        assert!(waiting["void_reason"].is_null(), "{name}: nothing is taken before it is judged");
        let (auditor, third) = if is_one { (&one, &mut other) } else { (&other, &mut one) };
        post(&server, &audit, &honest(auditor, &audit)).await;
        let opinion = third.assignment().await;
        assert_eq!(opinion.task.role, TaskRole::ThirdOpinion);
        let disputed = receipt_of(&server, &id, |_| true).await;
        assert!(disputed["void_reason"].is_null(), "{name}: one against one refutes nobody");
        let told = (disputed["audit"]["state"].as_str(), disputed["audit"]["opinions"].as_array().unwrap().len());
        assert_eq!(told, (Some("waiting"), 0), "{name}: who is asked third does not see whether the first two agree");
        post(&server, &opinion, &honest(third, &opinion)).await;

        let refuted = receipt_of(&server, &id, |receipt| receipt["hold"]["state"] == "voided").await;
        assert_eq!(refuted["audit"]["state"], "refuted", "{name}");
        let opinions = refuted["audit"]["opinions"].as_array().unwrap();
        assert_eq!(opinions.len(), 2);
        assert_eq!(opinions[1]["with_audit"]["agreement"], "equal");
        let evidence = refuted["audit"]["evidence_sha256"].as_str().unwrap();
        assert!(refuted["void_reason"].as_str().unwrap().contains(evidence), "{refuted}");
        // What was honest and held goes, too: it is the stake.
        receipt_of(&server, &before, |receipt| receipt["hold"]["state"] == "voided").await;
        let account = miner(&server, &liar).await;
        assert_eq!((account["earned"].as_str(), account["held"].as_str()), (Some("0"), Some("0")), "{name}");
        assert_eq!(
            (account["faults"].as_u64(), account["audits"]["refuted"].as_u64()),
            (Some(REFUTED_FAULTS), Some(1))
        );
        let told = loop {
            if let HubMessage::Notice { text } = liar.receive().await {
                break text;
            }
        };
        assert!(told.contains("refuted"), "{told}");
        // The two others are paid for their work, and nobody else.
        let paid = opinions.iter().map(|opinion| opinion["receipt_hash"].as_str().unwrap().to_owned());
        for hash in paid.collect::<Vec<_>>() {
            let mut state = Value::Null;
            for _ in 0..15_000 {
                let answer = server.get(&format!("/v1/receipts/{hash}")).await.json();
                state = answer["hold"]["state"].clone();
                if state == "held" {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            assert_eq!(state, "held", "{name}");
        }
        for worker in [&one, &other] {
            assert_eq!(miner(&server, worker).await["faults"], 0, "{name}");
        }
        let held = server.app.node.held_amount(liar.address()).await.unwrap();
        assert_eq!(held.atto(), 0, "{name}: the chain holds something of the cheat");
        let job = server.get(&format!("/v1/jobs/{id}")).await.json();
        assert_eq!((job["state"].as_str(), job["artifacts"].as_array().unwrap().len()), (Some("COMPLETED"), 1));
        assert!(job["faults"].as_array().unwrap().is_empty(), "{name}: the job's client sees no fault of an audit");
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_outlives_a_restart_and_a_dispute_without_a_third_miner_stays_one() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(auditing(folder.path())).await;
    let mut first = TestWorker::connect(server.address, key(1), 1).await;
    let id = server.submit(&[], 7).await;
    let assignment = first.assignment().await;
    let mut second = TestWorker::connect(server.address, key(2), 1).await;
    post(&server, &assignment, &honest(&first, &assignment)).await;
    let audit = second.assignment().await;
    receipt_of(&server, &id, |receipt| receipt["hold"]["state"] == "held").await;
    server.stop().await;

    let server = TestServer::start_with(auditing(folder.path())).await;
    let second = TestWorker::reconnect(server.address, key(2), 1, vec![audit.lease_id]).await;
    post(&server, &audit, &another_seed(&second, &audit)).await;
    let receipt = receipt_of(&server, &id, |receipt| !receipt["audit"]["ended_at_unix_ms"].is_null()).await;
    assert_eq!(
        (receipt["audit"]["state"].as_str(), receipt["hold"]["state"].as_str()),
        (Some("disputed"), Some("held"))
    );
    assert!(receipt["audit"]["refuted"].is_null() && receipt["void_reason"].is_null());
    assert_eq!(miner(&server, &second).await["faults"], 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_is_not_drawn_has_no_audit_and_one_that_nobody_can_answer_says_so() {
    for (draw, state) in [(Draw::Never, None), (Draw::Always, Some("unanswered"))] {
        let folder = tempfile::tempdir().unwrap();
        let server = TestServer::start_with(Config { audits: draw, ..auditing(folder.path()) }).await;
        let mut worker = TestWorker::connect(server.address, key(1), 1).await;
        let id = server.submit(&[], 7).await;
        let assignment = worker.assignment().await;
        post(&server, &assignment, &honest(&worker, &assignment)).await;
        let receipt = receipt_of(&server, &id, |receipt| {
            receipt["hold"]["state"] == "held"
                && (state.is_none() || state.is_some_and(|state| receipt["audit"]["state"] == state))
        });
        let receipt = receipt.await;
        assert_eq!(receipt["audit"]["state"].as_str(), state);
        server.stop().await;
    }
}

fn words(worker: &TestWorker, assignment: &Assignment) -> ResultSubmission {
    let tokens = Tokens { read: 5, written: 4 };
    words_result(&worker.key, assignment, text::MEDIA_TYPE, "A still pond.", tokens)
}

/// The attack: an auditor that computes nothing and hands in what the page of the job shows.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_audited_is_its_creators_alone_until_the_answer_and_then_everybodys() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(auditing(folder.path())).await;
    let mut first = TestWorker::connect(server.address, key(1), 1).await;
    let asked =
        json!({"kind": "text", "model": TEXT_MODEL, "input": {"prompt": "Tell of water", "max_tokens": 8, "seed": 3}});
    let created = server.post("/v1/jobs", &asked).await;
    assert_eq!(created.json()["withheld"], true);
    let (id, token) = (created.json()["id"].as_str().unwrap().to_owned(), created.header("x-job-token").to_owned());
    let assignment = first.assignment().await;
    let mut second = TestWorker::connect(server.address, key(2), 1).await;

    let (path, creator) = (format!("/v1/jobs/{id}"), [("x-job-token", token.as_str())]);
    let (events, file) = (format!("{path}/events"), format!("{path}/artifacts/0"));
    let work = async {
        let piece = Some(Piece { at: 0, text: "A still ".into() });
        let progress = Progress { lease_id: assignment.lease_id, step: 1, steps: 8, preview: None, piece };
        first.send(&WorkerMessage::Progress(progress)).await;
        while server.app.hub.board().job(id.parse().unwrap()).is_none_or(|job| job.text().is_empty()) {
            tokio::task::yield_now().await;
        }
        post(&server, &assignment, &words(&first, &assignment)).await;
    };
    let answered = async {
        work.await;
        let audit = second.assignment().await;
        assert_eq!(audit.task.role, TaskRole::Audit);
        is_withheld(&server, &id, &token).await;
        post(&server, &audit, &words(&second, &audit)).await;
    };
    // Both streams last beyond the mint, until everybody may read the result.
    let (own, foreign, ()) = {
        let stream = |headers| server.send("GET", &events, headers, vec![]);
        tokio::join!(stream(&creator[..]), stream(&[]), answered)
    };
    let [own, foreign] = [own, foreign].map(|answer| String::from_utf8(answer.body).unwrap());
    let first = |text: &str, what: &str| text.find(what).unwrap_or_else(|| panic!("no {what}: {text}"));
    assert!(first(&own, "event: token") < first(&own, "COMPLETED"), "{own}");
    assert!(first(&foreign, "event: token") > first(&foreign, "COMPLETED"), "{foreign}");
    assert!(foreign.rfind(r#""withheld":true"#).unwrap() < first(&foreign, "still "), "{foreign}");
    assert!(first(&foreign, r#""withheld":false"#) > first(&foreign, "still "), "{foreign}");

    audited(&server, &id, "confirmed").await;
    let shown = server.get(&file).await;
    assert_eq!((shown.status, shown.body.as_slice()), (200, b"A still pond.".as_slice()));
    assert!(shown.header("cache-control").starts_with("public"));
    assert_eq!(server.get(&path).await.json()["withheld"], false);
    server.stop().await;
}

/// A text that somebody audits is read by who has its token, in the API and on its page, and by nobody else.
async fn is_withheld(server: &TestServer, id: &str, token: &str) {
    let (path, creator) = (format!("/v1/jobs/{id}"), [("x-job-token", token)]);
    let file = format!("{path}/artifacts/0");
    assert_eq!(server.get(&path).await.json()["withheld"], true);
    let refused = server.get(&file).await.problem(403);
    assert!(refused["detail"].as_str().unwrap().contains("x-job-token"), "{refused}");
    server.send("GET", &file, &[("x-job-token", "jobtoken_00")], vec![]).await.problem(403);
    let mine = server.send("GET", &file, &creator, vec![]).await;
    assert_eq!((mine.status, mine.body.as_slice()), (200, b"A still pond.".as_slice()));
    assert!(mine.header("cache-control").starts_with("private"), "no cache between may show it to others");

    let page = async |cookie: &str| server.send("GET", &format!("/jobs/{id}"), &[("cookie", cookie)], vec![]).await;
    let (own, foreign) = (page(&format!("job_token={token}")).await, page("job_token=jobtoken_00").await);
    assert_eq!(own.header("cache-control"), "private, no-cache");
    let [own, foreign] = [own, foreign].map(|answer| String::from_utf8(answer.body).unwrap());
    assert!(own.contains("A still pond.") && own.contains(&file));
    assert!(!foreign.contains("still pond") && !foreign.contains(&file) && foreign.contains("withheld"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_repeats_a_visitors_call_without_its_token_neither_reads_nor_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(auditing(folder.path())).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let asked = json!({"model": EMBEDDING_MODEL, "input": ["a lake", "a pond"]});
    let token =
        |first: u8| format!("jobtoken_{}", (first..first + 32).map(|byte| format!("{byte:02x}")).collect::<String>());
    let (key, own, other) = (("idempotency-key", "order-1"), token(1), token(2));
    let of_creator = [key, ("x-job-token", own.as_str())];
    let of_others: [&[(&str, &str)]; 2] = [&[key], &[key, ("x-job-token", other.as_str())]];
    let meanwhile = async {
        let assignment = worker.assignment().await;
        for headers in of_others {
            let refused = server.post_with("/v1/embeddings", headers, &asked).await;
            assert_eq!(refused.status, 403, "{headers:?}: {}", String::from_utf8_lossy(&refused.body));
            assert!(refused.json()["error"]["message"].as_str().unwrap().contains("x-job-token"));
        }
        let job = server.get(&format!("/v1/jobs/{}", assignment.task.job_id)).await.json();
        assert_eq!(job["state"], "RUNNING", "it was not ended");
        post(&server, &assignment, &honest(&worker, &assignment)).await;
    };
    let calls = tokio::join!(
        server.post_with("/v1/embeddings", &of_creator, &asked),
        server.post_with("/v1/embeddings", &of_creator, &asked),
        meanwhile
    );
    assert_eq!((calls.0.status, calls.1.status), (200, 200), "its creator may lose an answer and ask again");
    assert_eq!(calls.0.body, calls.1.body);
    let later = server.post_with("/v1/embeddings", of_others[0], &asked).await;
    assert_eq!((later.status, later.body), (200, calls.0.body), "nobody is asked to compute it again");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_not_drawn_is_everybodys_with_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(auditing(folder.path())).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let (id, token) = server.submit_for_token(7).await;
    let assignment = worker.assignment().await;
    assert_eq!(server.get(&format!("/v1/jobs/{id}")).await.json()["withheld"], true);
    post(&server, &assignment, &honest(&worker, &assignment)).await;
    let done = server.follow(&id, &[], |job| job["state"] == "COMPLETED").await;
    assert_eq!(done["withheld"], false, "nobody else could compute it again");
    let file = format!("/v1/jobs/{id}/artifacts/0");
    let (of_all, own) = (server.get(&file).await, server.send("GET", &file, &[("x-job-token", &token)], vec![]).await);
    assert_eq!((of_all.status, own.status), (200, 200));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_on_a_receipt_that_is_refuted_after_it_was_paid_is_rejected_by_the_hub_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(Config { hold_seconds: 0, ..auditing(folder.path()) }).await;
    let url = format!("http://{}", server.address);
    let person = Person::new();
    let pledger = Buyer::with_earnings(&server, 9).await;
    json(&person.import("pledger", &hex::encode(pledger.key.to_bytes())).await);
    let model = pinned_sha256().to_string();
    json(&person.bounty(&["pledge", "pledger", &model, "1", "--min-work", "0.001", "--url", &url]).await);

    let mut liar = TestWorker::connect(server.address, key(1), 1).await;
    let id = server.submit(&[], 7).await;
    let assignment = liar.assignment().await;
    let (mut one, mut other) =
        (TestWorker::connect(server.address, key(2), 1).await, TestWorker::connect(server.address, key(3), 1).await);
    post(&server, &assignment, &another_seed(&liar, &assignment)).await;
    server.follow(&id, &[], is_minted).await;
    let receipt = receipt_of(&server, &id, |receipt| receipt["settlement"] == "minted").await;
    let hash = receipt["receipt_hash"].as_str().unwrap();
    json(&person.import("miner", &hex::encode(liar.key.to_bytes())).await);
    json(&person.bounty(&["claim", "miner", "1", hash, "--url", &url]).await);
    let (is_one, audit) = next_of(&mut one, &mut other).await;
    let (auditor, third) = if is_one { (&one, &mut other) } else { (&other, &mut one) };
    post(&server, &audit, &honest(auditor, &audit)).await;
    let opinion = third.assignment().await;
    let detail = server.get("/v1/bounties/1").await.json();
    assert_eq!(detail["claims"][0]["state"], "waiting", "one against one takes nothing");
    post(&server, &opinion, &honest(third, &opinion)).await;

    let refuted = audited(&server, &id, "refuted").await;
    assert!(refuted["void_reason"].is_null(), "what was paid is not taken back");
    let evidence = refuted["audit"]["evidence_sha256"].as_str().unwrap();
    let rejections = async || {
        let log = server.get("/v1/log/entries").await.json();
        let leaves = log["entries"].as_array().unwrap().iter().map(|entry| entry["leaf"].as_str().unwrap().to_owned());
        leaves.filter(|leaf| leaf.contains(r#""kind":"rejection""#)).collect::<Vec<_>>()
    };
    let mut logged = vec![];
    for _ in 0..15_000 {
        logged = rejections().await;
        if !logged.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(logged.len(), 1);
    let entry: Value = serde_json::from_str(&logged[0]).unwrap();
    assert_eq!((entry["receipt_hash"].as_str(), entry["bounty"].as_u64()), (Some(hash), Some(1)));
    assert!(entry["reason"].as_str().unwrap().contains(evidence), "{entry}");
    let detail = server.get("/v1/bounties/1").await.json();
    assert_eq!((&detail["claims"][0]["state"], &detail["bounty"]["rewards_free"]), (&json!("dropped"), &json!(1)));
    server.stop().await;
}
