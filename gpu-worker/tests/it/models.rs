//! `gpu-worker models`, from outside.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::ollama_double::{Behaviour, OllamaDouble, TEXT_MODEL};
use crate::onnx::{FLOAT, graph, model, tensor};
use crate::support::{ModelCopy, PROGRAM, files_below, onnxruntime_library, stderr};

fn models(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).arg("models").args(arguments).output().unwrap()
}

fn verify(folder: &Path, more: &[&str]) -> (Output, Value) {
    let output = models(&[&["verify", folder.to_str().unwrap(), "--json"], more].concat());
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    (output, report)
}

#[test]
fn verify_tells_which_engine_runs_each_graph_and_why() {
    let copy = ModelCopy::new();
    let (output, report) = verify(copy.path(), &["--engine", "tract"]);
    assert!(output.status.success(), "{report}");
    assert_eq!(report["engine"]["name"], "tract");
    assert_eq!(report["engine"]["provider"], "CPU");
    assert_eq!(report["why"], "engine.name names it");
    let graphs = report["models"][0]["graphs"].as_array().unwrap();
    let files: Vec<&str> = graphs.iter().map(|graph| graph["file"].as_str().unwrap()).collect();
    let parts = ["text_encoder", "unet", "vae_decoder", "vae_encoder"];
    assert_eq!(files, parts.map(|part| format!("{part}/model.onnx")));
    for graph in graphs {
        assert_eq!((&graph["precision"], &graph["error"]), (&"f32".into(), &Value::Null), "{graph}");
        assert!(graph["operator_set"].as_u64() > Some(6) && graph["nodes"].as_u64() > Some(0), "{graph}");
        assert!(!graph["inputs"].as_array().unwrap().is_empty(), "{graph}");
    }
    let output = models(&["verify", copy.path().to_str().unwrap(), "--engine", "tract"]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("because engine.name names it") && table.contains("unet/model.onnx"), "{table}");
}

#[test]
fn verify_on_onnx_runtime_names_its_library_and_why_it_is_not_a_gpu() {
    let Some(library) = onnxruntime_library() else { return };
    let copy = ModelCopy::new();
    let library = library.to_str().unwrap();
    let (output, report) = verify(copy.path(), &["--onnxruntime-library", library]);
    assert!(output.status.success(), "{report}");
    let why = report["why"].as_str().unwrap();
    assert_eq!(report["engine"]["name"], "onnxruntime");
    assert!(why.contains(library), "{why}");
    if report["engine"]["provider"] == "CPU" {
        assert!(why.contains("runs on the processor") && why.contains("CUDA cannot be used"), "{why}");
    }
    let (_, report) = verify(copy.path(), &["--onnxruntime-library", library, "--provider", "cpu"]);
    assert!(report["why"].as_str().unwrap().ends_with("engine.provider names CPU"), "{report}");
}

#[test]
fn verify_finds_a_changed_file_and_a_graph_that_the_engine_lacks_operators_for() {
    let copy = ModelCopy::new();
    let foreign = model(17, graph("com.microsoft", "FusedMatMul", tensor(FLOAT, &[2]).bytes(9, [0; 8])));
    std::fs::write(copy.file("vae_encoder/model.onnx"), foreign).unwrap();
    copy.pin();
    let (output, report) = verify(copy.path(), &["--engine", "tract"]);
    assert_eq!(output.status.code(), Some(1));
    let graph = &report["models"][0]["graphs"][3];
    assert_eq!((&graph["file"], &graph["error"]["class"]), (&"vae_encoder/model.onnx".into(), &"model".into()));
    assert!(graph["error"]["message"].as_str().unwrap().contains("ONNX Runtime has"), "{graph}");
    assert_eq!(report["models"][0]["graphs"][0]["error"], Value::Null);
    std::fs::write(copy.file("scheduler/scheduler_config.json"), "{}").unwrap();
    let (output, report) = verify(copy.path(), &["--engine", "tract"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(report["models"][0]["error"]["class"], "integrity");
    assert!(report["models"][0]["graphs"].as_array().unwrap().is_empty(), "graphs were loaded from a changed folder");
}

/// Exported folders come without a manifest.
fn unpinned() -> ModelCopy {
    let copy = ModelCopy::new();
    std::fs::remove_file(copy.file("manifest.json")).unwrap();
    std::fs::write(copy.file("unet/weights.safetensors"), "for other programs").unwrap();
    copy
}

fn with_data(data: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM).arg("--data").arg(data).args(["models"]).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A worker with one model, by hand.
fn configure(data: &Path, model: &ModelCopy) -> PathBuf {
    let path = data.join("worker.toml");
    let section = format!("[model]\npath = {:?}\nunit_price_ait = \"0.25\"\n", model.path());
    let head =
        "# mine\nkey = \"keys/miner.key\"\n\n[[hubs]]\nurl = \"http://127.0.0.1:1\"\n\n[engine]\nname = \"tract\"\n\n";
    std::fs::write(&path, format!("{head}{section}measured_micro_units_per_second = 1\n")).unwrap();
    path
}

#[test]
fn ollama_puts_a_model_of_a_local_ollama_on_offer() {
    let (data, first, ollama) = (tempfile::tempdir().unwrap(), ModelCopy::new(), OllamaDouble::start());
    configure(data.path(), &first);
    ollama.forget_models();
    let refused = with_data(data.path(), &["ollama", "tiny-writer", "--url", &ollama.url, "--no-pull"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("tiny-writer"), "{}", stderr(&refused));
    // One job to warm up and three that count.
    (0..4).for_each(|_| ollama.next(Behaviour::Writes(&["Lights", " on the water"])));
    let told = stdout(&with_data(data.path(), &["ollama", "tiny-writer", "--url", &ollama.url]));
    assert!(told.contains("pull    success") && told.contains("AIT per unit"), "{told}");
    let listed: Value = serde_json::from_str(&stdout(&with_data(data.path(), &["list", "--json"]))).unwrap();
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|l| l["model"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["test-model", TEXT_MODEL]);
}

#[test]
fn add_pins_a_folder_and_puts_it_on_offer() {
    let data = tempfile::tempdir().unwrap();
    let first = ModelCopy::new();
    let config = configure(data.path(), &first);
    let copy = unpinned();
    let folder = copy.path().to_str().unwrap();
    let sized = ["--name", "second", "--steps", "2", "--size", "64", "--licence", "MIT"];
    let told = stdout(&with_data(data.path(), &[&["add", folder], &sized[..]].concat()));
    assert!(told.contains("second 1.0.0") && told.contains("AIT per unit"), "{told}");
    let manifest: Value = serde_json::from_slice(&std::fs::read(copy.file("manifest.json")).unwrap()).unwrap();
    let files: Vec<&str> = manifest["files"].as_array().unwrap().iter().map(|f| f["path"].as_str().unwrap()).collect();
    assert!(files.contains(&"unet/model.onnx") && !files.iter().any(|file| file.ends_with("safetensors")), "{files:?}");
    assert_eq!((&manifest["kind"], &manifest["native_size_px"]), (&"image".into(), &64.into()));
    assert!(std::fs::read_to_string(&config).unwrap().starts_with("# mine"));
    let listed: Value = serde_json::from_str(&stdout(&with_data(data.path(), &["list", "--json"]))).unwrap();
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|l| l["model"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["test-model", "second"]);
    assert!(listed[1]["measured_micro_units_per_second"].as_u64() > Some(0), "{listed}");
    let again = stdout(&with_data(data.path(), &["add", folder]));
    assert!(again.contains("is in worker.toml already"), "{again}");
}

/// The command ends with a word on it, and nothing is written.
fn refused(data: &Path, arguments: &[&str], words: &str) {
    let output = with_data(data, arguments);
    assert!(!output.status.success() && stderr(&output).contains(words), "{arguments:?}: {}", stderr(&output));
}

#[test]
fn add_drops_no_argument_silently() {
    let data = tempfile::tempdir().unwrap();
    let (copy, words) = (ModelCopy::new(), ModelCopy::words("writer", "text"));
    let config = configure(data.path(), &copy);
    let (folder, letters) = (copy.path().to_str().unwrap(), words.path().to_str().unwrap());
    let manifest = || -> Value { serde_json::from_slice(&std::fs::read(copy.file("manifest.json")).unwrap()).unwrap() };
    let (before, configured) = (manifest(), std::fs::read_to_string(&config).unwrap());
    refused(
        data.path(),
        &["add", folder, "--name", "other", "--steps", "9"],
        "--repin writes it again with --name, --steps",
    );
    refused(
        data.path(),
        &["add", folder, "--unit-price", "0.5"],
        "is in worker.toml already, for 0.25 AIT per unit; --repin",
    );
    refused(data.path(), &["add", folder, "--unit-price", "0"], "above 0");
    refused(data.path(), &["add", folder, "--repin", "--kind", "text"], "are of the kind image");
    refused(data.path(), &["add", letters, "--repin", "--kind", "image"], "are of the kind text");
    refused(data.path(), &["add", letters, "--repin", "--steps", "9"], "--steps: for picture models");
    refused(data.path(), &["add", folder, "--repin", "--steps", "-5"], "-5 is not in 1..=100");
    refused(data.path(), &["add", folder, "--repin", "--guidance", "99"], "99 is not in 0..=25");
    assert_eq!((manifest(), std::fs::read_to_string(&config).unwrap()), (before, configured.clone()));

    let all =
        ["--name", "other", "--version", "2", "--licence", "MIT", "--steps", "9", "--guidance", "3", "--size", "64"];
    let told =
        stdout(&with_data(data.path(), &[&["add", folder, "--repin", "--unit-price", "0.5"], &all[..]].concat()));
    assert!(told.contains("other 2") && told.contains("0.5 AIT per unit, 0.25 before"), "{told}");
    let after = manifest();
    let named = ["name", "version", "licence", "default_steps", "default_guidance", "native_size_px"];
    let wanted: Vec<Value> = vec!["other".into(), "2".into(), "MIT".into(), 9.into(), 3.0.into(), 64.into()];
    assert_eq!(named.map(|key| after[key].clone()).to_vec(), wanted);
    assert_eq!(std::fs::read_to_string(&config).unwrap(), configured.replace("\"0.25\"", "\"0.5\""));
}

#[test]
fn add_refuses_a_second_model_of_one_name() {
    let data = tempfile::tempdir().unwrap();
    let (first, second) = (ModelCopy::new(), ModelCopy::new());
    let config = configure(data.path(), &first);
    let configured = std::fs::read_to_string(&config).unwrap();
    refused(data.path(), &["add", second.path().to_str().unwrap()], "the model `test-model` is on offer twice");
    assert_eq!(std::fs::read_to_string(&config).unwrap(), configured);
}

#[test]
fn commands_that_draw_say_what_is_wrong_with_model_and_numbers_before_they_begin() {
    let words = ModelCopy::words("writer", "text");
    let text = words.path().to_str().unwrap();
    let job = words.file("job.json");
    let input = serde_json::json!({
        "prompt": "a", "negative_prompt": "", "steps": 8, "guidance": 3.0, "width": 64, "height": 64, "seed": 1, "count": 1,
        "scheduler": null,
    });
    std::fs::write(&job, serde_json::json!({"kind": "image", "input": input}).to_string()).unwrap();
    let job = job.to_str().unwrap();
    let model = ModelCopy::tiny("sd15");
    let image = model.path().to_str().unwrap();
    for (arguments, words) in [
        (&["generate", "a", "--model", text][..], "is a model of the kind text, and only image models draw"),
        (&["trace", job, "--step", "1", "--model", text], "is a model of the kind text, and only image models draw"),
        (&["generate", "a", "--model", "/nope"], "/nope/manifest.json: No such file"),
        (&["generate", "a", "--model", image, "--steps", "-5"], "-5 is not in 1..=100"),
        (&["generate", "a", "--model", image, "--count", "17"], "17 is not in 1..=16"),
        (&["generate", "a", "--model", image, "--threads", "0"], "0 is not in 1..=1024"),
        (&["generate", "a", "--model", image, "--threads", "99999"], "99999 is not in 1..=1024"),
        (&["generate", "a", "--model", image, "--guidance", "-1"], "gpu-worker: `input.guidance` is 0 to 25, got -1"),
        (&["generate", "a", "--model", image, "--width", "65"], "gpu-worker: `input.width` is 64 to 1024 in multiples"),
        (&["trace", job, "--step", "9", "--model", image], "gpu-worker: --step is 1 to 8 for this job, got 9"),
        (&["trace", job, "--step", "-1", "--model", image], "-1 is not in 1..=100"),
        (&["trace", job, "--step", "1", "--picture", "1", "--model", image], "--picture is 0 to 0 for this job, got 1"),
    ] {
        let output = Command::new(PROGRAM).args(arguments).output().unwrap();
        assert!(!output.status.success() && stderr(&output).contains(words), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn add_without_a_worker_pins_and_says_what_comes_next() {
    let data = tempfile::tempdir().unwrap();
    let copy = unpinned();
    std::fs::remove_dir_all(copy.file("scheduler_fast")).unwrap();
    let folder = copy.path().to_str().unwrap();
    let told = stdout(&with_data(data.path(), &["add", folder]));
    assert!(told.contains("gpu-worker init --model"), "{told}");
    // The model's own size is that of its network.
    let manifest: Value = serde_json::from_slice(&std::fs::read(copy.file("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["native_size_px"], 512);
    assert_eq!(manifest.get("fast"), None);
    std::fs::write(copy.file("scheduler/scheduler_config.json"), "{}").unwrap();
    let refused = with_data(data.path(), &["add", folder]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("manifest pins"), "{}", stderr(&refused));
    std::fs::create_dir(copy.file("scheduler_fast")).unwrap();
    std::fs::write(copy.file("scheduler_fast/scheduler_config.json"), "{}").unwrap();
    stdout(&with_data(data.path(), &["add", folder, "--repin"]));
    let manifest: Value = serde_json::from_slice(&std::fs::read(copy.file("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["fast"], serde_json::json!({"steps": 4, "guidance": 1.0}), "a scheduler of its own");
    std::fs::remove_file(copy.file("model_index.json")).unwrap();
    std::fs::remove_file(copy.file("manifest.json")).unwrap();
    assert!(stderr(&with_data(data.path(), &["add", folder])).contains("--kind"));
}

#[test]
fn add_leaves_a_folder_as_it_is_where_the_manifest_is_kept_apart_and_the_model_is_served_all_the_same() {
    let (data, first) = (tempfile::tempdir().unwrap(), ModelCopy::new());
    configure(data.path(), &first);
    let copy = ModelCopy::words("embedder", "embedding");
    std::fs::remove_file(copy.file("manifest.json")).unwrap();
    let before = files_below(copy.path(), Path::new(""));
    let folder = copy.path().to_str().unwrap();
    // Measuring it starts the inference process behind its walls.
    let told = stdout(&with_data(data.path(), &["add", folder, "--name", "lent", "--manifest-apart"]));
    assert!(told.contains("manifests/") && told.contains("AIT per unit"), "{told}");
    assert_eq!(files_below(copy.path(), Path::new("")), before);
    let listed: Value = serde_json::from_str(&stdout(&with_data(data.path(), &["list", "--json"]))).unwrap();
    assert_eq!(listed[1]["model"]["name"], "lent");
    let report: Value =
        serde_json::from_str(&stdout(&with_data(data.path(), &["verify", "--json", folder, "--engine", "tract"])))
            .unwrap();
    assert_eq!((&report["models"][0]["name"], &report["models"][0]["error"]), (&"lent".into(), &Value::Null));
    stdout(&with_data(data.path(), &["add", folder, "--repin", "--version", "2"]));
    assert_eq!(files_below(copy.path(), Path::new("")), before);
    std::fs::write(copy.file("config.json"), "{}").unwrap();
    refused(data.path(), &["add", folder], "manifest pins");
}

#[test]
fn add_pins_the_graph_that_is_named_and_lists_them_where_none_is() {
    let data = tempfile::tempdir().unwrap();
    let copy = ModelCopy::words("embedder", "embedding");
    std::fs::remove_file(copy.file("manifest.json")).unwrap();
    std::fs::create_dir(copy.file("onnx")).unwrap();
    std::fs::rename(copy.file("model.onnx"), copy.file("onnx/model.onnx")).unwrap();
    std::fs::copy(copy.file("onnx/model.onnx"), copy.file("onnx/model_fp16.onnx")).unwrap();
    let folder = copy.path().to_str().unwrap();
    refused(data.path(), &["add", folder], "onnx/model.onnx, onnx/model_fp16.onnx");
    refused(data.path(), &["add", folder, "--graph", "onnx/model_q4.onnx"], "no graph called onnx/model_q4.onnx");
    assert!(!copy.file("manifest.json").exists());
    stdout(&with_data(data.path(), &["add", folder, "--graph", "onnx/model_fp16.onnx"]));
    let manifest: Value = serde_json::from_slice(&std::fs::read(copy.file("manifest.json")).unwrap()).unwrap();
    let files = manifest["files"].to_string();
    assert_eq!((&manifest["graph"], &manifest["kind"]), (&"onnx/model_fp16.onnx".into(), &"embedding".into()));
    assert!(files.contains("onnx/model_fp16.onnx") && !files.contains("onnx/model.onnx"), "{files}");
    assert!(crate::words::load(crate::graphs::quickest(), &copy).is_ok());
    refused(data.path(), &["add", folder, "--graph", "onnx/model.onnx"], "--repin writes it again with --graph");
    let pictures = unpinned();
    let folder = pictures.path().to_str().unwrap();
    refused(
        data.path(),
        &["add", folder, "--graph", "unet/model.onnx"],
        "--graph unet/model.onnx: for models of words",
    );
}

#[test]
fn add_tells_the_kind_of_a_language_model_by_its_graph() {
    let data = tempfile::tempdir().unwrap();
    let exported = |name| {
        let copy = ModelCopy::words(name, "image");
        std::fs::remove_file(copy.file("manifest.json")).unwrap();
        copy
    };
    let add = |copy: &ModelCopy| with_data(data.path(), &["add", copy.path().to_str().unwrap()]);
    for (name, kind) in [("writer", "text"), ("embedder", "embedding")] {
        let copy = exported(name);
        stdout(&add(&copy));
        let manifest: Value = serde_json::from_slice(&std::fs::read(copy.file("manifest.json")).unwrap()).unwrap();
        assert_eq!((&manifest["kind"], &manifest["native_size_px"]), (&kind.into(), &0.into()));
        assert_eq!(verify(copy.path(), &["--engine", "tract"]).1["models"][0]["error"], Value::Null);
    }
    let whole = std::fs::read(exported("writer").file("model.onnx")).unwrap();
    let other = model(17, graph("", "Relu", tensor(FLOAT, &[2]).bytes(9, [0; 8])));
    for (graph, word) in [(&whole[..whole.len() / 2], "model.onnx is not valid"), (&other, "name its --kind")] {
        let copy = exported("writer");
        std::fs::write(copy.file("model.onnx"), graph).unwrap();
        let refused = add(&copy);
        assert_eq!(refused.status.code(), Some(1));
        assert!(stderr(&refused).contains(word), "{}", stderr(&refused));
        assert!(!copy.file("manifest.json").exists(), "it was pinned");
    }
}
