//! Jobs that their clients pay: quoted, reserved, settled exactly, or given back.

pub(crate) mod buyer;
mod command_line;
mod crash;
mod refused;

use alloy_sol_types::SolCall as _;
use contracts::{JOB_ESCROW_ADDRESS, JobEscrow};
use serde_json::{Value, json};
use server::config::Config;
use shared::amount::Amount;
use shared::job::text;
use shared::job::token::Tokens;
use shared::quote::SignedQuote;
use test_support::postgres::database_or_skip;

use self::buyer::{Buyer, EARNED, amount, paid_job, text_job};
use super::server::{TestServer, config, small_job};
use super::walk::read_events;
use super::worker::{TestWorker, key, result, words_result};

const SERVED: Tokens = Tokens { read: 5, written: 4 };

/// Serves the next text in nine tokens.
pub(crate) async fn write_one(server: &TestServer, worker: &mut TestWorker) {
    let assignment = worker.assignment().await;
    assert_eq!(assignment.terms.contract, JOB_ESCROW_ADDRESS);
    let submission = words_result(&worker.key, &assignment, text::MEDIA_TYPE, "A still lake.", SERVED);
    let submission = serde_json::to_value(submission).unwrap();
    let answer = server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
}

/// One job from quote to settlement, over this database.
async fn pays_exactly(config: Config) {
    let server = TestServer::start_with(config).await;
    let buyer = Buyer::with_deposit(&server, 2).await;
    let mut worker = server.connect_worker().await;
    let supply = server.app.node.token_supply().await.unwrap();

    let quote = buyer.quote(&server, &text_job()).await;
    assert_eq!(quote.status, 200, "{}", String::from_utf8_lossy(&quote.body));
    let quote = quote.json();
    let signed: SignedQuote = serde_json::from_value(quote["quote"].clone()).unwrap();
    signed.verify().unwrap();
    assert_eq!(signed.quote.hub, server.app.hub_key.address());
    assert_eq!((signed.quote.max_unit_price, signed.quote.fee_basis_points), (Amount::from_atto(10_u128.pow(15)), 200));
    assert_eq!(signed.quote.max_unit_price.times(signed.quote.units), Some(signed.quote.max_total));
    assert_eq!((amount(&quote["deposited"]), quote["miners"].as_u64()), (EARNED, Some(1)));

    let created = server.post("/v1/jobs", &buyer.ordered(&text_job(), &quote)).await;
    assert_eq!(created.status, 201, "{}", String::from_utf8_lossy(&created.body));
    let job = created.json();
    assert_eq!((&job["id"], &job["payment"]["state"]), (&quote["order"]["job_id"], &json!("awaiting")));
    assert_eq!((&job["payment_mode"], &job["client"]), (&json!("escrow"), &json!(buyer.address())));
    let id = job["id"].as_str().unwrap().to_owned();
    let events = {
        let url = format!("http://{}/v1/jobs/{id}/events", server.address);
        tokio::task::spawn_blocking(move || read_events(&url))
    };
    write_one(&server, &mut worker).await;
    let job = paid_job(&server, &id, "settled").await;

    // Nine tokens at 0.001 AIT, of which a fiftieth is the fee.
    let payment = &job["payment"];
    let (paid, fee) = (amount(&payment["paid"]), amount(&payment["fee"]));
    assert_eq!((paid.to_string().as_str(), fee.to_string().as_str()), ("0.00882", "0.00018"));
    let cost = paid.checked_add(fee).unwrap();
    let rest = signed.quote.max_total.checked_sub(cost).unwrap();
    assert_eq!(amount(&payment["refunded"]), rest);
    assert!(payment["end"]["transaction_hash"].is_string() && payment["reserve"]["block_number"].is_u64(), "{payment}");
    assert!(job["mint"].is_null() && job["state"] == "COMPLETED");
    assert_eq!(server.app.node.token_balance(worker.address()).await.unwrap(), paid);
    assert_eq!(buyer.free(&server).await, EARNED.checked_sub(cost).unwrap(), "the rest is free again");
    let held = server.app.node.token_balance(JOB_ESCROW_ADDRESS).await.unwrap();
    assert_eq!(held, buyer.free(&server).await.checked_add(fee).unwrap(), "deposits and fees, and nothing else");
    assert_eq!(server.app.node.token_supply().await.unwrap(), supply, "a paid job mints nothing");

    let receipt = server.get(&format!("/v1/jobs/{id}/receipt")).await.json();
    assert_eq!((&receipt["settlement"], &receipt["settled"]), (&json!("settled"), &payment["end"]));
    let miner = server.get(&format!("/v1/miners/{}", worker.address())).await.json();
    assert_eq!((amount(&miner["earned"]), amount(&miner["pending"])), (paid, Amount::ZERO));
    let status = server.get("/v1/status").await.json();
    assert_eq!(status["payments"], json!({"open": 0, "stuck": 0}));
    let (last, ..) = events.await.unwrap().pop().unwrap();
    assert_eq!(last, "state", "the stream ends with the settlement");
    buyer
        .send(
            &server,
            JOB_ESCROW_ADDRESS,
            JobEscrow::withdrawCall { amount: rest_of(&buyer, &server).await }.abi_encode(),
        )
        .await;
    server.stop().await;
}

async fn rest_of(buyer: &Buyer, server: &TestServer) -> alloy_primitives::U256 {
    alloy_primitives::U256::from(buyer.free(server).await.atto())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_pays_exactly_what_was_verified_and_the_rest_is_free_again() {
    let folder = tempfile::tempdir().unwrap();
    pays_exactly(config(folder.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_pays_exactly_what_was_verified_over_postgresql() {
    let Some(url) = database_or_skip() else { return };
    let folder = tempfile::tempdir().unwrap();
    pays_exactly(Config { database_url: Some(url.parse().unwrap()), ..config(folder.path()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_job_gives_everything_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let buyer = Buyer::with_deposit(&server, 2).await;
    let mut worker = server.connect_worker().await;
    let (id, token) = buyer.buy(&server, &small_job(1)).await;
    let assignment = worker.assignment().await;
    assert_ne!(buyer.free(&server).await, EARNED, "it is reserved before a miner gets it");
    let canceled = server.send("DELETE", &format!("/v1/jobs/{id}"), &[("x-job-token", &token)], vec![]).await;
    assert_eq!(canceled.status, 200);
    let job = paid_job(&server, &id, "refunded").await;
    assert_eq!((&job["payment"]["refunded"], &job["state"]), (&job["payment"]["max_total"], &json!("CANCELED")));
    assert_eq!(buyer.free(&server).await, EARNED);
    let late = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &late).await.problem(409);
    assert_eq!(server.app.node.token_balance(worker.address()).await.unwrap(), Amount::ZERO);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_job_gives_everything_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let buyer = Buyer::with_deposit(&server, 2).await;
    let mut worker = server.connect_worker().await;
    let job = json!({"ttl_seconds": 2, "kind": small_job(1)["kind"], "input": small_job(1)["input"]});
    let (id, _) = buyer.buy(&server, &job).await;
    worker.assignment().await;
    let job = paid_job(&server, &id, "refunded").await;
    assert_eq!((&job["state"], &job["payment"]["paid"]), (&json!("EXPIRED"), &Value::Null));
    assert_eq!(buyer.free(&server).await, EARNED);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_its_client_cancelled_on_the_chain_makes_no_job() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let buyer = Buyer::with_deposit(&server, 2).await;
    let worker = server.connect_worker().await;
    let quote = buyer.quote(&server, &small_job(1)).await.json();
    let order = buyer.ordered(&small_job(1), &quote);
    let cancel = JobEscrow::cancelOrderCall { jobId: order_job(&quote).to_be_bytes().into() };
    buyer.send(&server, JOB_ESCROW_ADDRESS, cancel.abi_encode()).await;
    let refused = server.post("/v1/jobs", &order).await.problem(409);
    assert!(refused["detail"].as_str().unwrap().contains("used or cancelled"), "{refused}");
    assert_eq!(server.get(&format!("/v1/jobs/{}", order_job(&quote))).await.status, 404, "nothing was stored");
    assert_eq!(buyer.free(&server).await, EARNED);
    drop(worker);
    server.stop().await;
}

fn order_job(quote: &Value) -> shared::id::JobId {
    serde_json::from_value(quote["order"]["job_id"].clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn several_jobs_of_one_client_are_paid_beside_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut generous = config(folder.path());
    generous.limits.images_per_key_per_minute = 1_000;
    let server = TestServer::start_with(generous).await;
    let buyer = Buyer::with_deposit(&server, 2).await;
    let mut worker = TestWorker::connect(server.address, key(1), 4).await;
    while server.app.hub.board().miners().next().is_none() {
        tokio::task::yield_now().await;
    }
    let mut jobs = Vec::new();
    for _ in 0..4 {
        jobs.push(buyer.buy(&server, &text_job()).await.0);
    }
    for _ in 0..4 {
        write_one(&server, &mut worker).await;
    }
    for id in &jobs {
        paid_job(&server, id, "settled").await;
    }
    let paid = server.app.node.token_balance(worker.address()).await.unwrap();
    assert_eq!(paid.to_string(), "0.03528", "four times nine tokens, less the fee");
    let spent = Amount::from_atto(4 * 9 * 10_u128.pow(15));
    assert_eq!(buyer.free(&server).await, EARNED.checked_sub(spent).unwrap());
    server.stop().await;
}
