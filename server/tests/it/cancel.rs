//! Who may end a job: its creator alone.

use server::auth::new_api_key;
use shared::api::keys::ApiScope;
use store::change::CreateApiKey;

use super::server::{TestServer, small_job};
use super::worker::{TestWorker, key};

async fn cancel(server: &TestServer, id: &str, headers: &[(&str, &str)]) -> u16 {
    server.post_with(&format!("/v1/jobs/{id}/cancel"), headers, &serde_json::json!({})).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_its_creator_cancels_a_visitors_job_and_its_miner_neither() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let (id, token) = server.submit_for_token(1).await;
    let (other_id, other_token) = server.submit_for_token(2).await;
    let assignment = serde_json::to_string(&worker.assignment().await).unwrap();
    assert!(assignment.contains(&id) && !assignment.contains(&token), "its miner knows the job and not the token");
    let seen = server.get(&format!("/v1/jobs/{id}")).await;
    assert!(!String::from_utf8_lossy(&seen.body).contains("token") && seen.header("x-job-token").is_empty());

    let key = server.client_key(ApiScope::Client, None).await.secret;
    let strangers: [&[(&str, &str)]; 5] = [
        &[],
        &[("x-job-token", "")],
        &[("x-job-token", &other_token)],
        &[("cookie", "job_token=jobtoken_00")],
        &[("x-api-key", &key)],
    ];
    for headers in strangers {
        assert_eq!(cancel(&server, &id, headers).await, 403, "{headers:?}");
    }
    assert_eq!(server.get(&format!("/v1/jobs/{id}")).await.json()["state"], "RUNNING");
    server.stop().await;

    let server = TestServer::start(folder.path()).await;
    assert_eq!(cancel(&server, &id, &[("x-job-token", &token)]).await, 200, "the token outlives a restart");
    let cookie = format!("a=b; job_token={other_token}");
    assert_eq!(cancel(&server, &other_id, &[("cookie", &cookie)]).await, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_gets_the_token_in_a_cookie_and_a_repetition_gets_none() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let headers = [("idempotency-key", "order-1")];
    let first = server.post_with("/v1/jobs", &headers, &small_job(1)).await;
    let (id, token) = (first.json()["id"].as_str().unwrap().to_owned(), first.header("x-job-token").to_owned());
    let cookies = [("/v1", "Strict"), ("", "Lax")].map(|(api, same_site)| {
        format!("job_token={token}; Path={api}/jobs/{id}; Max-Age=72900; HttpOnly; SameSite={same_site}")
    });
    let told = first.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(told.collect::<Vec<_>>(), cookies);
    let again = server.post_with("/v1/jobs", &headers, &small_job(1)).await;
    assert_eq!(again.body, first.body);
    assert_eq!((again.header("x-job-token"), again.header("set-cookie")), ("", ""), "the server does not know it");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_repeats_a_request_with_the_token_that_it_brought_is_the_creator() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let token =
        |first: u8| format!("jobtoken_{}", (first..first + 32).map(|byte| format!("{byte:02x}")).collect::<String>());
    let (key, own, other) = (("idempotency-key", "order-1"), token(1), token(2));
    let send = async |headers: &[(&str, &str)]| server.post_with("/v1/jobs", headers, &small_job(1)).await;
    let first = send(&[key, ("x-job-token", &own)]).await;
    let id = first.json()["id"].as_str().unwrap().to_owned();
    let again = send(&[key, ("x-job-token", &own)]).await;
    let [foreign, without] = [send(&[key, ("x-job-token", &other)]).await, send(&[key]).await];
    for answer in [&first, &again] {
        assert_eq!((answer.status, answer.header("x-job-token")), (201, own.as_str()));
        assert!(answer.header("set-cookie").contains(&own));
    }
    for answer in [&foreign, &without] {
        assert_eq!((answer.header("x-job-token"), answer.header("set-cookie")), ("", ""), "somebody else");
        assert_eq!(answer.body, first.body);
    }
    for bad in ["", "secret", &own[..40], &format!("jobtoken_{}", "00".repeat(32))] {
        let refused = send(&[("x-job-token", bad)]).await.problem(422);
        assert_eq!(refused["errors"][0]["field"], "X-Job-Token", "{bad}");
    }
    assert_eq!(cancel(&server, &id, &[("x-job-token", &other)]).await, 403);
    assert_eq!(cancel(&server, &id, &[("x-job-token", &own)]).await, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_of_a_key_belongs_to_its_address_and_operators_may_end_any() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let owner = server.client_key(ApiScope::Client, None).await;
    let other = server.client_key(ApiScope::Client, None).await.secret;
    let admin = server.client_key(ApiScope::Admin, None).await.secret;
    let same_address = async |scope| {
        let (key, secret) = new_api_key("next", scope, owner.key.address, None);
        server.app.store.write(CreateApiKey(key)).await.unwrap();
        secret
    };
    let (next, of_miner) = (same_address(ApiScope::Client).await, same_address(ApiScope::Miner).await);
    let created = server.post_with("/v1/jobs", &[("x-api-key", &owner.secret)], &small_job(1)).await;
    assert_eq!((created.header("x-job-token"), created.header("set-cookie")), ("", ""), "the key is enough");
    let id = created.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(cancel(&server, &id, &[]).await, 404, "a private job is not there for others");
    assert_eq!(cancel(&server, &id, &[("x-api-key", &other)]).await, 404);
    assert_eq!(cancel(&server, &id, &[("x-api-key", &of_miner)]).await, 403);
    assert_eq!(cancel(&server, &id, &[("x-api-key", &next)]).await, 200, "a client may replace its key");
    let (visitors, _) = server.submit_for_token(2).await;
    assert_eq!(cancel(&server, &visitors, &[("x-api-key", &admin)]).await, 200);
    server.stop().await;
}
