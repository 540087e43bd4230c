//! Somebody asks for work in order to mint: a visitor, or the owner of a key, runs the only miner, asks the highest
//! price, and sends pictures that no model drew. What it mints in a day is bounded in AIT, whatever it asks for.

mod pair;

use serde_json::{Value, json};
use shared::amount::Amount;
use shared::api::keys::ApiScope;
use shared::digest::Sha256Digest;
use shared::unit::UnitType;

use super::server::{TestServer, config, is_minted};
use super::worker::{TestWorker, capability, key, result};

/// 9.437184 megapixel steps, which cost 18.874368 AIT at the highest price: just below a sponsored job's ceiling.
fn dear_job(seed: u64) -> Value {
    json!({"kind": "image", "input": {"prompt": "a lake", "steps": 9, "width": 1_024, "height": 1_024, "seed": seed}})
}

const PRICE_OF_ONE: &str = "18.874368";

async fn greedy_miner(server: &TestServer) -> TestWorker {
    let mut greedy = capability(1);
    for offer in &mut greedy.offers {
        offer.unit_price = hub::price::max_unit_price(offer.unit_type);
    }
    assert_eq!(hub::price::max_unit_price(UnitType::MegapixelStep), Amount::from_ait(2));
    TestWorker::register(server.address, key(1), greedy, vec![]).await
}

/// Asks and serves until the hub refuses; the minted sum, and the refusal.
async fn drain(server: &TestServer, miner: &mut TestWorker, headers: &[(&str, &str)]) -> (u128, String) {
    let mut minted = 0;
    for seed in 0..100 {
        let answer = server.post_with("/v1/jobs", headers, &dear_job(seed)).await;
        if answer.status != 201 {
            let problem = answer.problem(429);
            assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
            return (minted, problem["detail"].as_str().unwrap().to_owned());
        }
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        let assignment = miner.assignment().await;
        let submission = serde_json::to_value(result(&miner.key, &assignment)).unwrap();
        let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
        assert_eq!(server.post(&path, &submission).await.status, 200);
        let job = server.follow(&id, headers, is_minted).await;
        minted += job["mint"]["amount"].as_str().unwrap().parse::<u128>().unwrap();
    }
    panic!("a hundred jobs minted {minted} attoAIT, and there is no end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_that_is_its_own_miner_mints_no_more_than_a_days_ceiling() {
    let folder = tempfile::tempdir().unwrap();
    let limited = || {
        let mut config = config(folder.path());
        config.behind_proxy = true;
        config.limits.images_per_key_per_minute = 1_000;
        config.limits.sponsored_mint_in_total_per_day = Amount::from_ait(250);
        config
    };
    let per_address = limited().limits.sponsored_mint_per_address_per_day;
    let server = TestServer::start_with(limited()).await;
    let mut miner = greedy_miner(&server).await;
    let mut named = dear_job(0);
    named["constraints"] = json!({"miners": [miner.address()]});
    let refused = server.post("/v1/jobs", &named).await.problem(422);
    assert_eq!(refused["errors"][0]["field"], "constraints.miners");
    let from = |address: &'static str| [("x-forwarded-for", address)];

    let (minted, refusal) = drain(&server, &mut miner, &from("10.0.0.1")).await;
    assert!(minted > 0 && minted <= per_address.atto(), "{minted}");
    let bound = "this address may mint 200 AIT a day: 188.74368 AIT are taken";
    assert!(refusal.contains(bound) && refusal.contains(PRICE_OF_ONE), "{refusal}");
    let (more, refusal) = drain(&server, &mut miner, &from("10.0.0.2")).await;
    assert!(minted + more <= Amount::from_ait(250).atto(), "{more}");
    assert!(refusal.contains("together may mint 250 AIT a day"), "{refusal}");
    server.stop().await;

    let server = TestServer::start_with(limited()).await;
    let again = server.post_with("/v1/jobs", &from("10.0.0.1"), &dear_job(1)).await;
    assert!(again.problem(429)["detail"].as_str().unwrap().contains(bound), "a restart forgot the day");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_its_own_miner_mints_no_more_than_a_days_ceiling() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.limits.images_per_key_per_minute = 1_000;
    config.limits.mint_per_key_per_day = Amount::from_ait(40);
    let server = TestServer::start_with(config).await;
    let mut miner = greedy_miner(&server).await;
    let (first, second) = (
        server.client_key(ApiScope::Client, None).await.secret,
        server.client_key(ApiScope::Client, None).await.secret,
    );
    let (minted, refusal) = drain(&server, &mut miner, &[("x-api-key", &first)]).await;
    assert!(minted > 0 && minted <= Amount::from_ait(40).atto(), "{minted}");
    assert!(refusal.contains("this API key may mint 40 AIT a day: 37.748736 AIT are taken"), "{refusal}");
    let (other, _) = drain(&server, &mut miner, &[("x-api-key", &second)]).await;
    assert_eq!(other, minted, "a key has a day of its own");

    let largest = json!({"kind": "image", "input":
        {"prompt": "a lake", "steps": 100, "width": 1_024, "height": 1_024, "count": 16}});
    let cheap =
        json!({"kind": "image", "input": largest["input"], "constraints": {"max_price": "1000000000000000000"}});
    let unserved = server.post_with("/v1/jobs", &[("x-api-key", first.as_str())], &cheap).await.problem(422);
    assert_eq!(unserved["type"], "/problems/cannot-be-served");
    let mut free = capability(1);
    free.offers.iter_mut().for_each(|offer| offer.unit_price = Amount::ZERO);
    let _free = TestWorker::register(server.address, key(2), free, vec![]).await;
    let headers = [("x-api-key", first.as_str())];
    let refused = server.post_with("/v1/jobs", &headers, &largest).await.problem(429);
    assert!(refused["detail"].as_str().unwrap().contains("up to 3355.4432 AIT"), "{refused}");
    assert_eq!(server.post_with("/v1/jobs", &headers, &cheap).await.status, 201, "its own limit is what counts");
    server.stop().await;
}

/// Anybody may offer a model under a new name, so that naming it names the miner.
#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_cannot_choose_its_own_miner_by_the_name_of_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut own = capability(1);
    for offer in &mut own.offers {
        offer.model = format!("mine-{}", offer.model);
        offer.manifest_sha256 = Sha256Digest::of(offer.model.as_bytes());
        offer.unit_price = hub::price::max_unit_price(offer.unit_type);
    }
    let mut miner = TestWorker::register(server.address, key(1), own, vec![]).await;
    while server.app.hub.board().miners().next().is_none() {
        tokio::task::yield_now().await;
    }
    let mut named = dear_job(1);
    named["model"] = json!("mine-aitbc-scenes-1");
    let refused = server.post("/v1/jobs", &named).await.problem(422);
    let error = &refused["errors"][0];
    assert_eq!((&error["field"], &error["value"]), (&json!("model"), &named["model"]));
    let detail = error["detail"].as_str().unwrap();
    assert!(["`aitbc-scenes-1`", "API key", "escrow"].iter().all(|word| detail.contains(word)), "{detail}");
    let chat = json!({"model": "mine-test-writer", "messages": [{"role": "user", "content": "hi"}]});
    let chat = server.post("/v1/chat/completions", &chat).await;
    assert!((400..500).contains(&chat.status) && chat.json()["error"]["message"].as_str().unwrap().contains("API key"));
    assert!(server.app.store.list_open_jobs().await.unwrap().is_empty(), "a refused job is stored");

    let api_key = server.client_key(ApiScope::Client, None).await;
    let answer = server.post_with("/v1/jobs", &[("x-api-key", &api_key.secret)], &named).await;
    assert_eq!(answer.status, 201, "a key may name any model that is served");
    assert_eq!(miner.assignment().await.model, "mine-aitbc-scenes-1");
    server.stop().await;
}
