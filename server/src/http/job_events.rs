//! `GET /v1/jobs/{id}/events`: a job's life as server-sent events.
//!
//! A `state` event carries the whole job and has the job's revision as its id, so a stream that resumes needs only to
//! see the job as it is now: nothing that was missed is missing from it. Steps and previews have no id; they are lost
//! on a reconnect, and the next one replaces them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use shared::api::jobs::{JobEventView, JobView};
use shared::api::problem::Problem;
use shared::id::JobId;
use shared::job::lifecycle::JobState;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::extract::ApiPath;
use super::jobs::find_visible;
use crate::app::App;
use crate::auth::Caller;
use crate::clock;
use crate::error::ApiError;
use crate::hub::{Signal, Subscription, Wake};
use crate::view;

/// A stream ends after so long; the browser then resumes it.
const STREAM_MAX: Duration = Duration::from_secs(1_800);

const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Events that wait for a slow reader.
const BUFFER_MAX_EVENTS: usize = 32;

/// State, queue position, step progress, previews and the mint, as they happen.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/events", tag = "jobs",
    params(("id" = JobId, Path), ("Last-Event-ID" = Option<String>, Header, description = "Id of the last event seen")),
    responses(
        (status = 200, body = JobEventView, content_type = "text/event-stream"),
        (status = 204, description = "The last event seen was the job's last"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
    security((), ("api_key" = []))
)]
pub async fn job_events(
    State(app): State<Arc<App>>,
    caller: Caller,
    ApiPath(id): ApiPath<JobId>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let subscription = app.hub.subscribe(id);
    let record = find_visible(&app, &caller, id).await?;
    let revision = record.revision;
    let job = view::job_view(&app, record).await?;
    let last_seen = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if is_last(&job) && last_seen == Some(revision) {
        // EventSource reconnects after every end of a stream, except after this answer.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let (sender, receiver) = mpsc::channel(BUFFER_MAX_EVENTS);
    let tasks = app.tasks.clone();
    let teller = Teller { app, caller, id, sender, told: None };
    tasks.spawn(teller.run(subscription, job, revision));
    let stream: ReceiverStream<Result<Event, Infallible>> = ReceiverStream::new(receiver);
    Ok(sse(stream))
}

fn sse(stream: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    let mut response = Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    // A proxy that buffers would turn live into late.
    response.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    response
}

/// Nothing more happens to the job.
fn is_last(job: &JobView) -> bool {
    job.state.is_terminal() && (job.state != JobState::Completed || job.mint.is_some())
}

/// The reader went away.
struct Gone;

struct Teller {
    app: Arc<App>,
    caller: Caller,
    id: JobId,
    sender: mpsc::Sender<Result<Event, Infallible>>,
    /// What was told last: revision and state.
    told: Option<(u64, JobState)>,
}

impl Teller {
    async fn run(mut self, mut subscription: Subscription, job: JobView, revision: u64) {
        let end = tokio::time::sleep(STREAM_MAX);
        tokio::pin!(end);
        let mut last = is_last(&job);
        if self.tell_job(job, revision).await.is_err() {
            return;
        }
        while !last {
            let wake = tokio::select! {
                () = &mut end => return,
                () = self.app.stop.cancelled() => return,
                () = self.sender.closed() => return,
                wake = subscription.wake() => wake,
            };
            let told = match wake {
                Wake::Signal(Signal::Changed) => match self.look().await {
                    Some((job, revision)) => {
                        last = is_last(&job);
                        self.tell_job(job, revision).await
                    }
                    None => return,
                },
                Wake::Signal(Signal::Progress { step, steps }) => {
                    self.tell(None, &JobEventView::Progress { step, steps }).await
                }
                Wake::Signal(Signal::Preview { step, data_url }) => {
                    self.tell(None, &JobEventView::Preview { step, data_url: data_url.to_string() }).await
                }
                Wake::QueueMoved => self.tell_position().await,
            };
            if told.is_err() {
                return;
            }
        }
    }

    async fn look(&self) -> Option<(JobView, u64)> {
        let record = find_visible(&self.app, &self.caller, self.id).await.ok()?;
        let revision = record.revision;
        Some((view::job_view(&self.app, record).await.ok()?, revision))
    }

    async fn tell_job(&mut self, job: JobView, revision: u64) -> Result<(), Gone> {
        if self.told == Some((revision, job.state)) {
            return Ok(());
        }
        self.told = Some((revision, job.state));
        let mint = job.mint.clone();
        self.tell(Some(revision), &JobEventView::State { job: Box::new(job) }).await?;
        match mint {
            Some(mint) => self.tell(Some(revision), &JobEventView::Minted { mint }).await,
            None => Ok(()),
        }
    }

    async fn tell_position(&self) -> Result<(), Gone> {
        let overlay = self.app.hub.board().overlay(self.id, clock::now());
        let Some((position, eta_ms)) = overlay.and_then(|overlay| Some((overlay.queue_position?, overlay.eta_ms)))
        else {
            return Ok(());
        };
        self.tell(None, &JobEventView::Queue { position, eta_ms }).await
    }

    async fn tell(&self, id: Option<u64>, view: &JobEventView) -> Result<(), Gone> {
        let Ok(event) = Event::default().event(view.name()).json_data(view) else { return Err(Gone) };
        let event = match id {
            Some(id) => event.id(id.to_string()),
            None => event,
        };
        self.sender.send(Ok(event)).await.map_err(|_| Gone)
    }
}
