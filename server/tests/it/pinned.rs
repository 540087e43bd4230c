//! What the first page shows is the operator's, whatever miners say of a model.

use serde_json::json;
use shared::api::keys::ApiScope;
use shared::digest::Sha256Digest;
use shared::job::JobKind;
use shared::protocol::HubMessage;

use super::server::{TestServer, small_job};
use super::worker::{MODEL, TestWorker, capability, key};

const WHAT_THE_PAGE_SHOWS: [&str; 6] =
    ["suggestions", "subjects", "default_model", "default_steps", "default_guidance", "default_fast"];

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_changes_nothing_on_the_first_page() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let shown = async || {
        let status = server.get("/v1/status").await.json();
        WHAT_THE_PAGE_SHOWS.map(|field| status[field].clone())
    };
    let before = shown().await;
    let manifest = server::pins::Pins::default().load().unwrap().default_of(JobKind::Image).unwrap().manifest.clone();
    assert_eq!((&before[0], &before[2]), (&json!(manifest.suggestions), &json!(MODEL)));
    let mut liar = capability(1);
    for offer in &mut liar.offers {
        offer.suggestions = vec!["buy my coin".into()];
        offer.subjects = vec!["coin".into()];
        (offer.default_steps, offer.default_guidance) = (100, 25.0);
    }
    let mut first_by_name = liar.offers.last().unwrap().clone();
    first_by_name.model = "0-first".into();
    first_by_name.manifest_sha256 = Sha256Digest::of(b"a model of its own");
    liar.offers.push(first_by_name);
    let _liar = TestWorker::register(server.address, key(1), liar, vec![]).await;
    while server.app.hub.board().miners().next().is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(shown().await, before);
    let open = json!({"kind": "image", "input": {"prompt": "a lake", "width": 64, "height": 64}});
    let job = server.post("/v1/jobs", &open).await.json();
    assert_eq!((&job["model"], &job["input"]["steps"]), (&json!(MODEL), &json!(manifest.default_steps)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_model_under_a_pinned_name_is_told_apart_and_gets_no_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut other = capability(1);
    for offer in other.offers.iter_mut().filter(|offer| offer.model == MODEL) {
        offer.manifest_sha256 = Sha256Digest::of(b"another model");
    }
    let mut impostor = TestWorker::register(server.address, key(1), other, vec![]).await;
    let HubMessage::Notice { text } = impostor.receive().await else { panic!("it is told") };
    assert!(text.contains(MODEL) && text.contains(&Sha256Digest::of(b"another model").to_string()), "{text}");
    let profile = server.get(&format!("/v1/miners/{}", impostor.address())).await.json();
    let offers = profile["capability"]["offers"].as_array().unwrap();
    assert!(!offers.is_empty() && offers.iter().all(|offer| offer["model"] != MODEL), "{offers:?}");
    assert_eq!(server.get(&format!("/v1/models/{MODEL}")).await.status, 404);
    let id = server.submit(&[], 1).await;
    let job = server.get(&format!("/v1/jobs/{id}")).await.json();
    assert_eq!(job["state"], "QUEUED");
    let mut honest = TestWorker::connect(server.address, key(2), 1).await;
    assert_eq!(honest.assignment().await.task.job_id.to_string(), id);
    assert_eq!(server.post("/v1/jobs", &small_job(2)).await.status, 201);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_model_under_another_name_is_told_apart_and_serves_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut other = capability(1);
    for offer in other.offers.iter_mut().filter(|offer| offer.model == MODEL) {
        offer.model = "nobody-else-has-it".into();
    }
    let mut miner = TestWorker::register(server.address, key(1), other, vec![]).await;
    let HubMessage::Notice { text } = miner.receive().await else { panic!("it is told") };
    assert!(text.contains("nobody-else-has-it") && text.contains(&format!("under the name `{MODEL}`")), "{text}");
    let mut own_name = small_job(1);
    own_name["model"] = json!("nobody-else-has-it");
    let client = server.client_key(ApiScope::Client, None).await;
    let refused = server.post_with("/v1/jobs", &[("x-api-key", &client.secret)], &own_name).await;
    refused.problem(422);
    server.stop().await;
}
