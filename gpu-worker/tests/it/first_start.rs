//! The first `gpu-worker start` of a new miner: one command from nothing to a served job.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use crate::hub_double::{HubDouble, assignment};
use crate::miner::{ended, signal};
use crate::session::expect_drawn;
use crate::support::{ModelCopy, PROGRAM};

fn start(data: &Path, hub: &str, model: &Path) -> Child {
    let mut start = Command::new(PROGRAM);
    start.arg("--data").arg(data).args(["start", "--hub", hub, "--model"]).arg(model);
    // Without ONNX Runtime, which this machine may have or not.
    start.env("ORT_DYLIB_PATH", "").env("HOME", data).env_remove("XDG_DATA_HOME").env_remove("AITBC_HUB");
    start.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
}

#[tokio::test]
async fn one_command_makes_key_report_and_configuration_and_serves() {
    let mut hub = HubDouble::start().await;
    let (folder, model) = (tempfile::tempdir().unwrap(), ModelCopy::new());
    let data = folder.path().join("a/new/miner");
    let mut worker = start(&data, &hub.url, model.path());
    // The way to the hub is looked at before anything is made.
    let mut look = hub.connection().await;
    let challenge = shared::protocol::HubMessage::Challenge(look.challenge.clone());
    look.send(&challenge).await;
    assert_eq!(look.receive().await, None);
    let (mut session, registration) = hub.worker().await;
    registration.capability.check_devices().unwrap();
    assert!(registration.capability.hardware.is_some());
    let mut job = assignment(91, 1);
    job.terms.unit_price = registration.capability.offers[0].unit_price;
    session.assign(&job).await;
    expect_drawn(&mut session, &job, 1).await;
    let (_, submission) = hub.result().await;
    assert_eq!(submission.receipt.provider, registration.address);
    // Beside it no other worker runs on the same account, where each would end the other's session.
    let (code, log) = ended(start(&data, &hub.url, model.path())).await;
    assert!(code == Some(1) && log.contains(&format!("pid {}", worker.id().unwrap())), "{log}");
    let key = data.join("keys/dev-miner.key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    // What others may do with it is not left to the system's habits.
    for made in [data.clone(), data.join("worker.toml"), data.join("hubs"), data.join("keys"), data.join("lock")] {
        let mode = std::fs::metadata(&made).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", made.display());
    }
    let mut stdout = worker.stdout.take().unwrap();
    signal("-TERM", worker.id().unwrap()).await;
    let (code, log) = ended(worker).await;
    assert_eq!(code, Some(0), "{log}");
    let mut told = String::new();
    stdout.read_to_string(&mut told).await.unwrap();
    let address = registration.address.to_string();
    for words in [&*address, key.to_str().unwrap(), "keep a copy", "status", "doctor", "/miners/"] {
        assert!(told.contains(words), "{told} lacks {words}");
    }
    // The second start measures nothing and serves the same account.
    let mut worker = start(&data, &hub.url, model.path());
    let (_, again) = hub.worker().await;
    assert_eq!(again.address, registration.address);
    worker.kill().await.unwrap();
}

#[tokio::test]
async fn a_first_start_that_cannot_succeed_leaves_nothing_behind() {
    let (folder, model) = (tempfile::tempdir().unwrap(), ModelCopy::new());
    let data = folder.path().join("miner");
    for (hub, model, words) in [
        ("hub.example", model.path(), "hub is a URL"),
        ("https://aitbc-nowhere.invalid", model.path(), "has no address"),
        ("http://aitbc-nowhere.invalid", model.path(), "--insecure-http"),
        ("http://127.0.0.1:1", Path::new("/nowhere"), "/nowhere"),
    ] {
        let (code, log) = ended(start(&data, hub, model)).await;
        assert_eq!(code, Some(1), "{log}");
        assert!(log.lines().last().unwrap().starts_with("gpu-worker: ") && log.contains(words), "{log} lacks {words}");
        assert!(!data.join("worker.toml").exists() && !data.join("keys").exists());
    }
}
