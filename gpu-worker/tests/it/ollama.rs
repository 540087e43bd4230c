//! The Ollama runtime against a double of its API: what it asks, what it makes of the answers, and every way to fail.

use std::ops::ControlFlow;

use inference::error::{FailureKind, InferenceError};
use inference::runtime::folder::ModelFolder;
use inference::runtime::ollama::OllamaModel;
use inference::runtime::ollama::folder::{Settings, create, write};
use inference::runtime::{Observer, Output, Runtime, StepReport};
use serde_json::{Value, json};
use shared::amount::{MICRO_PER_UNIT, MicroUnits};
use shared::job::JobKind;
use shared::job::request::Work;
use shared::job::text::FinishReason;
use tempfile::TempDir;

use crate::ollama_double::{Behaviour, EMBEDDING_MODEL, OllamaDouble, TEXT_MODEL};

/// Takes `pieces` and then breaks off.
#[derive(Default)]
struct Reader {
    text: String,
    pieces: usize,
    stop_after: Option<usize>,
}

impl Observer for Reader {
    fn step(&mut self, step: StepReport) -> ControlFlow<()> {
        self.text.push_str(&step.text.unwrap_or_default());
        self.pieces += 1;
        if self.stop_after == Some(self.pieces) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn wants_previews(&self) -> bool {
        false
    }
}

pub(crate) fn work(kind: &str, input: Value) -> Work {
    let job: shared::job::request::CreateJob =
        serde_json::from_value(json!({"kind": kind, "model": "any", "input": input})).unwrap();
    job.validate(shared::job::request::Drawn { seed: 7, salt: shared::commitment::Salt(shared::B256::ZERO) }, None)
        .unwrap()
        .work
}

fn prompt() -> Work {
    let input = json!({"prompt": "Tell me", "max_tokens": 50, "temperature": 0.5, "top_p": 0.9, "stop": ["END"]});
    work("text", input)
}

/// A folder for one of the double's models, with a short patience.
fn folder(ollama: &OllamaDouble, model: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        url: ollama.url.clone(),
        model: model.into(),
        digest: OllamaDouble::digest(model, false),
        keep_alive_seconds: 60,
        context_tokens: 2_048,
        silence_seconds: 1,
        load_within_seconds: 2,
    };
    let kind = if model == EMBEDDING_MODEL { JobKind::Embedding } else { JobKind::Text };
    write(&settings, kind, folder.path()).unwrap();
    folder
}

fn load(ollama: &OllamaDouble, model: &str) -> Result<OllamaModel, InferenceError> {
    OllamaModel::load(&ModelFolder::open(folder(ollama, model).path()).unwrap())
}

fn run(model: &mut OllamaModel, work: &Work) -> Result<(Output, String), InferenceError> {
    let mut reader = Reader::default();
    let output = model.run(work, &mut reader)?;
    Ok((output, reader.text))
}

#[test]
fn a_model_that_leaves_is_forgotten_by_ollama_at_once() {
    let ollama = OllamaDouble::start();
    for (name, path) in [(TEXT_MODEL, "/api/generate"), (EMBEDDING_MODEL, "/api/embed")] {
        let mut model = load(&ollama, name).unwrap();
        model.leave();
        let kept: Vec<i64> = ollama.calls(path).iter().map(|call| call["keep_alive"].as_i64().unwrap()).collect();
        assert_eq!(kept, [60, 0], "{name}");
    }
}

#[test]
fn writes_what_it_was_asked_for_with_all_settings_and_counts_the_tokens() {
    let ollama = OllamaDouble::start();
    let mut model = load(&ollama, TEXT_MODEL).unwrap();
    ollama.next(Behaviour::Writes(&["Øre", "sund", " at night"]));
    let (output, streamed) = run(&mut model, &prompt()).unwrap();
    assert_eq!(output.artifacts[0].bytes, "Øresund at night".as_bytes());
    assert_eq!(output.artifacts[0].media_type, "text/plain; charset=utf-8");
    assert_eq!(streamed, "Øresund at night");
    let metering = output.metering;
    assert_eq!((metering.tokens_read, metering.tokens_written), (7, 4));
    assert_eq!(metering.finish_reason, Some(FinishReason::Stop));
    let claimed = prompt().units_claimed(metering.tokens(), output.bytes());
    assert_eq!(claimed, MicroUnits(11 * MICRO_PER_UNIT));
    assert_eq!((metering.gpu_ms, metering.load_ms), (0, 1));
    assert!(metering.cpu_ms <= metering.duration_ms);

    let asked = ollama.calls("/api/generate").pop().unwrap();
    assert_eq!((asked["model"].as_str(), asked["prompt"].as_str()), (Some(TEXT_MODEL), Some("Tell me")));
    assert_eq!((&asked["stream"], &asked["keep_alive"], &asked["think"]), (&json!(true), &json!(60), &json!(false)));
    let options = &asked["options"];
    assert_eq!(
        (&options["seed"], &options["num_predict"], &options["num_ctx"]),
        (&json!(7), &json!(50), &json!(2_048))
    );
    assert_eq!((&options["temperature"], &options["stop"]), (&json!(0.5), &json!(["END"])));
}

#[test]
fn a_conversation_goes_to_the_chat_call() {
    let ollama = OllamaDouble::start();
    let mut model = load(&ollama, TEXT_MODEL).unwrap();
    ollama.next(Behaviour::Writes(&["Hello", "."]));
    let chat = work("text", json!({"messages": [{"role": "user", "content": "Hi"}]}));
    let (output, streamed) = run(&mut model, &chat).unwrap();
    assert_eq!((output.artifacts[0].bytes.as_slice(), streamed.as_str()), (b"Hello.".as_slice(), "Hello."));
    assert_eq!(ollama.calls("/api/chat")[0]["messages"], json!([{"role": "user", "content": "Hi"}]));
}

#[test]
fn embeds_texts_and_is_paid_for_what_was_read() {
    let ollama = OllamaDouble::start();
    let mut model = load(&ollama, EMBEDDING_MODEL).unwrap();
    let texts = work("embedding", json!({"input": ["one text", "another"]}));
    let (output, streamed) = run(&mut model, &texts).unwrap();
    let vectors: Vec<Vec<f32>> = serde_json::from_slice(&output.artifacts[0].bytes).unwrap();
    assert_eq!(vectors, [[0.6, 0.8, 0.0], [0.6, 0.8, 0.0]]);
    assert_eq!((output.metering.tokens_read, output.metering.tokens_written, streamed.as_str()), (8, 0, ""));
    let refused = run(&mut model, &prompt()).unwrap_err();
    assert_eq!(refused.kind, FailureKind::Input);
    assert!(refused.text.starts_with("input.kind "), "{refused}");
    ollama.next(Behaviour::Sends("{\"embeddings\":[[0.1]]}"));
    assert_eq!(run(&mut model, &texts).unwrap_err().kind, FailureKind::OllamaAnswer, "a vector is missing");
}

#[test]
fn an_embedding_asks_for_a_few_texts_at_a_time_and_ends_between_them_when_nobody_waits() {
    let ollama = OllamaDouble::start();
    let mut model = load(&ollama, EMBEDDING_MODEL).unwrap();
    let texts: Vec<String> = (0..20).map(|number| format!("text {number}")).collect();
    let texts = work("embedding", json!({"input": texts}));
    let asked = |ollama: &OllamaDouble| -> Vec<usize> {
        ollama.calls("/api/embed").iter().filter_map(|call| Some(call["input"].as_array()?.len())).collect()
    };
    let before = asked(&ollama).len();
    let (output, _) = run(&mut model, &texts).unwrap();
    assert_eq!(asked(&ollama)[before..], [16, 4]);
    assert_eq!(output.metering.tokens_read, 80);
    let mut leaving = Reader { stop_after: Some(1), ..Reader::default() };
    assert_eq!(model.run(&texts, &mut leaving).unwrap_err().kind, FailureKind::Canceled);
    assert_eq!(asked(&ollama)[before..], [16, 4, 16]);
}

#[test]
fn says_who_does_the_work_and_where() {
    let ollama = OllamaDouble::start();
    let provider = |share| {
        ollama.use_gpu(share);
        load(&ollama, TEXT_MODEL).unwrap().outside().unwrap()
    };
    assert_eq!([0, 40, 100].map(|share| provider(share).engine.provider), ["CPU", "GPU+CPU", "GPU"]);
    let outside = provider(100);
    assert_eq!((outside.engine.name.as_str(), outside.engine.version.as_str()), ("ollama", "0.12.6"));
    let digest = OllamaDouble::digest(TEXT_MODEL, false);
    assert_eq!(outside.determinism_class, format!("{TEXT_MODEL}@{digest}/ollama-0.12.6/GPU/Q4_K_M"));
    let mut model = load(&ollama, TEXT_MODEL).unwrap();
    ollama.next(Behaviour::Writes(&["a"]));
    assert_eq!(run(&mut model, &prompt()).unwrap().0.metering.cpu_ms, 0, "the GPU did it");
}

#[test]
fn every_bad_answer_has_its_class_and_the_next_job_is_served() {
    let ollama = OllamaDouble::start();
    let mut model = load(&ollama, TEXT_MODEL).unwrap();
    let half = "{\"response\":\"Once\",\"done\":false}\n{\"response\":\" up";
    let failing = "{\"response\":\"Once\",\"done\":false}\n{\"error\":\"llama runner process has terminated\"}\n";
    let unfinished = "{\"response\":\"Once\",\"done\":false}\n";
    for (behaviour, class, word, retryable) in [
        (Behaviour::Refuses(503, "{\"error\":\"server busy, please try again\"}"), "ollama_busy", "server busy", true),
        (Behaviour::Refuses(404, "{\"error\":\"model not found\"}"), "ollama_model", "not found", false),
        (Behaviour::Refuses(500, "<html>oops"), "ollama_answer", "500: <html>oops", true),
        (Behaviour::Sends("<html>\n"), "ollama_answer", "<html>", true),
        (Behaviour::Sends("[1,2,3]\n"), "ollama_answer", "[1,2,3]", true),
        (Behaviour::Sends("{\"done\":\"perhaps\"}\n"), "ollama_answer", "perhaps", true),
        (Behaviour::Sends(half), "ollama_answer", "broke off", true),
        (Behaviour::Sends(failing), "ollama_answer", "has terminated", true),
        (Behaviour::Sends(unfinished), "ollama_answer", "before it was done", true),
        (Behaviour::Sends(""), "ollama_answer", "before it was done", true),
        (Behaviour::Stalls, "ollama_silent", "silent for more than 1 s", true),
    ] {
        ollama.next(behaviour.clone());
        let error = run(&mut model, &prompt()).unwrap_err();
        assert_eq!((error.kind.name(), error.kind.is_retryable()), (class, retryable), "{behaviour:?}: {error}");
        assert!(error.to_string().contains(word), "{behaviour:?}: {error}");
        ollama.next(Behaviour::Writes(&["still here"]));
        assert_eq!(run(&mut model, &prompt()).unwrap().1, "still here");
    }
    ollama.hung_up();
}

#[test]
fn a_load_has_a_limit_of_its_own_and_names_it() {
    let ollama = OllamaDouble::start();
    ollama.next(Behaviour::NeverLoads);
    let error = load(&ollama, TEXT_MODEL).unwrap_err();
    assert_eq!((error.kind.name(), error.kind.is_retryable()), ("ollama_silent", true));
    assert_eq!(error.to_string(), "Ollama was silent for more than 2 s");
    ollama.hung_up();
    assert!(load(&ollama, TEXT_MODEL).is_ok());
}

#[test]
fn a_cancel_between_pieces_hangs_up() {
    let ollama = OllamaDouble::start();
    let mut model = load(&ollama, TEXT_MODEL).unwrap();
    ollama.next(Behaviour::NeverEnds);
    let mut reader = Reader { stop_after: Some(3), ..Reader::default() };
    let error = model.run(&prompt(), &mut reader).unwrap_err();
    assert_eq!(error.kind, FailureKind::Canceled);
    assert_eq!(reader.pieces, 3);
    ollama.hung_up();
}

#[test]
fn a_text_without_end_is_broken_off() {
    let ollama = OllamaDouble::start();
    let mut model = load(&ollama, TEXT_MODEL).unwrap();
    ollama.next(Behaviour::NeverEnds);
    let error = run(&mut model, &prompt()).unwrap_err();
    assert!(error.to_string().contains("more than 262144 bytes"), "{error}");
    ollama.hung_up();
}

#[test]
fn a_model_that_is_missing_or_another_than_was_pinned_is_refused() {
    let ollama = OllamaDouble::start();
    ollama.change_models();
    assert_eq!(load(&ollama, TEXT_MODEL).unwrap_err().kind, FailureKind::Integrity);
    ollama.forget_models();
    assert_eq!(load(&ollama, TEXT_MODEL).unwrap_err().kind, FailureKind::OllamaModel);
    let gone = folder(&ollama, TEXT_MODEL);
    let settings = std::fs::read_to_string(gone.path().join("ollama.json")).unwrap();
    let nowhere = Settings { url: "http://127.0.0.1:9".into(), ..serde_json::from_str(&settings).unwrap() };
    write(&nowhere, JobKind::Text, gone.path()).unwrap();
    let error = OllamaModel::load(&ModelFolder::open(gone.path()).unwrap()).unwrap_err();
    assert_eq!(error.kind, FailureKind::OllamaUnreachable);
}

#[test]
fn a_folder_is_made_from_what_ollama_says_and_a_missing_model_is_pulled_on_request() {
    let ollama = OllamaDouble::start();
    ollama.forget_models();
    let target = tempfile::tempdir().unwrap();
    let mut told = Vec::new();
    let refused = create(&ollama.url, "tiny-writer", false, target.path(), &mut |_| {}).unwrap_err();
    assert_eq!(refused.kind, FailureKind::OllamaModel);
    assert!(ollama.calls("/api/pull").is_empty());
    create(&ollama.url, "tiny-writer", true, target.path(), &mut |status| told.push(status.to_owned())).unwrap();
    assert_eq!(told, ["pulling manifest", "downloading: 5 of 10 bytes", "success"]);
    let folder = ModelFolder::open(target.path()).unwrap();
    assert_eq!((folder.manifest().name.as_str(), folder.manifest().kind), (TEXT_MODEL, JobKind::Text));
    assert_eq!(Settings::read(&folder).unwrap().context_tokens, 8_192);
    create(&ollama.url, EMBEDDING_MODEL, false, target.path(), &mut |_| {}).unwrap();
    let folder = ModelFolder::open(target.path()).unwrap();
    assert_eq!(folder.manifest().kind, JobKind::Embedding);
    assert_eq!(Settings::read(&folder).unwrap().context_tokens, 512);
}
