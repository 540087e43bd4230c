//! The same with two miners of one's own: one serves, the other one audits it, and both are paid.

use std::path::Path;
use std::time::Duration;

use alloy_primitives::U256;
use alloy_sol_types::SolCall as _;
use contracts::{AI_TOKEN_ADDRESS, AIToken};
use hub::audit::Draw;
use serde_json::{Value, json};
use server::config::Config;
use shared::amount::Amount;
use shared::capability::Capability;
use shared::chain;
use shared::digest::Sha256Digest;
use shared::job::task::TaskRole;
use shared::protocol::Assignment;

use super::dear_job;
use crate::payments::buyer::{Buyer, EARNED, paid_job};
use crate::server::{TestServer, config, small_job};
use crate::worker::{TestWorker, capability, key, result};

/// Every result is audited, within the usual limits of a day.
fn auditing(folder: &Path) -> Config {
    let mut config = Config { audits: Draw::Always, ..config(folder) };
    config.limits.images_per_key_per_minute = 1_000;
    config
}

/// What may be minted in a day for a visitor that does nothing to hide.
fn of_a_day() -> Amount {
    server::config::Limits::default().sponsored_mint_per_address_per_day
}

fn greedy() -> Capability {
    let mut greedy = capability(1);
    for offer in &mut greedy.offers {
        offer.unit_price = hub::price::max_unit_price(offer.unit_type);
    }
    greedy
}

async fn minted(server: &TestServer) -> Amount {
    server.app.node.token_supply().await.unwrap()
}

struct Pair([TestWorker; 2]);

impl Pair {
    async fn register(server: &TestServer, offered: &Capability) -> Self {
        let mut workers = Vec::new();
        for number in [1, 3] {
            workers.push(TestWorker::register(server.address, key(number), offered.clone(), vec![]).await);
        }
        while server.app.hub.board().miners().count() < 2 {
            tokio::task::yield_now().await;
        }
        Self(workers.try_into().ok().unwrap())
    }

    /// Whichever has an assignment next makes it.
    async fn work(&mut self, server: &TestServer) -> Assignment {
        let [one, other] = &mut self.0;
        let (worker, assignment) = tokio::select! {
            assignment = one.assignment() => (one, assignment),
            assignment = other.assignment() => (other, assignment),
        };
        let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
        let answer = server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        assignment
    }

    /// Nothing that they earned waits for its transaction.
    async fn are_paid(&self, server: &TestServer) {
        for worker in &self.0 {
            let mut tries = 0;
            while server.get(&format!("/v1/miners/{}", worker.address())).await.json()["pending"] != "0" {
                tries += 1;
                assert!(tries < 15_000, "{} waits for what it earned", worker.address());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    async fn earned(&self, server: &TestServer) -> Amount {
        let mut sum = Amount::ZERO;
        for worker in &self.0 {
            sum = sum.checked_add(server.app.node.token_balance(worker.address()).await.unwrap()).unwrap();
        }
        sum
    }

    /// The buyer is the same person: it deposits all that its miners have.
    async fn fill(&self, server: &TestServer, buyer: &Buyer) {
        for worker in &self.0 {
            let balance = server.app.node.token_balance(worker.address()).await.unwrap();
            if balance > Amount::ZERO {
                let owner = Buyer { key: worker.key.clone() };
                let value = U256::from(balance.atto());
                let transfer = AIToken::transferCall { to: buyer.address(), value }.abi_encode();
                owner.send(server, AI_TOKEN_ADDRESS, transfer).await;
                buyer.deposit(server, balance).await;
            }
        }
    }
}

async fn view(server: &TestServer, id: &str) -> Value {
    server.get(&format!("/v1/jobs/{id}")).await.json()
}

/// A name of one's own names the miner and all its auditors, for as many jobs as one can pay oneself.
#[tokio::test(flavor = "multi_thread")]
async fn who_pays_its_own_miners_for_a_model_that_nobody_else_has_mints_nothing_and_loses_the_fee() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(auditing(folder.path())).await;
    let buyer = Buyer::with_deposit(&server, 2).await;
    let mut own = greedy();
    for offer in &mut own.offers {
        offer.model = format!("mine-{}", offer.model);
        offer.manifest_sha256 = Sha256Digest::of(offer.model.as_bytes());
    }
    let mut pair = Pair::register(&server, &own).await;
    let before = minted(&server).await;
    for seed in 0..3 {
        let mut job = small_job(seed);
        job["model"] = json!("mine-aitbc-scenes-1");
        let (id, _) = buyer.buy(&server, &job).await;
        assert_eq!(view(&server, &id).await["unaudited"], "model_not_pinned");
        assert_eq!(pair.work(&server).await.terms.contract, chain::ESCROW_ADDRESS);
        paid_job(&server, &id, "settled").await;
        let receipt = server.get(&format!("/v1/jobs/{id}/receipt")).await.json();
        assert_eq!((&receipt["unaudited"], &receipt["audit"]), (&json!("model_not_pinned"), &Value::Null));
        let page = String::from_utf8(server.get(&format!("/jobs/{id}")).await.body).unwrap();
        assert!(page.contains("this hub mints only for models that it pins"), "{page}");
    }
    assert!(server.app.store.list_open_jobs().await.unwrap().is_empty(), "an audit is open");
    assert_eq!(minted(&server).await, before);
    let spent = EARNED.checked_sub(buyer.free(&server).await).unwrap();
    let earned = pair.earned(&server).await;
    assert!(Amount::ZERO < earned && earned < spent, "{earned} of {spent}: the fee is lost");
    server.stop().await;
}

/// Nobody else serves the pinned model, so that each of the two audits the other one for certain.
#[tokio::test(flavor = "multi_thread")]
async fn who_pays_its_own_miners_mints_no_more_than_a_days_ceiling_and_then_is_served_without_audits() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(auditing(folder.path())).await;
    let before = minted(&server).await;
    let mut pair = Pair::register(&server, &greedy()).await;
    let begin = server.post("/v1/jobs", &dear_job(0)).await;
    assert_eq!(begin.status, 201);
    for _ in 0..2 {
        pair.work(&server).await;
    }
    pair.are_paid(&server).await;
    let sponsored = minted(&server).await;

    let buyer = Buyer { key: key(2) };
    let mut audits = 0;
    let last = loop {
        pair.fill(&server, &buyer).await;
        let (id, _) = buyer.buy(&server, &dear_job(1 + audits)).await;
        assert_eq!(pair.work(&server).await.terms.contract, chain::ESCROW_ADDRESS);
        paid_job(&server, &id, "settled").await;
        if view(&server, &id).await["unaudited"] == "day_used_up" {
            break id;
        }
        assert!(audits < 20, "{audits} audits were minted, and there is no end");
        let audit = pair.work(&server).await;
        assert_eq!((audit.task.role, audit.terms.contract), (TaskRole::Audit, chain::MINTER_ADDRESS));
        pair.are_paid(&server).await;
        audits += 1;
    };
    let receipt = server.get(&format!("/v1/jobs/{last}/receipt")).await.json();
    assert_eq!((&receipt["unaudited"], &receipt["audit"]), (&json!("day_used_up"), &Value::Null));
    let in_all = minted(&server).await;
    let of_audits = in_all.checked_sub(sponsored).unwrap();
    assert!(of_audits > Amount::ZERO, "an audit of a paid job is minted");
    let of_all = in_all.checked_sub(before).unwrap();
    assert!(of_all <= of_a_day(), "{of_all} AIT were minted for one address in a day");
    let refused = server.post("/v1/jobs", &dear_job(99)).await.problem(429);
    assert!(refused["detail"].as_str().unwrap().contains("this address may mint 200 AIT a day"), "{refused}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_with_two_miners_of_its_own_mints_no_more_than_a_days_ceiling() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(auditing(folder.path())).await;
    let before = minted(&server).await;
    let mut pair = Pair::register(&server, &greedy()).await;
    let mut jobs = 0;
    let refusal = loop {
        let answer = server.post("/v1/jobs", &dear_job(jobs)).await;
        if answer.status != 201 {
            break answer.problem(429);
        }
        assert!(jobs < 20, "{jobs} jobs were minted, and there is no end");
        for role in [TaskRole::Serve, TaskRole::Audit] {
            assert_eq!(pair.work(&server).await.task.role, role);
        }
        pair.are_paid(&server).await;
        jobs += 1;
    };
    let minted = minted(&server).await.checked_sub(before).unwrap();
    assert!(Amount::ZERO < minted && minted <= of_a_day(), "{minted} AIT were minted for one address in a day");
    assert!(refusal["detail"].as_str().unwrap().contains("with its audits"), "{refusal}");
    server.stop().await;
}
