//! Jobs that several miners share: each draws its part, signs for it and is paid for it.

use std::path::Path;

use hub::audit::Draw;
use serde_json::{Value, json};
use server::config::Config;
use shared::amount::Amount;
use shared::api::keys::ApiScope;
use shared::id::LeaseId;
use shared::job::lifecycle::{Blame, MAX_FAULTS};
use shared::job::request::Work;
use shared::job::task::TaskRole;
use shared::protocol::{Assignment, WorkerMessage};

use super::payments::buyer::{Buyer, EARNED, amount, paid_job};
use super::server::{TestServer, config, is_minted, is_over};
use super::worker::{TestWorker, capability, key, picture, result};

/// How fast the miners of these tests say that they are, in micro-units a second.
const SPEED: u64 = 100_000;

/// Pictures that cost 0.065536 AIT each, and that take such a miner two thirds of a second.
fn pictures(count: u32) -> Value {
    let input = json!({"prompt": "a lake", "steps": 4, "width": 128, "height": 128, "seed": 100, "count": count});
    json!({"kind": "image", "input": input})
}

const PICTURE: Amount = Amount::from_atto(65_536_000_000_000_000);

fn of_pictures(count: u128) -> Amount {
    Amount::from_atto(PICTURE.atto() * count)
}

/// So many miners, each with one slot, from this key on.
async fn miners(server: &TestServer, first: u8, count: u8) -> Vec<TestWorker> {
    let mut workers = Vec::new();
    for number in first..first + count {
        workers.push(join(server, number, vec![]).await);
    }
    workers
}

async fn join(server: &TestServer, number: u8, leases: Vec<LeaseId>) -> TestWorker {
    let mut capability = capability(1);
    for offer in &mut capability.offers {
        offer.measured_micro_units_per_second = SPEED;
    }
    let worker = TestWorker::register(server.address, key(number), capability, leases).await;
    while server.app.hub.board().miner(worker.address()).is_none() {
        tokio::task::yield_now().await;
    }
    worker
}

async fn submit(server: &TestServer, headers: &[(&str, &str)], count: u32) -> Value {
    let created = server.post_with("/v1/jobs", headers, &pictures(count)).await;
    assert_eq!(created.status, 201, "{}", String::from_utf8_lossy(&created.body));
    created.json()
}

fn id_of(job: &Value) -> String {
    job["id"].as_str().unwrap().to_owned()
}

async fn deliver(server: &TestServer, worker: &TestWorker, assignment: &Assignment) {
    let submission = serde_json::to_value(result(&worker.key, assignment)).unwrap();
    let answer = server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
}

async fn assignments(workers: &mut [TestWorker]) -> Vec<Assignment> {
    let mut assigned = Vec::new();
    for worker in workers {
        assigned.push(worker.assignment().await);
    }
    assigned
}

fn roles_of(job: &Value) -> Vec<&str> {
    job["tasks"].as_array().unwrap().iter().map(|task| task["role"].as_str().unwrap()).collect()
}

async fn receipt(server: &TestServer, hash: &Value) -> Value {
    server.get(&format!("/v1/receipts/{}", hash.as_str().unwrap())).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn four_miners_share_sixteen_pictures_and_each_is_paid_for_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let client = server.client_key(ApiScope::Client, Some(1_000)).await;
    let headers = [("x-api-key", client.secret.as_str())];
    let mut workers = miners(&server, 11, 4).await;
    let created = submit(&server, &headers, 16).await;
    let id = id_of(&created);
    assert_eq!(roles_of(&created), ["shard/0", "shard/1", "shard/2", "shard/3"]);
    assert_eq!(created["tasks"][1]["pictures"], json!({"first": 4, "count": 4}));
    let assigned = assignments(&mut workers).await;
    for assignment in &assigned {
        let Work::Image(input) = &assignment.work else { panic!("pictures") };
        let TaskRole::Shard(number) = assignment.task.role else { panic!("a shard") };
        assert_eq!((input.count, input.seed), (4, 100 + u64::from(number) * 4));
    }
    // In another order than that of the parts, and the job is over with the last of them.
    for (worker, assignment) in workers.iter().zip(&assigned).rev() {
        let job = server.send("GET", &format!("/v1/jobs/{id}"), &headers, vec![]).await.json();
        assert!(!is_over(&job) && job["mint"].is_null(), "{job}");
        deliver(&server, worker, assignment).await;
    }
    let job = server.follow(&id, &headers, is_minted).await;
    assert_eq!(job["state"], "COMPLETED");
    let result = server.send("GET", &format!("/v1/jobs/{id}/result"), &headers, vec![]).await.json();
    assert_eq!(
        (&result["state"], &result["units"], &result["seed"]),
        (&json!("COMPLETED"), &job["units"], &json!(100))
    );
    let files = result["artifacts"].as_array().unwrap();
    assert_eq!(files.len(), 16);
    for (position, file) in files.iter().enumerate() {
        assert_eq!(file["position"], position);
        let bytes = server.send("GET", file["url"].as_str().unwrap(), &headers, vec![]).await.body;
        assert_eq!(bytes, picture(128, 128, 100 + position as u64), "picture {position} has its own seed");
    }
    for task in job["tasks"].as_array().unwrap() {
        let receipt = receipt(&server, &task["receipt_hash"]).await;
        assert_eq!(
            (&receipt["receipt"]["task_role"], &receipt["receipt"]["provider"]),
            (&task["role"], &task["miner"])
        );
        assert_eq!((amount(&receipt["amount"]), &receipt["settlement"]), (of_pictures(4), &json!("minted")));
    }
    for worker in &workers {
        assert_eq!(server.app.node.token_balance(worker.address()).await.unwrap(), of_pictures(4));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_part_of_a_miner_that_vanishes_is_drawn_by_another() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut workers = miners(&server, 11, 4).await;
    let id = id_of(&submit(&server, &[], 8).await);
    let assigned = assignments(&mut workers).await;
    let gone = workers.remove(2);
    drop(gone);
    let lost = &assigned[2];
    deliver(&server, &workers[0], &assigned[0]).await;
    let again = workers[0].assignment().await;
    assert_eq!((again.task, &again.work), (lost.task, &lost.work));
    assert_ne!(again.lease_id, lost.lease_id);
    deliver(&server, &workers[1], &assigned[1]).await;
    deliver(&server, &workers[2], &assigned[3]).await;
    deliver(&server, &workers[0], &again).await;
    let job = server.follow(&id, &[], is_minted).await;
    assert_eq!((&job["state"], job["artifacts"].as_array().unwrap().len()), (&json!("COMPLETED"), 8));
    let first = json!(workers[0].address());
    let drawn = job["tasks"].as_array().unwrap().iter().filter(|task| task["miner"] == first).count();
    assert_eq!((drawn, job["faults"].as_array().unwrap().len()), (2, 1));
    server.stop().await;
}

/// Fails a shard for good: its miner, the only one that is free, fails it as often as a task may be failed. The rest is
/// delivered.
async fn lose_one(server: &TestServer, workers: &mut [TestWorker], id: &str) -> Value {
    let assigned = assignments(workers).await;
    let (task, mut lease_id) = (assigned[3].task, assigned[3].lease_id);
    for tries_left in (0..MAX_FAULTS).rev() {
        workers[3].send(&WorkerMessage::fail(lease_id, Blame::Miner, true, "the lake is dry")).await;
        if tries_left > 0 {
            let again = workers[3].assignment().await;
            assert_eq!(again.task, task);
            lease_id = again.lease_id;
        }
    }
    while server
        .app
        .hub
        .board()
        .job(task.job_id)
        .is_some_and(|job| job.tasks().any(|(role, life)| role == task.role && !life.state.is_terminal()))
    {
        tokio::task::yield_now().await;
    }
    let running = server.get(&format!("/v1/jobs/{id}")).await.json();
    assert!(!is_over(&running), "the others go on: {running}");
    for (worker, assignment) in workers.iter().zip(&assigned).take(3) {
        deliver(server, worker, assignment).await;
    }
    server.follow(id, &[], is_over).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_fails_for_good_leaves_the_pictures_of_the_others_and_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut workers = miners(&server, 11, 4).await;
    let id = id_of(&submit(&server, &[], 8).await);
    let job = lose_one(&server, &mut workers, &id).await;
    assert_eq!(job["state"], "FAILED");
    let lost: Vec<usize> = (0..4).filter(|part| job["tasks"][part]["state"] == "FAILED").collect();
    let [lost] = lost[..] else { panic!("one part is lost: {job}") };
    let result = server.get(&format!("/v1/jobs/{id}/result")).await.json();
    let positions: Vec<usize> = result["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["position"].as_u64().unwrap() as usize)
        .collect();
    assert_eq!(positions, (0..8).filter(|place| place / 2 != lost).collect::<Vec<_>>());
    assert_eq!((&result["state"], &result["units"]), (&json!("FAILED"), &json!("393216")));
    server.get(&format!("/v1/jobs/{id}/artifacts/{}", lost * 2)).await.problem(404);
    let kept = positions.last().unwrap();
    let file = server.get(&format!("/v1/jobs/{id}/artifacts/{kept}")).await;
    assert_eq!(file.body, picture(128, 128, 100 + *kept as u64));
    let record = server.get(&format!("/v1/jobs/{id}/failure")).await.json();
    let text = record.to_string();
    assert!(text.contains("3 of its 4 parts were served; of the rest: its 3 tries failed"), "{text}");
    let explained = server.get(&format!("/v1/jobs/{id}/explain")).await.json();
    assert!(explained["summary"].as_str().unwrap().starts_with("3 of its 4 parts were served. "), "{explained}");
    server.stop().await;
}

/// A buyer with a deposit, and four miners that nobody has measured.
async fn shop(server: &TestServer) -> (Buyer, Vec<TestWorker>) {
    let buyer = Buyer::with_deposit(server, 2).await;
    (buyer, miners(server, 11, 4).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_escrow_pays_each_part_to_its_own_miner() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let (buyer, mut workers) = shop(&server).await;
    let quote = buyer.quote(&server, &pictures(8)).await.json();
    assert_eq!((&quote["quote"]["quote"]["tasks"], &quote["order"]["tasks"]), (&json!(4), &json!(4)));
    let created = server.post("/v1/jobs", &buyer.ordered(&pictures(8), &quote)).await;
    assert_eq!(created.status, 201, "{}", String::from_utf8_lossy(&created.body));
    let id = id_of(&created.json());
    let assigned = assignments(&mut workers).await;
    for (worker, assignment) in workers.iter().zip(&assigned) {
        deliver(&server, worker, assignment).await;
    }
    let job = paid_job(&server, &id, "settled").await;
    // A fiftieth is the escrow's fee.
    let fee = Amount::from_atto(of_pictures(8).atto() / 50);
    assert_eq!(
        (amount(&job["payment"]["paid"]), amount(&job["payment"]["fee"])),
        (of_pictures(8).checked_sub(fee).unwrap(), fee)
    );
    assert_eq!(amount(&job["payment"]["refunded"]), Amount::ZERO, "what was ordered was drawn");
    let each = Amount::from_atto(of_pictures(2).atto() / 50 * 49);
    for worker in &workers {
        assert_eq!(server.app.node.token_balance(worker.address()).await.unwrap(), each);
    }
    assert_eq!(buyer.free(&server).await, EARNED.checked_sub(of_pictures(8)).unwrap());
    for task in job["tasks"].as_array().unwrap() {
        assert_eq!(receipt(&server, &task["receipt_hash"]).await["settlement"], "settled");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_escrow_pays_what_was_drawn_and_gives_back_the_part_that_failed() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let (buyer, mut workers) = shop(&server).await;
    let (id, _) = buyer.buy(&server, &pictures(8)).await;
    let job = lose_one(&server, &mut workers, &id).await;
    assert_eq!(job["state"], "FAILED");
    let job = paid_job(&server, &id, "settled").await;
    let payment = &job["payment"];
    assert_eq!(amount(&payment["refunded"]), of_pictures(2), "{payment}");
    let paid = amount(&payment["paid"]).checked_add(amount(&payment["fee"])).unwrap();
    assert_eq!(paid, of_pictures(6));
    assert_eq!(buyer.free(&server).await, EARNED.checked_sub(of_pictures(6)).unwrap());
    assert_eq!(server.app.node.token_balance(workers[3].address()).await.unwrap(), Amount::ZERO);
    assert_eq!(server.get("/v1/status").await.json()["payments"], json!({"open": 0, "stuck": 0}));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_keeps_and_pays_what_is_drawn_already() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let (buyer, mut workers) = shop(&server).await;
    let (id, token) = buyer.buy(&server, &pictures(8)).await;
    let assigned = assignments(&mut workers).await;
    deliver(&server, &workers[1], &assigned[1]).await;
    let canceled = server.send("DELETE", &format!("/v1/jobs/{id}"), &[("x-job-token", &token)], vec![]).await;
    assert_eq!((canceled.status, &canceled.json()["state"]), (200, &json!("CANCELED")));
    let late = serde_json::to_value(result(&workers[0].key, &assigned[0])).unwrap();
    server.post(&format!("/v1/miners/jobs/{}/result", assigned[0].lease_id), &late).await.problem(409);
    let job = paid_job(&server, &id, "settled").await;
    assert_eq!((amount(&job["payment"]["refunded"]), job["artifacts"].as_array().unwrap().len()), (of_pictures(6), 2));
    assert_eq!(buyer.free(&server).await, EARNED.checked_sub(of_pictures(2)).unwrap());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_loses_no_part() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut workers = miners(&server, 11, 4).await;
    let id = id_of(&submit(&server, &[], 8).await);
    let assigned = assignments(&mut workers).await;
    deliver(&server, &workers[0], &assigned[0]).await;
    let submission = serde_json::to_value(result(&workers[1].key, &assigned[1])).unwrap();
    server.stop().await;

    let server = TestServer::start(folder.path()).await;
    let job = server.get(&format!("/v1/jobs/{id}")).await.json();
    assert_eq!((&job["state"], job["artifacts"].as_array().unwrap().len()), (&json!("RUNNING"), 2));
    let path = format!("/v1/miners/jobs/{}/result", assigned[1].lease_id);
    assert_eq!(server.post(&path, &submission).await.status, 200, "a worker brings its part to the next server");
    let back = join(&server, 13, vec![assigned[2].lease_id]).await;
    // The fourth has forgotten its lease, and gets its part anew.
    let mut fourth = join(&server, 14, vec![]).await;
    deliver(&server, &back, &assigned[2]).await;
    let again = fourth.assignment().await;
    assert_eq!((again.task, &again.work), (assigned[3].task, &assigned[3].work));
    deliver(&server, &fourth, &again).await;
    let job = server.follow(&id, &[], is_minted).await;
    assert_eq!((&job["state"], job["artifacts"].as_array().unwrap().len()), (&json!("COMPLETED"), 8));
    assert_eq!(server.post(&path, &submission).await.status, 200, "a repetition is answered as the first time");
    server.stop().await;
}

fn auditing(folder: &Path) -> Config {
    Config { audits: Draw::Always, hold_seconds: 86_400, ..config(folder) }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_part_is_audited_by_another_miner() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(auditing(folder.path())).await;
    let mut workers = miners(&server, 11, 2).await;
    let created = submit(&server, &[], 8).await;
    let id = id_of(&created);
    assert_eq!(roles_of(&created), ["shard/0", "shard/1"]);
    let assigned = assignments(&mut workers).await;
    for (worker, assignment) in workers.iter().zip(&assigned) {
        deliver(&server, worker, assignment).await;
    }
    // One audit runs at once in so small a network; each goes to the miner that drew the other part.
    let (one, other) = workers.split_at_mut(1);
    for _ in 0..2 {
        let (worker, audit) = tokio::select! {
            audit = one[0].assignment() => (&one[0], audit),
            audit = other[0].assignment() => (&other[0], audit),
        };
        let served = assigned.iter().position(|served| Some(served.task.role) == audit.task.role.audited()).unwrap();
        assert_eq!((&audit.work, audit.terms.units), (&assigned[served].work, assigned[served].terms.units));
        assert_ne!(worker.address(), key(11 + served as u8).address());
        deliver(&server, worker, &audit).await;
    }
    let job = server.follow(&id, &[], is_over).await;
    assert_eq!(job["state"], "COMPLETED");
    assert_eq!(job["artifacts"].as_array().unwrap().len(), 8, "files of audits are not the job's");
    for task in &job["tasks"].as_array().unwrap()[..2] {
        let receipt = receipt(&server, &task["receipt_hash"]).await;
        assert_eq!((&receipt["audit"]["state"], &receipt["audit"]["provider"]), (&json!("confirmed"), &task["miner"]));
    }
    server.stop().await;
}
