//! Models that an Ollama on this machine serves, over its HTTP API.
//!
//! Such a model's folder holds no weights but `ollama.json`, which names the server, the model and the digest that
//! Ollama states for it; a model that was pulled anew under the same name is refused until the miner pins it again.

mod api;
mod client;
pub mod folder;
mod stream;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use shared::device::Engine;
use shared::job::JobKind;
use shared::job::embedding::ValidEmbeddingInput;
use shared::job::request::Work;
use shared::job::text::{Ask, OUTPUT_MAX_BYTES, ValidTextInput};
use shared::job::token::Tokens;
use shared::protocol::Metering;

use self::api::{Ask as ApiAsk, Chunk, EmbedAnswer, EmbedRequest, Options, WriteRequest};
pub use self::client::Client;
use self::folder::Settings;
use super::folder::ModelFolder;
use super::written;
use super::{Observer, Output, Outside, Runtime, StepReport, report_step};
use crate::clock::millis;
use crate::error::{FailureKind, InferenceError, Result};

/// Texts that Ollama embeds at once; between them it is heard of, and the work may end.
const EMBED_TEXTS: usize = 16;

/// How long Ollama keeps a model that it should forget.
const UNLOAD_SECONDS: i64 = 0;

/// A model of an Ollama that answered, with the digest that the folder pins.
#[derive(Debug)]
pub struct OllamaModel {
    client: Client,
    settings: Settings,
    kind: JobKind,
    outside: Outside,
    on_gpu: bool,
}

impl OllamaModel {
    /// Compares the digest and has Ollama load the model.
    ///
    /// # Errors
    /// An Ollama that does not answer, lacks the model, or has another one under its name.
    pub fn load(folder: &ModelFolder) -> Result<Self> {
        let settings = Settings::read(folder)?;
        let client = Client::new(&settings.url, settings.silence_limit())?;
        let kind = folder.manifest().kind;
        let version = client.version()?;
        let installed = client.find(&settings.model)?;
        if installed.digest != settings.digest {
            let path = PathBuf::from(format!("{} of {}", settings.model, settings.url));
            return Err(InferenceError::hash_mismatch(path, settings.digest, installed.digest));
        }
        client.warm(&settings.model, kind, settings.keep_alive_seconds, settings.load_limit())?;
        let share = client.gpu_share(&settings.model)?;
        let provider = share.provider();
        let class = format!(
            "{}@{}/ollama-{version}/{provider}/{}",
            settings.model,
            settings.digest,
            installed.details.quantization_level.as_deref().unwrap_or("unstated")
        );
        let engine = Engine { name: "ollama".into(), version, provider: provider.into() };
        let outside = Outside { engine, determinism_class: class };
        Ok(Self { client, settings, kind, outside, on_gpu: share.uses_gpu() })
    }

    fn write(&mut self, input: &ValidTextInput, observer: &mut dyn Observer) -> Result<Output> {
        let began = Instant::now();
        let request = WriteRequest {
            model: &self.settings.model,
            ask: match &input.ask {
                Ask::Prompt(prompt) => ApiAsk::Prompt(prompt),
                Ask::Messages(messages) => ApiAsk::Messages(messages),
            },
            stream: true,
            think: false,
            keep_alive: self.settings.keep_alive_seconds,
            options: Options::of(input, self.settings.context_tokens),
        };
        let mut text = String::new();
        let mut pieces = 0;
        let last = self.client.write(&request, &mut |piece: String| {
            // More than the protocol carries is no text that a client asked for.
            if text.len() + piece.len() > OUTPUT_MAX_BYTES {
                return ControlFlow::Break(InferenceError::new(
                    FailureKind::OllamaAnswer,
                    format!("it writes more than {OUTPUT_MAX_BYTES} bytes"),
                ));
            }
            text.push_str(&piece);
            pieces = (pieces + 1).min(input.max_tokens);
            let report =
                StepReport { step: pieces, steps: input.max_tokens, text: Some(piece), ..StepReport::default() };
            match observer.step(report) {
                ControlFlow::Continue(()) => ControlFlow::Continue(()),
                ControlFlow::Break(()) => ControlFlow::Break(InferenceError::canceled()),
            }
        })?;
        let counted = Tokens { read: last.prompt_eval_count, written: last.eval_count };
        let metering = self.metering(&last, began);
        Ok(written::text(input, text, counted, last.finish_reason(), metering))
    }

    fn embed(&mut self, input: &ValidEmbeddingInput, observer: &mut dyn Observer) -> Result<Output> {
        let began = Instant::now();
        let (mut vectors, mut read) = (Vec::with_capacity(input.input.len()), 0_u64);
        let (mut device_ns, mut load_ns) = (0_u64, 0_u64);
        let batches = input.input.chunks(EMBED_TEXTS);
        let steps = u32::try_from(batches.len()).unwrap_or(u32::MAX);
        for (step, texts) in (1..).zip(batches) {
            let answer = self.embed_batch(texts)?;
            read = read.saturating_add(answer.prompt_eval_count);
            load_ns = load_ns.saturating_add(answer.load_duration);
            device_ns = device_ns.saturating_add(answer.total_duration.saturating_sub(answer.load_duration));
            vectors.extend(answer.embeddings);
            report_step(observer, step, steps)?;
        }
        let metering = self.device_time(device_ns, load_ns, began);
        written::vectors(input, &vectors, Tokens { read, written: 0 }, metering)
    }

    fn embed_batch(&self, texts: &[String]) -> Result<EmbedAnswer> {
        let request = EmbedRequest {
            model: &self.settings.model,
            input: texts,
            truncate: true,
            keep_alive: self.settings.keep_alive_seconds,
        };
        let answer = self.client.embed(&request)?;
        if answer.embeddings.len() != texts.len() {
            let reason = format!("it gives {} vectors for {} texts", answer.embeddings.len(), texts.len());
            return Err(InferenceError::ollama_answer(reason));
        }
        Ok(answer)
    }

    fn metering(&self, last: &Chunk, began: Instant) -> Metering {
        let device_ns = last.prompt_eval_duration.saturating_add(last.eval_duration);
        self.device_time(device_ns, last.load_duration, began)
    }

    /// Ollama's own figures, but never more than passed here.
    fn device_time(&self, device_ns: u64, load_ns: u64, began: Instant) -> Metering {
        let duration_ms = millis(began.elapsed());
        let device_ms = (device_ns / 1_000_000).min(duration_ms);
        let load_ms = (load_ns / 1_000_000).min(duration_ms);
        Metering { load_ms, ..Metering::on_device(duration_ms, device_ms, self.on_gpu) }
    }
}

impl Runtime for OllamaModel {
    fn run(&mut self, work: &Work, observer: &mut dyn Observer) -> Result<Output> {
        match (self.kind, work) {
            (JobKind::Text, Work::Text(input)) => self.write(input, observer),
            (JobKind::Embedding, Work::Embedding(input)) => self.embed(input, observer),
            _ => Err(super::other_kind(self.kind, work)),
        }
    }

    fn leave(&mut self) {
        if let Err(error) =
            self.client.warm(&self.settings.model, self.kind, UNLOAD_SECONDS, self.settings.load_limit())
        {
            tracing::warn!(%error, "Ollama keeps the model in memory");
        }
    }

    fn outside(&self) -> Option<Outside> {
        Some(self.outside.clone())
    }
}
