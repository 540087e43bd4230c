//! `aitbc job`: quoted, deposited, paid and verified from a wallet in files.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use contracts::JOB_ESCROW_ADDRESS;
use serde_json::json;
use shared::amount::Amount;

use super::buyer::{Buyer, EARNED, amount, paid_job};
use crate::command_line::{aitbc, error, json, text};
use crate::server::TestServer;
use crate::worker::{key, result};

const WANTED: [&str; 7] = ["a lake", "--steps", "2", "--width", "64", "--height", "64"];

/// A file that only its owner reads.
fn private(place: &Path, name: &str, text: &str) -> PathBuf {
    let path = place.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_pays_for_a_picture_and_its_receipt_is_verified() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(&place.path().join("server")).await;
    let url = format!("http://{}", server.address);
    let buyer = Buyer::with_earnings(&server, 2).await;
    let secret = private(place.path(), "secret", &hex::encode(key(2).to_bytes()));
    let password = private(place.path(), "password", "correct horse");
    let wallets = place.path().join("wallets");
    let [secret, password, wallets] = [&secret, &password, &wallets].map(|path| path.to_str().unwrap());
    let unlocked = ["--folder", wallets, "--password-file", password];
    let import = ["wallet", "import", "buyer", "--file", secret, "--json"];
    json(&aitbc(&[&import[..], &unlocked].concat()).await);
    let mut worker = server.connect_worker().await;

    let quote = [&["job", "quote"][..], &WANTED, &["--wallet", "buyer", "--folder", wallets, "--url", &url]].concat();
    let quoted = json(&aitbc(&[&quote[..], &["--json"]].concat()).await);
    assert_eq!(amount(&quoted["order"]["max_total"]).to_string(), "0.008192");
    assert!(text(&aitbc(&quote).await).contains("up to 0.008192 AIT, of which 2.00 % is the fee"));
    let cheap = error(&aitbc(&[&quote[..], &["--max-price", "0.001"]].concat()).await);
    assert!(cheap.contains("above the job's limit of 0.001 AIT"), "{cheap}");

    let submit = [&["job", "submit"][..], &WANTED, &["--url", &url, "--pay", "--wallet", "buyer"], &unlocked].concat();
    let unseen = aitbc(&submit).await;
    let said = String::from_utf8_lossy(&unseen.stderr);
    assert!(!unseen.status.success() && said.contains("--yes") && said.contains("go from the wallet"), "{said}");
    assert_eq!(buyer.free(&server).await, Amount::ZERO, "nothing is deposited before a yes");
    assert!(!aitbc(&["job", "submit", "a lake", "--pay"]).await.status.success(), "somebody must pay");

    let submit: Vec<String> =
        [&submit[..], &["--yes", "--wait", "--json"]].concat().iter().map(|word| (*word).to_owned()).collect();
    let submitted = tokio::spawn(async move {
        let words: Vec<&str> = submit.iter().map(String::as_str).collect();
        aitbc(&words).await
    });
    let assignment = worker.assignment().await;
    assert_eq!(assignment.terms.contract, JOB_ESCROW_ADDRESS);
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
    let job = json(&submitted.await.unwrap());
    assert_eq!((&job["state"], &job["payment"]["state"]), (&json!("COMPLETED"), &json!("settled")));
    let id = job["id"].as_str().unwrap();
    paid_job(&server, id, "settled").await;
    let spent = amount(&job["payment"]["paid"]).checked_add(amount(&job["payment"]["fee"])).unwrap();
    assert_eq!(spent.to_string(), "0.008192");
    assert_eq!(server.app.node.token_balance(buyer.address()).await.unwrap(), EARNED.checked_sub(spent).unwrap());
    assert_eq!(buyer.free(&server).await, Amount::ZERO, "no more was deposited than was needed");
    let shown = text(&aitbc(&["status", id, "--url", &url]).await);
    assert!(shown.contains("settled") && shown.contains("0.00016384 AIT"), "{shown}");

    let receipt = server.get(&format!("/v1/jobs/{id}/receipt")).await;
    let file = place.path().join("receipt.json");
    fs::write(&file, &receipt.body).unwrap();
    let (path, rpc) = (file.to_str().unwrap(), format!("{url}/rpc"));
    let verified = json(&aitbc(&["receipt", "verify", path, "--rpc", &rpc, "--json"]).await);
    assert_eq!((&verified["settled"], &verified["mint"]), (&job["payment"]["end"], &json!(null)));
    assert!(text(&aitbc(&["receipt", "verify", path, "--rpc", &rpc]).await).contains("the escrow paid 0.00802816 AIT"));
    let mut forged = receipt.json();
    forged["settled"]["block_number"] = json!(999);
    fs::write(&file, forged.to_string()).unwrap();
    assert!(error(&aitbc(&["receipt", "verify", path, "--rpc", &rpc]).await).contains("the file says block 999"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_deposits_and_takes_back_what_is_free() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(&place.path().join("server")).await;
    let url = format!("http://{}", server.address);
    let buyer = Buyer::with_earnings(&server, 2).await;
    let secret = private(place.path(), "secret", &hex::encode(key(2).to_bytes()));
    let password = private(place.path(), "password", "correct horse");
    let wallets = place.path().join("wallets");
    let [secret, password, wallets] = [&secret, &password, &wallets].map(|path| path.to_str().unwrap());
    let unlocked = ["--folder", wallets, "--password-file", password];
    json(&aitbc(&[&["wallet", "import", "buyer", "--file", secret, "--json"][..], &unlocked].concat()).await);
    let moved = async |way: &str, ait: &str, yes: &[&str]| {
        aitbc(&[&["wallet", way, "buyer", ait, "--url", &url, "--json"][..], &unlocked, yes].concat()).await
    };
    let unseen = moved("deposit", "1", &[]).await;
    assert!(!unseen.status.success() && String::from_utf8_lossy(&unseen.stderr).contains("0.31072 AIT in the wallet"));
    assert_eq!(buyer.free(&server).await, Amount::ZERO, "nothing moves before a yes");
    let done = json(&moved("deposit", "1", &["--yes"]).await);
    assert_eq!(
        (amount(&done["balance"]).to_string(), amount(&done["deposited"]).to_string()),
        ("0.31072".into(), "1".into())
    );
    let more = error(&moved("withdraw", "1.5", &["--yes"]).await);
    assert!(more.contains("free in the escrow are 1 AIT, 1.5 AIT are asked for"), "{more}");
    assert!(error(&moved("deposit", "0", &["--yes"]).await).contains("0 AIT cannot be moved"));
    let back = json(&moved("withdraw", "0.25", &["--yes"]).await);
    assert_eq!(
        (amount(&back["balance"]).to_string(), amount(&back["deposited"]).to_string()),
        ("0.56072".into(), "0.75".into())
    );
    assert_eq!(buyer.free(&server).await.to_string(), "0.75");
    server.stop().await;
}
