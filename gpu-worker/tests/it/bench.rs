//! `gpu-worker bench`: what serves is what is measured and signed, and one broken model costs only itself.

use std::path::Path;
use std::process::Output;

use gpu_worker::{hardware, keys};
use serde_json::Value;
use shared::Address;
use shared::job::JobKind;
use shared::model::{MANIFEST_FILE, own_model};
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{PROGRAM, default_models, default_models_copied};

/// A miner who serves these folders on one thread of tract.
fn configured(models: &[&Path], more: &str) -> (TempDir, Address) {
    let data = tempfile::tempdir().unwrap();
    let key = keys::create_or_load(&data.path().join("miner.key")).unwrap();
    let model = |path: &&Path| {
        let path = path.display();
        format!("[[models]]\npath = \"{path}\"\nunit_price_ait = \"1\"\nmeasured_micro_units_per_second = 1000000\n")
    };
    let models: String = models.iter().map(model).collect();
    let head = "key = \"miner.key\"\n[[hubs]]\nurl = \"http://127.0.0.1:1\"\n[engine]\nname = \"tract\"\nthreads = 1\n";
    std::fs::write(data.path().join("worker.toml"), format!("{head}{more}{models}")).unwrap();
    (data, key.address())
}

async fn bench(data: &Path, arguments: &[&str]) -> Output {
    let mut bench = Command::new(PROGRAM);
    bench.arg("--data").arg(data).args(["bench", "--jobs", "1"]).args(arguments);
    bench.output().await.unwrap()
}

fn found(output: &Output) -> Value {
    let (text, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(text.trim()).unwrap_or_else(|error| panic!("{error} in {text}, said {said}"))
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|entry| entry["model"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn broken_models_are_told_and_the_others_measured_as_they_are_served_and_signed() {
    let models = default_models_copied();
    let at = |name: &str| models.path().join(name);
    // The writer's graph is not what its manifest pins, and the picture model's manifest is none.
    std::fs::write(at("words/model.onnx"), b"no graph").unwrap();
    std::fs::write(at("picture").join(MANIFEST_FILE), b"{}").unwrap();
    let (data, miner) = configured(&[&at("picture"), &at("words"), &at("embedding")], "");
    let output = bench(data.path(), &["--json"]).await;
    let found = found(&output);
    assert_eq!(output.status.code(), Some(0), "{found}");
    assert_eq!(names(&found["models"]), [own_model(JobKind::Embedding)]);
    let measured = &found["models"][0];
    assert_eq!((measured["engine"]["name"].as_str(), measured["threads"].as_u64()), (Some("tract"), Some(1)));
    let picture = at("picture").display().to_string();
    assert_eq!(names(&found["unmeasured"]), [picture.as_str(), own_model(JobKind::Text)]);
    let [unread, broken] = &found["unmeasured"].as_array().unwrap()[..] else { panic!("two, got {found}") };
    assert_eq!((unread["engine"].as_str(), unread["class"].as_str()), (None, Some("format")));
    assert_eq!((broken["engine"].as_str(), broken["class"].as_str()), (Some("tract"), Some("integrity")));
    assert!(broken["message"].as_str().unwrap().contains("model.onnx"), "{broken}");
    assert_eq!(names(&found["prices"]), [own_model(JobKind::Embedding)]);
    let kept = hardware::read(data.path(), miner, inference::clock::now()).unwrap().unwrap();
    assert_eq!(serde_json::to_value(&kept).unwrap(), found["signed"]);
    assert_eq!(kept.report.models.len(), 1);

    let output = bench(data.path(), &[]).await;
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for line in [
        &*format!("FAILED    {picture}: "),
        &format!("FAILED    {} on tract: ", own_model(JobKind::Text)),
        "speed     ",
        "signed    ",
    ] {
        assert!(text.lines().any(|told| told.starts_with(line)), "{text} lacks {line}");
    }
}

#[tokio::test]
async fn the_repositorys_models_are_all_measured_and_their_figures_told() {
    let data = tempfile::tempdir().unwrap();
    let mut command = Command::new(PROGRAM);
    command.arg("--data").arg(data.path()).args(["bench", "--jobs", "1", "--json", "--model"]).arg(default_models());
    // Without ONNX Runtime, which this machine may have or not.
    command.env("ORT_DYLIB_PATH", "").env("HOME", data.path()).env_remove("XDG_DATA_HOME");
    let output = command.output().await.unwrap();
    let found = found(&output);
    assert_eq!(output.status.code(), Some(0), "{found}");
    let kinds = [JobKind::Image, JobKind::Text, JobKind::Embedding];
    assert_eq!(names(&found["models"]), kinds.map(own_model));
    assert!(found["unmeasured"].as_array().unwrap().is_empty() && found["signed"].is_null(), "{found}");
    let figures: Vec<_> =
        found["figures"].as_array().unwrap().iter().map(|figure| figure["name"].as_str().unwrap()).collect();
    let wanted = ["prompt-to-png/tract", "cold-start/tract", "prompt-to-png-fast/tract", "words/tract"];
    assert_eq!(figures, wanted.map(|figure| format!("default-model/{figure}")));
}

#[tokio::test]
async fn where_nothing_can_be_measured_the_exit_code_says_so_and_nothing_is_signed() {
    let models = default_models_copied();
    // So little memory that no process starts with it: the configured limits hold here, too.
    let limits = "[child]\nmemory_max_bytes = 1000000\n";
    let (data, miner) = configured(&[&models.path().join("words")], limits);
    let output = bench(data.path(), &["--json"]).await;
    let found = found(&output);
    assert_eq!(output.status.code(), Some(1), "{found}");
    assert!(found["models"].as_array().unwrap().is_empty() && found["signed"].is_null(), "{found}");
    let message = found["unmeasured"][0]["message"].as_str().unwrap();
    assert!(message.contains("inference process"), "{message}");
    assert!(hardware::read(data.path(), miner, inference::clock::now()).unwrap().is_none());
}
