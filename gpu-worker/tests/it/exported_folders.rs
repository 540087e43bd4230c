//! Language models in folders as exporters write them: what the files say is done, or refused by its name.

use inference::engine::Engine;
use inference::error::InferenceError;
use serde_json::{Value, json};

use crate::graphs::{engines, quickest};
use crate::ollama::work;
use crate::onnx::{FLOAT, Message, with_graph_fields};
use crate::support::ModelCopy;
use crate::words::{greedy, load, replace, run, text, vectors};

/// `TensorProto.DataType` of whole numbers.
const INT64: u64 = 7;

/// A text far longer than the embedder reads.
const LONG: &str = "a harbour at night, a harbour at night, a harbour at night, a harbour at night, a harbour at night";

/// The embedder with these files, each in place of the one that was there.
fn embedder(files: &[(&str, Value)]) -> ModelCopy {
    let model = ModelCopy::words("embedder", "embedding");
    for (name, json) in files {
        let path = model.file(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, json.to_string()).unwrap();
    }
    model.pin();
    model
}

/// The vector of `text`, and how many tokens were read.
fn embed(engine: &Engine, model: &ModelCopy, text: &str) -> (Vec<f32>, u64) {
    let mut loaded = load(engine, model).unwrap();
    let output = run(loaded.as_mut(), &work("embedding", json!({"input": [text]}))).unwrap().0;
    let vectors: Vec<Vec<f32>> = serde_json::from_slice(&output.artifacts[0].bytes).unwrap();
    (vectors.into_iter().next().unwrap(), output.metering.tokens_read)
}

fn refused(model: &ModelCopy, words: &[&str]) -> InferenceError {
    let error = load(quickest(), model).err().expect("it is refused");
    let text = error.to_string();
    assert!(words.iter().all(|word| text.contains(word)), "{text} lacks one of {words:?}");
    error
}

fn modules(kinds: &[(&str, &str)]) -> Value {
    let module = |(kind, path): &(&str, &str)| json!({"idx": 0, "name": "0", "path": path, "type": kind});
    kinds.iter().map(module).collect()
}

#[test]
fn a_long_text_is_cut_to_the_smallest_length_that_any_file_names() {
    let config = |kind: &str| json!({"model_type": kind, "max_position_embeddings": 32, "pad_token_id": 2});
    let length = |tokens: Value| ("tokenizer_config.json", json!({"model_max_length": tokens}));
    let unlimited = ("sentence_bert_config.json", json!({"max_seq_length": null}));
    for (files, tokens) in [
        (vec![("config.json", config("bert")), length(json!(1e30))], 32),
        (vec![("config.json", config("bert")), length(json!(20))], 20),
        (vec![("config.json", config("bert")), unlimited.clone(), length(json!(17))], 17),
        // Positions 0 to 2 are not for words.
        (vec![("config.json", config("xlm-roberta")), length(json!(1e30))], 29),
        (vec![("config.json", config("roberta")), unlimited], 29),
    ] {
        for engine in engines() {
            assert_eq!(embed(engine, &embedder(&files), LONG).1, tokens, "{}: {files:?}", engine.name());
        }
    }
    let narrow = json!({"model_type": "roberta", "max_position_embeddings": 3, "pad_token_id": 2});
    assert_eq!(refused(&embedder(&[("config.json", narrow)]), &["config.json", "leave none"]).kind.name(), "format");
}

#[test]
fn the_modules_say_where_the_pooling_is_and_what_else_there_is() {
    let of_transformers = |name: &str| format!("sentence_transformers.models.{name}");
    let (transformer, pooling, normalize) =
        (of_transformers("Transformer"), of_transformers("Pooling"), of_transformers("Normalize"));
    let named = modules(&[(&transformer, ""), (&pooling, "pool"), (&normalize, "norm")]);
    let first = json!({"pooling_mode": "cls"});
    let elsewhere = embedder(&[("modules.json", named.clone()), ("pool/config.json", first.clone())]);
    let in_place = embedder(&[("1_Pooling/config.json", json!({"pooling_mode_cls_token": true}))]);
    let (mean, _) = embed(quickest(), &embedder(&[]), LONG);
    let (vector, _) = embed(quickest(), &elsewhere, LONG);
    assert_eq!(vector, embed(quickest(), &in_place, LONG).0);
    assert_ne!(vector, mean);
    let dense = modules(&[(&transformer, ""), (&pooling, "1_Pooling"), (&of_transformers("Dense"), "2_Dense")]);
    refused(&embedder(&[("modules.json", dense)]), &["modules.json", "Dense"]);
    refused(&embedder(&[("modules.json", named)]), &["pool/config.json"]);
}

#[test]
fn each_mode_of_pooling_gives_a_vector_of_length_one_and_two_are_joined() {
    let pooled = |mode: Value| {
        let model = embedder(&[("1_Pooling/config.json", json!({"pooling_mode": mode}))]);
        let vector = embed(quickest(), &model, LONG).0;
        let length: f32 = vector.iter().map(|number| number * number).sum();
        assert!((length - 1.0).abs() < 1e-5, "{mode}");
        vector
    };
    let width = pooled(json!("mean")).len();
    let vectors = ["cls", "max", "mean", "weightedmean", "lasttoken"].map(|mode| pooled(json!(mode)));
    for (index, vector) in vectors.iter().enumerate() {
        assert_eq!(vector.len(), width);
        assert!(!vectors[..index].contains(vector), "mode {index} is that of another");
    }
    assert_eq!(pooled(json!(["mean", "max"])).len(), 2 * width);
    let unknown = embedder(&[("1_Pooling/config.json", json!({"pooling_mode": "median"}))]);
    assert_eq!(refused(&unknown, &["median"]).kind.name(), "model");
}

#[test]
fn the_default_prompt_goes_before_each_text_and_lower_case_is_not_left_out_in_silence() {
    let prompts = |name: Value| json!({"prompts": {"query": "a city skyline "}, "default_prompt_name": name});
    let with = |name: Value| embedder(&[("config_sentence_transformers.json", prompts(name))]);
    let (whole, tokens) = embed(quickest(), &embedder(&[]), "a city skyline at night");
    assert_eq!(embed(quickest(), &with(json!("query")), "at night"), (whole.clone(), tokens));
    assert_eq!(embed(quickest(), &with(Value::Null), "a city skyline at night"), (whole, tokens));
    refused(&with(json!("passage")), &["config_sentence_transformers.json", "passage"]);
    let small = [("sentence_bert_config.json", json!({"max_seq_length": 32, "do_lower_case": true}))];
    refused(&embedder(&small), &["sentence_bert_config.json", "do_lower_case"]);
    let made = embedder(&small);
    made.edit("tokenizer.json", |file| file["normalizer"] = json!({"type": "Lowercase"}));
    assert_eq!(embed(quickest(), &made, "A City"), embed(quickest(), &made, "a city"));
}

#[test]
fn a_token_that_stands_beside_tokenizer_json_is_added_or_the_folder_refused_by_its_name() {
    let file: Value = serde_json::from_slice(&std::fs::read(embedder(&[]).file("tokenizer.json")).unwrap()).unwrap();
    let vocabulary = file["model"]["vocab"].as_object().unwrap();
    let next = vocabulary.len() as u64;
    let list = |token: &str, id: u64| ("added_tokens.json", json!({token: id}));
    let config = |token: &str, id: u64| {
        let properties = json!({"content": token, "special": false, "normalized": false});
        ("tokenizer_config.json", json!({"added_tokens_decoder": {id.to_string(): properties}}))
    };
    // The network has no row for one more token: a text with it is refused, and no fault of the miner.
    let known = json!({"model_type": "bert", "max_position_embeddings": 32, "pad_token_id": 2, "vocab_size": next});
    for files in [list("a city", next), config("a city", next)] {
        let mut model = load(quickest(), &embedder(&[files, ("config.json", known.clone())])).unwrap();
        let mut embedded = |text: &str| run(model.as_mut(), &work("embedding", json!({"input": [text]})));
        assert!(embedded("a harbour").is_ok());
        let error = embedded("in a city").unwrap_err();
        assert_eq!(error.kind.name(), "input", "{error}");
        assert!(error.to_string().contains(&format!("tokens below {next} for this model, got {next}")), "{error}");
    }
    // One that the vocabulary has is from then on whole wherever it stands.
    let (word, id) = vocabulary.iter().find(|(token, _)| token.len() > 4 && token.is_ascii()).unwrap();
    let (glued, id) = (format!("x{word}x"), id.as_u64().unwrap());
    assert!(embed(quickest(), &embedder(&[list(word, id)]), &glued).1 <= embed(quickest(), &embedder(&[]), &glued).1);
    for files in [list("a city", next + 7), config("a city", next + 7), list(word, next)] {
        let name = files.0;
        assert_eq!(refused(&embedder(&[files]), &[name, "the id"]).kind.name(), "model");
    }
}

/// The writer whose `config.json` names these lengths.
fn writer_of(lengths: &Value) -> ModelCopy {
    let model = ModelCopy::words("writer", "text");
    model.edit("config.json", |config| {
        config.as_object_mut().unwrap().remove("max_position_embeddings");
        config.as_object_mut().unwrap().extend(lengths.as_object().unwrap().clone());
    });
    model
}

#[test]
fn a_config_may_name_the_length_several_times_and_more_than_is_served() {
    for lengths in [
        json!({"n_positions": 96, "n_ctx": 96}),
        json!({"n_positions": 131_072, "n_ctx": 96, "max_position_embeddings": 1e30}),
    ] {
        let mut model = load(quickest(), &writer_of(&lengths)).unwrap();
        let error = run(model.as_mut(), &greedy(&"long ".repeat(200), 3)).unwrap_err();
        assert!(error.to_string().contains("is 1 to 95 tokens"), "{lengths}: {error}");
    }
    let mut model = load(quickest(), &writer_of(&json!({"max_position_embeddings": 131_072}))).unwrap();
    assert!(run(model.as_mut(), &greedy("a city", 3)).is_ok());
    refused(&writer_of(&json!({"n_positions": 96, "n_ctx": 1})), &["config.json", "at least 2 tokens, got 1"]);
}

/// A `ValueInfoProto`.
fn port(name: &str, data_type: u64, dims: &[&str]) -> Message {
    let dim = |name: &&str| Message::default().bytes(2, name);
    let shape = dims.iter().map(dim).fold(Message::default(), |shape, dim| shape.message(1, dim));
    let kind = Message::default().message(1, Message::default().number(1, data_type).message(2, shape));
    Message::default().bytes(1, name).message(2, kind)
}

fn node(operator: &str, inputs: &[&str], output: &str) -> Message {
    let node = inputs.iter().fold(Message::default(), |node, input| node.bytes(1, input));
    node.bytes(2, output).bytes(4, operator)
}

/// A writer with more in its graph.
fn writer_with(more: &Message) -> ModelCopy {
    let model = ModelCopy::words("writer", "text");
    // A name of the same length, for what the graph gave before.
    replace(&model, b"logits", b"logitz");
    let bytes = std::fs::read(model.file("model.onnx")).unwrap();
    std::fs::write(model.file("model.onnx"), with_graph_fields(&bytes, more)).unwrap();
    model.pin();
    model
}

/// Gives guesses for as many of the last tokens as its input called `name` says.
fn thrifty_writer(name: &str, dims: &[&str]) -> ModelCopy {
    let number = |name: &str, value: i64| {
        Message::default().number(1, 1).number(2, INT64).bytes(8, name).bytes(9, value.to_le_bytes())
    };
    let numbers = [number("one", 1), number("end", i64::MAX)];
    let nodes = [
        node("Neg", &[name], "before_end"),
        node("Reshape", &["before_end", "one"], "begin"),
        node("Slice", &["logitz", "begin", "end", "one"], "logits"),
    ];
    let more = numbers.into_iter().fold(Message::default(), |graph, number| graph.message(5, number));
    let more = nodes.into_iter().fold(more, |graph, node| graph.message(1, node));
    let (input, output) = (port(name, INT64, dims), port("logits", FLOAT, &["batch", "kept", "vocabulary"]));
    writer_with(&more.message(11, input).message(12, output))
}

#[test]
fn a_decoder_that_is_told_how_many_guesses_to_give_writes_the_same_texts() {
    for engine in engines() {
        for (name, dims) in [("num_logits_to_keep", &[][..]), ("logits_to_keep", &[]), ("logits_to_keep", &["one"])] {
            let mut model = load(engine, &thrifty_writer(name, dims)).unwrap();
            for vector in vectors().writer {
                let output = run(model.as_mut(), &greedy(&vector.prompt, vector.count)).unwrap().0;
                assert_eq!(text(&output), vector.text, "{} with {name}: {:?}", engine.name(), vector.prompt);
            }
        }
    }
}

#[test]
fn an_input_that_no_decoder_takes_is_refused_by_its_name() {
    let same = node("Identity", &["logitz"], "logits");
    let output = port("logits", FLOAT, &["batch", "tokens", "vocabulary"]);
    let with = |input: Message| {
        writer_with(&Message::default().message(1, same.clone()).message(11, input).message(12, output.clone()))
    };
    refused(&with(port("temperature", FLOAT, &[])), &["a decoder takes", "not temperature"]);
    refused(&with(port("logits_to_keep", FLOAT, &[])), &["logits_to_keep", "one whole number"]);
    refused(&with(port("logits_to_keep", INT64, &["rows", "columns"])), &["logits_to_keep", "one whole number"]);
}
