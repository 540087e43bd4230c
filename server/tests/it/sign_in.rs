//! Signing in with a wallet: who gets a session, what it may do, and who cannot use it.

mod rights;
mod second_factor;

use serde_json::{Value, json};
use server::sign_in::nonce::NONCE_MS;
use shared::Address;
use shared::signing::PrivateKey;
use wallet::sign_in::SignInMessage;

use super::payments::buyer::Buyer;
use super::server::{Answer, TestServer, config, small_job};
use super::worker::key;

const ORIGIN: &str = "https://aitbc.example";

/// A browser with a wallet.
pub(crate) struct Owner {
    pub(crate) key: PrivateKey,
    /// As the server gave it, and its own page's origin.
    pub(crate) cookie: String,
    pub(crate) origin: String,
}

impl Owner {
    /// Signs in as a page of the server's own does.
    pub(crate) async fn sign_in(server: &TestServer, key: PrivateKey) -> Self {
        let message = ask(server, key.address(), &[]).await;
        let answer = present(server, &message, &key, &[]).await;
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        Self { key, cookie, origin: format!("http://{}", server.address) }
    }

    pub(crate) fn headers(&self) -> [(&str, &str); 3] {
        [("cookie", &self.cookie), ("origin", &self.origin), ("content-type", "application/json")]
    }

    pub(crate) async fn send(&self, server: &TestServer, method: &str, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        server.send(method, path, &self.headers(), body).await
    }

    pub(crate) fn address(&self) -> Address {
        self.key.address()
    }
}

/// The message that the server proposes.
async fn ask(server: &TestServer, address: Address, headers: &[(&str, &str)]) -> String {
    let answer = server.post_with("/v1/sessions/nonce", headers, &json!({"address": address})).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()["message"].as_str().unwrap().to_owned()
}

async fn present(server: &TestServer, message: &str, key: &PrivateKey, headers: &[(&str, &str)]) -> Answer {
    let signature = key.sign_message(message.as_bytes()).unwrap();
    server.post_with("/v1/sessions", headers, &json!({"message": message, "signature": signature})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_signs_in_sees_its_sessions_and_ends_them() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let message = ask(&server, key(1).address(), &[]).await;
    assert!(message.contains("moves no AIT") && message.contains(&format!("URI: http://{}", server.address)));
    let agent = ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
    let first = present(&server, &message, &key(1), &[agent]).await;
    assert_eq!(first.status, 201);
    let cookie = first.header("set-cookie").to_owned();
    assert!(cookie.ends_with("; Path=/; Max-Age=86400; HttpOnly; SameSite=Strict"), "{cookie}");
    assert_eq!(first.json()["address"], json!(key(1).address()));
    let second = Owner::sign_in(&server, key(1)).await;
    let other = Owner::sign_in(&server, key(2)).await;
    let listed = second.send(&server, "GET", "/v1/sessions", None).await.json();
    let listed = listed["sessions"].as_array().unwrap();
    assert_eq!((listed.len(), &listed[0]["is_current"], &listed[1]["is_current"]), (2, &json!(true), &json!(false)));
    assert_eq!(listed[1]["browser"], "Firefox on Linux");
    assert!(!format!("{listed:?}").contains("session_"), "a secret is told");

    let path = format!("/v1/sessions/{}", listed[1]["id"].as_str().unwrap());
    assert_eq!(other.send(&server, "DELETE", &path, None).await.status, 404, "it is another wallet's");
    assert_eq!(second.send(&server, "DELETE", &path, None).await.json(), json!({"ended": 1}));
    assert_eq!(second.send(&server, "DELETE", &path, None).await.status, 404);
    let first_cookie = [("cookie", cookie.split(';').next().unwrap())];
    server.send("GET", "/v1/sessions", &first_cookie, vec![]).await.problem(401);
    let ended = second.send(&server, "DELETE", "/v1/sessions", None).await;
    assert_eq!(ended.json(), json!({"ended": 1}));
    assert_eq!(ended.header("set-cookie"), "session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    second.send(&server, "GET", "/v1/sessions", None).await.problem(401);
    assert_eq!(other.send(&server, "GET", "/v1/sessions", None).await.status, 200, "another wallet's session ended");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_must_not_count_is_refused_in_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let me = key(1);
    let text = ask(&server, me.address(), &[]).await;
    let sound = SignInMessage::parse(&text).unwrap();
    let (now, far) = (server::clock::now(), 3_600_000);
    let another = SignInMessage::parse(&ask(&server, key(2).address(), &[]).await).unwrap();
    let with = |change: &dyn Fn(&mut SignInMessage)| {
        let mut message = sound.clone();
        change(&mut message);
        message.to_string()
    };
    for (message, words) in [
        (with(&|message| message.domain = "evil.example".into()), "is for evil.example, but"),
        (with(&|message| message.domain = "127.0.0.1:1".into()), "is for 127.0.0.1:1, but"),
        (with(&|message| message.uri = "https://evil.example/".into()), "leads to https://evil.example/"),
        (with(&|message| message.scheme = Some("https".into())), "leads to http://"),
        (with(&|message| message.chain_id = 1), "is for the chain 1, this is the chain"),
        (with(&|message| message.expires_at = Some(now)), "is expired"),
        (with(&|message| message.not_before = Some(now.plus_ms(far))), "does not count yet"),
        (with(&|message| message.nonce = "abcdef0123456789".into()), "was not given out here for this account"),
        (with(&|message| message.nonce = another.nonce.clone()), "was not given out here for this account"),
        (with(&|message| message.address = key(2).address()), "was not given out here for this account"),
        (text.replace("Version: 1", "Version: 2"), "Version is 1"),
        ("hello".into(), "no message to sign in with"),
    ] {
        let refused = present(&server, &message, &me, &[]).await.problem(422);
        assert_eq!(refused["errors"][0]["field"], "message", "{refused}");
        assert!(refused["detail"].as_str().unwrap().contains(words), "{words}: {refused}");
    }
    let stranger = present(&server, &text, &key(2), &[]).await.problem(422);
    assert_eq!(stranger["errors"][0]["field"], "signature");
    let words = format!("{} has signed, and the message signs {} in", key(2).address(), me.address());
    assert!(stranger["detail"].as_str().unwrap().contains(&words), "{stranger}");
    let odd = server.post("/v1/sessions", &json!({"message": text, "signature": "0x01"})).await.problem(422);
    assert!(odd["detail"].as_str().unwrap().contains("a signature is 65 bytes"), "{odd}");

    assert_eq!(present(&server, &text, &me, &[]).await.status, 201, "what was refused used the nonce up");
    let replayed = present(&server, &text, &me, &[]).await.problem(409);
    assert_eq!(replayed["detail"], "the nonce was used: ask for another one");
    let owner = Owner::sign_in(&server, me.clone()).await;
    owner.send(&server, "DELETE", "/v1/sessions", None).await;
    assert_eq!(
        present(&server, &text, &me, &[]).await.problem(409)["detail"],
        replayed["detail"],
        "after the end, too"
    );
    server.stop().await;
    assert_eq!(NONCE_MS, 300_000);
}

/// Returns the magic word of ERC-1271 for a signature whose first byte is 1.
const CONTRACT_WALLET: &str = "601a600c600039601a6000f3606435 60f81c 6001 14 631626ba7e 02 60e01b 600052 60206000f3";

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_says_itself_which_signature_counts() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let buyer = Buyer { key: key(3) };
    let contract = buyer.create(&server, hex::decode(CONTRACT_WALLET.replace(' ', "")).unwrap()).await;
    let text = ask(&server, contract, &[]).await;
    let sign_in = |signature: &str| {
        let body = json!({"message": text, "signature": signature});
        let server = &server;
        async move { server.post("/v1/sessions", &body).await }
    };
    let denied = sign_in("0x02").await.problem(422);
    assert!(denied["detail"].as_str().unwrap().contains("does not take it for its own (ERC-1271)"), "{denied}");
    let long = format!("0x01{}", "00".repeat(shared::api::sessions::SIGNATURE_MAX_BYTES));
    assert_eq!(sign_in(&long).await.problem(422)["errors"][0]["bound"], "up to 2048 bytes");
    let signed_in = sign_in("0x01").await;
    assert_eq!(signed_in.status, 201, "{}", String::from_utf8_lossy(&signed_in.body));
    assert_eq!(signed_in.json()["address"], json!(contract));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_does_nothing_with_the_session() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let _worker = server.connect_worker().await;
    let owner = Owner::sign_in(&server, key(1)).await;
    let key_secret = owner.send(&server, "POST", "/v1/keys", Some(json!({"label": "a"}))).await.json();
    let secret = key_secret["secret"].as_str().unwrap();
    let json = ("content-type", "application/json");
    let cookie = ("cookie", owner.cookie.as_str());
    for from in [
        vec![],
        vec![("origin", "https://evil.example")],
        vec![("origin", "null")],
        vec![("origin", owner.origin.as_str()), ("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
    ] {
        let headers = [vec![json, cookie], from.clone()].concat();
        for (method, path, body) in [
            ("POST", "/v1/jobs", small_job(1)),
            ("POST", "/v1/quotes", small_job(1)),
            ("POST", "/v1/keys", json!({"label": "b"})),
            ("DELETE", "/v1/sessions", json!({})),
        ] {
            let refused = server.send(method, path, &headers, body.to_string().into_bytes()).await.problem(403);
            assert!(refused["detail"].as_str().unwrap().contains("alone, and this request comes from elsewhere"));
        }
    }
    let foreign = [json, ("origin", "https://evil.example")];
    let message = ask(&server, key(2).address(), &[]).await;
    assert_eq!(present(&server, &message, &key(2), &foreign[1..]).await.status, 403, "a page signs its visitor in");
    let keys = owner.send(&server, "GET", "/v1/keys", None).await.json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    let jobs = owner.send(&server, "GET", "/v1/jobs", None).await.json();
    assert_eq!(jobs["items"].as_array().unwrap().len(), 0);
    let from_own_page = [json, cookie, ("sec-fetch-site", "same-origin")];
    let own = server.send("POST", "/v1/jobs", &from_own_page, small_job(1).to_string().into_bytes()).await;
    assert_eq!(own.status, 201);
    let with_key = [json, cookie, ("x-api-key", secret)];
    let by_key = server.send("POST", "/v1/jobs", &with_key, small_job(2).to_string().into_bytes()).await;
    assert_eq!(by_key.status, 201, "a key is not sent by itself");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_outlives_the_server_and_one_that_is_over_makes_no_public_job() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut owner = Owner::sign_in(&server, key(1)).await;
    server.stop().await;
    let server = TestServer::start(folder.path()).await;
    owner.origin = format!("http://{}", server.address);
    let _worker = server.connect_worker().await;
    assert_eq!(owner.send(&server, "GET", "/v1/sessions", None).await.status, 200);
    owner.send(&server, "DELETE", "/v1/sessions", None).await;
    let refused = owner.send(&server, "POST", "/v1/jobs", Some(small_job(1))).await;
    assert_eq!(refused.header("set-cookie"), "session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    assert_eq!(refused.problem(401)["type"], "/problems/session-over");
    let made_up = [("cookie", "session=session_0000"), ("origin", owner.origin.as_str())];
    server.post_with("/v1/jobs", &made_up, &small_job(1)).await.problem(401);
    assert_eq!(server.send("GET", "/v1/status", &made_up, vec![]).await.status, 200, "reading goes on");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_operator_names_its_origin_nothing_else_counts() {
    let folder = tempfile::tempdir().unwrap();
    let mut named = config(folder.path());
    named.own_origins = vec![ORIGIN.to_owned()];
    let server = TestServer::start_with(named).await;
    let message = ask(&server, key(1).address(), &[]).await;
    assert!(message.starts_with("aitbc.example wants you"), "{message}");
    let local = message.replace("aitbc.example wants", &format!("{} wants", server.address));
    let refused = present(&server, &local, &key(1), &[]).await.problem(422);
    assert!(refused["detail"].as_str().unwrap().contains("but aitbc.example asks"), "{refused}");
    let answer = present(&server, &message, &key(1), &[("origin", ORIGIN)]).await;
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-session=session_") && cookie.ends_with("; Secure"), "{cookie}");
    let secret = cookie.split(';').next().unwrap();
    assert_eq!(server.send("GET", "/v1/sessions", &[("cookie", secret)], vec![]).await.status, 200);
    let plain = secret.replace("__Host-", "");
    assert_eq!(server.send("GET", "/v1/sessions", &[("cookie", &plain)], vec![]).await.status, 401);
    let own = format!("http://{}", server.address);
    let elsewhere = [("cookie", secret), ("origin", own.as_str())];
    assert_eq!(server.send("DELETE", "/v1/sessions", &elsewhere, vec![]).await.status, 403);
    let here = [("cookie", secret), ("origin", ORIGIN)];
    assert_eq!(server.send("DELETE", "/v1/sessions", &here, vec![]).await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonces_and_sign_ins_of_one_address_end_at_a_limit_and_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut behind_proxy = config(folder.path());
    behind_proxy.behind_proxy = true;
    let server = TestServer::start_with(behind_proxy).await;
    let (flood, honest) = ([("x-forwarded-for", "203.0.113.9")], [("x-forwarded-for", "198.51.100.1")]);
    let nonce = json!({"address": key(1).address()});
    let mut given = 0;
    let refused = loop {
        let answer = server.post_with("/v1/sessions/nonce", &flood, &nonce).await;
        if answer.status != 200 {
            break answer;
        }
        given += 1;
        assert!(given < 1_000, "nonces without end");
    };
    assert!(refused.problem(429)["detail"].as_str().unwrap().contains("nonces of one network address"));
    let message = ask(&server, key(1).address(), &honest).await;
    let mut tried = 0;
    let refused = loop {
        let answer = present(&server, &message, &key(2), &flood).await;
        if answer.status != 422 {
            break answer;
        }
        tried += 1;
        assert!(tried < 1_000, "sign-ins without end");
    };
    assert!(refused.problem(429)["detail"].as_str().unwrap().contains("sign-ins of one network address"));
    assert_eq!(present(&server, &message, &key(1), &honest).await.status, 201);
    server.stop().await;
}
