//! Bad input: each refusal is a problem that says what was wrong, and leaves nothing behind.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use server::config::Config;
use server::pins::Pins;
use shared::api::keys::ApiScope;
use shared::digest::Sha256Digest;
use shared::job::JobKind;
use shared::job::init_image::INIT_IMAGE_MAX_BYTES;
use shared::job::request::Work;
use shared::model::own_model;

use super::server::{TestServer, config, small_job};
use super::worker::{EMBEDDING_MODEL, MODEL, TEXT_MODEL, TestWorker, key, picture};

async fn count_jobs(server: &TestServer) -> usize {
    server.app.store.list_open_jobs().await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_request() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let json_type = [("content-type", "application/json")];
    let send = |headers: &'static [(&str, &str)], body: &str| server.send("POST", "/v1/jobs", headers, body.into());
    send(&[("content-type", "application/json")], "{\"kind\": ").await.problem(400);
    send(&[("content-type", "text/plain")], "draw me a sheep").await.problem(415);
    let huge = format!("{{\"kind\": \"{}\"}}", "x".repeat(5_000_000));
    server.send("POST", "/v1/jobs", &json_type, huge.into()).await.problem(413);
    let mut unknown = small_job(1);
    unknown["constraints"] = json!({"vram": 1});
    let problem = server.post("/v1/jobs", &unknown).await.problem(422);
    assert_eq!(problem["errors"][0]["field"], "constraints.vram");
    assert_eq!(count_jobs(&server).await, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_bound_is_named_with_its_value() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let input = json!({"prompt": "", "steps": 0, "guidance": 26, "width": 63, "height": 2_000, "count": 17});
    let problem = server.post("/v1/jobs", &json!({"kind": "image", "input": input})).await.problem(422);
    let errors = problem["errors"].as_array().unwrap();
    let fields: Vec<&str> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
    let expected = ["prompt", "steps", "guidance", "width", "height", "count"].map(|field| format!("input.{field}"));
    assert_eq!(fields, expected);
    assert!(errors.iter().all(|error| error["bound"].is_string() && error["value"].is_string()));

    let key = server.client_key(ApiScope::Client, None).await;
    let stage1 = json!({"api_key": key.secret, "prompt": "a lake", "steps": 4, "width": 128});
    let problem = server.post("/v1/generate-image", &stage1).await.problem(422);
    let fields: Vec<&Value> = problem["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    assert_eq!(fields, ["steps", "width"]);
    server.get("/v1/receipts?limit=101").await.problem(422);
    server.get("/v1/receipts?cursor=x").await.problem(422);
    server.get("/v1/receipts?colour=red").await.problem(422);
    assert_eq!(count_jobs(&server).await, 0);
    server.stop().await;
}

/// The fields that a refused job's problem names, in order.
async fn refused_fields(server: &TestServer, job: &Value) -> Vec<String> {
    let problem = server.post("/v1/jobs", job).await.problem(422);
    let errors = problem["errors"].as_array().unwrap();
    errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
}

fn job_of(kind: &str, model: &str) -> Value {
    let input = if kind == "embedding" { json!({"input": ["a lake"]}) } else { json!({"prompt": "a lake"}) };
    json!({"kind": kind, "model": model, "input": input})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_nobody_serves_as_asked_is_refused_and_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.limits.sponsored_per_address_per_day = 1;
    let server = TestServer::start_with(config).await;
    let _worker = server.connect_worker().await;
    for (kind, model, instead) in [
        ("image", "nope", MODEL),
        ("image", TEXT_MODEL, MODEL),
        ("image", "aitbc-words-1", MODEL),
        ("text", MODEL, TEXT_MODEL),
        ("embedding", TEXT_MODEL, EMBEDDING_MODEL),
    ] {
        let problem = server.post("/v1/jobs", &job_of(kind, model)).await.problem(422);
        let error = &problem["errors"][0];
        assert_eq!((&error["field"], &error["value"]), (&json!("model"), &json!(model)));
        let bound = format!("one of `{instead}`, which miners offer for the kind `{kind}`");
        assert_eq!(error["bound"], bound);
    }
    let mut broken = job_of("image", "nope");
    broken["input"]["steps"] = json!(0);
    assert_eq!(refused_fields(&server, &broken).await, ["model", "input.steps"]);
    assert_eq!(refused_fields(&server, &job_of("image", &"x".repeat(101))).await, ["model"]);
    assert_eq!(count_jobs(&server).await, 0);
    server.submit(&[], 1).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_may_come_before_its_miner_and_after_its_miner_left() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(Config { pins: Pins::default(), ..config(folder.path()) }).await;
    for kind in [JobKind::Image, JobKind::Text, JobKind::Embedding] {
        let answer = server.post("/v1/jobs", &job_of(kind.as_str(), own_model(kind))).await;
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    }
    let api_key = server.client_key(ApiScope::Client, None).await;
    let headers = [("x-api-key", api_key.secret.as_str())];
    let of_key = async |kind| server.post_with("/v1/jobs", &headers, &job_of(kind, TEXT_MODEL)).await;
    assert_eq!(of_key("text").await.problem(422)["errors"][0]["field"], "model");
    let worker = server.connect_worker().await;
    drop(worker);
    while server.app.hub.board().miners().next().is_some() {
        tokio::task::yield_now().await;
    }
    let waits = of_key("text").await;
    assert_eq!((waits.status, waits.json()["state"].as_str()), (201, Some("QUEUED")));
    assert_eq!(of_key("image").await.problem(422)["errors"][0]["field"], "model");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_another_form_is_named_by_its_field() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let of_steps = "`input.steps`: invalid";
    for (field, value, detail) in [
        ("steps", json!(-8), "`input.steps`: invalid value: integer `-8`, expected a whole number, 0 to "),
        ("steps", json!("8"), "`input.steps`: invalid type: string \"8\", expected a whole number, 0 to "),
        ("steps", json!(8.5), of_steps),
        ("seed", json!(-1), "`input.seed`: invalid value: integer `-1`, expected a whole number, 0 to "),
        ("guidance", json!("7"), "`input.guidance`: invalid type: string \"7\", expected a number"),
        ("prompt", json!(["a"]), "`input.prompt`: invalid type: array, expected a string"),
        ("stepz", json!(1), "`input.stepz`: unknown field `stepz`"),
    ] {
        let mut job = small_job(1);
        job["input"][field] = value;
        let problem = server.post("/v1/jobs", &job).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], format!("input.{field}"));
        assert!(problem["detail"].as_str().unwrap().starts_with(detail), "{problem}");
    }
    let mut job = small_job(1);
    job["input"] = json!({});
    let problem = server.post("/v1/jobs", &job).await.problem(422);
    assert_eq!(
        (&problem["errors"][0]["field"], &problem["detail"]),
        (&json!("input"), &json!("`input`: missing field `prompt`"))
    );
    job["input"] = json!(["a lake"]);
    assert_eq!(refused_fields(&server, &job).await, ["input"]);
    for (body, detail) in [(json!([]), "an array"), (json!(null), "null"), (json!("draw"), "a string")] {
        let problem = server.post("/v1/jobs", &body).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], "body");
        assert_eq!(problem["detail"], format!("`body` is an object, got {detail}"));
    }
    for (query, field) in
        [("limit=-1", "limit"), ("limit=1.5", "limit"), ("job_id=x", "job_id"), ("colour=red", "colour")]
    {
        let problem = server.get(&format!("/v1/receipts?{query}")).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], field);
        assert!(problem["detail"].as_str().unwrap().starts_with(&format!("`{field}`: ")), "{problem}");
    }
    let mut kind = small_job(1);
    kind["kind"] = json!(5);
    let problem = server.post("/v1/jobs", &kind).await.problem(422);
    assert_eq!(problem["detail"], "`kind`: invalid type: integer `5`, expected a string");
    assert_eq!(count_jobs(&server).await, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn null_in_a_job_is_what_leaving_out_is() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let _worker = server.connect_worker().await;
    let plain = json!({"kind": "image", "input": {"prompt": "a lake", "seed": 1}});
    let nulls = json!({
        "kind": "image", "model": null, "constraints": {"max_price": null, "miners": null}, "payment": null,
        "ttl_seconds": null,
        "input": {"prompt": "a lake", "seed": 1, "steps": null, "guidance": null, "scheduler": null, "init_image": null},
    });
    let [plain, nulls] = [server.post("/v1/jobs", &plain).await, server.post("/v1/jobs", &nulls).await];
    assert_eq!((plain.status, nulls.status), (201, 201), "{}", String::from_utf8_lossy(&nulls.body));
    for field in ["input", "model", "constraints", "payment_mode"] {
        assert_eq!(plain.json()[field], nulls.json()[field], "{field}");
    }
    assert_eq!(nulls.json()["input"]["steps"], 8, "the model's own default");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_to_start_from_reaches_the_worker_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let mut file = picture(64, 64, 7);
    file.resize(INIT_IMAGE_MAX_BYTES, 0);
    let mut job = small_job(1);
    job["input"]["init_image"] = STANDARD.encode(&file).into();
    job["input"]["strength"] = json!(0.5);
    let answer = server.post("/v1/jobs", &job).await;
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    let view = answer.json();
    assert_eq!(view["input"]["init_image"], json!({"sha256": Sha256Digest::of(&file)}));
    // One of the two steps is walked.
    assert_eq!(view["units"], "4096");
    let Work::Image(input) = worker.assignment().await.work else { panic!("a picture") };
    assert_eq!(input.init_image.unwrap().file().unwrap(), file);

    let mut refused = small_job(1);
    refused["input"]["init_image"] = STANDARD.encode(b"GIF89a").into();
    refused["input"]["strength"] = json!(0.1);
    let problem = server.post("/v1/jobs", &refused).await.problem(422);
    let fields: Vec<&Value> = problem["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    assert_eq!(fields, ["input.strength", "input.init_image"]);
    assert_eq!(count_jobs(&server).await, 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_revoked_and_unfit_keys() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let job = small_job(1);
    server.post_with("/v1/jobs", &[("x-api-key", "no-such-key")], &job).await.problem(401);
    let miner = server.client_key(ApiScope::Miner, None).await;
    server.post_with("/v1/jobs", &[("x-api-key", &miner.secret)], &job).await.problem(403);
    let revoked = server.client_key(ApiScope::Client, None).await;
    server.revoke(revoked.key.id).await;
    let problem = server.post_with("/v1/jobs", &[("x-api-key", &revoked.secret)], &job).await.problem(401);
    assert_eq!(problem["detail"], "the API key was revoked");
    let stage1 = json!({"api_key": revoked.secret, "prompt": "a lake"});
    server.post("/v1/generate-image", &stage1).await.problem(401);
    server.get("/v1/jobs").await.problem(401);
    assert_eq!(count_jobs(&server).await, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_idempotency_key_gets_the_first_answer_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let headers = [("idempotency-key", "order-1")];
    let job = small_job(1);
    let (first, second) =
        tokio::join!(server.post_with("/v1/jobs", &headers, &job), server.post_with("/v1/jobs", &headers, &job));
    assert_eq!((first.status, first.json()), (201, second.json()));
    server.post_with("/v1/jobs", &headers, &small_job(2)).await.problem(409);
    server.post_with("/v1/jobs", &[("idempotency-key", "a b")], &small_job(1)).await.problem(422);
    server.stop().await;
    let server = TestServer::start(folder.path()).await;
    let third = server.post_with("/v1/jobs", &headers, &small_job(1)).await;
    assert_eq!((third.status, third.json()), (201, first.json()));
    assert_eq!(third.header("location"), first.header("location"));
    assert_eq!(count_jobs(&server).await, 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_and_rates_say_when_to_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.limits.sponsored_per_address_per_day = 2;
    config.limits.images_per_key_per_minute = 3;
    let server = TestServer::start_with(config).await;
    for seed in 0..2 {
        server.submit(&[], seed).await;
    }
    let refused = server.post("/v1/jobs", &small_job(2)).await;
    assert!(refused.problem(429)["detail"].as_str().unwrap().contains("2 sponsored jobs"));
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    let key = server.client_key(ApiScope::Client, None).await;
    let headers = [("x-api-key", key.secret.as_str())];
    for seed in 0..3 {
        server.submit(&headers, seed).await;
    }
    let refused = server.post_with("/v1/jobs", &headers, &small_job(3)).await;
    assert!(refused.problem(429)["detail"].as_str().unwrap().contains("3 per minute"));
    assert_eq!(count_jobs(&server).await, 5);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_methods_and_names_that_are_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let id = format!("job_{}", "0".repeat(32));
    let missing = ["/v1/no-such-thing", &format!("/v1/jobs/{id}"), "/v1/jobs/x", "/v1/receipts/0x00", "/v1/miners/0x0"];
    for path in missing {
        server.get(path).await.problem(404);
        server.get(&format!("/api{path}")).await.problem(404);
    }
    server.send("PATCH", "/v1/jobs", &[], vec![]).await.problem(405);
    server.get("/v1/miners/session").await.problem(426);
    server.get(&format!("/v1/jobs/{id}/artifacts/-1")).await.problem(404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_find_what_they_need() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    for path in ["/health", "/health/live", "/health/ready", "/v1/health", "/api/v1/health", "/v1/status"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(!answer.header("x-request-id").is_empty());
    }
    let openapi = server.get("/openapi.json").await.json();
    assert_eq!(openapi["openapi"], "3.1.0");
    assert!(openapi["paths"]["/v1/jobs"]["post"].is_object());
    let metrics = String::from_utf8(server.get("/metrics").await.body).unwrap();
    assert!(
        metrics.contains("aitbc_http_requests_total{method=\"GET\",route=\"/v1/health\",status=\"200\"} 1"),
        "{metrics}"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_allowed_origins_may_use_official_clients_and_others_may_not() {
    const PAGE: &str = "https://page.example";
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.allowed_origins = vec![PAGE.to_owned()];
    let server = TestServer::start_with(config).await;
    let asked = "authorization,content-type,x-stainless-arch,x-stainless-lang,x-stainless-retry-count,x-some-future";
    let preflight = async |origin: &str| {
        let headers =
            [("origin", origin), ("access-control-request-method", "POST"), ("access-control-request-headers", asked)];
        server.send("OPTIONS", "/v1/chat/completions", &headers, vec![]).await
    };
    let answer = preflight(PAGE).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, PAGE));
    assert_eq!(answer.header("access-control-allow-headers"), asked);
    assert!(answer.header("access-control-allow-methods").contains("POST"));
    let refused = server.send("POST", "/v1/chat/completions", &[("origin", PAGE)], b"{}".to_vec()).await;
    assert_eq!(refused.header("access-control-allow-origin"), PAGE, "the page may read the error, too");
    for answer in [
        preflight("https://elsewhere.example").await,
        server.send("GET", "/v1/health", &[("origin", "https://elsewhere.example")], vec![]).await,
    ] {
        assert!(answer.headers.get("access-control-allow-origin").is_none(), "a foreign origin was allowed");
    }
    server.stop().await;
}
