//! Reviews over HTTP and from the command line: who may leave one, what counts, what an auditor computes again, and what an
//! operator hides.

use serde_json::{Value, json};
use server::auth::new_api_key;
use server::config::Config;
use shared::api::keys::ApiScope;
use shared::log::entry::EntryKind;
use store::change::CreateApiKey;

use super::command_line::{aitbc, json as json_of, text};
use super::payments::buyer::{Buyer, paid_job, text_job};
use super::payments::write_one;
use super::server::{Answer, TestServer, config, is_minted, small_job};
use super::sign_in::Owner;
use super::victim::change_rows;
use super::worker::{TestWorker, key, result};

const DIFFERS: i32 = 3;

/// A job of a wallet that is minted for; the hash of its receipt.
async fn minted_job(server: &TestServer, worker: &mut TestWorker, owner: &Owner, seed: u64) -> String {
    let created = owner.send(server, "POST", "/v1/jobs", Some(small_job(seed))).await;
    assert_eq!(created.status, 201, "{}", String::from_utf8_lossy(&created.body));
    let id = created.json()["id"].as_str().unwrap().to_owned();
    serve_picture(server, worker).await;
    server.follow(&id, &owner.headers(), is_minted).await;
    let receipt = owner.send(server, "GET", &format!("/v1/jobs/{id}/receipt"), None).await.json();
    receipt["receipt_hash"].as_str().unwrap().to_owned()
}

async fn serve_picture(server: &TestServer, worker: &mut TestWorker) {
    let assignment = worker.assignment().await;
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    let answer = server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
}

/// A text that its client pays from the escrow, without signing in; the hash of its receipt.
async fn paid_text(server: &TestServer, worker: &mut TestWorker, buyer: &Buyer) -> (String, String) {
    let (id, _) = buyer.buy(server, &text_job()).await;
    write_one(server, worker).await;
    paid_job(server, &id, "settled").await;
    let receipt = server.get(&format!("/v1/jobs/{id}/receipt")).await.json();
    (id, receipt["receipt_hash"].as_str().unwrap().to_owned())
}

fn path(worker: &TestWorker) -> String {
    format!("/v1/miners/{}/reviews", worker.address())
}

fn body(receipt: &str, stars: u8, text: &str) -> Option<Value> {
    Some(json!({"receipt_hash": receipt, "stars": stars, "text": text}))
}

async fn profile(server: &TestServer, worker: &TestWorker) -> Value {
    server.get(&format!("/v1/miners/{}", worker.address())).await.json()["reviews"].clone()
}

async fn page(server: &TestServer, reader: Option<&Owner>, path: &str) -> String {
    let mut headers = vec![("accept", "text/html")];
    headers.extend(reader.map(|owner| ("cookie", owner.headers()[0].1)));
    let answer = server.send("GET", path, &headers, vec![]).await;
    assert_eq!(answer.status, 200, "{path}");
    String::from_utf8(answer.body).unwrap()
}

fn is_json(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_review_makes_the_mean_and_one_of_minted_work_is_marked_and_counts_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let buyer = Buyer::with_deposit(&server, 2).await;
    let mut worker = server.connect_worker().await;
    let (job, paid) = paid_text(&server, &mut worker, &buyer).await;
    let me = Owner::sign_in(&server, buyer.key.clone()).await;
    assert_eq!(profile(&server, &worker).await, json!({"paid": 0, "unpaid": 0}));
    assert!(page(&server, Some(&me), &format!("/jobs/{job}")).await.contains(&format!("data-receipt=\"{paid}\"")));
    assert!(!page(&server, None, &format!("/jobs/{job}")).await.contains("own-reviews"), "a stranger finds the form");

    let review = me.send(&server, "POST", &path(&worker), body(&paid, 4, " calm, <b>but</b>\nshort ")).await;
    let review = is_json(&review, 201);
    assert_eq!((&review["stars"], &review["text"]), (&json!(4), &json!("calm, <b>but</b> short")));
    // Nine tokens at 0.001 AIT.
    assert_eq!((&review["paid"], &review["author"]), (&json!("9000000000000000"), &json!(me.address())));
    assert_eq!(profile(&server, &worker).await, json!({"paid": 1, "unpaid": 0, "mean_per_mille": 4_000}));
    let changed = me.send(&server, "POST", &path(&worker), body(&paid, 3, "short")).await;
    assert_eq!(is_json(&changed, 200)["stars"], 3);

    let minted = minted_job(&server, &mut worker, &me, 7).await;
    let unpaid = me.send(&server, "POST", &path(&worker), body(&minted, 5, "")).await;
    let unpaid = is_json(&unpaid, 201);
    assert_eq!((&unpaid["paid"], unpaid.get("text")), (&json!("0"), None));
    assert_eq!(profile(&server, &worker).await, json!({"paid": 1, "unpaid": 1, "mean_per_mille": 3_000}));

    let newest = server.get(&format!("{}?limit=1", path(&worker))).await.json();
    assert_eq!(newest["items"][0]["receipt_hash"], json!(minted));
    let cursor = newest["next_cursor"].as_str().unwrap();
    let older = server.get(&format!("{}?limit=1&cursor={cursor}", path(&worker))).await.json();
    assert_eq!((&older["items"][0]["receipt_hash"], older.get("next_cursor")), (&json!(paid), None));
    assert_eq!(server.get(&format!("{}?cursor=x", path(&worker))).await.problem(422)["errors"][0]["field"], "cursor");
    let html = page(&server, None, &format!("/miners/{}", worker.address())).await;
    for told in ["3.00 of 5", "1 counts, 1 of unpaid work does not", &format!("/explorer/receipts/{paid}")] {
        assert!(html.contains(told), "{told}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn visitors_strangers_and_the_miner_itself_leave_no_review() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = server.connect_worker().await;
    let (me, other) = (Owner::sign_in(&server, key(2)).await, Owner::sign_in(&server, key(3)).await);
    let miner = Owner::sign_in(&server, worker.key.clone()).await;
    let mine = minted_job(&server, &mut worker, &me, 1).await;
    let of_itself = minted_job(&server, &mut worker, &miner, 2).await;
    let visitors = server.submit(&[], 3).await;
    serve_picture(&server, &mut worker).await;
    server.follow(&visitors, &[], is_minted).await;
    let visitors = server.get(&format!("/v1/jobs/{visitors}/receipt")).await.json();
    let visitors = visitors["receipt_hash"].as_str().unwrap();
    let own_path = path(&worker);

    let good = body(&mine, 5, "good").unwrap();
    server.post(&own_path, &good).await.problem(401);
    let miners_key = server.client_key(ApiScope::Miner, None).await.secret;
    server.post_with(&own_path, &[("x-api-key", &miners_key)], &good).await.problem(403);
    other.send(&server, "POST", &own_path, body(&mine, 1, "bad")).await.problem(403);
    let own_work = miner.send(&server, "POST", &own_path, body(&of_itself, 5, "best")).await.problem(403);
    assert!(own_work["detail"].as_str().unwrap().contains("nobody reviews their own work"), "{own_work}");
    me.send(&server, "POST", &own_path, body(visitors, 5, "good")).await.problem(403);
    let unknown = format!("0x{}", "ab".repeat(32));
    me.send(&server, "POST", &own_path, body(&unknown, 5, "good")).await.problem(404);
    let elsewhere = format!("/v1/miners/{}/reviews", me.address());
    me.send(&server, "POST", &elsewhere, body(&mine, 5, "good")).await.problem(404);
    for (stars, text, field) in
        [(0, "", "stars"), (6, "", "stars"), (5, &"x".repeat(501)[..], "text"), (5, "a\u{202e}b", "text")]
    {
        let refused = me.send(&server, "POST", &own_path, body(&mine, stars, text)).await.problem(422);
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    // A page of another site has the session's cookie, and no right to use it.
    let foreign = [me.headers()[0], ("origin", "https://evil.example"), me.headers()[2]];
    server.send("POST", &own_path, &foreign, good.to_string().into_bytes()).await.problem(403);
    assert_eq!(profile(&server, &worker).await, json!({"paid": 0, "unpaid": 0}), "something counts");
    assert_eq!(server.get(&own_path).await.json(), json!({"items": []}));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_computes_the_mean_again_and_an_operator_hides_a_text_and_not_its_stars() {
    let folder = tempfile::tempdir().unwrap();
    let operator = key(9);
    let server = TestServer::start_with(Config { operators: vec![operator.address()], ..config(folder.path()) }).await;
    let url = format!("http://{}", server.address);
    let buyer = Buyer::with_deposit(&server, 2).await;
    let mut worker = server.connect_worker().await;
    let (_, paid) = paid_text(&server, &mut worker, &buyer).await;
    let (_, second) = paid_text(&server, &mut worker, &buyer).await;
    let (key_of_buyer, secret) = new_api_key("reviews", ApiScope::Client, buyer.address(), None);
    server.app.store.write(CreateApiKey(key_of_buyer)).await.unwrap();
    let own = ["--url", &url, "--api-key", &secret];

    let market = async |arguments: &[&str]| aitbc(&[&["market"][..], arguments, &own].concat()).await;
    let told = text(&market(&["review", &paid, "--stars", "5", "--text", "an insult"]).await);
    assert!(told.contains(&format!("5 of 5 stars for {}; it counts 0.009 AIT", worker.address())), "{told}");
    assert_eq!(json_of(&market(&["review", &second, "--stars", "2", "--json"]).await)["stars"], 2);
    let six = market(&["review", &paid, "--stars", "6"]).await;
    assert!(!six.status.success() && String::from_utf8_lossy(&six.stderr).contains("1..=5"), "{six:?}");
    let listed = text(&market(&["reviews", &worker.address().to_string()]).await);
    assert!(listed.contains("an insult") && listed.contains(&second), "{listed}");

    let recompute = async || aitbc(&["audit", "recompute", "--url", &url, "--json"]).await;
    let agreed = json_of(&recompute().await);
    assert_eq!((&agreed["agrees"], &agreed["entries"]["review"]), (&json!(true), &json!(2)), "{agreed}");

    let boss = Owner::sign_in(&server, operator).await;
    let because = |reason: &str| Some(json!({ "reason": reason }));
    let hide = format!("/v1/admin/reviews/{paid}/hide");
    let hidden = is_json(&boss.send(&server, "POST", &hide, because("it insults somebody")).await, 200);
    assert_eq!((hidden.get("text"), &hidden["hidden_reason"]), (None, &json!("it insults somebody")));
    boss.send(&server, "POST", &hide, because("again")).await.problem(409);
    boss.send(&server, "POST", &format!("/v1/admin/reviews/{second}/hide"), because("no text")).await.problem(409);
    boss.send(&server, "POST", &format!("/v1/admin/reviews/0x{}/hide", "00".repeat(32)), because("none"))
        .await
        .problem(404);
    let html = page(&server, None, &format!("/miners/{}", worker.address())).await;
    assert!(!html.contains("an insult") && html.contains("An operator hid the text: it insults somebody"));
    let listed = String::from_utf8(server.get(&path(&worker)).await.body).unwrap();
    assert!(!listed.contains("an insult"), "{listed}");
    assert_eq!(
        profile(&server, &worker).await,
        json!({"paid": 2, "unpaid": 0, "mean_per_mille": 3_500}),
        "the stars stay"
    );
    assert!(server.app.store.find_logged(EntryKind::Hiding, &paid).await.unwrap().is_some());
    let agreed = json_of(&recompute().await);
    assert_eq!((&agreed["agrees"], &agreed["entries"]["hiding"]), (&json!(true), &json!(1)), "{agreed}");
    let changes = boss.send(&server, "GET", "/v1/admin/changes", None).await.json();
    assert_eq!(
        (&changes["items"][0]["action"], &changes["items"][0]["subject"]),
        (&json!("hide_review"), &json!(paid))
    );

    // A hub that flatters a miner contradicts its log.
    let flattery = [
        "UPDATE miner SET reviews_paid = reviews_paid + 1, review_weighted_stars = zeroblob(32)".to_owned(),
        format!("UPDATE review SET stars = 5 WHERE receipt_hash = '{second}'"),
    ];
    change_rows(folder.path(), &flattery.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let output = recompute().await;
    assert_eq!(output.status.code(), Some(DIFFERS));
    let named = String::from_utf8(output.stdout).unwrap();
    for told in ["(paid reviews)", "(mean of reviews)", "(review)"] {
        assert!(named.contains(told), "{told} in {named}");
    }
    server.stop().await;
}
