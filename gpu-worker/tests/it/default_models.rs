//! The models of this repository as a fresh machine meets them: one of each kind, whole, at work on every engine that is
//! here, and refused where a file is not the pinned one.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use inference::runtime::folder::ModelFolder;
use inference::runtime::folders::models_at;
use inference::runtime::manifests::Manifests;
use inference::runtime::{self, Observer, Runtime, StepReport};
use serde_json::{Value, json};
use shared::job::JobKind;
use shared::job::request::Work;

use crate::graphs::{engines, tract};
use crate::ollama::work;
use crate::support::{ModelCopy, PROGRAM, default_models, default_models_copied, files_below, stderr};

/// Largest bytes of weights in the repository, by kind.
const PICTURE_MAX_BYTES: u64 = 16_000_000;
const WORDS_MAX_BYTES: u64 = 8_000_000;

const IMPROVE: &str = "Improve this prompt: ";

#[derive(Default)]
struct Listener(String);

impl Observer for Listener {
    fn step(&mut self, step: StepReport) -> ControlFlow<()> {
        self.0.push_str(&step.text.unwrap_or_default());
        ControlFlow::Continue(())
    }

    fn wants_previews(&self) -> bool {
        false
    }
}

pub(crate) fn model(kind: JobKind) -> ModelFolder {
    models_at(&default_models(), &Manifests::default())
        .unwrap()
        .into_iter()
        .find(|folder| folder.manifest().kind == kind)
        .unwrap()
}

fn improve(words: &str, temperature: f32, seed: u64) -> Work {
    let message = json!({"role": "user", "content": format!("{IMPROVE}{words}")});
    work("text", json!({"messages": [message], "max_tokens": 64, "temperature": temperature, "seed": seed}))
}

/// The text, which is also what was streamed, and the tokens that were written.
fn write(model: &mut dyn Runtime, work: &Work) -> (String, u64) {
    let mut listener = Listener::default();
    let output = model.run(work, &mut listener).unwrap();
    let text = String::from_utf8(output.artifacts[0].bytes.clone()).unwrap();
    assert_eq!(text, listener.0);
    (text, output.metering.tokens_written)
}

#[test]
fn a_fresh_machine_finds_a_small_whole_model_of_each_kind() {
    let models = models_at(&default_models(), &Manifests::default()).unwrap();
    let kinds: Vec<JobKind> = models.iter().map(|folder| folder.manifest().kind).collect();
    assert_eq!(kinds, [JobKind::Image, JobKind::Text, JobKind::Embedding]);
    for folder in &models {
        folder.verify().unwrap();
        let graphs = folder.manifest().files.iter().filter(|file| file.path.ends_with(".onnx"));
        let bytes: u64 = graphs.map(|file| file.bytes).sum();
        let most = if folder.manifest().kind == JobKind::Image { PICTURE_MAX_BYTES } else { WORDS_MAX_BYTES };
        assert!(bytes <= most, "{} has {bytes} bytes of weights", folder.manifest().name);
    }
}

#[test]
fn a_prompt_is_improved_and_keeps_its_subject() {
    let mut answers: Vec<Vec<String>> = Vec::new();
    for engine in engines() {
        let mut model = runtime::load(engine, &model(JobKind::Text)).unwrap();
        let mut likeliest = Vec::new();
        for words in ["city", "lighthouse", "snowy mountains"] {
            let (text, tokens) = write(model.as_mut(), &improve(words, 0.0, 0));
            assert!(text.contains(words) && text.len() > words.len(), "{}: {words} became {text:?}", engine.name());
            assert!(tokens < 64, "{}: it did not end: {text:?}", engine.name());
            likeliest.push(text);
        }
        answers.push(likeliest);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "the engines differ: {answers:?}");
}

#[test]
fn a_seed_gives_the_same_words_again_and_others_give_others() {
    for engine in engines() {
        let mut model = runtime::load(engine, &model(JobKind::Text)).unwrap();
        let mut texts: Vec<String> = (1..=4).map(|seed| write(model.as_mut(), &improve("city", 1.0, seed)).0).collect();
        assert_eq!(write(model.as_mut(), &improve("city", 1.0, 2)).0, texts[1], "{}", engine.name());
        texts.sort();
        texts.dedup();
        assert!(texts.len() > 1, "{}: every seed wrote {texts:?}", engine.name());
    }
}

#[test]
fn prompts_of_one_scene_lie_nearer_than_those_of_others() {
    let texts =
        ["a city skyline at night", "tall buildings at midnight", "a desert at noon", "waves on the sea at dawn"];
    for engine in engines() {
        let mut model = runtime::load(engine, &model(JobKind::Embedding)).unwrap();
        let output = model.run(&work("embedding", json!({"input": texts})), &mut Listener::default()).unwrap();
        let vectors: Vec<Vec<f32>> = serde_json::from_slice(&output.artifacts[0].bytes).unwrap();
        let product =
            |one: usize, other: usize| -> f32 { vectors[one].iter().zip(&vectors[other]).map(|(a, b)| a * b).sum() };
        for index in 0..texts.len() {
            assert!((product(index, index) - 1.0).abs() < 1e-5, "{}", engine.name());
        }
        assert!(product(0, 1) > product(0, 2).max(product(0, 3)), "{}: {vectors:?}", engine.name());
    }
}

#[test]
fn a_damaged_or_swapped_weight_file_of_each_model_is_refused_by_its_hash() {
    let copies = default_models_copied();
    let graphs: Vec<PathBuf> = files_below(copies.path(), Path::new(""))
        .into_iter()
        .filter(|file| file.extension().is_some_and(|ending| ending == "onnx"))
        .map(|file| copies.path().join(file))
        .collect();
    assert!(graphs.len() >= 6, "{graphs:?}");
    for (graph, other) in graphs.iter().zip(graphs.iter().cycle().skip(1)) {
        let (whole, foreign) = (std::fs::read(graph).unwrap(), std::fs::read(other).unwrap());
        let mut damaged = whole.clone();
        damaged[whole.len() / 2] ^= 1;
        for bytes in [&damaged, &foreign] {
            std::fs::write(graph, bytes).unwrap();
            let models = models_at(copies.path(), &Manifests::default()).unwrap();
            let owner = models.iter().find(|folder| graph.starts_with(folder.root())).unwrap();
            let error = runtime::load(tract(), owner).err().unwrap();
            assert_eq!(error.kind.name(), "integrity", "{}: {error}", graph.display());
            assert!(error.to_string().contains("model.onnx"), "{error}");
        }
        std::fs::write(graph, whole).unwrap();
    }
}

#[test]
fn every_model_of_a_folder_is_verified_and_the_broken_one_told() {
    let copies = default_models_copied();
    let tokenizer = copies.path().join("words/tokenizer.json");
    std::fs::write(&tokenizer, "{}").unwrap();
    let output = Command::new(PROGRAM)
        .args(["models", "verify", "--json", "--engine", "tract"])
        .arg(copies.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let classes: Vec<&Value> =
        report["models"].as_array().unwrap().iter().map(|model| &model["error"]["class"]).collect();
    assert_eq!(classes, [&Value::Null, &"integrity".into(), &Value::Null]);
}

#[test]
fn init_offers_every_model_of_a_folder_at_a_price_of_its_own() {
    let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (name, kind) in [("writer", "text"), ("embedder", "embedding")] {
        let copy = ModelCopy::words(name, kind);
        copy.edit_manifest(|manifest| manifest["name"] = name.into());
        std::fs::rename(copy.path(), folder.path().join(name)).unwrap();
    }
    let init = |more: &[&str]| {
        let mut init = Command::new(PROGRAM);
        init.arg("--data").arg(data.path()).args([
            "init",
            "--hub",
            "http://127.0.0.1:9",
            "--engine",
            "tract",
            "--model",
        ]);
        init.arg(folder.path()).args(more).output().unwrap()
    };
    let priced = stderr(&init(&["--unit-price", "0.5"]));
    assert!(priced.contains("--unit-price 0.5 is for one model") && priced.contains("holds 2"), "{priced}");
    assert!(!data.path().join("worker.toml").exists());
    let done = init(&[]);
    assert!(done.status.success(), "{}", stderr(&done));
    let config = gpu_worker::config::Config::read(data.path()).unwrap();
    let names: Vec<_> = config.models.iter().map(|model| model.path.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["writer", "embedder"]);
    for model in &config.models {
        assert!(model.measured_micro_units_per_second > 0 && model.unit_price_ait.atto() > 0, "{model:?}");
    }
}
