//! Calls of Ollama's HTTP API.

use std::ops::ControlFlow;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::job::JobKind;
use ureq::http::Response;
use ureq::{Agent, Body, BodyReader};

use super::api::{
    Chunk, EmbedAnswer, EmbedRequest, Installed, LoadRequest, Loaded, ProcessesAnswer, PullRequest, PullStatus,
    ShowAnswer, ShowRequest, TagsAnswer, Trouble, VersionAnswer, WriteRequest,
};
use super::stream::{Lines, parse, read_error};
use crate::error::{FailureKind, InferenceError, Result, quote};

const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Largest answer that is read at once: embeddings of as many texts and numbers as a job may have.
const ANSWER_MAX_BYTES: u64 = 32 << 20;

/// Largest explanation of a refusal.
const TROUBLE_MAX_BYTES: u64 = 64 << 10;

/// One Ollama.
#[derive(Debug)]
pub struct Client {
    url: String,
    agent: Agent,
    silence: Duration,
}

/// Where Ollama keeps a loaded model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GpuShare {
    bytes: u64,
    gpu_bytes: u64,
}

impl GpuShare {
    pub(super) fn uses_gpu(self) -> bool {
        self.gpu_bytes > 0
    }

    pub(super) fn provider(self) -> &'static str {
        match (self.gpu_bytes, self.gpu_bytes >= self.bytes) {
            (0, _) => "CPU",
            (_, true) => "GPU",
            (_, false) => "GPU+CPU",
        }
    }
}

impl Client {
    /// `url` is the base of the API; an answer that is silent for longer than `silence` has stalled.
    ///
    /// # Errors
    /// A URL that is not `http://` or `https://`.
    pub fn new(url: &str, silence: Duration) -> Result<Self> {
        let url = url.trim_end_matches('/').to_owned();
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(InferenceError::new(
                FailureKind::Config,
                format!("the URL of Ollama begins with http:// or https://, got {url}"),
            ));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            // What the environment names is the way out of this machine, not to a server on it.
            .proxy(None)
            .timeout_connect(Some(CONNECT_LIMIT))
            .timeout_per_read(Some(silence));
        Ok(Self { url, agent: config.build().new_agent(), silence })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn version(&self) -> Result<String> {
        Ok(self.get::<VersionAnswer>("/api/version")?.version)
    }

    /// The models that it has.
    pub fn installed(&self) -> Result<Vec<Installed>> {
        Ok(self.get::<TagsAnswer>("/api/tags")?.models)
    }

    /// The model of this name; a name without a tag means `latest`, as everywhere in Ollama.
    pub fn find(&self, model: &str) -> Result<Installed> {
        let found = self.installed()?.into_iter().find(|installed| is_same(&installed.name, model));
        found.ok_or_else(|| {
            InferenceError::new(
                FailureKind::OllamaModel,
                format!("Ollama does not serve {model}: the Ollama at {} does not have it; pull it first", self.url),
            )
        })
    }

    /// What the model is for, and the longest context that it was trained with.
    pub fn kind(&self, model: &str) -> Result<(JobKind, Option<u32>)> {
        let shown: ShowAnswer = self.post("/api/show", &ShowRequest { model }, self.silence)?;
        let is = |what: &str| shown.capabilities.iter().any(|capability| capability == what);
        let kind = if is("embedding") && !is("completion") { JobKind::Embedding } else { JobKind::Text };
        let context = shown.model_info.iter().find(|(key, _)| key.ends_with(".context_length"));
        let context = context.and_then(|(_, value)| u32::try_from(value.as_u64()?).ok());
        Ok((kind, context))
    }

    /// Has it fetch the model, telling `progress` of each step.
    pub fn pull(&self, model: &str, progress: &mut dyn FnMut(&str)) -> Result<()> {
        let mut lines = self.lines("/api/pull", &PullRequest { model, stream: true })?;
        let mut last = String::new();
        while let Some(PullStatus { status, total, completed }) = lines.next()? {
            match (completed, total) {
                (Some(completed), Some(total)) => progress(&format!("{status}: {completed} of {total} bytes")),
                _ => progress(&status),
            }
            last = status;
        }
        if last == "success" {
            return Ok(());
        }
        Err(InferenceError::new(
            FailureKind::OllamaAnswer,
            format!("the pull of {model} ended with `{}`", quote(&last)),
        ))
    }

    /// Has it load the model within `limit` and keep it for so many seconds; with 0, forget it.
    pub(super) fn warm(&self, model: &str, kind: JobKind, keep_alive: i64, limit: Duration) -> Result<()> {
        if kind == JobKind::Embedding {
            let input = ["warm".to_owned()];
            let request = EmbedRequest { model, input: &input, truncate: true, keep_alive };
            return self.post::<EmbedAnswer>("/api/embed", &request, limit).map(drop);
        }
        let request = LoadRequest { model, stream: false, keep_alive };
        self.post::<Chunk>("/api/generate", &request, limit).map(drop)
    }

    /// Where the loaded model lies.
    pub(super) fn gpu_share(&self, model: &str) -> Result<GpuShare> {
        let loaded = self.get::<ProcessesAnswer>("/api/ps")?.models;
        let found = loaded.into_iter().find(|loaded| is_same(&loaded.name, model));
        let Loaded { size, size_vram, .. } = found.ok_or_else(|| {
            InferenceError::new(
                FailureKind::OllamaModel,
                format!(
                    "Ollama does not serve {}: {}",
                    model, "it was loaded and is not in memory any more; give Ollama more of it"
                ),
            )
        })?;
        Ok(GpuShare { bytes: size, gpu_bytes: size_vram })
    }

    /// Writes, telling `piece` of each piece as it comes, and returns the last line with the figures. Where `piece`
    /// breaks off, the connection is closed, which ends the work in Ollama too.
    pub(super) fn write(
        &self,
        request: &WriteRequest<'_>,
        piece: &mut dyn FnMut(String) -> ControlFlow<InferenceError>,
    ) -> Result<Chunk> {
        let mut lines = self.lines(request.path(), request)?;
        while let Some(mut chunk) = lines.next::<Chunk>()? {
            let text = chunk.take_text();
            if !text.is_empty()
                && let ControlFlow::Break(error) = piece(text)
            {
                return Err(error);
            }
            if chunk.done {
                return Ok(chunk);
            }
        }
        Err(InferenceError::ollama_answer("it ended before it was done"))
    }

    pub(super) fn embed(&self, request: &EmbedRequest<'_>) -> Result<EmbedAnswer> {
        self.post("/api/embed", request, self.silence)
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let response = self.agent.get(format!("{}{path}", self.url)).call();
        self.read(response.map_err(|error| self.failed(error, self.silence))?, self.silence)
    }

    fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize, silence: Duration) -> Result<T> {
        let response = self.send(path, body, silence)?;
        self.read(response, silence)
    }

    fn lines(&self, path: &str, body: &impl Serialize) -> Result<Lines<BodyReader<'static>>> {
        let response = self.accepted(self.send(path, body, self.silence)?)?;
        Ok(Lines::new(response.into_body().into_reader(), self.silence.as_secs()))
    }

    fn send(&self, path: &str, body: &impl Serialize, silence: Duration) -> Result<Response<Body>> {
        let body =
            serde_json::to_vec(body).map_err(|error| InferenceError::new(FailureKind::Config, error.to_string()))?;
        let request = self.agent.post(format!("{}{path}", self.url)).header("content-type", "application/json");
        let sent = request.config().timeout_per_read(Some(silence)).build().send(&body[..]);
        sent.map_err(|error| self.failed(error, silence))
    }

    fn read<T: DeserializeOwned>(&self, response: Response<Body>, silence: Duration) -> Result<T> {
        let mut response = self.accepted(response)?;
        let bytes = response.body_mut().with_config().limit(ANSWER_MAX_BYTES).read_to_vec();
        parse(&bytes.map_err(|error| read_error(&error.into_io(), silence.as_secs()))?)
    }

    /// The answer, unless it is a refusal.
    fn accepted(&self, mut response: Response<Body>) -> Result<Response<Body>> {
        let status = response.status().as_u16();
        if status == 200 {
            return Ok(response);
        }
        let body = response.body_mut().with_config().limit(TROUBLE_MAX_BYTES).read_to_vec().unwrap_or_default();
        let stated = serde_json::from_slice::<Trouble>(&body).map(|trouble| trouble.error);
        let reason = quote(&stated.unwrap_or_else(|_| String::from_utf8_lossy(&body).into_owned()));
        Err(match status {
            503 => InferenceError::ollama_busy(reason),
            404 => InferenceError::new(
                FailureKind::OllamaModel,
                format!("Ollama does not serve {}: {}", self.url.clone(), reason),
            ),
            _ => InferenceError::ollama_answer(format!("it answers {status}: {reason}")),
        })
    }

    fn failed(&self, error: ureq::Error, silence: Duration) -> InferenceError {
        match error {
            ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => self.unreachable("no connection"),
            ureq::Error::Timeout(_) => InferenceError::new(
                FailureKind::OllamaSilent,
                format!("Ollama was silent for more than {} s", silence.as_secs()),
            ),
            error => self.unreachable(&error.to_string()),
        }
    }

    fn unreachable(&self, reason: &str) -> InferenceError {
        InferenceError::new(
            FailureKind::OllamaUnreachable,
            format!("the Ollama at {} cannot be reached: {}", self.url.clone(), quote(reason)),
        )
    }
}

fn is_same(one: &str, other: &str) -> bool {
    let whole = |name: &str| if name.contains(':') { name.to_owned() } else { format!("{name}:latest") };
    whole(one) == whole(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_tag_is_the_latest() {
        assert!(is_same("llama3.2", "llama3.2:latest"));
        assert!(is_same("llama3.2:1b", "llama3.2:1b"));
        assert!(!is_same("llama3.2:1b", "llama3.2"));
    }

    #[test]
    fn the_provider_says_where_the_model_lies() {
        let share = |bytes, gpu_bytes| GpuShare { bytes, gpu_bytes }.provider();
        assert_eq!([share(9, 0), share(9, 9), share(9, 4)], ["CPU", "GPU", "GPU+CPU"]);
    }

    #[test]
    fn other_schemes_are_refused() {
        assert!(Client::new("127.0.0.1:11434", CONNECT_LIMIT).is_err());
        assert_eq!(Client::new("http://127.0.0.1:11434/", CONNECT_LIMIT).unwrap().url(), "http://127.0.0.1:11434");
    }
}
