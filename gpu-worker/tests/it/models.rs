//! `gpu-worker models`, from outside.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::onnx::{FLOAT, graph, model, tensor};
use crate::support::{ModelCopy, PROGRAM, onnxruntime_library, stderr};

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
