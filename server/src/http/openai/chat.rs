//! `POST /v1/chat/completions`, whole or as a stream.

use std::convert::Infallible;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::job::JobKind;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::run::{Call, Served, Waiting, served, text_of};
use super::{JOB_HEADER, Usage, answer, error, refuse};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::http::extract::ApiJson;
use crate::submit::Submission;
use crate::watch::JobWatch;

/// Chunks that wait for a slow reader.
const BUFFER_MAX_CHUNKS: usize = 32;

/// A conversation to answer, as OpenAI's clients send it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ChatRequest {
    model: String,
    messages: Vec<RequestMessage>,
    /// The older name of `max_completion_tokens`.
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    seed: Option<i64>,
    #[schema(value_type = Option<Vec<String>>)]
    stop: Option<OneOrMore>,
    #[serde(default)]
    stream: bool,
    stream_options: Option<StreamOptions>,
    n: Option<u32>,
    #[schema(value_type = Option<Vec<Object>>)]
    tools: Option<Vec<Value>>,
    logprobs: Option<bool>,
    #[schema(value_type = Option<Object>)]
    response_format: Option<Value>,
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct RequestMessage {
    /// `system`, `developer`, `user` or `assistant`.
    role: String,
    #[schema(value_type = String)]
    content: Content,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<ContentPart>),
}

/// A part of a message; only text is read here.
#[derive(Debug, Deserialize)]
struct ContentPart {
    #[serde(rename = "type")]
    sort: String,
    #[serde(default)]
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

/// The answer to a conversation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ChatCompletion {
    id: String,
    object: &'static str,
    created: u64,
    model: String,
    #[schema(value_type = Vec<Object>)]
    choices: [Value; 1],
    usage: Usage,
}

impl ChatRequest {
    /// The input of a text job.
    fn input(&self) -> Result<Value, ApiError> {
        let plain = |format: &Value| format["type"] == "text";
        let refused = [
            refuse(self.n.is_some_and(|n| n != 1), "n", "is 1 here"),
            refuse(self.tools.as_ref().is_some_and(|tools| !tools.is_empty()), "tools", "are not called here"),
            refuse(self.logprobs == Some(true), "logprobs", "are not given here"),
            refuse(
                self.response_format.as_ref().is_some_and(|format| !plain(format)),
                "response_format",
                "is `text` here",
            ),
        ];
        let mut errors: Vec<_> = refused.into_iter().flatten().collect();
        let mut messages = Vec::with_capacity(self.messages.len());
        for (index, message) in self.messages.iter().enumerate() {
            match message.plain() {
                Some((role, content)) => messages.push(json!({"role": role, "content": content})),
                None => errors.push(shared::field_error::FieldError::new(
                    format!("messages[{index}]"),
                    "a message is text of the role system, developer, user or assistant",
                )),
            }
        }
        if !errors.is_empty() {
            return Err(ApiError::Invalid(errors));
        }
        let mut input = json!({"messages": messages});
        let stop = self.stop.as_ref().map(|stop| match stop {
            OneOrMore::One(stop) => json!([stop]),
            OneOrMore::More(stops) => json!(stops),
        });
        let given = [
            ("max_tokens", self.max_completion_tokens.or(self.max_tokens).map(Value::from)),
            ("temperature", self.temperature.map(Value::from)),
            ("top_p", self.top_p.map(Value::from)),
            ("seed", self.seed.map(|seed| Value::from(seed.unsigned_abs()))),
            ("stop", stop),
        ];
        for (field, value) in given {
            if let Some(value) = value {
                input[field] = value;
            }
        }
        Ok(input)
    }
}

impl RequestMessage {
    /// Role and text, where it is nothing but text.
    fn plain(&self) -> Option<(&str, String)> {
        let role = match self.role.as_str() {
            "developer" => "system",
            role @ ("system" | "user" | "assistant") => role,
            _ => return None,
        };
        match &self.content {
            Content::Text(text) => Some((role, text.clone())),
            Content::Parts(parts) => {
                let texts: Option<Vec<&str>> =
                    parts.iter().map(|part| (part.sort == "text").then_some(part.text.as_str())).collect();
                Some((role, texts?.concat()))
            }
        }
    }
}

/// Answers a conversation. With `stream`, the answer comes as server-sent events, and the last chunk names the receipt.
#[utoipa::path(
    post, path = "/v1/chat/completions", tag = "openai", request_body = ChatRequest,
    responses(
        (status = 200, body = ChatCompletion, headers(("X-Receipt-Id" = String), ("X-Job-Id" = String))),
        (status = "4XX", description = "An error in OpenAI's form"),
    ),
    security((), ("api_key" = []))
)]
pub async fn create(
    State(submission): State<Submission>,
    State(watch): State<JobWatch>,
    caller: Caller,
    headers: HeaderMap,
    body: ApiJson<ChatRequest>,
) -> Result<Response, ApiError> {
    let request = body.value;
    let path = "/v1/chat/completions";
    let call = Call {
        submission: &submission,
        watch: &watch,
        caller: &caller,
        headers: &headers,
        path,
        body_sha256: body.sha256,
    };
    let mut waiting = call.submit(JobKind::Text, Some(request.model.clone()), request.input()?).await?;
    if request.stream {
        return Ok(stream(watch, caller, waiting, &request));
    }
    let served = waiting.served(&caller).await?;
    let text = text_of(&watch.views, &served).await?;
    let record = watch.views.find_visible(&caller, served.job_id).await?;
    let choice = json!({
        "index": 0,
        "message": {"role": "assistant", "content": text, "refusal": null},
        "logprobs": null,
        "finish_reason": finish_reason(&served, &record.job.work),
    });
    let completion = ChatCompletion {
        id: completion_id(&served.job_id),
        object: "chat.completion",
        created: served.created_at_seconds,
        model: served.model.clone(),
        choices: [choice],
        usage: usage(&served),
    };
    Ok(answer(&served, completion))
}

fn completion_id(job_id: &shared::id::JobId) -> String {
    format!("chatcmpl-{job_id}")
}

fn usage(served: &Served) -> Usage {
    let tokens = served.metering.tokens();
    Usage {
        prompt_tokens: tokens.read,
        completion_tokens: Some(tokens.written),
        total_tokens: tokens.read.saturating_add(tokens.written),
    }
}

fn finish_reason(served: &Served, work: &shared::job::request::Work) -> &'static str {
    match work {
        shared::job::request::Work::Text(input) if served.metering.tokens_written >= u64::from(input.max_tokens) => {
            "length"
        }
        _ => "stop",
    }
}

fn stream(watch: JobWatch, caller: Caller, waiting: Waiting, request: &ChatRequest) -> Response {
    let (sender, receiver) = mpsc::channel(BUFFER_MAX_CHUNKS);
    let job_id = waiting.job_id;
    let include_usage = request.stream_options.as_ref().is_some_and(|options| options.include_usage);
    let model = request.model.clone();
    let tasks = watch.tasks.clone();
    let teller = Teller { watch, caller, waiting, sender, model, include_usage, told: String::new() };
    tasks.spawn(teller.run());
    let events: ReceiverStream<Result<Event, Infallible>> = ReceiverStream::new(receiver);
    let mut response = Sse::new(events).keep_alive(KeepAlive::default()).into_response();
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    if let Ok(value) = HeaderValue::from_str(&job_id.to_string()) {
        response.headers_mut().insert(JOB_HEADER, value);
    }
    response
}

fn choice(delta: Value, finish_reason: Value) -> Value {
    json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason}])
}

/// Why a stream ends early.
enum End {
    /// The reader went away.
    Gone,
    /// Something that the reader is told.
    Failed(ApiError),
}

impl From<ApiError> for End {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

struct Teller {
    watch: JobWatch,
    caller: Caller,
    waiting: Waiting,
    sender: mpsc::Sender<Result<Event, Infallible>>,
    model: String,
    include_usage: bool,
    told: String,
}

impl Teller {
    async fn run(mut self) {
        let sender = self.sender.clone();
        let outcome = tokio::select! {
            outcome = self.tell() => outcome,
            // The client is gone: the job is canceled when this task ends.
            () = sender.closed() => return,
        };
        if let Err(End::Failed(error)) = outcome {
            let _ = self.send(error::body(&error)).await;
        }
    }

    /// The text as it is written, then the end with its receipt.
    async fn tell(&mut self) -> Result<(), End> {
        let (watch, job_id) = (self.watch.clone(), self.waiting.job_id);
        let mut subscription = watch.views.hub.subscribe(job_id);
        self.send_delta(json!({"role": "assistant", "content": ""})).await?;
        let record = loop {
            let record = watch.views.find_visible(&self.caller, job_id).await?;
            if record.state.is_terminal() {
                break record;
            }
            let text = watch.views.hub.board().job(job_id).map(|job| job.text().to_owned());
            if let Some(text) = text {
                self.send_text(&text).await?;
            }
            tokio::select! {
                _ = subscription.signal() => {}
                () = watch.stop.cancelled() => {
                    return Err(ApiError::Unavailable("the server is stopping".to_owned()).into());
                }
            }
        };
        self.waiting.is_over();
        let work = record.job.work.clone();
        let served = served(&watch.views.store, record).await?;
        let text = text_of(&watch.views, &served).await?;
        self.send_text(&text).await?;
        let mut last = self.chunk(choice(json!({}), finish_reason(&served, &work).into()));
        last["receipt_id"] = served.receipt_hash.to_string().into();
        self.send(last).await?;
        if self.include_usage {
            let mut figures = self.chunk(json!([]));
            figures["usage"] = json!(usage(&served));
            self.send(figures).await?;
        }
        self.sender.send(Ok(Event::default().data("[DONE]"))).await.map_err(|_| End::Gone)
    }

    /// The new part of the text. This stream cannot take text back. So if another miner starts the text anew, the
    /// stream waits until that miner has written the same text again, and fails if it writes another one.
    async fn send_text(&mut self, text: &str) -> Result<(), End> {
        if self.told.starts_with(text) {
            return Ok(());
        }
        let Some(rest) = text.strip_prefix(self.told.as_str()) else {
            let reason = "the first miner failed and the next one writes another text; ask again".to_owned();
            return Err(ApiError::Unavailable(reason).into());
        };
        let rest = rest.to_owned();
        self.told.push_str(&rest);
        self.send_delta(json!({"content": rest})).await
    }

    async fn send_delta(&self, delta: Value) -> Result<(), End> {
        self.send(self.chunk(choice(delta, Value::Null))).await
    }

    fn chunk(&self, choices: Value) -> Value {
        json!({
            "id": completion_id(&self.waiting.job_id),
            "object": "chat.completion.chunk",
            "created": self.waiting.created_at_seconds,
            "model": self.model,
            "choices": choices,
        })
    }

    async fn send(&self, chunk: Value) -> Result<(), End> {
        self.sender.send(Ok(Event::default().data(chunk.to_string()))).await.map_err(|_| End::Gone)
    }
}
