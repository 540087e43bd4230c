//! The program itself: what it prints, how it fails.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use hub::audit::Draw;
use serde_json::{Value, json};
use server::config::Config;
use server::keys::{ChainKeys, KeySource, Keys};
use shared::amount::Amount;
use shared::chain::DEV_CHAIN_ID;
use shared::{Address, B256};

use super::server::{TestServer, config, is_minted};
use super::worker::{TestWorker, key, result};

pub(crate) async fn aitbc(arguments: &[&str]) -> Output {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let run = move || Command::new(env!("CARGO_BIN_EXE_aitbc")).args(arguments).output().unwrap();
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// The small picture that a test worker draws, and where to ask for it.
pub(crate) const SMALL: [&str; 8] = ["submit", "a lake", "--steps", "1", "--width", "64", "--height", "64"];

/// Starts a command and reads what it says on stderr at once.
async fn begin(arguments: Vec<String>) -> (Child, String) {
    let begin = move || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aitbc"));
        let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        let mut stderr = BufReader::with_capacity(1, child.stderr.take().unwrap());
        stderr.read_line(&mut first).unwrap();
        child.stderr = Some(stderr.into_inner());
        (child, first.trim_end().to_owned())
    };
    tokio::task::spawn_blocking(begin).await.unwrap()
}

/// What a command says on stderr after the line that [`begin`] read.
async fn second_line(child: &mut Child) -> String {
    let stderr = child.stderr.take().unwrap();
    let read = move || {
        let (mut line, mut stderr) = (String::new(), BufReader::with_capacity(1, stderr));
        stderr.read_line(&mut line).unwrap();
        (line.trim_end().to_owned(), stderr.into_inner())
    };
    let (line, stderr) = tokio::task::spawn_blocking(read).await.unwrap();
    child.stderr = Some(stderr);
    line
}

async fn end(child: Child) -> Output {
    tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap()
}

pub(crate) fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// One sentence on stderr, nothing on stdout, and a code that is not 0.
#[track_caller]
pub(crate) fn error(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && output.stdout.is_empty(), "{text}");
    assert!(text.starts_with("error: ") && text.trim_end().lines().count() == 1, "{text}");
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_made_beside_a_running_server_work_and_stop_working_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let data = folder.path().to_str().unwrap();
    let created = json(&aitbc(&["keys", "api", "create", "--data", data, "--label", "shop", "--json"]).await);
    let secret = created["secret"].as_str().unwrap();
    server.submit(&[("x-api-key", secret)], 1).await;
    let listed = aitbc(&["keys", "api", "list", "--data", data, "--json"]).await;
    assert!(!String::from_utf8_lossy(&listed.stdout).contains(secret), "a secret was shown twice");
    assert_eq!(json(&listed)[0]["label"], "shop");
    let id = created["key"]["id"].as_str().unwrap();
    assert!(aitbc(&["keys", "api", "revoke", id, "--data", data]).await.status.success());
    let refused = server.send("GET", "/v1/jobs", &[("x-api-key", secret)], vec![]).await;
    refused.problem(401);
    error(&aitbc(&["keys", "api", "revoke", id, "--data", data]).await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_verified_offline_and_on_the_chain_and_an_altered_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let url = format!("http://{}", server.address);
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let submitted = json(
        &aitbc(&["submit", "a lake", "--steps", "1", "--width", "64", "--height", "64", "--url", &url, "--json"]).await,
    );
    let id = submitted["id"].as_str().unwrap();
    let assignment = worker.assignment().await;
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
    server.follow(id, &[], is_minted).await;

    let receipt = server.get(&format!("/v1/jobs/{id}/receipt")).await;
    let file = folder.path().join("receipt.json");
    std::fs::write(&file, &receipt.body).unwrap();
    let path = file.to_str().unwrap();
    assert_eq!(json(&aitbc(&["receipt", "verify", path, "--json"]).await)["valid"], true);
    let rpc = format!("{url}/rpc");
    let minted = json(&aitbc(&["receipt", "verify", path, "--rpc", &rpc, "--json"]).await);
    assert_eq!(minted["mint"]["transaction_hash"], receipt.json()["mint"]["transaction_hash"]);
    let without_path = error(&aitbc(&["receipt", "verify", path, "--rpc", &url]).await);
    assert!(without_path.contains("/rpc") && without_path.contains("status 405"), "{without_path}");
    assert!(!without_path.contains("no answer"), "{without_path}");
    for (pointer, forged, said) in [
        ("/amount", json!(Amount::from_ait(999)), "the file says 999 AIT beside it"),
        ("/mint/amount", json!(Amount::from_ait(999)), "the file says 999 AIT beside it"),
        ("/mint/provider", json!(Address::ZERO), "the file names 0x0000000000000000000000000000000000000000 in `mint`"),
        ("/mint/block_number", json!(999), "the file says block 999"),
        ("/mint/transaction_hash", json!(B256::ZERO), "transaction 0x0000000000"),
        ("/amount", json!("much"), "`amount` or `mint`"),
        ("/receipt/units", json!("1000000000"), "hashes to"),
    ] {
        std::fs::write(&file, &receipt.body).unwrap();
        alter(&file, pointer, forged);
        let refused = error(&aitbc(&["receipt", "verify", path, "--rpc", &rpc]).await);
        assert!(refused.contains(said), "{refused}");
    }

    let status = aitbc(&["status", id, "--url", &url]).await;
    assert!(String::from_utf8_lossy(&status.stdout).contains("COMPLETED"));
    let receipts = json(&aitbc(&["receipts", "--job-id", id, "--url", &url, "--json"]).await);
    assert_eq!(receipts["items"].as_array().unwrap().len(), 1);
    let miners = json(&aitbc(&["miner", "list", "--url", &url, "--json"]).await);
    assert_eq!(miners[0]["online"], true);
    server.stop().await;
}

fn alter(file: &Path, pointer: &str, value: Value) {
    let mut receipt: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    *receipt.pointer_mut(pointer).unwrap() = value;
    std::fs::write(file, receipt.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_waits_says_why_and_can_be_canceled() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let url = format!("http://{}", server.address);
    let run = async |arguments: &[&str]| aitbc(&[arguments, &["--url", &url]].concat()).await;
    let waits = "No miner is connected; the job waits for one.";
    let submitting = run(&["submit", "a lake"]).await;
    let submitted = text(&submitting);
    let told = String::from_utf8(submitting.stderr).unwrap();
    let token = told.trim_end().rsplit(' ').next().unwrap();
    assert!(submitted.contains("QUEUED") && submitted.contains(waits), "{submitted}");
    let id = submitted.lines().find_map(|line| line.strip_prefix("job ")).unwrap().trim().to_owned();
    assert!(text(&run(&["status", &id]).await).contains(waits));
    assert_eq!(text(&run(&["explain", &id]).await).trim_end(), waits);
    let worker = server.connect_worker().await;
    let explained = json(&run(&["explain", &id, "--json"]).await);
    assert_eq!(explained["miners"][0]["miner"], json!(worker.address()));
    let table = text(&run(&["explain", &id]).await);
    assert!(table.contains(&worker.address().to_string()) && table.contains("yes"), "{table}");
    let stranger = error(&run(&["cancel", &id]).await);
    assert!(stranger.contains("only its creator may cancel a job"), "{stranger}");
    assert_eq!(json(&run(&["cancel", &id, "--json", "--token", token]).await)["state"], "CANCELED");
    let again = error(&run(&["cancel", &id, "--token", token]).await);
    assert!(again.contains("the job is over: CANCELED"), "{again}");
    assert!(text(&run(&["status", &id]).await).contains("It was canceled."));
    let unserved = error(&run(&["submit", "a lake", "--model", "nope"]).await);
    assert!(unserved.contains("`model` is one of `aitbc-scenes-1`"), "{unserved}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_is_told_how_to_read_a_result_that_is_withheld_from_others() {
    for (audits, is_withheld) in [(Draw::Always, true), (Draw::Never, false)] {
        let folder = tempfile::tempdir().unwrap();
        let server = TestServer::start_with(Config { audits, ..config(folder.path()) }).await;
        let asked = aitbc(&[&SMALL[..], &["--url", &format!("http://{}", server.address)]].concat()).await;
        let told = String::from_utf8(asked.stderr).unwrap();
        let (_, token) = told.lines().next().unwrap().rsplit_once(' ').unwrap();
        assert!(asked.status.success() && token.starts_with("jobtoken_"), "{told}");
        assert_eq!(told.contains(&format!("with the header x-job-token: {token}")), is_withheld, "{told}");
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_names_the_job_at_once_and_ends_with_its_picture_or_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let url = format!("http://{}", server.address);
    let (file, kept) = (folder.path().join("new.png"), folder.path().join("kept.png"));
    std::fs::write(&kept, "mine").unwrap();
    let submit = |more: &[&str]| [&SMALL, more, &["--url", &url]].concat().into_iter().map(str::to_owned).collect();

    for out in ["/nonexistent/f.png", folder.path().to_str().unwrap()] {
        let refused = error(&aitbc(&[&SMALL[..], &["--url", &url, "--out", out]].concat()).await);
        assert!(refused.contains(&format!("cannot write {out}")), "{refused}");
    }
    assert!(server.app.store.list_open_jobs().await.unwrap().is_empty(), "a job was made for a file that cannot be");

    let (mut child, id) = begin(submit(&["--out", kept.to_str().unwrap()])).await;
    let token = second_line(&mut child).await.rsplit(' ').next().unwrap().to_owned();
    server.send("DELETE", &format!("/v1/jobs/{id}"), &[("x-job-token", &token)], vec![]).await;
    let canceled = end(child).await;
    assert!(!canceled.status.success() && canceled.stdout.is_empty());
    let expected = format!("error: the job {id} is CANCELED: It was canceled.\n");
    assert_eq!(String::from_utf8(canceled.stderr).unwrap(), expected);
    assert_eq!(std::fs::read(&kept).unwrap(), b"mine");

    let (child, id) = begin(submit(&["--json", "--out", file.to_str().unwrap()])).await;
    assert!(!file.exists(), "an empty file stands for a picture that nobody drew yet");
    let mut worker = server.connect_worker().await;
    let assignment = worker.assignment().await;
    assert_eq!(assignment.task.job_id.to_string(), id);
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
    assert_eq!(json(&end(child).await)["state"], "COMPLETED");
    let drawn = server.get(&format!("/v1/jobs/{id}/artifacts/0")).await;
    assert_eq!(std::fs::read(&file).unwrap(), drawn.body);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_start_says_why_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let data = folder.path().to_str().unwrap();
    let in_use = error(&aitbc(&["up", "--data", data, "--port", "0"]).await);
    let expected = format!("error: another server runs on the data in {data}: stop it, or choose another folder");
    assert!(in_use.starts_with(&expected), "{in_use}");
    let nowhere = error(&aitbc(&["up", "--data", "/proc/foo", "--port", "0"]).await);
    assert_eq!(nowhere.matches("os error").count(), 1, "{nowhere}");
    assert!(nowhere.contains("the folder /proc/foo cannot be made: "), "{nowhere}");
    for (flag, value) in
        [("--hub-id", ""), ("--allow-origin", "garbage"), ("--images-per-minute", "0"), ("--site", "/nonexistent")]
    {
        let refused = aitbc(&["up", "--data", "/proc/foo", "--port", "0", flag, value]).await;
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains(flag), "{said}");
    }
    server.stop().await;
}

/// Writes a key file that only its owner may read.
fn key_file(folder: &Path, name: &str, number: u8) -> String {
    let path = folder.join(name);
    std::fs::write(&path, hex::encode([number; 32])).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn development_keys_serve_loopback_only() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let offered = error(&aitbc(&["up", "--data", data, "--port", "0", "--host", "0.0.0.0"]).await);
    assert!(offered.contains("--host 0.0.0.0") && offered.contains("aitbc serve"), "{offered}");
    let (hub, validator) = (key_file(folder.path(), "hub-dev.key", 1), key_file(folder.path(), "validator.key", 2));
    let admin = Address::repeat_byte(3).to_string();
    let common = ["serve", "--data", data, "--port", "0", "--chain-id", "7777", "--validator-key-file", &validator];
    let serve = async |more: &[&str]| error(&aitbc(&[&common[..], more].concat()).await);
    let named = ["--hub-id", "shop", "--hub-key-file", &hub];

    let renamed = serve(&[&named[..], &["--admin", &admin, "--host", "0.0.0.0"]].concat()).await;
    assert!(renamed.contains("a development key serves loopback only"), "{renamed}");
    let unnamed = serve(&["--hub-key-file", &hub, "--admin", &admin]).await;
    assert!(unnamed.contains("--hub-id"), "{unnamed}");
    let keyless = serve(&["--hub-id", "shop", "--admin", &admin]).await;
    assert!(keyless.contains("--hub-key-file or AITBC_HUB_KEY"), "{keyless}");
    let own = key(1).address().to_string();
    let held = serve(&[&named[..], &["--admin", &own]].concat()).await;
    assert!(held.contains("--admin"), "{held}");
    std::fs::set_permissions(&hub, std::fs::Permissions::from_mode(0o644)).unwrap();
    let readable = serve(&[&named[..], &["--admin", &admin]].concat()).await;
    assert!(readable.contains("may be read by others"), "{readable}");
    let of_development = DEV_CHAIN_ID.to_string();
    for (refused, why) in [(of_development.as_str(), "development networks"), ("0", "a number"), ("x", "a number")] {
        let output = aitbc(&["serve", "--admin", &admin, "--chain-id", refused]).await;
        let shared_chain = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{shared_chain}");
        assert!(shared_chain.contains("--chain-id") && shared_chain.contains(why), "{shared_chain}");
    }
    assert!(!Path::new(data).exists(), "a server that does not start made its data folder");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_given_keys_makes_none_and_does_not_call_itself_a_development_server() {
    let folder = tempfile::tempdir().unwrap();
    let chain = ChainKeys { validator: key(2), admin: Address::repeat_byte(3) };
    let keys = Keys { hub: key(1), chain: Some(chain) };
    let mut config = config(folder.path());
    config.keys = KeySource::Given(Box::new(keys));
    config.chain_id = 7_777;
    let server = TestServer::start_with(config.clone()).await;
    let status = server.get("/v1/status").await.json();
    assert_eq!((&status["dev"], &status["chain_id"]), (&json!(false), &json!(7_777)));
    assert_eq!(status["attester"].as_str().unwrap().parse::<Address>().unwrap(), key(1).address());
    assert!(!folder.path().join("keys").exists(), "keys lie in the data folder");
    server.stop().await;
    // Neither a typing error nor another network goes on with this chain.
    config.chain_id = 7_778;
    let refused = server::serve::Server::start(config).await.err().unwrap().to_string();
    assert!(refused.contains("genesis") || refused.contains("chain"), "{refused}");
}

/// The first line of the log of `up`, which is killed then. It has made its folder.
async fn first_log_line(data: &Path) -> String {
    let arguments = ["up", "--data", data.to_str().unwrap(), "--port", "0"].map(str::to_owned);
    let start = move || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aitbc"));
        command.args(arguments).env("RUST_LOG", "info").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut log = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut log).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        log
    };
    tokio::task::spawn_blocking(start).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_a_file_has_no_colours() {
    let folder = tempfile::tempdir().unwrap();
    let log = first_log_line(folder.path()).await;
    assert!(log.contains("INFO") && !log.contains('\x1b'), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_makes_is_for_its_user_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    first_log_line(&data).await;
    let (mut waiting, mut seen) = (vec![data], 0);
    while let Some(path) = waiting.pop() {
        let entry = path.metadata().unwrap();
        assert_eq!(entry.permissions().mode() & 0o077, 0, "{} is open to others", path.display());
        seen += 1;
        if entry.is_dir() {
            waiting.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    assert!(seen > 3, "{seen} files and folders");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_one_sentence_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port().to_string();
    let data = folder.path().join("data");
    let in_use = error(&aitbc(&["up", "--data", data.to_str().unwrap(), "--port", &port]).await);
    assert!(in_use.contains(&format!("port {port}")) && in_use.contains("--port"), "{in_use}");
    drop(other);
    let nobody = error(&aitbc(&["submit", "a lake", "--url", &format!("http://127.0.0.1:{port}")]).await);
    assert!(nobody.contains("is the server running there?"), "{nobody}");
    let missing = error(&aitbc(&["keys", "api", "list", "--data", data.to_str().unwrap()]).await);
    assert!(missing.contains("--data"), "{missing}");
    error(&aitbc(&["receipt", "verify", "/no/such/file"]).await);
    let endless = error(&aitbc(&["receipt", "verify", "/dev/zero"]).await);
    assert!(endless.contains("more than 1048576 bytes"), "{endless}");
}
