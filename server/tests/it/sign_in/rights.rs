//! What a signed-in wallet may do: jobs of its own, keys of its own, within what its owner would get without it.

use serde_json::{Value, json};
use shared::amount::Amount;

use super::Owner;
use crate::server::{TestServer, config, is_minted, small_job};
use crate::worker::{key, result};

fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect()
}

async fn submit(server: &TestServer, owner: &Owner, seed: u64) -> String {
    let created = owner.send(server, "POST", "/v1/jobs", Some(small_job(seed))).await;
    assert_eq!(created.status, 201, "{}", String::from_utf8_lossy(&created.body));
    assert_eq!(created.header("x-job-token"), "", "the session is enough");
    created.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_jobs_of_a_session_are_the_wallets_own() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = server.connect_worker().await;
    let (me, other) = (Owner::sign_in(&server, key(2)).await, Owner::sign_in(&server, key(3)).await);
    let id = submit(&server, &me, 1).await;
    let path = format!("/v1/jobs/{id}");
    let job = me.send(&server, "GET", &path, None).await.json();
    assert_eq!((&job["client"], &job["sponsored"]), (&json!(me.address()), &json!(false)));
    assert_eq!(server.get(&path).await.status, 404, "it is private");
    assert_eq!(other.send(&server, "GET", &path, None).await.status, 404);
    assert_eq!(other.send(&server, "DELETE", &path, None).await.status, 404);
    let assignment = worker.assignment().await;
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    let answer = server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let minted = server.follow(&id, &me.headers(), is_minted).await;
    assert_eq!(minted["client"], json!(me.address()));
    let picture = me.send(&server, "GET", &format!("{path}/artifacts/0"), None).await;
    assert!(picture.header("cache-control").starts_with("private"), "{:?}", picture.headers);
    assert_eq!(server.get(&format!("{path}/artifacts/0")).await.status, 404);

    let page = |of: Option<&Owner>, path: String| {
        let mut headers = vec![("accept", "text/html".to_owned())];
        headers.extend(of.map(|owner| ("cookie", owner.headers()[0].1.to_owned())));
        let server = &server;
        async move {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            server.send("GET", &path, &headers, vec![]).await
        }
    };
    let html = |answer: crate::server::Answer| String::from_utf8(answer.body).unwrap();
    for stranger in [None, Some(&other)] {
        assert_eq!(page(stranger, format!("/jobs/{id}")).await.status, 404, "the page shows a private job");
        assert!(!html(page(stranger, "/jobs".into()).await).contains(&id));
    }
    let own = page(Some(&me), format!("/jobs/{id}")).await;
    assert_eq!((own.status, own.header("cache-control")), (200, "private, no-cache"));
    assert!(html(own).contains(&format!("Signed in as {}", me.address())));
    assert!(html(page(Some(&me), "/jobs".into()).await).contains(&id));

    let waiting = submit(&server, &me, 2).await;
    assert_eq!(ids(&me.send(&server, "GET", "/v1/jobs", None).await.json()), [waiting.clone(), id]);
    assert!(ids(&other.send(&server, "GET", "/v1/jobs", None).await.json()).is_empty());
    let canceled = me.send(&server, "POST", &format!("/v1/jobs/{waiting}/cancel"), None).await;
    assert_eq!(canceled.json()["state"], "CANCELED");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_makes_lists_and_revokes_keys_that_are_as_strong_as_itself() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let _worker = server.connect_worker().await;
    let (me, other) = (Owner::sign_in(&server, key(2)).await, Owner::sign_in(&server, key(3)).await);
    let created = me.send(&server, "POST", "/v1/keys", Some(json!({"label": " my laptop "}))).await;
    assert_eq!(created.status, 201);
    let created = created.json();
    assert_eq!((&created["key"]["label"], &created["key"]["scope"]), (&json!("my laptop"), &json!("client")));
    let secret = created["secret"].as_str().unwrap();
    let with_key = [("x-api-key", secret)];
    let id = server.submit(&with_key, 1).await;
    assert_eq!(
        ids(&me.send(&server, "GET", "/v1/jobs", None).await.json()),
        [id.as_str()],
        "a key's job is the wallet's"
    );
    let named = json!({"kind": "image", "input": small_job(1)["input"], "constraints": {"miners": [key(9).address()]}});
    let refused = server.post_with("/v1/jobs", &with_key, &named).await.problem(422);
    assert_eq!(refused["errors"][0]["field"], "constraints.miners", "a key that costs nothing names its miner");
    for path in ["/v1/keys", "/v1/sessions"] {
        let refused = server.send("GET", path, &with_key, vec![]).await.problem(401);
        assert_eq!(refused["type"], "/problems/not-signed-in", "a key manages the wallet");
    }
    let listed = me.send(&server, "GET", "/v1/keys", None).await.json();
    assert_eq!(listed["keys"], json!([created["key"]]));
    assert_eq!(other.send(&server, "GET", "/v1/keys", None).await.json()["keys"], json!([]));
    let path = format!("/v1/keys/{}", created["key"]["id"].as_str().unwrap());
    assert_eq!(other.send(&server, "DELETE", &path, None).await.status, 404);
    assert_eq!(me.send(&server, "DELETE", &path, None).await.status, 200);
    assert_eq!(server.post_with("/v1/jobs", &with_key, &small_job(2)).await.status, 401);
    let long = me.send(&server, "POST", "/v1/keys", Some(json!({"label": "x".repeat(101)}))).await.problem(422);
    assert_eq!(long["errors"][0]["field"], "label");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wallets_and_their_keys_add_nothing_to_what_their_owner_may_mint() {
    let folder = tempfile::tempdir().unwrap();
    let mut tight = config(folder.path());
    tight.limits.sponsored_per_address_per_day = 3;
    let server = TestServer::start_with(tight).await;
    let _worker = server.connect_worker().await;
    let first = Owner::sign_in(&server, key(2)).await;
    submit(&server, &first, 1).await;
    let created = first.send(&server, "POST", "/v1/keys", Some(json!({"label": ""}))).await.json();
    server.submit(&[("x-api-key", created["secret"].as_str().unwrap())], 2).await;
    server.submit(&[], 3).await;
    let second = Owner::sign_in(&server, key(3)).await;
    let refused = second.send(&server, "POST", "/v1/jobs", Some(small_job(4))).await.problem(429);
    assert!(refused["detail"].as_str().unwrap().contains("this address may have 3 sponsored jobs a day"), "{refused}");
    server.stop().await;

    let folder = tempfile::tempdir().unwrap();
    let mut tight = config(folder.path());
    tight.behind_proxy = true;
    tight.limits.mint_per_wallet_per_day = Amount::from_atto(1);
    let server = TestServer::start_with(tight).await;
    let _worker = server.connect_worker().await;
    let owner = Owner::sign_in(&server, key(2)).await;
    let refused = owner.send(&server, "POST", "/v1/jobs", Some(small_job(1))).await.problem(429);
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.contains("this wallet, with the API keys that it made,") && detail.contains("a paid job"),
        "{detail}"
    );
    assert_eq!(server.post("/v1/jobs", &small_job(1)).await.status, 201, "the address itself has its own");
    server.stop().await;
}
