//! `aitbc wallet`: keys in files, money on a real chain, and what is refused before anything is lost.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use shared::Address;
use shared::signing::recover_message;

use super::command_line::{SMALL, aitbc, error, json, text};
use super::server::{TestServer, is_minted};
use super::worker::{TestWorker, key, result};

const PASSWORD: &str = "correct horse";

/// The wallets of one person.
pub(crate) struct Person {
    place: tempfile::TempDir,
}

impl Person {
    pub(crate) fn new() -> Self {
        let person = Self { place: tempfile::tempdir().unwrap() };
        person.file("password", PASSWORD);
        person
    }

    /// A file that only its owner reads.
    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.place.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn folder(&self) -> PathBuf {
        self.place.path().join("wallets")
    }

    /// Runs a command, with the folder of the wallets.
    async fn run(&self, arguments: &[&str]) -> Output {
        let folder = self.folder();
        aitbc(&[&["wallet"][..], arguments, &["--folder", path(&folder)]].concat()).await
    }

    /// The same, with the password.
    async fn unlocked(&self, arguments: &[&str]) -> Output {
        let password = self.place.path().join("password");
        self.run(&[arguments, &["--password-file", path(&password)]].concat()).await
    }

    /// Runs a command on stake that a wallet signs.
    pub(crate) async fn stake(&self, arguments: &[&str]) -> Output {
        self.signs("stake", arguments).await
    }

    /// Runs a command that a wallet signs.
    pub(crate) async fn signs(&self, command: &str, arguments: &[&str]) -> Output {
        let (folder, password) = (self.folder(), self.place.path().join("password"));
        let wallets = ["--folder", path(&folder), "--password-file", path(&password), "--yes", "--json"];
        aitbc(&[&[command][..], arguments, &wallets].concat()).await
    }

    /// Runs a command on bounties that a wallet signs.
    pub(crate) async fn bounty(&self, arguments: &[&str]) -> Output {
        let (folder, password) = (self.folder(), self.place.path().join("password"));
        let wallets = ["--folder", path(&folder), "--password-file", path(&password), "--yes", "--json"];
        aitbc(&[&["bounty"][..], arguments, &wallets].concat()).await
    }

    pub(crate) async fn import(&self, name: &str, secret: &str) -> Output {
        let file = self.file("secret", secret);
        self.unlocked(&["import", name, "--file", path(&file), "--json"]).await
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A picture is drawn by the miner of [`key`], who gets its AIT.
pub(crate) async fn earn(server: &TestServer, number: u8) -> Address {
    let url = format!("http://{}", server.address);
    let mut worker = TestWorker::connect(server.address, key(number), 1).await;
    let submitted = json(&aitbc(&[&SMALL[..], &["--url", &url, "--json"]].concat()).await);
    let assignment = worker.assignment().await;
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
    server.follow(submitted["id"].as_str().unwrap(), &[], is_minted).await;
    worker.address()
}

fn atto(value: &Value) -> u128 {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn earned_money_is_sent_to_a_friend_and_both_see_it() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(place.path()).await;
    let url = format!("http://{}", server.address);
    let miner = earn(&server, 1).await;
    let person = Person::new();
    let imported = json(&person.import("miner", &hex::encode(key(1).to_bytes())).await);
    assert_eq!(imported["address"], json!(miner));
    let friend = json(&person.unlocked(&["create", "friend", "--json"]).await);
    let balances = json(&person.run(&["balance", "--url", &url, "--json"]).await);
    assert_eq!((&balances[0]["name"], &balances[0]["balance"]), (&json!("friend"), &json!("0")));
    let earned = atto(&balances[1]["balance"]);
    assert!(earned > 1_000, "{earned}");

    let too_much = error(&person.unlocked(&["send", "miner", "friend", "1000000", "--yes", "--url", &url]).await);
    assert!(too_much.contains("cannot be sent") && too_much.contains("miner has"), "{too_much}");
    let unseen = person.unlocked(&["send", "miner", "friend", "0.000000000000001", "--url", &url]).await;
    let said = String::from_utf8_lossy(&unseen.stderr);
    assert!(!unseen.status.success() && said.contains("--yes") && said.contains("gas is free"), "{said}");
    let send = ["send", "miner", "friend", "0.000000000000001", "--yes", "--url", &url, "--json"];
    let sent = json(&person.unlocked(&send).await);
    assert_eq!((&sent["to"], atto(&sent["amount"])), (&friend["address"], 1_000));
    assert_eq!(atto(&sent["balance_after"]), earned - 1_000);
    assert!(sent["block_number"].is_u64(), "{sent}");

    let balances = json(&person.run(&["balance", "friend", "miner", "--url", &url, "--json"]).await);
    assert_eq!((atto(&balances[0]["balance"]), atto(&balances[1]["balance"])), (1_000, earned - 1_000));
    let history = json(&person.run(&["history", "miner", "--url", &url, "--json"]).await);
    assert_eq!(history.as_array().unwrap().len(), 2, "{history}");
    assert_eq!(history[0]["transaction_hash"], sent["transaction_hash"]);
    assert_eq!((&history[1]["from"], atto(&history[1]["amount"])), (&json!(Address::ZERO), earned));
    let shown = text(&person.run(&["history", "friend", "--url", &url]).await);
    assert!(shown.contains("+0.000000000000001 AIT") && shown.contains("miner"), "{shown}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_not_sent_where_it_is_lost_nor_by_a_wrong_password() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(place.path()).await;
    let url = format!("http://{}", server.address);
    earn(&server, 1).await;
    let person = Person::new();
    let miner = json(&person.import("miner", &hex::encode(key(1).to_bytes())).await);
    let own = miner["address"].as_str().unwrap();
    for (to, amount, said) in [
        ("0x0000000000000000000000000000000000A17001", "0.1", "is lost"),
        ("0x0000000000000000000000000000000000000000", "0.1", "is lost"),
        (own, "0.1", "itself"),
        ("nobody", "0.1", "no wallet nobody"),
        ("0x12", "0.1", "40 hex digits"),
        ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0", "0 AIT"),
        ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed", "0.1", "a digit is wrong"),
    ] {
        let refused = error(&person.unlocked(&["send", "miner", to, amount, "--yes", "--url", &url]).await);
        assert!(refused.contains(said), "{to}: {refused}");
    }
    let wrong = person.file("wrong", "wrong horse");
    let friend = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
    let send = ["send", "miner", friend, "0.000000000000001", "--yes", "--url", &url, "--password-file", path(&wrong)];
    let refused = person.run(&send).await;
    assert!(!refused.status.success() && refused.stdout.is_empty());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("the password does not open"), "{said}");
    let history = json(&person.run(&["history", "miner", "--url", &url, "--json"]).await);
    assert_eq!(history.as_array().unwrap().len(), 1, "nothing was sent: {history}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_comes_back_by_its_words_and_by_its_file() {
    let person = Person::new();
    let made = json(&person.unlocked(&["create", "first", "--words", "24", "--json"]).await);
    let words = made["words"].as_str().unwrap();
    assert_eq!(words.split(' ').count(), 24);
    let again = error(&person.unlocked(&["create", "first"]).await);
    assert!(again.contains("already") && again.contains("nothing was changed"), "{again}");
    let other = Person::new();
    let by_words = json(&other.import("by-words", &words.to_uppercase()).await);
    assert_eq!(by_words["address"], made["address"]);
    assert!(by_words.get("words").is_none(), "words are shown once");
    let exported = person.place.path().join("backup.json");
    assert!(person.run(&["export", "first", "--out", path(&exported)]).await.status.success());
    assert_eq!(fs::metadata(&exported).unwrap().permissions().mode() & 0o777, 0o600);
    let twice = error(&person.run(&["export", "first", "--out", path(&exported)]).await);
    assert!(twice.contains("cannot write"), "{twice}");
    let (password, copy) = (other.place.path().join("password"), other.file("copy", ""));
    fs::copy(&exported, &copy).unwrap();
    let import = ["import", "by-file", "--file", path(&copy), "--keystore-password-file", path(&password), "--json"];
    assert_eq!(json(&other.unlocked(&import).await)["address"], made["address"]);
    let in_clear = text(&other.unlocked(&["export", "by-file", "--private-key", "--out", "-"]).await);
    let by_key = json(&person.import("by-key", in_clear.trim()).await);
    assert_eq!(by_key["address"], made["address"]);
    let listed = json(&person.run(&["list", "--json"]).await);
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    for file in fs::read_dir(person.folder()).unwrap() {
        let stored = fs::read_to_string(file.unwrap().path()).unwrap();
        let (first, key) = (words.split(' ').next().unwrap(), in_clear.trim().trim_start_matches("0x"));
        assert!(!stored.contains(&format!("{first} ")) && !stored.contains(key), "a secret is stored in clear");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_imported_is_refused_with_the_reason_and_without_the_secret() {
    let person = Person::new();
    let (eleven, zero) = ("abandon ".repeat(11), "0".repeat(64));
    for (secret, said) in [
        ("abandon abandon abandon".to_owned(), "got 3"),
        (format!("{eleven}zebra"), "do not belong together"),
        (format!("{eleven}aboot"), "word 12"),
        ("0x1234".to_owned(), "64 hex digits"),
        (zero, "does not hold"),
        ("{}".to_owned(), "no keystore file"),
    ] {
        let refused = error(&person.import("new", &secret).await);
        assert!(refused.contains(said), "{refused}");
        assert!(!refused.contains("zebra") && !refused.contains("aboot") && !refused.contains("1234"), "{refused}");
    }
    let readable = person.file("readable", "abandon");
    fs::set_permissions(&readable, Permissions::from_mode(0o644)).unwrap();
    let refused = error(&person.unlocked(&["import", "new", "--file", path(&readable)]).await);
    assert!(refused.contains("chmod 600"), "{refused}");
    let short = person.file("short", "ten chars");
    let refused = error(&person.run(&["create", "new", "--password-file", path(&short)]).await);
    assert!(refused.contains("10 characters or more, got 9"), "{refused}");
    assert!(!person.folder().exists(), "nothing was stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_shown_made_and_verified() {
    let person = Person::new();
    let made = json(&person.unlocked(&["create", "signer", "--json"]).await);
    let address: Address = serde_json::from_value(made["address"].clone()).unwrap();
    let message = ["sign", "signer", "--message", "hello\u{1b}[2K", "--yes"];
    let signed = person.unlocked(&message).await;
    let shown = String::from_utf8_lossy(&signed.stderr);
    assert!(shown.contains("hello\\u{1b}"), "a control character is not sent to the terminal: {shown}");
    let signature = text(&signed);
    let bytes = hex::decode(signature.trim().trim_start_matches("0x")).unwrap();
    assert_eq!(recover_message("hello\u{1b}[2K".as_bytes(), &bytes), Ok(address));
    let verify = ["verify", signature.trim(), "--message", "hello\u{1b}[2K", "--by", "signer"];
    assert!(text(&person.run(&verify).await).contains("(signer)"));
    let other = error(&person.run(&["verify", signature.trim(), "--message", "hello", "--by", "signer"]).await);
    assert!(other.contains("did not sign this"), "{other}");

    let permit = json!({
        "types": {"Permit": [
            {"name": "owner", "type": "address"}, {"name": "spender", "type": "address"},
            {"name": "value", "type": "uint256"}, {"name": "nonce", "type": "uint256"},
            {"name": "deadline", "type": "uint256"},
        ]},
        "primaryType": "Permit",
        "domain": {"name": "AITBC", "version": "1", "chainId": 1},
        "message": {
            "owner": address, "spender": Address::repeat_byte(7), "value": format!("0x{}", "f".repeat(64)),
            "nonce": 0, "deadline": "0xffffffffffffffff",
        },
    });
    let file = person.file("permit.json", &permit.to_string());
    let signed = person.unlocked(&["sign", "signer", "--typed-data", path(&file), "--yes", "--json"]).await;
    let shown = String::from_utf8_lossy(&signed.stderr).into_owned();
    for said in
        ["spender: 0x0707", "all tokens of this kind", "more than a day", "no node answers", "names no contract"]
    {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    let signature = json(&signed)["signature"].as_str().unwrap().to_owned();
    let verified = json(&person.run(&["verify", &signature, "--typed-data", path(&file), "--json"]).await);
    assert_eq!(verified["signer"], json!(address));
    let elsewhere = "example.org wants you to sign in with your Ethereum account:\n\
                     0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed\n\n\nURI: https://example.org\nVersion: 1\nChain ID: 1\n\
                     Nonce: abcdef01\nIssued At: 2026-11-29T08:45:43Z";
    let refused = person.unlocked(&["sign", "signer", "--message", elsewhere, "--yes"]).await;
    assert!(!refused.status.success() && refused.stdout.is_empty());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("signs in 0x5aAe"));
}
