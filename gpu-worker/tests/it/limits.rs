//! Section [child] of worker.toml, and the arguments in its place, hold wherever an inference process starts.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use gpu_worker::child::supervisor::Supervisor;
use gpu_worker::child::{ChildConfig, Setup};
use gpu_worker::config::Config;
use inference::engine::{EngineChoice, EngineConfig};
use tokio::process::Command;

use crate::hub_double::HubDouble;
use crate::miner::Miner;
use crate::support::{ModelCopy, PROGRAM, default_models};

async fn command(data: &Path, arguments: &[&str], model: &Path) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg("--data").arg(data).args(arguments).arg(model);
    command.output().await.unwrap()
}

#[tokio::test]
async fn a_load_is_ended_at_the_configured_limit_and_the_error_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let silent = folder.path().join("silent");
    std::fs::write(&silent, "#!/bin/sh\nexec tail -f /dev/null\n").unwrap();
    std::fs::set_permissions(&silent, std::fs::Permissions::from_mode(0o755)).unwrap();
    let engine = EngineConfig { name: EngineChoice::Tract, ..EngineConfig::default() };
    let child = ChildConfig { load_within_seconds: 1, ..ChildConfig::default() };
    let model = folder.path().to_path_buf();
    let mut supervisor = Supervisor::new(silent, Setup { model, engine, other_models: Vec::new(), data: None, child });
    let error = supervisor.start().await.unwrap_err();
    assert_eq!((error.kind.name(), error.kind.is_retryable()), ("slow_to_load", true));
    let text = error.to_string();
    assert!(text.contains("within 1 s; child.load_within_seconds"), "{text}");
    assert_eq!(supervisor.process_id(), None);
}

#[tokio::test]
async fn init_measures_with_the_limits_that_it_is_given_and_keeps_them() {
    let (data, model) = (tempfile::tempdir().unwrap(), ModelCopy::tiny("sd15"));
    let measure =
        ["init", "--engine", "tract", "--hung-after-seconds", "77", "--load-within-seconds", "900", "--model"];
    let output = command(data.path(), &measure, model.path()).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let limits = |data: &Path| {
        let child = Config::read(data).unwrap().child;
        (child.hung_after_seconds, child.load_within_seconds)
    };
    assert_eq!(limits(data.path()), (77, 900));
    let again = ["init", "--engine", "tract", "--force", "--load-within-seconds", "901", "--model"];
    let output = command(data.path(), &again, model.path()).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(limits(data.path()), (77, 901));
    let nothing = ["init", "--force", "--load-within-seconds", "0", "--model"];
    assert_eq!(command(data.path(), &nothing, model.path()).await.status.code(), Some(2));
}

#[tokio::test]
async fn a_model_is_added_and_measured_anew_within_the_configured_limits() {
    let hub = HubDouble::start().await;
    // So little memory that no process starts with it.
    let miner = Miner::new(&hub).configure("[child]\nmemory_max_bytes = 1000000");
    let model = default_models().join("words");
    let output = command(miner.data.path(), &["models", "add"], &model).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("inference process"), "{said}");
    assert_eq!(Config::read(miner.data.path()).unwrap().models.len(), 1);
    let force = ["init", "--engine", "tract", "--force", "--model"];
    let output = command(miner.data.path(), &force, &model).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("inference process"), "{said}");
}
