//! The second factor of an account: what a session may do before its code came, that each code counts once, and who waits
//! after wrong ones.

use custody::attempts::FREE;
use custody::totp::{STEP_SECONDS, TotpSecret};
use serde_json::{Value, json};
use server::clock;
use shared::time::UnixMillis;
use store::change::CountCodeTry;
use store::record::CodeTries;

use super::{Owner, ask, present};
use crate::server::{Answer, TestServer, config, small_job};
use crate::wallet_daemon::second_factor::app;
use crate::worker::key;

/// An account with a second factor, and the session that set it up.
struct Guarded {
    owner: Owner,
    app: TotpSecret,
    /// The step of the code that confirmed it: the next one is the app's next code.
    step: u64,
    recovery: Vec<String>,
}

async fn turn_on(server: &TestServer, owner: Owner) -> Guarded {
    let begun = owner.send(server, "POST", "/v1/second-factor", None).await;
    assert_eq!(begun.status, 200, "{}", String::from_utf8_lossy(&begun.body));
    let app = app(&begun.json()["secret"]);
    let step = clock::now().seconds().0 / STEP_SECONDS;
    let confirmed = give(server, &owner, "/v1/second-factor/confirm", &app.code(step)).await;
    assert_eq!(confirmed.status, 200, "{}", String::from_utf8_lossy(&confirmed.body));
    let recovery = serde_json::from_value(confirmed.json()["recovery_codes"].clone()).unwrap();
    Guarded { owner, app, step, recovery }
}

async fn give(server: &TestServer, owner: &Owner, path: &str, code: &str) -> Answer {
    owner.send(server, "POST", path, Some(json!({ "code": code }))).await
}

/// A code that is none of those that count now.
fn wrong(app: &TotpSecret, step: u64) -> String {
    let near: Vec<String> = (step.saturating_sub(2)..step + 4).map(|step| app.code(step)).collect();
    (0..).map(|number| format!("{number:06}")).find(|code| !near.contains(code)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_needs_a_code_that_counts_once_until_the_owner_turns_it_off() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let before = Owner::sign_in(&server, key(1)).await;
    let owner = Owner::sign_in(&server, key(1)).await;
    assert_eq!(owner.send(&server, "GET", "/v1/second-factor", None).await.json(), json!({"recovery_codes_left": 0}));
    give(&server, &owner, "/v1/second-factor/confirm", "123456").await.problem(409);
    give(&server, &owner, "/v1/second-factor/remove", "123456").await.problem(409);
    give(&server, &owner, "/v1/sessions/code", "123456").await.problem(409);

    let begun = owner.send(&server, "POST", "/v1/second-factor", None).await.json();
    let uri = begun["uri"].as_str().unwrap();
    assert!(uri.starts_with(&format!("otpauth://totp/AITBC:{}?secret=", owner.address())), "{uri}");
    assert!(begun["qr_svg"].as_str().unwrap().starts_with("<svg xmlns="), "{begun}");
    assert!(!Owner::sign_in(&server, key(1)).await.awaits_code(&server).await, "a secret without its first code asks");
    let stale = app(&begun["secret"]);
    let step = clock::now().seconds().0 / STEP_SECONDS;
    let refused = give(&server, &owner, "/v1/second-factor/confirm", &wrong(&stale, step)).await.problem(403);
    assert_eq!(refused["type"], "/problems/wrong-code");

    let Guarded { owner, app, step, recovery } = turn_on(&server, owner).await;
    assert_eq!(recovery.len(), 10);
    assert_ne!(stale.as_bytes(), app.as_bytes(), "a new secret is the old one");
    before.send(&server, "GET", "/v1/sessions", None).await.problem(401);
    let view = owner.send(&server, "GET", "/v1/second-factor", None).await.json();
    assert_eq!(view["recovery_codes_left"], 10);
    assert!(view["confirmed_at_unix_ms"].is_u64() && view.as_object().unwrap().len() == 2, "a secret is shown again");
    owner.send(&server, "POST", "/v1/second-factor", None).await.problem(409);

    let half = Owner::sign_in(&server, key(1)).await;
    assert!(half.awaits_code(&server).await);
    let replayed = give(&server, &half, "/v1/sessions/code", &app.code(step)).await.problem(403);
    assert!(replayed["detail"].as_str().unwrap().contains("was used"), "{replayed}");
    give(&server, &half, "/v1/sessions/code", &wrong(&app, step)).await.problem(403);
    assert_eq!(give(&server, &half, "/v1/sessions/code", "12 3").await.problem(422)["errors"][0]["field"], "code");
    let long = give(&server, &half, "/v1/sessions/code", &"1".repeat(41)).await.problem(422);
    assert_eq!(long["errors"][0]["bound"], "up to 40 characters");
    let completed = give(&server, &half, "/v1/sessions/code", &app.code(step + 1)).await;
    assert_eq!((completed.status, &completed.json()["awaits_code"]), (200, &json!(false)));
    assert_eq!(half.send(&server, "GET", "/v1/keys", None).await.status, 200);
    give(&server, &half, "/v1/sessions/code", &app.code(step + 1)).await.problem(409);

    let other = Owner::sign_in(&server, key(1)).await;
    let lost = recovery[0].to_lowercase().replace('-', " ");
    give(&server, &other, "/v1/sessions/code", &app.code(step + 1)).await.problem(403);
    assert_eq!(give(&server, &other, "/v1/sessions/code", &lost).await.status, 200);
    let third = Owner::sign_in(&server, key(1)).await;
    give(&server, &third, "/v1/sessions/code", &recovery[0]).await.problem(403);
    give(&server, &third, "/v1/second-factor/remove", &recovery[1]).await.problem(401);
    let off = give(&server, &other, "/v1/second-factor/remove", &recovery[1]).await;
    assert_eq!((off.status, off.json()), (200, json!({"recovery_codes_left": 0})));
    third.send(&server, "GET", "/v1/sessions", None).await.problem(401);
    assert!(!Owner::sign_in(&server, key(1)).await.awaits_code(&server).await);
    server.stop().await;
}

impl Owner {
    async fn awaits_code(&self, server: &TestServer) -> bool {
        let answer = self.send(server, "GET", "/v1/second-factor", None).await;
        match answer.status {
            200 => false,
            _ => answer.problem(401)["type"] == "/problems/code-needed",
        }
    }
}

async fn tries(server: &TestServer, owner: &Owner) -> CodeTries {
    server.app.store.find_second_factor(owner.address()).await.unwrap().unwrap().tries
}

/// A path of the document with names that exist.
fn filled(path: &str, job: &str, session: &str, owner: &Owner) -> String {
    let id = if path.contains("/sessions/") { session } else { job };
    let mut path = path.replace("{id}", id).replace("{address}", &owner.address().to_string());
    while let (Some(start), Some(end)) = (path.find('{'), path.find('}')) {
        path.replace_range(start..=end, "0");
    }
    path
}

/// In our form of errors or in OpenAI's.
fn is_code_needed(answer: &Answer) -> bool {
    let text = String::from_utf8_lossy(&answer.body);
    answer.status == 401 && text.contains("a code of the second factor is missing, so nothing was done")
}

/// The document names all routes; those that take a session say so.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_without_its_code_does_nothing_at_any_route_but_give_it_or_sign_out() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let _worker = server.connect_worker().await;
    let guarded = turn_on(&server, Owner::sign_in(&server, key(1)).await).await;
    let created = guarded.owner.send(&server, "POST", "/v1/jobs", Some(small_job(1))).await;
    let job = created.json()["id"].as_str().unwrap().to_owned();
    let session = guarded.owner.send(&server, "GET", "/v1/sessions", None).await.json();
    let session = session["sessions"][0]["id"].as_str().unwrap().to_owned();
    let half = Owner::sign_in(&server, key(1)).await;
    let document = server.get("/openapi.json").await.json();
    let (mut refused, mut open) = (Vec::new(), Vec::new());
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let schemes = operation["security"].as_array().into_iter().flatten();
            let takes_session = schemes.filter(|one| !one["session"].is_null()).count() > 0;
            let (name, method) = (format!("{method} {path}"), method.to_uppercase());
            let path = filled(path, &job, &session, &half);
            // Streams and sockets are asked with a plain request, and end with their answer.
            let body = (method != "GET").then(|| json!({}));
            let with_cookie = half.send(&server, &method, &path, body.clone()).await;
            if is_code_needed(&with_cookie) {
                refused.push(name);
                continue;
            }
            let headers = [("content-type", "application/json")];
            let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
            let visitors = server.send(&method, &path, &headers, body).await;
            if name == "post /v1/sessions/code" {
                assert_eq!(with_cookie.status, 422, "{name}");
                continue;
            }
            assert_eq!(with_cookie.status, visitors.status, "{name}: a session without its code gets more");
            assert!(method == "GET" || !takes_session, "{name} takes a session without its code");
            open.extend(takes_session.then_some(name));
        }
    }
    let needed = |name: &str| refused.iter().any(|one| one == name);
    for name in [
        "post /v1/jobs",
        "post /v1/quotes",
        "post /v1/chat/completions",
        "get /v1/keys",
        "post /v1/keys",
        "get /v1/sessions",
        "delete /v1/sessions",
        "delete /v1/sessions/{id}",
        "get /v1/second-factor",
        "post /v1/second-factor/remove",
        "delete /v1/exchange/orders/{id}",
    ] {
        assert!(needed(name), "{name} is open; refused are {refused:?}");
    }
    assert!(open.iter().any(|one| one == "get /v1/jobs/{id}"), "{open:?}");

    let jobs = guarded.owner.send(&server, "GET", "/v1/jobs", None).await.json();
    assert_eq!(jobs["items"].as_array().unwrap().len(), 1, "something was done after all");
    let half_session = half_session_id(&server, &half).await;
    let own = format!("/v1/sessions/{half_session}");
    assert_eq!(half.send(&server, "DELETE", &own, None).await.json(), json!({"ended": 1}));
    assert_eq!(guarded.owner.send(&server, "GET", "/v1/sessions", None).await.status, 200);
    server.stop().await;
}

/// Its page has it, so that a browser can sign out.
async fn half_session_id(server: &TestServer, half: &Owner) -> String {
    let headers = [("cookie", half.headers()[0].1), ("accept", "text/html")];
    let page = server.send("GET", "/account", &headers, vec![]).await;
    assert_eq!(page.header("cache-control"), "private, no-cache");
    let html = String::from_utf8(page.body).unwrap();
    assert!(html.contains("id=\"give-code\"") && !html.contains("id=\"make-key\""), "{html}");
    let jobs = server.send("GET", "/jobs", &headers, vec![]).await;
    assert!(!String::from_utf8(jobs.body).unwrap().contains("account-jobs"), "its jobs are shown without the code");
    let (_, rest) = html.split_once("data-session=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_make_the_account_wait_and_a_recovery_code_counts_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let guarded = turn_on(&server, Owner::sign_in(&server, key(1)).await).await;
    let half = Owner::sign_in(&server, key(1)).await;
    let guess = wrong(&guarded.app, guarded.step);
    for number in 1..=FREE {
        let refused = give(&server, &half, "/v1/sessions/code", &guess).await.problem(403);
        assert_eq!(refused["type"], "/problems/wrong-code", "{number}");
        let tries = tries(&server, &half).await;
        assert_eq!((tries.wrong, tries.blocked_until > UnixMillis(0)), (number, number == FREE));
    }
    // As after some more, so that the wait outlasts this test.
    let after = CodeTries { wrong: 12, blocked_until: clock::now().plus_ms(500_000) };
    let count = CountCodeTry { address: half.address(), before: tries(&server, &half).await, after };
    assert!(server.app.store.write(count).await.unwrap());
    let right = guarded.app.code(guarded.step + 1);
    let blocked = give(&server, &half, "/v1/sessions/code", &right).await;
    assert!(blocked.header("retry-after").parse::<u64>().unwrap() > 400);
    assert!(blocked.problem(429)["detail"].as_str().unwrap().contains("12 codes of this account were wrong"));
    give(&server, &guarded.owner, "/v1/second-factor/remove", &right).await.problem(429);
    assert_eq!(guarded.owner.send(&server, "GET", "/v1/keys", None).await.status, 200, "a session that is whole waits");
    assert_eq!(give(&server, &half, "/v1/sessions/code", &guarded.recovery[0]).await.status, 200);
    assert_eq!(give(&server, &guarded.owner, "/v1/second-factor/remove", &right).await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_of_one_network_address_end_at_a_limit_and_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut behind_proxy = config(folder.path());
    behind_proxy.behind_proxy = true;
    let server = TestServer::start_with(behind_proxy).await;
    let guarded = turn_on(&server, Owner::sign_in(&server, key(1)).await).await;
    let half = Owner::sign_in(&server, key(1)).await;
    let unknown = json!({ "code": "ABCD-EFGH-IJKL-MNOP" }).to_string().into_bytes();
    let from = |address: &'static str| [half.headers().as_slice(), &[("x-forwarded-for", address)]].concat();
    let mut tried = 0;
    let refused = loop {
        let answer = server.send("POST", "/v1/sessions/code", &from("203.0.113.9"), unknown.clone()).await;
        if answer.status != 403 {
            break answer;
        }
        tried += 1;
        assert!(tried < 1_000, "recovery codes without end");
    };
    assert!(refused.problem(429)["detail"].as_str().unwrap().contains("codes of one network address"));
    let right = json!({ "code": guarded.recovery[0] }).to_string().into_bytes();
    assert_eq!(server.send("POST", "/v1/sessions/code", &from("198.51.100.1"), right).await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_codes_at_once_are_no_more_tries_than_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let guarded = turn_on(&server, Owner::sign_in(&server, key(1)).await).await;
    let half = Owner::sign_in(&server, key(1)).await;
    let guess = wrong(&guarded.app, guarded.step);
    let answers = futures::future::join_all((0..12).map(|_| give(&server, &half, "/v1/sessions/code", &guess))).await;
    let looked_at = answers.iter().filter(|answer| answer.status == 403).count();
    assert!(looked_at >= 1 && answers.iter().all(|answer| matches!(answer.status, 403 | 429)));
    assert_eq!(tries(&server, &half).await.wrong as usize, looked_at, "a guess was looked at and not counted");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_signed_again_needs_its_own_code() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let guarded = turn_on(&server, Owner::sign_in(&server, key(1)).await).await;
    let message = ask(&server, guarded.owner.address(), &[]).await;
    let opened = present(&server, &message, &key(1), &[]).await;
    assert_eq!((opened.status, &opened.json()["awaits_code"]), (201, &json!(true)));
    let listed: Value = guarded.owner.send(&server, "GET", "/v1/sessions", None).await.json();
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 1, "it is listed before its code");
    assert_eq!(listed["sessions"][0]["awaits_code"], false);
    server.stop().await;
}
