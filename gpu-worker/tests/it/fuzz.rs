//! Files that strangers wrote: those of model folders beside their graphs, and a worker's own configuration.

use std::path::Path;

use gpu_worker::config::Config;
use inference::error::FailureKind;
use serde_json::{Value, json};
use test_support::fuzz;

use crate::graphs::quickest;
use crate::ollama::work;
use crate::support::ModelCopy;
use crate::words::{greedy, load, run};

/// What may come of a folder that is not as it should be, or of work for it. None of them ends the process.
const EXPECTED: [FailureKind; 6] = [
    FailureKind::Format,
    FailureKind::Model,
    FailureKind::Input,
    FailureKind::Integrity,
    FailureKind::Run,
    FailureKind::NotFinite,
];

/// Hands changed forms of a model's file to its loader, and work to what loads.
fn fuzz_file(model: &ModelCopy, name: &str, seeds: &[Value], job: &shared::job::request::Work) {
    let path = model.file(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let before = std::fs::read(&path).ok();
    let seeds: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.to_string().into_bytes()).chain(before.clone()).collect();
    fuzz(name, &seeds, |input| {
        std::fs::write(&path, input).unwrap();
        model.pin();
        let outcome = load(quickest(), model).and_then(|mut model| run(model.as_mut(), job).map(drop));
        if let Err(error) = outcome {
            assert!(EXPECTED.contains(&error.kind), "{}: {error}", error.kind.name());
        }
    });
    match before {
        Some(before) => std::fs::write(&path, before).unwrap(),
        None => std::fs::remove_file(&path).unwrap(),
    }
}

#[test]
fn fuzz_the_files_of_an_embedding_model() {
    let model = ModelCopy::words("embedder", "embedding");
    let job = work("embedding", json!({"input": ["a city skyline at night", "é漢\u{202e}"]}));
    let modules = json!([
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]);
    let pooling = json!({"word_embedding_dimension": 8, "pooling_mode_cls_token": true, "include_prompt": true});
    let prompts = json!({"prompts": {"query": "query: "}, "default_prompt_name": "query"});
    let lengths =
        json!({"model_max_length": 1e30, "added_tokens_decoder": {"0": {"content": "[CLS]", "special": true}}});
    fuzz_file(&model, "modules.json", &[modules], &job);
    fuzz_file(&model, "1_Pooling/config.json", &[pooling, json!({"pooling_mode": ["mean", "max"]})], &job);
    fuzz_file(&model, "config_sentence_transformers.json", &[prompts], &job);
    fuzz_file(&model, "tokenizer_config.json", &[lengths], &job);
    fuzz_file(&model, "added_tokens.json", &[json!({"[CLS]": 0, "[SEP]": 1})], &job);
    let config = json!({"model_type": "roberta", "max_position_embeddings": 32, "pad_token_id": 2, "vocab_size": 320});
    fuzz_file(&model, "config.json", &[config], &job);
}

#[test]
fn fuzz_the_files_of_a_text_model() {
    let model = ModelCopy::words("writer", "text");
    let chat = work("text", json!({"messages": [{"role": "user", "content": "Hi {{ <|im_end|>"}], "max_tokens": 2}));
    let template = "{% for message in messages %}<|{{ message.role }}|>{{ message['content'] | trim }}\n{% endfor %}";
    let config = json!({"chat_template": template, "eos_token": {"content": "</s>"}, "model_max_length": 64});
    fuzz_file(&model, "tokenizer_config.json", &[config], &chat);
    fuzz_file(&model, "generation_config.json", &[json!({"eos_token_id": [1, 2]})], &greedy("a city", 2));
    fuzz_file(&model, "config.json", &[json!({"n_positions": 96, "eos_token_id": 1})], &greedy("a city", 2));
}

#[test]
fn fuzz_the_worker_s_configuration() {
    let data = tempfile::tempdir().unwrap();
    let seed = "key = \"keys/miner.key\"\n[[hubs]]\nurl = \"http://127.0.0.1:8000\"\nca_file = \"ca.pem\"\n[engine]\nname = \"tract\"\nthreads = 2\n\
                [child]\nmemory_max_bytes = 8000000000\n[mining]\ngpu_devices = [0, 1]\n[[models]]\npath = \"m\"\n\
                unit_price_ait = \"0.25\"\nmeasured_micro_units_per_second = 5\n";
    fuzz("worker.toml", &[seed.as_bytes().to_vec()], |input| {
        std::fs::write(Config::path(data.path()), input).unwrap();
        let Ok(config) = Config::read(data.path()) else { return };
        config.write(data.path()).unwrap();
        assert_eq!(Config::read(data.path()).unwrap(), config);
        assert!(config.key.starts_with(data.path()) || config.key.is_absolute() || config.key != Path::new(""));
    });
}
