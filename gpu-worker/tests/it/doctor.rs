//! `gpu-worker doctor` on machines that have one fault each, and on a healthy one.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use shared::protocol::HubMessage;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::hub_double::HubDouble;
use crate::miner::Miner;
use crate::support::PROGRAM;

async fn doctor(data: &Path, more: &[&str]) -> Output {
    let mut doctor = Command::new(PROGRAM);
    doctor.arg("--data").arg(data).arg("doctor").args(more).env_remove("AITBC_HUB").output().await.unwrap()
}

/// The hub greets the doctor, whose clock is `ahead_ms` behind.
async fn greeted(hub: &mut HubDouble, data: &Path, more: &[&str], ahead_ms: u64) -> Output {
    let greet = async {
        let mut session = hub.connection().await;
        session.challenge.server_time_unix_ms = inference::clock::now().plus_ms(ahead_ms);
        let challenge = HubMessage::Challenge(session.challenge.clone());
        session.send(&challenge).await;
        assert_eq!(session.receive().await, None, "the doctor says nothing to the hub");
    };
    tokio::join!(doctor(data, more), greet).0
}

fn findings(output: &Output) -> Vec<Value> {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["healthy"], Value::Bool(output.status.success()), "{report}");
    report["findings"].as_array().unwrap().clone()
}

/// Exactly one fault, of this thing, that says `words` and what to do.
fn check(output: &Output, what: &str, words: &str) {
    let findings = findings(output);
    let faults: Vec<_> = findings.iter().filter(|finding| finding["state"] == "fault").collect();
    assert_eq!((faults.len(), output.status.code()), (1, Some(1)), "{findings:#?}");
    let text = faults[0].to_string();
    assert!(faults[0]["what"] == what && text.contains(words), "{text} lacks {words}");
    assert!(!faults[0]["mend"].as_array().unwrap().is_empty(), "{text}");
}

#[tokio::test]
async fn a_healthy_machine_has_no_fault_and_the_hub_hears_nothing() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    let output = greeted(&mut hub, miner.data.path(), &["--json"], 0).await;
    let findings = findings(&output);
    assert_eq!(output.status.code(), Some(0), "{findings:#?}");
    let seen: Vec<&str> = findings.iter().map(|finding| finding["what"].as_str().unwrap()).collect();
    let wanted = [
        "config", "disk", "status", "key", "model", "library", "driver", "engine", "sandbox", "network", "hub", "clock",
    ];
    assert_eq!(seen, wanted);
    assert!(findings.iter().all(|finding| finding["state"] != "fault"));
    let output = greeted(&mut hub, miner.data.path(), &[], 0).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("ok     clock      0.") && text.lines().last() == Some("all is well"), "{text}");
}

#[tokio::test]
async fn a_hub_whose_clock_is_far_off_is_a_fault() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    check(&greeted(&mut hub, miner.data.path(), &["--json"], 200_000).await, "clock", "timedatectl");
}

#[tokio::test]
async fn a_hub_that_is_away_or_is_none_is_a_fault() {
    let hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let other = async {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    };
    let arguments = ["--json", "--hub", &url];
    let output = tokio::select! {
        output = doctor(miner.data.path(), &arguments) => output,
        () = other => unreachable!("it accepts for ever"),
    };
    check(&output, "hub", "does not answer as a hub");
    // A socket that is bound and does not listen: nobody else can take its port, and no process that another test starts
    // holds a listening one.
    let deaf = tokio::net::TcpSocket::new_v4().unwrap();
    deaf.bind((std::net::Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let nothing = format!("http://{}", deaf.local_addr().unwrap());
    check(&doctor(miner.data.path(), &["--json", "--hub", &nothing]).await, "hub", "nothing listens");
    check(&doctor(miner.data.path(), &["--json", "--hub", "hub.example"]).await, "hub", "hub is a URL");
    let nowhere = "https://aitbc-nowhere.invalid:8000";
    check(&doctor(miner.data.path(), &["--json", "--hub", nowhere]).await, "network", "getent hosts");
    let open = "http://hub.example";
    check(&doctor(miner.data.path(), &["--json", "--hub", open]).await, "hub", "--insecure-http");
}

#[tokio::test]
async fn a_broken_key_model_library_or_configuration_is_the_one_fault_that_is_told() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    let key = miner.data.path().join("miner.key");
    let mode = |mode| std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    check(&greeted(&mut hub, miner.data.path(), &["--json"], 0).await, "key", "chmod 600");
    mode(0o600);

    let weights = miner.model.file("unet/model.onnx");
    let whole = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &whole[..whole.len() / 2]).unwrap();
    check(&greeted(&mut hub, miner.data.path(), &["--json"], 0).await, "model", "its manifest pins");
    std::fs::write(&weights, whole).unwrap();

    let config = miner.data.path().join("worker.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let library = miner.data.path().join("libonnxruntime.so");
    std::fs::write(&library, b"\x7fELF\x02\x01\x01 and no more").unwrap();
    let named = format!("onnxruntime_library = \"{}\"\n[[models]]", library.display());
    std::fs::write(&config, text.replace("\"tract\"", "\"onnxruntime\"").replace("[[models]]", &named)).unwrap();
    check(&greeted(&mut hub, miner.data.path(), &["--json"], 0).await, "library", "cut off");

    std::fs::write(&config, "hub = [").unwrap();
    let url = hub.url.clone();
    let output = greeted(&mut hub, miner.data.path(), &["--json", "--hub", &url], 0).await;
    check(&output, "config", "init --force");
}

#[tokio::test]
async fn a_status_address_in_use_is_a_fault_since_start_would_end() {
    let mut hub = HubDouble::start().await;
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let section = format!("[status]\nlisten = \"{}\"", taken.local_addr().unwrap());
    let miner = Miner::new(&hub).configure(&section);
    check(&greeted(&mut hub, miner.data.path(), &["--json"], 0).await, "status", "in use by another program");
}

#[tokio::test]
async fn before_the_first_start_the_machine_is_examined_all_the_same() {
    let mut hub = HubDouble::start().await;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("worker");
    let url = hub.url.clone();
    let output = greeted(&mut hub, &data, &["--json", "--hub", &url], 0).await;
    let findings = findings(&output);
    assert_eq!(output.status.code(), Some(0), "{findings:#?}");
    assert_eq!((&findings[0]["what"], &findings[0]["state"]), (&"config".into(), &"warn".into()));
    assert!(findings[0]["mend"].to_string().contains("gpu-worker start"), "{findings:#?}");
    assert!(!data.exists(), "looking makes nothing");
}
