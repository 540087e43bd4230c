//! Bids: standing requests that an offer fills, minted and paid, once each.

mod crash;

use std::time::{Duration, Instant};

use alloy_primitives::U256;
use alloy_sol_types::SolCall as _;
use contracts::{JOB_ESCROW_ADDRESS, JobEscrow};
use serde_json::{Value, json};
use server::auth::new_api_key;
use server::config::{Config, Limits};
use shared::Address;
use shared::amount::Amount;
use shared::api::bids::{BID_MAX_SECONDS, BIDS_PER_CLIENT_MAX};
use shared::api::keys::ApiScope;
use shared::capability::Capability;
use shared::job::text;
use shared::job::token::Tokens;
use store::change::CreateApiKey;

use super::command_line::{aitbc, error, json, text};
use super::payments::buyer::{Buyer, EARNED, text_job};
use super::server::{Answer, TestServer, config, is_over, small_job};
use super::wallet::Person;
use super::worker::{MODEL, TEXT_MODEL, TestWorker, capability, key, result, words_result};

/// Far more than a look at the bids takes.
const PATIENCE: Duration = Duration::from_secs(300);

/// Half of what [`capability`] asks for a megapixel step, and a third.
const HALF: u128 = 500_000_000_000_000_000;
const THIRD: u128 = 333_000_000_000_000_000;

/// A key of this client.
async fn key_of(server: &TestServer, client: Address) -> String {
    let (key, secret) = new_api_key("bids", ApiScope::Client, client, None);
    server.app.store.write(CreateApiKey(key)).await.unwrap();
    secret
}

fn in_seconds(seconds: u64) -> u64 {
    server::clock::now().seconds().0 + seconds
}

fn bid(job: &Value, price: u128) -> Value {
    json!({"job": job, "max_unit_price": price.to_string(), "expires_at": in_seconds(3_600)})
}

/// Leaves a bid that must be taken.
async fn leave(server: &TestServer, secret: &str, bid: &Value) -> Value {
    let answer = server.post_with("/v1/bids", &[("x-api-key", secret)], bid).await;
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header("location"), format!("/v1/bids/{}", answer.json()["id"].as_str().unwrap()));
    answer.json()
}

async fn read(server: &TestServer, secret: &str, path: &str) -> Answer {
    server.send("GET", path, &[("x-api-key", secret)], vec![]).await
}

/// The bid, once `done` holds.
async fn bid_when(server: &TestServer, secret: &str, id: &Value, done: impl Fn(&Value) -> bool) -> Value {
    let (path, started) = (format!("/v1/bids/{}", id.as_str().unwrap()), Instant::now());
    loop {
        let bid = read(server, secret, &path).await.json();
        if done(&bid) {
            return bid;
        }
        assert!(started.elapsed() < PATIENCE, "the bid did not get there: {bid}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The same miner at another price of its pictures, and of its words.
fn at_prices(picture: u128, word: u128) -> Capability {
    let mut capability = capability(1);
    for offer in &mut capability.offers {
        let price = if offer.model == MODEL { picture } else { word };
        offer.unit_price = Amount::from_atto(price);
    }
    capability
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_at_its_price_fills_a_bid_and_no_dearer_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let _dear = server.connect_worker().await;
    let client = server.client_key(ApiScope::Client, None).await.secret;
    let own = [("x-api-key", client.as_str())];
    let made = leave(&server, &client, &bid(&small_job(1), HALF)).await;
    assert_eq!((&made["state"], &made["model"], &made["units"]), (&json!("open"), &json!(MODEL), &json!("8192")));
    let cheap = leave(&server, &client, &bid(&small_job(2), THIRD)).await;
    let mut asks_for_a_card = small_job(3);
    asks_for_a_card["constraints"] = json!({"min_vram_gb": 24});
    let filtered = leave(&server, &client, &bid(&asks_for_a_card, HALF)).await;

    let book = server.get(&format!("/v1/models/{MODEL}/bids")).await;
    assert!(!String::from_utf8_lossy(&book.body).contains("a lake"), "no prompt is public");
    let levels = &book.json()["books"][0]["levels"];
    let prices: Vec<_> = levels.as_array().unwrap().iter().map(|level| level["max_unit_price"].clone()).collect();
    assert_eq!(prices, [json!(HALF.to_string()), json!(THIRD.to_string())]);
    assert_eq!((&levels[0]["bids"], &levels[0]["with_filters"]), (&json!(2), &json!(1)));
    assert_eq!(server.get("/v1/models/nobody/has/this/bids").await.json(), json!({"books": []}));
    assert_eq!(server.get(&format!("/v1/models/{MODEL}")).await.json()["id"], MODEL);
    let page = server.get(&format!("/models/{MODEL}")).await;
    assert!(String::from_utf8_lossy(&page.body).contains("data-testid=\"bids\""));

    let mut miner = TestWorker::register(server.address, key(3), at_prices(HALF, 1), vec![]).await;
    let assignment = miner.assignment().await;
    assert_eq!(assignment.task.job_id.to_string(), made["job_id"].as_str().unwrap());
    assert_eq!(assignment.terms.unit_price, Amount::from_atto(HALF));
    let filled = bid_when(&server, &client, &made["id"], |bid| bid["state"] == "filled").await;
    assert!(filled["ended_at_unix_ms"].is_u64());
    let submission = serde_json::to_value(result(&miner.key, &assignment)).unwrap();
    let answer = server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let job = server.follow(made["job_id"].as_str().unwrap(), &own, is_over).await;
    assert_eq!((&job["state"], &job["sponsored"]), (&json!("COMPLETED"), &json!(false)));

    // What nobody offers still waits, and what was filled cannot be taken back.
    for waiting in [&cheap, &filtered] {
        let bid = bid_when(&server, &client, &waiting["id"], |_| true).await;
        assert_eq!((&bid["state"], &bid["refusal"]), (&json!("open"), &Value::Null));
        server.get(&format!("/v1/jobs/{}", waiting["job_id"].as_str().unwrap())).await.problem(404);
    }
    let path = format!("/v1/bids/{}", made["id"].as_str().unwrap());
    let late = server.send("DELETE", &path, &own, vec![]).await.problem(409);
    assert!(late["detail"].as_str().unwrap().contains("cancel its job"), "{late}");
    let path = format!("/v1/bids/{}", cheap["id"].as_str().unwrap());
    assert_eq!(server.send("DELETE", &path, &own, vec![]).await.json()["state"], "canceled");
    server.send("DELETE", &path, &own, vec![]).await.problem(409);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_is_its_clients_and_keeps_its_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { images_per_key_per_minute: 100, ..Limits::default() };
    let server = TestServer::start_with(Config { limits, ..config(folder.path()) }).await;
    let _miner = server.connect_worker().await;
    let client = server.client_key(ApiScope::Client, None).await.secret;
    let other = server.client_key(ApiScope::Client, None).await.secret;
    let miners_key = server.client_key(ApiScope::Miner, None).await.secret;
    server.post("/v1/bids", &bid(&small_job(1), HALF)).await.problem(401);
    server.get("/v1/bids").await.problem(401);
    server.post_with("/v1/bids", &[("x-api-key", &miners_key)], &bid(&small_job(1), HALF)).await.problem(403);

    let own = [("x-api-key", client.as_str())];
    let refused = async |body: &Value, field: &str| {
        let problem = server.post_with("/v1/bids", &own, body).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    };
    refused(&bid(&small_job(1), 0), "max_unit_price").await;
    refused(&bid(&small_job(1), u128::MAX), "max_unit_price").await;
    for expires_at in [0, in_seconds(0), in_seconds(BID_MAX_SECONDS + 60)] {
        let mut out_of_time = bid(&small_job(1), HALF);
        out_of_time["expires_at"] = json!(expires_at);
        refused(&out_of_time, "expires_at").await;
    }
    let mut wrong = small_job(1);
    wrong["input"]["steps"] = json!(0);
    refused(&bid(&wrong, HALF), "input.steps").await;
    let mut unknown = small_job(1);
    unknown["model"] = json!("nobody-had-it");
    refused(&bid(&unknown, HALF), "model").await;
    let mut unpaid = small_job(1);
    unpaid["payment"] = json!({"mode": "escrow"});
    refused(&bid(&unpaid, HALF), "payment.quote").await;
    let mut large = small_job(1);
    large["input"]["prompt"] = json!("a".repeat(40_000));
    server.post_with("/v1/bids", &own, &bid(&large, HALF)).await.problem(413);

    let first = leave(&server, &client, &bid(&small_job(1), HALF)).await;
    let path = format!("/v1/bids/{}", first["id"].as_str().unwrap());
    read(&server, &other, &path).await.problem(404);
    server.send("DELETE", &path, &[("x-api-key", &other)], vec![]).await.problem(404);
    for seed in 2..=BIDS_PER_CLIENT_MAX as u64 {
        leave(&server, &client, &bid(&small_job(seed), HALF)).await;
    }
    let many = server.post_with("/v1/bids", &own, &bid(&small_job(99), HALF)).await.problem(409);
    assert!(many["detail"].as_str().unwrap().contains("up to 16 open bids"), "{many}");
    assert_eq!(read(&server, &other, "/v1/bids").await.json(), json!({"bids": []}));
    assert_eq!(read(&server, &client, "/v1/bids").await.json()["bids"].as_array().unwrap().len(), BIDS_PER_CLIENT_MAX);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_bid_gets_the_first_answer_also_after_a_restart_and_another_body_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { images_per_key_per_minute: 100, ..Limits::default() };
    let server = TestServer::start_with(Config { limits, ..config(folder.path()) }).await;
    let _dear = server.connect_worker().await;
    let (client, other) =
        (server.client_key(ApiScope::Client, None).await, server.client_key(ApiScope::Client, None).await);
    let named = [("x-api-key", client.secret.as_str()), ("idempotency-key", "bid-1")];
    let (asked, another) = (bid(&small_job(1), HALF), bid(&small_job(2), HALF));
    let send = async |server: &TestServer, body: &Value| server.post_with("/v1/bids", &named, body).await;
    let (first, second) = tokio::join!(send(&server, &asked), send(&server, &asked));
    assert_eq!((first.status, first.json()), (201, second.json()));
    let conflict = send(&server, &another).await.problem(409);
    assert!(conflict["detail"].as_str().unwrap().contains("`bid-1` was used with another body"), "{conflict}");
    // The same key and body at another path, by another caller, and in a wrong form.
    server.post_with("/v1/jobs", &named, &small_job(1)).await.problem(409);
    let of_other = [("x-api-key", other.secret.as_str()), ("idempotency-key", "bid-1")];
    let others = server.post_with("/v1/bids", &of_other, &asked).await;
    assert_eq!(others.status, 201);
    assert_ne!(others.json()["id"], first.json()["id"], "keys of different callers meet");
    let wrong = [("x-api-key", client.secret.as_str()), ("idempotency-key", "a b")];
    server.post_with("/v1/bids", &wrong, &asked).await.problem(422);
    // A client without room for another bid still learns what became of this one.
    for seed in 2..=BIDS_PER_CLIENT_MAX as u64 {
        leave(&server, &client.secret, &bid(&small_job(seed), HALF)).await;
    }
    server.post_with("/v1/bids", &named[..1], &another).await.problem(409);
    assert_eq!(send(&server, &asked).await.json(), first.json());
    server.stop().await;
    let server = TestServer::start(folder.path()).await;
    let third = send(&server, &asked).await;
    assert_eq!((third.status, third.json()), (201, first.json()));
    assert_eq!(third.header("location"), first.header("location"));
    let bids = read(&server, &client.secret, "/v1/bids").await.json();
    let of_key = bids["bids"].as_array().unwrap().iter().filter(|bid| bid["job_id"] == first.json()["job_id"]);
    assert_eq!(of_key.count(), 1, "the bid was left twice");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_that_an_offer_fits_now_is_filled_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut miner = server.connect_worker().await;
    let client = server.client_key(ApiScope::Client, None).await.secret;
    let made = leave(&server, &client, &bid(&small_job(1), 2 * HALF)).await;
    assert_eq!(miner.assignment().await.task.job_id.to_string(), made["job_id"].as_str().unwrap());
    server.stop().await;
}

const SERVED: Tokens = Tokens { read: 5, written: 4 };

/// What [`capability`] asks for a token, and half of it.
const TOKEN: u128 = 1_000_000_000_000_000;
const HALF_TOKEN: u128 = TOKEN / 2;

/// A bid that its client pays, with quote and order, and what was quoted.
async fn paid_bid(server: &TestServer, buyer: &Buyer, secret: &str) -> (Value, Value) {
    let mut asked = bid(&text_job(), HALF_TOKEN);
    asked["job"]["payment"] = json!({"mode": "escrow"});
    let quoted = server.post_with("/v1/bids/quote", &[("x-api-key", secret)], &asked).await;
    assert_eq!(quoted.status, 200, "{}", String::from_utf8_lossy(&quoted.body));
    let quoted = quoted.json();
    asked["job"] = buyer.ordered(&text_job(), &quoted);
    (asked, quoted)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_a_bid_pays_from_the_escrow_what_was_verified() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let buyer = Buyer::with_deposit(&server, 2).await;
    let secret = key_of(&server, buyer.address()).await;
    let _dear = server.connect_worker().await;
    let (asked, quoted) = paid_bid(&server, &buyer, &secret).await;
    let quote = &quoted["quote"]["quote"];
    assert_eq!((&quote["max_unit_price"], &quote["expires_at"]), (&asked["max_unit_price"], &asked["expires_at"]));
    let mut dearer = asked.clone();
    dearer["max_unit_price"] = json!(TOKEN.to_string());
    let own = [("x-api-key", secret.as_str())];
    assert_eq!(server.post_with("/v1/bids", &own, &dearer).await.problem(422)["errors"][0]["field"], "max_unit_price");
    let stranger = server.client_key(ApiScope::Client, None).await.secret;
    server.post_with("/v1/bids", &[("x-api-key", &stranger)], &asked).await.problem(403);

    let made = leave(&server, &secret, &asked).await;
    assert_eq!((&made["job_id"], &made["payment_mode"]), (&quote["job_id"], &json!("escrow")));
    assert_eq!(buyer.free(&server).await, EARNED, "a bid sets nothing aside");
    let again = server.post_with("/v1/bids", &own, &asked).await;
    assert_eq!(again.status, 409, "one order, one bid: {}", String::from_utf8_lossy(&again.body));

    let mut miner = TestWorker::register(server.address, key(3), at_prices(2 * HALF, HALF_TOKEN), vec![]).await;
    let assignment = miner.assignment().await;
    assert_eq!(assignment.terms.contract, JOB_ESCROW_ADDRESS);
    let submission = words_result(&miner.key, &assignment, text::MEDIA_TYPE, "A still lake.", SERVED);
    let submission = serde_json::to_value(submission).unwrap();
    let answer = server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let job_id = made["job_id"].as_str().unwrap();
    let settled = server.follow(job_id, &own, |job| job["payment"]["state"] == "settled").await;
    // Nine tokens at half of a thousandth of an AIT.
    let cost = Amount::from_atto(9 * HALF_TOKEN);
    assert_eq!(buyer.free(&server).await, EARNED.checked_sub(cost).unwrap(), "{settled}");
    assert!(settled["mint"].is_null());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_whose_deposit_is_gone_says_so_and_is_in_no_book() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let buyer = Buyer::with_deposit(&server, 2).await;
    let secret = key_of(&server, buyer.address()).await;
    let _dear = server.connect_worker().await;
    let (asked, _) = paid_bid(&server, &buyer, &secret).await;
    let made = leave(&server, &secret, &asked).await;
    let withdraw = JobEscrow::withdrawCall { amount: U256::from(EARNED.atto()) }.abi_encode();
    buyer.send(&server, JOB_ESCROW_ADDRESS, withdraw).await;
    let _miner = TestWorker::register(server.address, key(3), at_prices(2 * HALF, HALF_TOKEN), vec![]).await;
    let refused = bid_when(&server, &secret, &made["id"], |bid| bid["refusal"].is_string()).await;
    assert_eq!(refused["state"], "open");
    assert!(refused["refusal"].as_str().unwrap().contains("has 0 AIT free"), "{refused}");
    assert!(server.app.store.list_booked_bids(server::clock::now()).await.unwrap().is_empty());
    assert!(server.app.store.find_job(made["job_id"].as_str().unwrap().parse().unwrap()).await.unwrap().is_none());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bids_from_the_command_line() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(&place.path().join("server")).await;
    let url = format!("http://{}", server.address);
    let buyer = Buyer::with_earnings(&server, 2).await;
    let secret = key_of(&server, buyer.address()).await;
    let _dear = server.connect_worker().await;
    let at = ["--url", url.as_str(), "--api-key", secret.as_str()];
    let small = ["a lake", "--steps", "2", "--width", "64", "--height", "64", "--max-unit-price", "0.5"];
    let minted = json(&aitbc(&[&["market", "bid"][..], &small, &at, &["--json"]].concat()).await);
    assert_eq!((&minted["state"], &minted["payment_mode"]), (&json!("open"), &json!("mint")));

    let person = Person::new();
    json(&person.import("buyer", &hex::encode(buyer.key.to_bytes())).await);
    let pays = [&["bid"][..], &small, &at, &["--pay", "--wallet", "buyer"]].concat();
    let paid = json(&person.signs("market", &pays).await);
    assert_eq!(paid["payment_mode"], "escrow");
    assert_eq!(buyer.free(&server).await.to_string(), "0.004096", "what was missing is deposited");

    let listed = text(&aitbc(&[&["market", "bids"][..], &at].concat()).await);
    assert!(listed.contains(minted["id"].as_str().unwrap()) && listed.contains("0.5 / megapixel_step"), "{listed}");
    let book = text(&aitbc(&["market", "bids", "--of", MODEL, "--url", &url]).await);
    assert!(book.contains("minted") && book.contains("by the client"), "{book}");
    let nobodys = text(&aitbc(&["market", "bids", "--of", TEXT_MODEL, "--url", &url]).await);
    assert!(!nobodys.contains("minted"), "{nobodys}");
    let id = minted["id"].as_str().unwrap();
    let canceled = text(&aitbc(&[&["market", "cancel", id][..], &at].concat()).await);
    assert!(canceled.contains("taken back"), "{canceled}");
    assert!(error(&aitbc(&[&["market", "cancel", id][..], &at].concat()).await).contains("is over: canceled"));
    let without_key = error(&aitbc(&["market", "bids", "--url", &url]).await);
    assert!(without_key.contains("bids are a client's"), "{without_key}");
    server.stop().await;
}
