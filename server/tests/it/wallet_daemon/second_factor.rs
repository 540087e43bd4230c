//! The second factor above a limit: each code counts once.

use custody::totp::{STEP_SECONDS, TotpSecret};
use serde_json::{Value, json};
use server::clock;
use shared::U256;

use super::daemon::{PASSWORD, TestDaemon};
use super::money::{FRIEND, balance, settled, transfer, with_money};
use crate::server::TestServer;

/// What an app makes of the secret that it is shown (RFC 4648).
pub(crate) fn app(secret: &Value) -> TotpSecret {
    let mut bits = String::new();
    for letter in secret.as_str().unwrap().bytes() {
        let value = if letter.is_ascii_uppercase() { letter - b'A' } else { letter - b'2' + 26 };
        bits.push_str(&format!("{value:05b}"));
    }
    let bytes: Vec<u8> =
        (0..bits.len() / 8).map(|at| u8::from_str_radix(&bits[at * 8..at * 8 + 8], 2).unwrap()).collect();
    TotpSecret::from_bytes(&bytes).unwrap()
}

fn with_code(amount: u64, code: &str) -> Value {
    let mut body = transfer(amount);
    body["code"] = json!(code);
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_above_the_limit_needs_a_code_that_counts_once() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(&place.path().join("data")).await;
    let folder = place.path().join("wallets");
    let (daemon, _) = with_money(&server, &folder).await;
    let owner = json!({ "wallet": "miner", "password": PASSWORD });
    let shown = daemon.post("second-factor", &owner).await.ok(200);
    assert!(shown["uri"].as_str().unwrap().starts_with("otpauth://totp/"), "{shown}");
    let app = app(&shown["secret"]);
    let confirm = |code: &str| json!({ "wallet": "miner", "code": code });
    let step = clock::now().seconds().0 / STEP_SECONDS;
    let wrong = if app.code(step) == "000000" { "000001" } else { "000000" };
    daemon.post("second-factor/confirm", &confirm(wrong)).await.refused(403);
    let confirmed = daemon.post("second-factor/confirm", &confirm(&app.code(step))).await.ok(200);
    let recovery: Vec<String> = serde_json::from_value(confirmed["recovery_codes"].clone()).unwrap();
    assert_eq!(recovery.len(), 10);

    let limits = json!({ "AIT": { "per_day": "100", "code_above": "10" } });
    let mut policy = json!({ "wallet": "miner", "password": PASSWORD, "policy": { "limits": limits } });
    daemon.with_body("PUT", "policy", &[], &policy).await.refused(409);
    policy["code"] = json!(recovery[0]);
    daemon.with_body("PUT", "policy", &[], &policy).await.ok(200);
    daemon.with_body("PUT", "policy", &[], &policy).await.refused(403);

    settled(&daemon, "small", &transfer(10)).await;
    daemon.pay("large", &transfer(20)).await.refused(428);
    daemon.pay("large", &with_code(20, &app.code(step))).await.refused(403);
    let next = app.code(step + 1);
    assert_eq!(settled(&daemon, "large", &with_code(20, &next)).await["state"], "settled");
    daemon.pay("again", &with_code(20, &next)).await.refused(403);
    assert_eq!(settled(&daemon, "large", &transfer(20)).await["nonce"], 1, "the same payment, whatever its code");
    daemon.pay("too-much", &with_code(80, &recovery[1])).await.refused(422);
    daemon.stop().await;

    let daemon = TestDaemon::start(&folder, &format!("http://{}", server.address), &[]).await;
    daemon.unlock("miner").await;
    daemon.pay("again", &with_code(20, &next)).await.refused(403);
    settled(&daemon, "recovered", &with_code(30, &recovery[1].to_lowercase().replace('-', " "))).await;
    assert_eq!(balance(&server, FRIEND).await, U256::from(60));
    let removal = |code: &str| json!({ "wallet": "miner", "password": PASSWORD, "code": code });
    daemon.with_body("DELETE", "second-factor", &[], &owner).await.refused(409);
    daemon.with_body("DELETE", "second-factor", &[], &removal(&recovery[1])).await.refused(403);
    assert_eq!(daemon.with_body("DELETE", "second-factor", &[], &removal(&recovery[2])).await.status, 204);
    let stored = std::fs::read_to_string(folder.join("daemon/audit-000001.jsonl")).unwrap();
    let secret = shown["secret"].as_str().unwrap();
    assert!(
        !stored.contains(secret) && !stored.contains(&recovery[0]) && !stored.contains(&hex::encode(app.as_bytes()))
    );
    daemon.stop().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_cannot_be_tried_one_after_another() {
    let place = tempfile::tempdir().unwrap();
    let daemon = TestDaemon::start(&place.path().join("wallets"), super::daemon::NO_NODE, &[]).await;
    daemon.post("create", &json!({ "wallet": "main", "password": PASSWORD })).await.ok(201);
    daemon.unlock("main").await;
    let shown = daemon.post("second-factor", &json!({ "wallet": "main", "password": PASSWORD })).await.ok(200);
    let app = app(&shown["secret"]);
    let step = clock::now().seconds().0 / STEP_SECONDS;
    let right = app.code(step);
    daemon.post("second-factor/confirm", &json!({ "wallet": "main", "code": right })).await.ok(200);
    let remove = |code: String| json!({ "wallet": "main", "password": PASSWORD, "code": code });
    for _ in 0..3 {
        daemon.with_body("DELETE", "second-factor", &[], &remove("wrong recovery code".to_owned())).await.refused(403);
    }
    let mut refusals = Vec::new();
    for _ in 0..4 {
        refusals.push(
            daemon.with_body("DELETE", "second-factor", &[], &remove("wrong recovery code".to_owned())).await.status,
        );
    }
    assert!(refusals.contains(&429), "{refusals:?}");
    daemon.stop().await;
}
