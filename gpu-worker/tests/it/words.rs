//! The language runtimes against PyTorch: embeddings and greedy texts of tiny models (`e2e/reference/words.py`), on every
//! engine that is here.

use std::ops::ControlFlow;

use inference::engine::Engine;
use inference::error::{FailureKind, InferenceError};
use inference::runtime::folder::ModelFolder;
use inference::runtime::{self, Observer, Output, Runtime, StepReport};
use serde::Deserialize;
use serde_json::json;
use shared::job::request::Work;
use shared::job::text::FinishReason;

use crate::graphs::{engines, quickest};
use crate::ollama::work;
use crate::support::{ModelCopy, words};

/// Largest distance of a number of an embedding, which has length 1.
const TOLERANCE: f32 = 1e-5;

#[derive(Deserialize)]
pub(crate) struct Vectors {
    embedder: Vec<Embedded>,
    pub(crate) writer: Vec<Written>,
}

#[derive(Deserialize)]
struct Embedded {
    text: String,
    ids: Vec<u32>,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
pub(crate) struct Written {
    pub(crate) prompt: String,
    pub(crate) count: u32,
    ids: Vec<u32>,
    written: Vec<u32>,
    pub(crate) text: String,
}

pub(crate) fn vectors() -> Vectors {
    serde_json::from_slice(&std::fs::read(words().join("vectors.json")).unwrap()).unwrap()
}

pub(crate) fn load(engine: &Engine, model: &ModelCopy) -> Result<Box<dyn Runtime>, InferenceError> {
    runtime::load(engine, &ModelFolder::open(model.path()).unwrap())
}

/// Hears the text and breaks off after some pieces.
#[derive(Default)]
struct Reader {
    text: String,
    steps: Vec<(u32, u32)>,
    stop_after: Option<usize>,
}

impl Observer for Reader {
    fn step(&mut self, step: StepReport) -> ControlFlow<()> {
        assert!(step.step <= step.steps);
        self.text.push_str(&step.text.unwrap_or_default());
        self.steps.push((step.step, step.steps));
        if self.stop_after == Some(self.steps.len()) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn wants_previews(&self) -> bool {
        false
    }
}

pub(crate) fn run(model: &mut dyn Runtime, work: &Work) -> Result<(Output, String), InferenceError> {
    let mut reader = Reader::default();
    let output = model.run(work, &mut reader)?;
    Ok((output, reader.text))
}

pub(crate) fn text(output: &Output) -> String {
    String::from_utf8(output.artifacts[0].bytes.clone()).unwrap()
}

pub(crate) fn greedy(prompt: &str, max_tokens: u32) -> Work {
    work("text", json!({"prompt": prompt, "max_tokens": max_tokens, "temperature": 0}))
}

#[test]
fn embeddings_are_pytorchs_alone_and_beside_texts_of_other_lengths() {
    let vectors = vectors().embedder;
    let model = ModelCopy::words("embedder", "embedding");
    for engine in engines() {
        let mut model = load(engine, &model).unwrap();
        let together: Vec<&str> = vectors.iter().map(|vector| vector.text.as_str()).collect();
        let read: usize = vectors.iter().map(|vector| vector.ids.len()).sum();
        let (output, streamed) = run(model.as_mut(), &work("embedding", json!({"input": together}))).unwrap();
        assert_eq!((output.metering.tokens_read, output.metering.tokens_written), (read as u64, 0));
        assert_eq!(streamed, "");
        let embeddings: Vec<Vec<f32>> = serde_json::from_slice(&output.artifacts[0].bytes).unwrap();
        for (embedding, vector) in embeddings.iter().zip(&vectors) {
            let distance = embedding.iter().zip(&vector.embedding).map(|(one, other)| (one - other).abs());
            let distance = distance.fold(0.0, f32::max);
            assert!(distance < TOLERANCE, "{}: {:?} is {distance} away", engine.name(), vector.text);
            let length: f32 = embedding.iter().map(|number| number * number).sum();
            assert!((length - 1.0).abs() < TOLERANCE);
        }
        let (alone, _) = run(model.as_mut(), &work("embedding", json!({"input": [vectors[0].text]}))).unwrap();
        let alone: Vec<Vec<f32>> = serde_json::from_slice(&alone.artifacts[0].bytes).unwrap();
        let distance = alone[0].iter().zip(&vectors[0].embedding).map(|(one, other)| (one - other).abs());
        assert!(distance.fold(0.0, f32::max) < TOLERANCE, "{}", engine.name());
    }
}

#[test]
fn an_embedding_reports_each_batch_of_its_texts_and_ends_there_when_nobody_waits() {
    let model = ModelCopy::words("embedder", "embedding");
    let texts: Vec<String> = (0..33).map(|number| format!("text {number}")).collect();
    let work = work("embedding", json!({"input": texts}));
    for engine in engines() {
        let mut model = load(engine, &model).unwrap();
        let batches = if engine.plans_per_shape() { 33 } else { 3 };
        let mut reader = Reader::default();
        model.run(&work, &mut reader).unwrap();
        let steps: Vec<(u32, u32)> = (1..=batches).map(|step| (step, batches)).collect();
        assert_eq!((reader.steps, reader.text.as_str()), (steps, ""), "{}", engine.name());
        let mut leaving = Reader { stop_after: Some(2), ..Reader::default() };
        assert_eq!(model.run(&work, &mut leaving).unwrap_err().kind, FailureKind::Canceled);
        assert_eq!(leaving.steps, [(1, batches), (2, batches)]);
    }
}

#[test]
fn greedy_texts_are_pytorchs_token_by_token() {
    let model = ModelCopy::words("writer", "text");
    for engine in engines() {
        let mut model = load(engine, &model).unwrap();
        for vector in vectors().writer {
            let (output, streamed) = run(model.as_mut(), &greedy(&vector.prompt, vector.count)).unwrap();
            assert_eq!(text(&output), vector.text, "{} goes on from {:?}", engine.name(), vector.prompt);
            assert_eq!(streamed, vector.text);
            let metering = output.metering;
            let counted = (metering.tokens_read, metering.tokens_written);
            assert_eq!(counted, (vector.ids.len() as u64, vector.written.len() as u64));
            assert_eq!((output.artifacts[0].media_type.as_str(), metering.gpu_ms), ("text/plain; charset=utf-8", 0));
        }
    }
}

/// The writer with this template and the tokens that templates name.
fn writer_with(template: &str) -> ModelCopy {
    let model = ModelCopy::words("writer", "text");
    let config = json!({"bos_token": "<s>", "eos_token": {"content": "</s>"}, "chat_template": template});
    std::fs::write(model.file("tokenizer_config.json"), config.to_string()).unwrap();
    model.pin();
    model
}

fn chat(content: &str) -> Work {
    work("text", json!({"messages": [{"role": "user", "content": content}], "max_tokens": 12, "temperature": 0}))
}

#[test]
fn a_conversation_is_told_by_the_model_s_own_template() {
    let engine = quickest();
    let expected =
        run(load(engine, &ModelCopy::words("writer", "text")).unwrap().as_mut(), &greedy("a city at night", 12));
    let expected = expected.unwrap().0;
    let source = "{{ bos_token }}a {{ messages[0].content }} at{% if add_generation_prompt %} night{% endif %}";
    let by_file = writer_with("{{ 'another' }}");
    std::fs::write(by_file.file("chat_template.jinja"), source).unwrap();
    by_file.pin();
    for model in [writer_with(source), by_file] {
        let mut model = load(engine, &model).unwrap();
        // The marks of a turn's end are no words of a message.
        for content in ["city", "ci</s>ty", "ci</</s>s>ty"] {
            let (output, _) = run(model.as_mut(), &chat(content)).unwrap();
            assert_eq!(text(&output), text(&expected), "{content}");
            assert_eq!(output.metering.tokens_read, expected.metering.tokens_read, "{content}");
        }
    }
}

#[test]
fn a_template_that_raises_refuses_the_conversation_and_a_hostile_one_the_model() {
    let engine = quickest();
    let picky = writer_with("{% if messages | length > 1 %}{{ raise_exception('one at a time') }}{% endif %}a city");
    let mut model = load(engine, &picky).unwrap();
    let two = json!({"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]});
    let error = run(model.as_mut(), &work("text", two)).unwrap_err();
    assert_eq!((error.kind.name(), error.kind.is_retryable()), ("input", false));
    assert!(error.to_string().contains("one at a time"), "{error}");
    assert!(run(model.as_mut(), &chat("Hi")).is_ok());
    let long = format!("{{# {} #}}", "x".repeat(200_000));
    for (source, word) in [
        ("{% for %}", "syntax"),
        ("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", "fuel"),
        ("{% for a in range(9999) %}{{ 'long ' * 20 }}{% endfor %}", "131072 bytes"),
        (&long, "200006 bytes"),
    ] {
        let error = load(engine, &writer_with(source)).err().expect("it is refused");
        assert_eq!(error.kind.name(), "format");
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn a_seed_names_its_text_and_a_temperature_changes_it() {
    let model = ModelCopy::words("writer", "text");
    let engine = quickest();
    let mut model = load(engine, &model).unwrap();
    let mut write = |seed: u64, temperature: f32, top_p: f32| {
        let input =
            json!({"prompt": "a city", "max_tokens": 24, "temperature": temperature, "top_p": top_p, "seed": seed});
        text(&run(model.as_mut(), &work("text", input)).unwrap().0)
    };
    let first = write(1, 1.0, 1.0);
    assert_eq!(first, write(1, 1.0, 1.0));
    assert_ne!(first, write(2, 1.0, 1.0));
    let greedy = write(1, 0.0, 1.0);
    assert_ne!(first, greedy);
    assert_eq!(write(1, 1.0, 0.0001), greedy, "only the likeliest is left");
}

#[test]
fn a_text_ends_before_its_stop_text_and_at_the_end_of_the_context() {
    let model = ModelCopy::words("writer", "text");
    let engine = quickest();
    let whole = vectors().writer[1].text.clone();
    let mut model = load(engine, &model).unwrap();
    // Three characters from the middle, which tokens may divide.
    let middle: String = whole.chars().skip(8).take(3).collect();
    let input = json!({"prompt": vectors().writer[1].prompt, "max_tokens": 24, "temperature": 0, "stop": [middle]});
    let (output, streamed) = run(model.as_mut(), &work("text", input)).unwrap();
    assert_eq!(text(&output), whole[..whole.find(&middle).unwrap()]);
    assert_eq!(streamed, text(&output));
    assert!(output.metering.tokens_written < 24);
    assert_eq!(output.metering.finish_reason, Some(FinishReason::Stop));
    // The context has 96 tokens.
    let (output, _) = run(model.as_mut(), &greedy("a city", 4_000)).unwrap();
    let metering = output.metering;
    assert!(metering.tokens_read + metering.tokens_written <= 96, "{metering:?}");
    // Fewer tokens than were asked for, and yet nothing but the context ended it.
    let is_full = metering.tokens_read + metering.tokens_written == 96;
    let expected = if is_full { FinishReason::Length } else { FinishReason::Stop };
    assert_eq!(metering.finish_reason, Some(expected), "{metering:?}");
    let (output, _) = run(model.as_mut(), &greedy("a city", 1)).unwrap();
    assert_eq!(output.metering.finish_reason, Some(FinishReason::Length), "one token was asked for");
}

#[test]
fn a_cancel_ends_the_text_and_the_next_one_is_written() {
    let model = ModelCopy::words("writer", "text");
    let mut model = load(quickest(), &model).unwrap();
    let mut reader = Reader { stop_after: Some(2), ..Reader::default() };
    assert_eq!(model.run(&greedy("a city", 24), &mut reader).unwrap_err().kind, FailureKind::Canceled);
    assert_eq!(reader.steps.len(), 2);
    assert!(run(model.as_mut(), &greedy("a city", 2)).is_ok());
}

#[test]
fn odd_and_long_inputs_are_served_or_refused_in_words() {
    let (writer, embedder) = (ModelCopy::words("writer", "text"), ModelCopy::words("embedder", "embedding"));
    let engine = quickest();
    let mut model = load(engine, &writer).unwrap();
    let odd = "\u{202e}\u{0}\u{fffd}🧪\u{1f468}\u{200d}\u{1f469} e\u{301}";
    assert!(run(model.as_mut(), &greedy(odd, 3)).is_ok());
    let error = run(model.as_mut(), &greedy(&"long ".repeat(5_000), 3)).unwrap_err();
    assert_eq!(error.kind.name(), "input");
    assert!(error.to_string().contains("is 1 to 95 tokens"), "{error}");
    let one_word = run(model.as_mut(), &greedy(&"x".repeat(32_000), 3)).unwrap_err();
    assert_eq!(one_word.kind.name(), "input");
    assert!(run(model.as_mut(), &chat(odd)).is_ok());
    let foreign = run(model.as_mut(), &work("embedding", json!({"input": ["a"]}))).unwrap_err();
    assert_eq!(foreign.kind.name(), "input");
    let mut model = load(engine, &embedder).unwrap();
    let long = work("embedding", json!({"input": ["x".repeat(8_000), odd]}));
    assert_eq!(run(model.as_mut(), &long).unwrap().0.metering.tokens_written, 0);
}

/// Other bytes of the same number in the graph, wherever these are.
pub(crate) fn replace(model: &ModelCopy, from: &[u8], to: &[u8]) {
    let mut bytes = std::fs::read(model.file("model.onnx")).unwrap();
    let places: Vec<usize> = (0..bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|at| bytes[at..at + to.len()].copy_from_slice(to));
    std::fs::write(model.file("model.onnx"), bytes).unwrap();
    model.pin();
}

#[test]
fn guesses_that_are_not_finite_end_the_text() {
    for engine in engines() {
        let model = ModelCopy::words("writer", "text");
        // What each normalisation adds to the variance.
        replace(&model, &1e-5_f32.to_le_bytes(), &f32::NAN.to_le_bytes());
        let mut model = load(engine, &model).unwrap();
        let error = run(model.as_mut(), &greedy("a city", 3)).unwrap_err();
        assert_eq!(error.kind.name(), "not_finite", "{}: {error}", engine.name());
    }
}

#[test]
fn folders_that_do_not_fit_are_refused_with_the_reason() {
    let engine = engines().next().unwrap();
    let refused = |kind: &'static str, name: &str, spoil: &dyn Fn(&ModelCopy)| {
        let model = ModelCopy::words(name, kind);
        spoil(&model);
        load(engine, &model).err().expect("it is refused")
    };
    let truncate = |file: &'static str| {
        move |model: &ModelCopy| {
            let bytes = std::fs::read(model.file(file)).unwrap();
            std::fs::write(model.file(file), &bytes[..bytes.len() / 2]).unwrap();
            model.pin();
        }
    };
    assert_eq!(refused("text", "writer", &truncate("tokenizer.json")).kind.name(), "format");
    assert_eq!(refused("text", "writer", &truncate("model.onnx")).kind.name(), "model");
    assert_eq!(refused("embedding", "embedder", &truncate("model.onnx")).kind.name(), "model");
    let swapped = refused("text", "embedder", &|_| {});
    assert!(swapped.to_string().contains("a decoder takes"), "{swapped}");
    for (from, to) in
        [("present.1.value", "presens.1.value"), ("logits", "logitz"), ("attention_mask", "attention_mark")]
    {
        let error = refused("text", "writer", &|model| replace(model, from.as_bytes(), to.as_bytes()));
        assert_eq!(error.kind.name(), "model");
        assert!(error.to_string().contains(from), "{error}");
    }
    let swapped = refused("embedding", "writer", &|_| {});
    assert!(swapped.to_string().contains("a sentence model takes"), "{swapped}");
    let pooling = refused("embedding", "embedder", &|model| {
        model.edit("1_Pooling/config.json", |config| config["pooling_mode_of_tomorrow"] = true.into());
    });
    assert!(pooling.to_string().contains("it pools by \"pooling_mode_of_tomorrow\""), "{pooling}");
    let context = refused("text", "writer", &|model| {
        model.edit("config.json", |config| config["max_position_embeddings"] = 0.into());
    });
    assert_eq!(context.kind.name(), "format");
}
