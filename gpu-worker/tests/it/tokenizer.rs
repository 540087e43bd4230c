//! Token ids against Python transformers (`tests/vectors/tokenizer.py`).

use inference::runtime::folder::ModelFolder;
use inference::runtime::image::tokenizer::ClipTokenizer;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::digest::Sha256Digest;

use crate::support::ModelCopy;

#[derive(Deserialize)]
struct Vectors {
    vocab: Value,
    merges: String,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    prompt: String,
    ids: Vec<i64>,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../crates/inference/tests/vectors/tokenizer.json")).unwrap()
}

/// A folder that holds a slow tokenizer's files only, with this `added_tokens.json`.
fn slow_tokenizer(vectors: &Vectors, added: &Value) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let end = "<|endoftext|>";
    let names = json!({"bos_token": "<|startoftext|>", "eos_token": {"content": end}, "pad_token": end,
        "unk_token": end, "model_max_length": 77});
    let files = [
        ("tokenizer/vocab.json", vectors.vocab.to_string()),
        ("tokenizer/merges.txt", vectors.merges.clone()),
        ("tokenizer/tokenizer_config.json", names.to_string()),
        ("tokenizer/added_tokens.json", added.to_string()),
    ];
    std::fs::create_dir(folder.path().join("tokenizer")).unwrap();
    let listed = files.map(|(path, text)| {
        std::fs::write(folder.path().join(path), &text).unwrap();
        json!({"path": path, "sha256": Sha256Digest::of(text.as_bytes()), "bytes": text.len()})
    });
    let manifest = json!({"name": "t", "version": "1", "kind": "image", "licence": "MIT", "files": listed, "draws": [],
        "does_not_draw": [], "suggestions": [], "default_steps": 1, "default_guidance": 1.0, "native_size_px": 64});
    std::fs::write(folder.path().join("manifest.json"), manifest.to_string()).unwrap();
    folder
}

#[test]
fn ids_are_those_of_transformers() {
    let vectors = vectors();
    let folder = slow_tokenizer(&vectors, &json!({}));
    let tokenizer = ClipTokenizer::load(&ModelFolder::open(folder.path()).unwrap(), "tokenizer", None).unwrap();
    for vector in &vectors.vectors {
        assert_eq!(tokenizer.encode(&vector.prompt).unwrap(), vector.ids, "{:?}", vector.prompt);
    }
}

#[test]
fn added_tokens_are_read_as_the_tokens_that_they_are() {
    let vectors = vectors();
    let load = |added: &Value| {
        let folder = slow_tokenizer(&vectors, added);
        ClipTokenizer::load(&ModelFolder::open(folder.path()).unwrap(), "tokenizer", None)
    };
    let known = vectors.vocab.as_object().unwrap();
    let (end, free) =
        (known["<|endoftext|>"].as_u64().unwrap(), known.values().filter_map(Value::as_u64).max().unwrap());
    // Not the next free number, as where other tokens were taken away again.
    let cat = free + 7;
    let tokenizer = load(&json!({"<Cat-toy>": cat, "<|endoftext|>": end})).unwrap();
    let plain = load(&json!({})).unwrap();
    let (ids, without) = (tokenizer.encode("a <Cat-toy> on").unwrap(), plain.encode("a on").unwrap());
    assert_eq!(ids[2], i64::try_from(cat).unwrap(), "{ids:?}");
    assert_eq!((&ids[..2], ids[3]), (&without[..2], without[2]));
    assert_ne!(plain.encode("a <Cat-toy> on").unwrap(), ids);
    for (added, words) in [
        (json!({"<cat>": end}), ["<cat>", "<|endoftext|>"]),
        (json!({"<|endoftext|>": cat}), ["<|endoftext|>", "in vocab.json"]),
        (json!({"<cat>": cat, "<dog>": cat}), ["<cat>", "<dog>"]),
    ] {
        let error = load(&added).unwrap_err();
        assert_eq!(error.kind.name(), "format");
        let text = error.to_string();
        assert!(text.contains("added_tokens.json") && words.iter().all(|word| text.contains(word)), "{text}");
    }
}

#[test]
fn a_prompt_of_any_length_and_script_becomes_one_context() {
    let model = ModelCopy::new();
    let tokenizer = ClipTokenizer::load(&ModelFolder::open(model.path()).unwrap(), "tokenizer", None).unwrap();
    let long = [
        "a".repeat(100_000),
        "mountain ".repeat(100_000 / 9),
        "\u{202e}\u{0}\u{feff}👩‍👩‍👧‍👦\u{e000}".repeat(2_000),
        "\u{301}".repeat(100_000),
        "\u{3000}\u{85}\u{2028}".repeat(10_000),
    ];
    for prompt in long {
        let ids = tokenizer.encode(&prompt).unwrap();
        assert_eq!(ids.len(), tokenizer.context_tokens(), "{:?}…", prompt.chars().take(20).collect::<String>());
    }
}

#[test]
fn both_forms_of_the_models_tokenizer_agree() {
    let model = ModelCopy::new();
    let fast = ClipTokenizer::load(&ModelFolder::open(model.path()).unwrap(), "tokenizer", None).unwrap();
    std::fs::remove_file(model.file("tokenizer/tokenizer.json")).unwrap();
    model.pin();
    let slow = ClipTokenizer::load(&ModelFolder::open(model.path()).unwrap(), "tokenizer", None).unwrap();
    for prompt in ["", "a red star", "two GREEN squares, and 3 moons!", "ünïcode 漢字 🌆", &"very long ".repeat(500)]
    {
        let ids = fast.encode(prompt).unwrap();
        assert_eq!(ids.len(), fast.context_tokens());
        assert_eq!(ids, slow.encode(prompt).unwrap(), "{prompt:?}");
    }
}
