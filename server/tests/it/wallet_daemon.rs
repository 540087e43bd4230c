//! `aitbc wallet daemon` as programs meet it: the real binary, its port, its files, and a real chain.

mod between;
mod cancel;
mod daemon;
mod killed;
mod money;
pub(crate) mod second_factor;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use shared::Address;
use shared::signing::recover_message;

use self::daemon::{NO_NODE, PASSWORD, TestDaemon};
use super::command_line::{aitbc, error, json as answer, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_is_made_unlocked_used_and_locked() {
    let place = tempfile::tempdir().unwrap();
    let wallets = place.path().join("wallets");
    let daemon = TestDaemon::start(&wallets, NO_NODE, &[]).await;
    let made = daemon.post("create", &json!({ "wallet": "main", "password": PASSWORD })).await.ok(201);
    let words = made["words"].as_str().unwrap().to_owned();
    assert_eq!(words.split(' ').count(), 12);
    let address: Address = serde_json::from_value(made["address"].clone()).unwrap();
    daemon.post("create", &json!({ "wallet": "main", "password": PASSWORD })).await.refused(409);
    daemon.post("create", &json!({ "wallet": "weak", "password": "short" })).await.refused(422);

    let sign = json!({ "wallet": "main", "message": "hello" });
    daemon.post("sign", &sign).await.refused(423);
    let wrong = daemon.post("unlock", &json!({ "wallet": "main", "password": "wrong horse" })).await.refused(403);
    assert!(!wrong.to_string().contains("wrong horse"), "{wrong}");
    daemon.unlock("main").await;
    let signed = daemon.post("sign", &sign).await.ok(200);
    assert_eq!(recover_message(b"hello", &bytes(&signed["signature"])), Ok(address));
    let sheet = daemon.post("prepare", &sign).await.ok(200);
    assert_eq!((&sheet["what"]["message"]["text"], &sheet["policy"]["verdict"]), (&json!("hello"), &json!("allowed")));
    let ticket = json!({ "ticket": sheet["ticket"] });
    assert_eq!(daemon.post("sign", &ticket).await.ok(200)["signature"], signed["signature"]);
    daemon.post("sign", &ticket).await.refused(404);
    let unreadable = json!({ "wallet": "main", "message": "0xff00" });
    daemon.post("sign", &unreadable).await.refused(422);

    let imported = json!({ "wallet": "again", "password": PASSWORD, "secret": words });
    assert_eq!(daemon.post("import", &imported).await.ok(201)["address"], json!(address));
    let listed = daemon.get("list").await.ok(200);
    assert_eq!((&listed[0]["wallet"], &listed[0]["unlocked"]), (&json!("again"), &json!(false)));
    assert_eq!((&listed[1]["wallet"], &listed[1]["unlocked"]), (&json!("main"), &json!(true)));
    assert_eq!(daemon.post("lock", &json!({})).await.status, 204);
    daemon.post("sign", &sign).await.refused(423);

    let kinds: Vec<Value> = daemon.audit().await.iter().map(|entry| entry["event"]["kind"].clone()).collect();
    let expected = [
        "started",
        "wallet_added",
        "unlock_refused",
        "unlocked",
        "signed",
        "signed",
        "refused",
        "wallet_added",
        "locked",
    ];
    assert_eq!(kinds, expected);
    let said = daemon.stop().await;
    let stored = fs::read_to_string(wallets.join("daemon/audit-000001.jsonl")).unwrap();
    for secret in [PASSWORD, "wrong horse", words.as_str()] {
        assert!(!said.contains(secret) && !stored.contains(secret), "a secret was written down");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_other_hosts_and_wrong_tokens_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let wallets = place.path().join("wallets");
    let daemon = TestDaemon::start(&wallets, NO_NODE, &[]).await;
    let token_file = wallets.join("daemon/token");
    assert_eq!(fs::metadata(&token_file).unwrap().permissions().mode() & 0o777, 0o600);
    let own = daemon.authorization();
    for headers in [
        vec![("host", "wallet.example:18002")],
        vec![("host", "127.0.0.1:1")],
        vec![("origin", "http://127.0.0.1:8000")],
        vec![("origin", "null")],
        vec![("sec-fetch-site", "cross-site")],
    ] {
        let headers = [vec![("authorization", own.as_str())], headers].concat();
        let refused = daemon.send("GET", "list", &headers, None).await;
        assert_eq!(refused.refused(403)["type"], "/problems/forbidden");
        assert!(!refused.allows_origins, "no page may read an answer");
    }
    let same = [("authorization", own.as_str()), ("host", &format!("localhost:{}", daemon.port()))];
    daemon.send("GET", "list", &same, None).await.ok(200);
    let wrong = |number: usize| format!("Bearer {number:064x}");
    let asked = (0..12).map(|number| {
        let (daemon, wrong) = (&daemon, wrong(number));
        async move { daemon.send("GET", "list", &[("authorization", &wrong)], None).await.status }
    });
    let (answers, right) = tokio::join!(futures_of(asked), daemon.get("list"));
    right.ok(200);
    assert!(answers.iter().all(|status| [401, 429].contains(status)), "{answers:?}");
    assert!(
        answers.contains(&401) && answers.contains(&429),
        "a wrong token costs time, so few are tried at once: {answers:?}"
    );
    daemon.send("GET", "list", &[], None).await.refused(401);

    let large = json!({ "wallet": "main", "message": "x".repeat(600 << 10) });
    daemon.post("sign", &large).await.refused(413);
    let as_form = [("authorization", own.as_str()), ("content-type", "text/plain")];
    daemon.send("POST", "lock", &as_form, Some("{}".to_owned())).await.refused(422);
    daemon.get("nowhere").await.refused(404);
    let second = error(&aitbc(&["wallet", "daemon", "--port", "0", "--folder", wallets.to_str().unwrap()]).await);
    assert!(second.contains("another daemon"), "{second}");
    daemon.stop().await;
}

async fn futures_of(all: impl Iterator<Item = impl Future<Output = u16>>) -> Vec<u16> {
    futures::future::join_all(all).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_nobody_uses_is_locked() {
    let place = tempfile::tempdir().unwrap();
    let wallets = place.path().join("wallets");
    let daemon = TestDaemon::start(&wallets, NO_NODE, &["--lock-after", "1"]).await;
    daemon.post("create", &json!({ "wallet": "main", "password": PASSWORD })).await.ok(201);
    daemon.unlock("main").await;
    while daemon.get("list").await.ok(200)[0]["unlocked"] == true {
        tokio::task::yield_now().await;
    }
    daemon.post("sign", &json!({ "wallet": "main", "message": "late" })).await.refused(423);
    let newest = daemon.audit().await.pop().unwrap();
    assert_eq!((&newest["event"]["kind"], &newest["event"]["reason"]), (&json!("locked"), &json!("idle")));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_tells_what_was_changed_and_what_was_cut_off() {
    let place = tempfile::tempdir().unwrap();
    let wallets = place.path().join("wallets");
    let daemon = TestDaemon::start(&wallets, NO_NODE, &[]).await;
    daemon.post("create", &json!({ "wallet": "main", "password": PASSWORD })).await.ok(201);
    daemon.unlock("main").await;
    daemon.stop().await;
    let folder = wallets.to_str().unwrap();
    let verify = ["wallet", "daemon", "verify", "--folder", folder];
    let whole = answer(&aitbc(&[&verify[..], &["--json"]].concat()).await);
    assert_eq!(whole["entries"], 4);
    let head = whole["head"].as_str().unwrap();
    assert!(text(&aitbc(&[&verify[..], &["--head", head]].concat()).await).contains(head));
    let path = wallets.join("daemon/audit-000001.jsonl");
    let log = fs::read_to_string(&path).unwrap();
    let shorter: String = log.lines().take(3).map(|line| format!("{line}\n")).collect();
    fs::write(&path, shorter).unwrap();
    assert!(aitbc(&verify).await.status.success(), "nothing in it says that it was longer");
    let cut = error(&aitbc(&[&verify[..], &["--head", head]].concat()).await);
    assert!(cut.contains("cut off"), "{cut}");
    fs::write(&path, log.replacen("\"created\"", "\"imported\"", 1)).unwrap();
    let edited = error(&aitbc(&verify).await);
    assert!(edited.contains("entry 2") && edited.contains("changed"), "{edited}");
    let start = ["wallet", "daemon", "--port", "0", "--folder", folder];
    let refused = aitbc(&start).await;
    assert!(!refused.status.success(), "a daemon does not go on behind a log that does not hold");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_segments_of_the_audit_log_may_lie_elsewhere() {
    let place = tempfile::tempdir().unwrap();
    let (wallets, archive) = (place.path().join("wallets"), place.path().join("archive"));
    let small = ["--segment-bytes", "1024"];
    let daemon = TestDaemon::start(&wallets, NO_NODE, &small).await;
    daemon.post("create", &json!({ "wallet": "main", "password": PASSWORD })).await.ok(201);
    daemon.unlock("main").await;
    let policy = json!({ "messages": true, "limits": { "AIT": { "per_day": "7" } } });
    let set = json!({ "wallet": "main", "password": PASSWORD, "policy": policy });
    let set = daemon.with_body("PUT", "policy", &[], &set).await.ok(200);
    for number in 0..12 {
        daemon.post("sign", &json!({ "wallet": "main", "message": format!("number {number}") })).await.ok(200);
    }
    let shown = daemon.audit().await;
    assert_eq!(shown.len(), 16, "all that happened is shown, and nothing that a segment repeats");
    assert!(shown.iter().all(|entry| entry["event"]["kind"] != "carried"), "{shown:?}");
    daemon.kill().await;
    let of_log = |number: u32| format!("audit-{number:06}.jsonl");
    let newest = (1..).take_while(|number| wallets.join("daemon").join(of_log(*number)).exists()).last().unwrap();
    assert!(newest > 2, "{newest}");
    let folder = wallets.to_str().unwrap();
    let verify = ["wallet", "daemon", "verify", "--json", "--folder", folder];
    let whole = answer(&aitbc(&verify).await);
    assert_eq!((&whole["first_entry"], &whole["last_segment"]), (&json!(0), &json!(newest)));

    fs::create_dir(&archive).unwrap();
    for number in 1..newest {
        fs::rename(wallets.join("daemon").join(of_log(number)), archive.join(of_log(number))).unwrap();
    }
    let rest = answer(&aitbc(&verify).await);
    assert_eq!((&rest["entries"], &rest["head"]), (&whole["entries"], &whole["head"]));
    assert_eq!(rest["first_segment"], newest);
    let with_archive = [&verify[..], &["--archive", archive.to_str().unwrap()]].concat();
    assert_eq!(answer(&aitbc(&with_archive).await), whole);

    let daemon = TestDaemon::start(&wallets, NO_NODE, &small).await;
    assert_eq!(daemon.get("policy?wallet=main").await.ok(200)["policy"], set["policy"], "a policy was forgotten");
    daemon.unlock("main").await;
    daemon.post("sign", &json!({ "wallet": "main", "message": "later" })).await.ok(200);
    daemon.stop().await;
    let longer = answer(&aitbc(&with_archive).await);
    assert!(longer["entries"].as_u64() > whole["entries"].as_u64() && longer["first_entry"] == 0, "{longer}");

    let first = archive.join(of_log(1));
    let log = fs::read_to_string(&first).unwrap();
    fs::write(&first, log.replacen("\"created\"", "\"imported\"", 1)).unwrap();
    let edited = error(&aitbc(&with_archive).await);
    assert!(edited.contains("changed"), "{edited}");
}

fn bytes(hex_text: &Value) -> Vec<u8> {
    hex::decode(hex_text.as_str().unwrap().trim_start_matches("0x")).unwrap()
}
