//! Operators look after the hub; nobody else sees or changes anything of it.

use serde_json::{Value, json};
use server::config::Config;
use shared::Address;
use shared::api::keys::ApiScope;
use shared::job::lifecycle::Blame;
use shared::protocol::WorkerMessage;
use shared::signing::PrivateKey;

use super::command_line::{aitbc, text};
use super::server::{Answer, TestServer, config, small_job};
use super::sign_in::Owner;
use super::worker::{TestWorker, key};

/// The operator of these tests.
fn operator() -> PrivateKey {
    key(9)
}

fn operated(folder: &std::path::Path) -> Config {
    Config { operators: vec![operator().address()], ..config(folder) }
}

const READS: [&str; 6] = [
    "/v1/admin/health",
    "/v1/admin/jobs",
    "/v1/admin/miners",
    "/v1/admin/keys",
    "/v1/admin/limits",
    "/v1/admin/changes",
];

fn changes() -> [String; 7] {
    let miner = key(1).address();
    let id = shared::id::ApiKeyId::from_random(1);
    [
        format!("/v1/admin/miners/{miner}/pause"),
        format!("/v1/admin/miners/{miner}/resume"),
        format!("/v1/admin/keys/{id}/limits"),
        format!("/v1/admin/keys/{id}/revoke"),
        "/v1/admin/amnesties".to_owned(),
        format!("/v1/admin/reviews/{}/hide", shared::B256::ZERO),
        format!("/v1/admin/reviews/{}/show", shared::B256::ZERO),
    ]
}

fn because(reason: &str) -> Option<Value> {
    Some(json!({ "reason": reason }))
}

async fn html(server: &TestServer, owner: Option<&Owner>, path: &str) -> Answer {
    let mut headers = vec![("accept", "text/html")];
    headers.extend(owner.map(|owner| ("cookie", owner.headers()[0].1)));
    server.send("GET", path, &headers, vec![]).await
}

async fn submit_form(server: &TestServer, headers: &[(&str, &str)], path: &str, form: &str) -> Answer {
    let form_type = ("content-type", "application/x-www-form-urlencoded");
    let headers = [headers, &[form_type]].concat();
    server.send("POST", path, &headers, form.as_bytes().to_vec()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_an_operator_hears_or_changes_anything() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(operated(folder.path())).await;
    let _worker = server.connect_worker().await;
    let stranger = Owner::sign_in(&server, key(2)).await;
    let admin_key = server.client_key(ApiScope::Admin, None).await;
    let posts = changes();
    for (method, path) in
        READS.map(|path| ("GET", path)).into_iter().chain(posts.iter().map(|path| ("POST", path.as_str())))
    {
        let body = (method == "POST").then(|| because("a try")).flatten();
        let refused = stranger.send(&server, method, path, body.clone()).await.problem(403);
        assert_eq!(refused["detail"], "this is for the operators of this server", "{path}");
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let json = ("content-type", "application/json");
        server.send(method, path, &[json], body.clone()).await.problem(401);
        // A key does not do, not even one of the widest scope.
        server.send(method, path, &[json, ("x-api-key", &admin_key.secret)], body).await.problem(401);
    }
    // What does not hold in a request is not told to others either.
    stranger.send(&server, "GET", "/v1/admin/jobs?state=nonsense", None).await.problem(403);
    stranger.send(&server, "POST", &posts[0], Some(json!({}))).await.problem(403);
    for path in ["/admin", "/admin/jobs", "/admin/miners", "/admin/keys", "/admin/limits", "/admin/changes"] {
        for reader in [None, Some(&stranger)] {
            assert_eq!(html(&server, reader, path).await.status, 404, "{path}");
        }
    }
    let form = format!("/admin/miners/{}/pause", key(1).address());
    let sent = submit_form(&server, &stranger.headers()[..2], &form, "reason=a&confirmed=yes").await;
    sent.problem(403);
    let miner = server.get(&format!("/v1/miners/{}", key(1).address())).await.json();
    assert!(miner["paused"].is_null(), "somebody paused it");
    let log = server.get("/v1/log/entries?from=0").await.json();
    assert_eq!(log["size"], 0);
    let robots = String::from_utf8(server.get("/robots.txt").await.body).unwrap();
    assert!(robots.contains("Disallow: /admin\n"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_the_queue_pauses_a_miner_and_everybody_can_read_it_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(operated(folder.path())).await;
    let worker = server.connect_worker().await;
    let own = Owner::sign_in(&server, operator()).await;
    let miner = worker.key.address();
    let path = |way: &str| format!("/v1/admin/miners/{miner}/{way}");

    own.send(&server, "POST", &path("resume"), because("early")).await.problem(409);
    for odd in ["", "two\nlines", &"x".repeat(201)] {
        let refused = own.send(&server, "POST", &path("pause"), because(odd)).await.problem(422);
        assert_eq!(refused["errors"][0]["field"], "reason");
    }
    let unknown = format!("/v1/admin/miners/{}/pause", Address::repeat_byte(7));
    own.send(&server, "POST", &unknown, because("nobody")).await.problem(404);
    let paused = own.send(&server, "POST", &path("pause"), because(" a broken card ")).await;
    assert_eq!((paused.status, &paused.json()["paused"]["reason"]), (200, &json!("a broken card")));
    own.send(&server, "POST", &path("pause"), because("again")).await.problem(409);

    let id = server.submit(&[], 1).await;
    let health = own.send(&server, "GET", "/v1/admin/health", None).await.json();
    assert_eq!((&health["queue"][0]["state"], &health["queue"][0]["jobs"]), (&json!("QUEUED"), &json!(1)), "{health}");
    assert!(health["queue"][0]["oldest_unix_ms"].is_u64());
    assert_eq!(
        (&health["waiting_tasks"], &health["miners_online"], &health["miners_paused"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!((&health["database"]["kind"], &health["chain"]["index_behind"].is_u64()), (&json!("sqlite"), &true));
    let explained = server.get(&format!("/v1/jobs/{id}/explain")).await.json();
    assert_eq!(explained["miners"][0]["reason"], "the operator of this hub paused it");
    let idle = server.get(&format!("/v1/miners/{miner}/why-idle")).await.json();
    assert_eq!(idle["reasons"][0]["reason"], "paused");
    assert!(idle["reasons"][0]["words"].as_str().unwrap().contains("a broken card"), "{idle}");
    let listed = own.send(&server, "GET", "/v1/admin/miners?paused=true", None).await.json();
    assert_eq!(listed["items"][0]["address"], json!(miner));
    server.stop().await;
    drop(worker);

    let server = TestServer::start_with(operated(folder.path())).await;
    let own = Owner { origin: format!("http://{}", server.address), ..own };
    let mut worker = server.connect_worker().await;
    let jobs = own.send(&server, "GET", &format!("/v1/admin/jobs?id={id}&class=visitor"), None).await.json();
    assert_eq!((&jobs["items"][0]["state"], &jobs["items"][0]["miner"].is_null()), (&json!("QUEUED"), &true), "{jobs}");
    assert!(!jobs.to_string().contains("a lake"), "what was asked is not shown");
    assert_eq!(own.send(&server, "GET", "/v1/admin/jobs?class=paying", None).await.json()["items"], json!([]));
    own.send(&server, "GET", "/v1/admin/jobs?state=NONSENSE", None).await.problem(422);
    let resumed = own.send(&server, "POST", &path("resume"), because("a new card")).await.json();
    assert!(resumed["paused"].is_null());
    assert_eq!(worker.assignment().await.task.job_id.to_string(), id, "what waited goes to it at once");

    let log = server.get("/v1/log/entries?from=0").await.json();
    let leaves: Vec<Value> = log["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|leaf| serde_json::from_str(leaf["leaf"].as_str().unwrap()).unwrap())
        .collect();
    let told: Vec<_> = leaves.iter().map(|leaf| (&leaf["kind"], &leaf["paused"], &leaf["reason"])).collect();
    let (pause, broken, new) = (json!("pause"), json!("a broken card"), json!("a new card"));
    assert_eq!(told, [(&pause, &json!(true), &broken), (&pause, &json!(false), &new)]);
    let done = own.send(&server, "GET", "/v1/admin/changes?limit=1", None).await.json();
    let newest = &done["items"][0];
    assert_eq!((&newest["action"], &newest["operator"]), (&json!("resume_miner"), &json!(operator().address())));
    assert_eq!((&newest["before"], &newest["after"]), (&json!("paused: a broken card"), &json!("gets work")));
    let older = done["next_cursor"].as_str().unwrap();
    let older = own.send(&server, "GET", &format!("/v1/admin/changes?cursor={older}"), None).await.json();
    assert_eq!((older["items"].as_array().unwrap().len(), &older["next_cursor"].is_null()), (1, &true));

    let url = format!("http://{}", server.address);
    let audited = text(&aitbc(&["audit", "recompute", "--url", &url, "--json"]).await);
    let audited: Value = serde_json::from_str(&audited).unwrap();
    assert_eq!((&audited["agrees"], &audited["entries"]["pause"]), (&json!(true), &json!(2)), "{audited}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_found_and_revoked_and_the_limits_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(operated(folder.path())).await;
    let (own, client) = (Owner::sign_in(&server, operator()).await, Owner::sign_in(&server, key(3)).await);
    let made = client.send(&server, "POST", "/v1/keys", Some(json!({"label": "a program"}))).await.json();
    let of_operator = server.client_key(ApiScope::Client, Some(7)).await;
    let prefix = client.address().to_string()[..10].to_uppercase().replace("0X", "0x");
    let found = own.send(&server, "GET", &format!("/v1/admin/keys?owner={prefix}"), None).await.json();
    assert_eq!(
        (found["items"].as_array().unwrap().len(), &found["items"][0]["id"]),
        (1, &made["key"]["id"]),
        "{found}"
    );
    assert_eq!((&found["items"][0]["by_wallet"], &found["items"][0]["label"]), (&json!(true), &json!("a program")));
    let all = own.send(&server, "GET", "/v1/admin/keys", None).await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
    assert!(!all.to_string().contains(made["secret"].as_str().unwrap()) && !all.to_string().contains("secret"));
    let limits = |id: &Value| format!("/v1/admin/keys/{}/limits", id.as_str().unwrap());
    let asked = json!({"images_per_minute": 2, "mint_per_day": "1000000000000000000", "reason": "it draws too much"});
    let limited = own.send(&server, "POST", &limits(&json!(of_operator.key.id)), Some(asked.clone())).await.json();
    assert_eq!(
        (&limited["images_per_minute"], &limited["mint_per_day"]),
        (&json!(2), &asked["mint_per_day"]),
        "{limited}"
    );
    own.send(&server, "POST", &limits(&made["key"]["id"]), Some(asked.clone())).await.problem(409);
    let none = json!({"images_per_minute": 0, "reason": "none"});
    own.send(&server, "POST", &limits(&json!(of_operator.key.id)), Some(none)).await.problem(422);
    own.send(&server, "GET", "/v1/admin/keys?owner=%25", None).await.problem(422);
    let operators_id = of_operator.key.id.to_string();
    for (id, secret) in [
        (made["key"]["id"].as_str().unwrap(), made["secret"].as_str().unwrap()),
        (operators_id.as_str(), of_operator.secret.as_str()),
    ] {
        let headers = [("x-api-key", secret)];
        assert_eq!(server.send("GET", "/v1/jobs", &headers, vec![]).await.status, 200);
        let path = format!("/v1/admin/keys/{id}/revoke");
        assert_eq!(own.send(&server, "POST", &path, because("it leaked")).await.json(), json!({ "revoked": id }));
        server.send("GET", "/v1/jobs", &headers, vec![]).await.problem(401);
        own.send(&server, "POST", &path, because("it leaked")).await.problem(404);
    }
    let limits = own.send(&server, "GET", "/v1/admin/limits", None).await.json();
    let flags: Vec<&str> =
        limits["limits"].as_array().unwrap().iter().map(|limit| limit["flag"].as_str().unwrap()).collect();
    let help = text(&aitbc(&["up", "--help"]).await);
    assert!(flags.len() > 10 && flags.iter().all(|flag| help.contains(flag)), "{flags:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_of_the_pages_change_what_they_say_once_it_is_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(operated(folder.path())).await;
    let worker = server.connect_worker().await;
    let own = Owner::sign_in(&server, operator()).await;
    let page = format!("/admin/miners/{}", worker.key.address());
    let shown = html(&server, Some(&own), &page).await;
    assert_eq!((shown.status, shown.header("cache-control")), (200, "private, no-cache"));
    let form = format!("{page}/pause");
    let headers = own.headers();
    submit_form(&server, &headers[..2], &form, "reason=a+broken+card").await.problem(422);
    submit_form(&server, &headers[..2], &form, "confirmed=yes").await.problem(422);
    submit_form(&server, &headers[..2], &form, "reason=a&confirmed=yes&more=1").await.problem(422);
    let elsewhere = [headers[0], ("origin", "https://evil.example")];
    submit_form(&server, &elsewhere, &form, "reason=a+broken+card&confirmed=yes").await.problem(403);
    submit_form(&server, &headers[..1], &form, "reason=a+broken+card&confirmed=yes").await.problem(403);
    assert!(server.app.hub.board().pause_of(worker.key.address()).is_none(), "an odd form paused it");
    let sent = submit_form(&server, &headers[..2], &form, "reason=a+broken+card&confirmed=yes").await;
    let shown = String::from_utf8(sent.body).unwrap();
    // The client follows to the page of the miner, but without the cookie, and is a visitor there.
    assert!([200, 303, 404].contains(&sent.status), "{shown}");
    let pause = server.app.hub.board().pause_of(worker.key.address()).cloned();
    assert_eq!(pause.unwrap().reason, "a broken card");
    let shown = String::from_utf8(html(&server, Some(&own), &page).await.body).unwrap();
    assert!(shown.contains("a broken card") && shown.contains(&format!("{page}/resume")));
    let done = String::from_utf8(html(&server, Some(&own), "/admin/changes").await.body).unwrap();
    assert!(done.contains("paused a miner") && done.contains("a broken card"), "{done}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_signs_in_for_one_command_and_signs_out() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(operated(folder.path())).await;
    let worker: TestWorker = server.connect_worker().await;
    let (url, miner) = (format!("http://{}", server.address), worker.key.address().to_string());
    let path = folder.path().join("operator.key");
    let write = |key: &PrivateKey, mode: u32| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::write(&path, hex::encode(key.to_bytes())).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let file = path.to_str().unwrap();
    let run = async |arguments: &[&str]| {
        let with = ["--url", &url, "--operator-key-file", file];
        aitbc(&[&["admin"][..], arguments, &with].concat()).await
    };
    write(&operator(), 0o644);
    assert!(String::from_utf8(run(&["health"]).await.stderr).unwrap().contains("chmod 600"));
    write(&operator(), 0o600);
    let health = text(&run(&["health"]).await);
    assert!(health.contains("jobs QUEUED") && health.contains("1 connected, 0 paused"), "{health}");
    let paused = text(&run(&["pause", &miner, "--reason", "a broken card"]).await);
    assert_eq!(paused.trim(), format!("{miner} gets nothing new: a broken card"));
    let again = run(&["pause", &miner, "--reason", "again"]).await;
    assert_eq!(String::from_utf8(again.stderr).unwrap().trim(), "error: the miner is paused already");
    assert!(text(&run(&["miners", "--paused"]).await).contains("a broken card"));
    server.post("/v1/jobs", &small_job(1)).await;
    let jobs: Value = serde_json::from_str(&text(&run(&["jobs", "--class", "visitor", "--json"]).await)).unwrap();
    assert_eq!(jobs["items"][0]["state"], "QUEUED");
    text(&run(&["resume", &miner, "--reason", "a new card"]).await);
    let log = text(&run(&["log"]).await);
    assert!(log.contains("resume_miner") && log.contains("a broken card"), "{log}");
    let made = server.client_key(ApiScope::Client, None).await.key;
    let prefix = made.address.to_string()[..8].to_owned();
    assert!(text(&run(&["keys", "list", "--owner", &prefix]).await).contains(&made.id.to_string()));
    let limited = run(&["keys", "limit", &made.id.to_string(), "--mint-per-day", "2.5", "--reason", "more"]).await;
    assert!(text(&limited).ends_with("pictures a minute as the server's, mints a day 2.5 AIT\n"));
    text(&run(&["keys", "revoke", &made.id.to_string(), "--reason", "it leaked"]).await);
    assert!(text(&run(&["limits"]).await).contains("--mint-per-key"));
    let open = server.app.store.list_sessions(operator().address(), server::clock::now()).await.unwrap();
    assert!(open.is_empty(), "a command left its session open");
    write(&key(2), 0o600);
    let refused = run(&["health"]).await;
    assert_eq!(String::from_utf8(refused.stderr).unwrap().trim(), "error: this is for the operators of this server");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_development_server_is_operated_by_its_own_admin() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let admin = server::keys::read(&folder.path().join("keys/admin-dev.key")).unwrap();
    let own = Owner::sign_in(&server, admin).await;
    assert_eq!(own.send(&server, "GET", "/v1/admin/health", None).await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amnesty_gives_a_miner_its_name_back_and_everybody_counts_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(operated(folder.path())).await;
    let mut worker = server.connect_worker().await;
    let miner = worker.key.address();
    let own = Owner::sign_in(&server, operator()).await;
    let faults = async || server.get(&format!("/v1/miners/{miner}")).await.json()["faults"].as_u64().unwrap();
    server.submit(&[], 1).await;
    let lease_id = worker.assignment().await.lease_id;
    worker.send(&WorkerMessage::fail(lease_id, Blame::Miner, false, "the hub's proxy broke it")).await;
    while faults().await == 0 {
        tokio::task::yield_now().await;
    }
    let now = server::clock::now().seconds().0;
    let declare = async |from: u64, to: u64, reason: &str| {
        let body = json!({ "from_unix_s": from, "to_unix_s": to, "reason": reason });
        own.send(&server, "POST", "/v1/admin/amnesties", Some(body)).await
    };
    for (from, to, field) in
        [(now, now - 1, "to_unix_s"), (now, now + 1_000, "to_unix_s"), (now - 604_801, now, "from_unix_s")]
    {
        assert_eq!(declare(from, to, "a try").await.problem(422)["errors"][0]["field"], field);
    }
    declare(now - 60, now, "two\nlines").await.problem(422);
    let nothing = declare(now - 120, now - 60, "too early").await;
    assert_eq!((nothing.status, nothing.json()), (200, json!({ "miners": 0, "faults": 0 })));
    assert_eq!(faults().await, 1);
    let struck = declare(now - 60, server::clock::now().seconds().0, "the proxy broke").await;
    assert_eq!(struck.json(), json!({ "miners": 1, "faults": 1 }));
    assert_eq!(faults().await, 0);
    assert_eq!(server.app.hub.board().miner(miner).unwrap().faults, 0, "what gives out jobs knows it at once");

    let url = format!("http://{}", server.address);
    let audited = text(&aitbc(&["audit", "recompute", "--url", &url, "--json"]).await);
    let audited: Value = serde_json::from_str(&audited).unwrap();
    assert_eq!((&audited["agrees"], &audited["entries"]["amnesty"]), (&json!(true), &json!(2)), "{audited}");
    let newest = own.send(&server, "GET", "/v1/admin/changes?limit=1", None).await.json();
    assert_eq!(newest["items"][0]["action"], "declare_amnesty");
    assert_eq!(newest["items"][0]["after"], "1 faults of 1 miners do not count");
    server.stop().await;
}
