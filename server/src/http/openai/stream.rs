//! A text as server-sent events, while it is written.

use std::convert::Infallible;

use axum::http::HeaderValue;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::call::{Client, Waiting, served, text_of};
use super::form::{Form, finish_reason, usage};
use super::{JOB_HEADER, error};
use crate::error::ApiError;

/// Chunks that wait for a slow reader.
const BUFFER_MAX_CHUNKS: usize = 32;

/// The stream of a job that has begun.
pub(super) fn respond(client: Client, waiting: Waiting, form: Form, model: String, include_usage: bool) -> Response {
    let (sender, receiver) = mpsc::channel(BUFFER_MAX_CHUNKS);
    let job_id = waiting.job_id;
    let tasks = client.watch.tasks.clone();
    let teller = Teller { client, waiting, sender, form, model, include_usage, told: String::new() };
    tasks.spawn(teller.run());
    let events: ReceiverStream<Result<Event, Infallible>> = ReceiverStream::new(receiver);
    let mut response = Sse::new(events).keep_alive(KeepAlive::default()).into_response();
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    if let Ok(value) = HeaderValue::from_str(&job_id.to_string()) {
        response.headers_mut().insert(JOB_HEADER, value);
    }
    response
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
    client: Client,
    waiting: Waiting,
    sender: mpsc::Sender<Result<Event, Infallible>>,
    form: Form,
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
            let _ = self.send(json!(error::body(&error))).await;
        }
    }

    /// The text as it is written, then the end with its receipt.
    async fn tell(&mut self) -> Result<(), End> {
        let (watch, job_id) = (self.client.watch.clone(), self.waiting.job_id);
        let mut subscription = watch.views.hub.subscribe(job_id);
        if let Some(opening) = self.form.opening() {
            self.send(self.chunk(json!([opening]))).await?;
        }
        let record = loop {
            let record = watch.views.find_visible(&self.client.caller, job_id).await?;
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
        let served = served(&watch.views.store, record).await?;
        let text = text_of(&watch.views, &served).await?;
        self.send_text(&text).await?;
        let mut last = self.chunk(json!([self.form.piece("", finish_reason(&served)?.into())]));
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
        if rest.is_empty() {
            return Ok(());
        }
        self.send(self.chunk(json!([self.form.piece(&rest, Value::Null)]))).await
    }

    fn chunk(&self, choices: Value) -> Value {
        json!({
            "id": self.form.id(self.waiting.job_id),
            "object": self.form.chunk_object(),
            "created": self.waiting.created_at_seconds,
            "model": self.model,
            "choices": choices,
        })
    }

    async fn send(&self, chunk: Value) -> Result<(), End> {
        self.sender.send(Ok(Event::default().data(chunk.to_string()))).await.map_err(|_| End::Gone)
    }
}
