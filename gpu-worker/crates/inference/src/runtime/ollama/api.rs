//! The messages of Ollama's API, as far as a miner needs them. Durations are nanoseconds.

use serde::{Deserialize, Serialize};
use shared::digest::Sha256Digest;
use shared::job::text::{FinishReason, Message, ValidTextInput};

/// Body of `POST /api/generate` or `/api/chat`, by what is asked.
#[derive(Debug, Serialize)]
pub(super) struct WriteRequest<'a> {
    pub(super) model: &'a str,
    #[serde(flatten)]
    pub(super) ask: Ask<'a>,
    pub(super) stream: bool,
    /// A model's silent thoughts would be paid for by a client who never sees them.
    pub(super) think: bool,
    /// Seconds that the model stays loaded afterwards; negative is for good.
    pub(super) keep_alive: i64,
    pub(super) options: Options<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ask<'a> {
    Prompt(&'a str),
    Messages(&'a [Message]),
}

impl WriteRequest<'_> {
    pub(super) fn path(&self) -> &'static str {
        match self.ask {
            Ask::Prompt(_) => "/api/generate",
            Ask::Messages(_) => "/api/chat",
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Options<'a> {
    seed: i64,
    temperature: f32,
    top_p: f32,
    num_predict: u32,
    stop: &'a [String],
    num_ctx: u32,
}

impl<'a> Options<'a> {
    pub(super) fn of(input: &'a ValidTextInput, context_tokens: u32) -> Self {
        Self {
            // Ollama reads a signed number; the sign is the only bit that goes.
            seed: (input.seed & i64::MAX as u64) as i64,
            temperature: input.temperature,
            top_p: input.top_p,
            num_predict: input.max_tokens,
            stop: &input.stop,
            // One size for all jobs: another one would make Ollama load the model again.
            num_ctx: context_tokens,
        }
    }
}

/// One line of a written answer; the last one has `done` and the figures.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Chunk {
    /// Of `/api/generate`.
    #[serde(default)]
    response: Option<String>,
    /// Of `/api/chat`.
    #[serde(default)]
    message: Option<ChunkMessage>,
    pub(super) done: bool,
    /// Of the last line: `stop`, or `length` where `num_predict` or the context ended the text.
    #[serde(default)]
    done_reason: Option<String>,
    #[serde(default)]
    pub(super) load_duration: u64,
    #[serde(default)]
    pub(super) prompt_eval_count: u64,
    #[serde(default)]
    pub(super) prompt_eval_duration: u64,
    #[serde(default)]
    pub(super) eval_count: u64,
    #[serde(default)]
    pub(super) eval_duration: u64,
}

#[derive(Debug, Deserialize)]
struct ChunkMessage {
    #[serde(default)]
    content: String,
}

impl Chunk {
    /// Why the text ended.
    pub(super) fn finish_reason(&self) -> FinishReason {
        match self.done_reason.as_deref() {
            Some("length") => FinishReason::Length,
            _ => FinishReason::Stop,
        }
    }

    /// What this line adds to the answer.
    pub(super) fn take_text(&mut self) -> String {
        let said = self.message.take().map(|message| message.content);
        self.response.take().or(said).unwrap_or_default()
    }
}

/// A line that says what went wrong, also in the middle of a stream that began well.
#[derive(Debug, Deserialize)]
pub(super) struct Trouble {
    pub(super) error: String,
}

/// Body of `POST /api/generate` without a prompt, which only loads the model.
#[derive(Debug, Serialize)]
pub(super) struct LoadRequest<'a> {
    pub(super) model: &'a str,
    pub(super) stream: bool,
    pub(super) keep_alive: i64,
}

#[derive(Debug, Serialize)]
pub(super) struct EmbedRequest<'a> {
    pub(super) model: &'a str,
    pub(super) input: &'a [String],
    /// A text beyond the model's context is cut, as every sentence model does.
    pub(super) truncate: bool,
    pub(super) keep_alive: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct EmbedAnswer {
    pub(super) embeddings: Vec<Vec<f32>>,
    #[serde(default)]
    pub(super) total_duration: u64,
    #[serde(default)]
    pub(super) load_duration: u64,
    #[serde(default)]
    pub(super) prompt_eval_count: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct VersionAnswer {
    pub(super) version: String,
}

/// Answer of `GET /api/tags`.
#[derive(Debug, Deserialize)]
pub(super) struct TagsAnswer {
    pub(super) models: Vec<Installed>,
}

/// A model that Ollama has.
#[derive(Debug, Clone, Deserialize)]
pub struct Installed {
    pub name: String,
    pub digest: Sha256Digest,
    /// Bytes on the disk.
    #[serde(default)]
    pub size: u64,
    #[serde(default)]
    pub details: Details,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Details {
    #[serde(default)]
    pub family: Option<String>,
    #[serde(default)]
    pub quantization_level: Option<String>,
}

/// Body of `POST /api/show`.
#[derive(Debug, Serialize)]
pub(super) struct ShowRequest<'a> {
    pub(super) model: &'a str,
}

#[derive(Debug, Deserialize)]
pub(super) struct ShowAnswer {
    /// `completion`, `embedding`, `vision`…; absent in old releases.
    #[serde(default)]
    pub(super) capabilities: Vec<String>,
    #[serde(default)]
    pub(super) model_info: serde_json::Map<String, serde_json::Value>,
}

/// Body of `POST /api/pull`.
#[derive(Debug, Serialize)]
pub(super) struct PullRequest<'a> {
    pub(super) model: &'a str,
    pub(super) stream: bool,
}

/// One line of a pull; the last one's status is `success`.
#[derive(Debug, Deserialize)]
pub(super) struct PullStatus {
    pub(super) status: String,
    #[serde(default)]
    pub(super) total: Option<u64>,
    #[serde(default)]
    pub(super) completed: Option<u64>,
}

/// Answer of `GET /api/ps`.
#[derive(Debug, Deserialize)]
pub(super) struct ProcessesAnswer {
    pub(super) models: Vec<Loaded>,
}

/// A model that Ollama has in memory.
#[derive(Debug, Deserialize)]
pub(super) struct Loaded {
    pub(super) name: String,
    #[serde(default)]
    pub(super) size: u64,
    #[serde(default)]
    pub(super) size_vram: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_a_limit_ended_is_told_from_one_that_ended_itself() {
        let ends = |line: &str| serde_json::from_str::<Chunk>(line).unwrap().finish_reason();
        assert_eq!(ends(r#"{"done": true, "done_reason": "length"}"#), FinishReason::Length);
        assert_eq!(ends(r#"{"done": true, "done_reason": "stop"}"#), FinishReason::Stop);
        assert_eq!(ends(r#"{"done": true}"#), FinishReason::Stop);
    }
}
