//! `GET /v1/jobs/{id}/events`: a job's life as server-sent events.
//!
//! A `state` event carries the whole job and has the job's revision as its id, so a stream that resumes needs only to
//! see the job as it is now: nothing that was missed is missing from it. Steps and previews have no id; they are lost
//! on a reconnect, and the next one replaces them. A `token` event's id is the revision, a point, and the number of
//! bytes that were told with it: a stream that resumes gets the rest of the text, and a new one gets it from the start.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use shared::api::jobs::{JobEventView, JobView};
use shared::api::problem::Problem;
use shared::field_error::FieldError;
use shared::id::JobId;
use shared::job::lifecycle::JobState;
use shared::job::request::Work;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::extract::ApiPath;
use crate::auth::Caller;
use crate::clock;
use crate::error::ApiError;
use crate::hub::{Signal, Subscription, Wake};
use crate::job_token;
use crate::view::Views;
use crate::watch::JobWatch;

/// A stream ends after so long; the browser then resumes it.
const STREAM_MAX: Duration = Duration::from_secs(1_800);

const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Events that wait for a slow reader.
const BUFFER_MAX_EVENTS: usize = 32;

/// Longest id of an event: two numbers of up to twenty digits and a point.
pub(crate) const LAST_EVENT_ID_MAX_CHARS: usize = 41;

/// One event of the stream.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "only its schema is used: the stream writes these lines itself")]
pub struct ServerSentEvent {
    /// The `type` of the data.
    event: String,
    /// JSON of a `JobEventView`.
    data: String,
    id: Option<String>,
}

/// State, queue position, step progress, previews, tokens and the mint, as they happen.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/events", tag = "jobs",
    params(
        ("id" = JobId, Path),
        ("Last-Event-ID" = Option<String>, Header, description = "Id of the last event seen"),
        ("X-Job-Token" = Option<String>, Header, description = "As the creation of a job without an API key told it: previews and tokens of a job that is `withheld` are its creator's alone"),
    ),
    responses(
        (status = 200, body = ServerSentEvent, description = "Each event's data is a `JobEventView`", content_type = "text/event-stream"),
        (status = 204, description = "The last event seen was the job's last"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
    security((), ("api_key" = []), ("session" = []))
)]
pub async fn job_events(
    State(watch): State<JobWatch>,
    caller: Caller,
    ApiPath(id): ApiPath<JobId>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let last_seen = last_seen(&headers)?;
    let subscription = watch.views.hub.view(id);
    let record = watch.views.find_visible(&caller, id).await?;
    let revision = record.revision;
    let is_creator = job_token::is_creator(&caller, &headers, &record);
    let job = watch.views.job_view(record).await?;
    if job.is_last() && last_seen.is_some_and(|seen| seen.revision == revision) {
        // EventSource reconnects after every end of a stream, except after this answer.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let (sender, receiver) = mpsc::channel(BUFFER_MAX_EVENTS);
    let tasks = watch.tasks.clone();
    // What was told at another revision may have been the text of another miner.
    let bytes_seen = last_seen.filter(|seen| seen.revision == revision).map_or(0, |seen| seen.bytes);
    let text = text_so_far(&watch.views, &job, is_creator).await;
    let text_told = text.as_deref().and_then(|text| text.get(..bytes_seen)).unwrap_or_default().to_owned();
    let is_sponsored = job.sponsored;
    let teller = Teller { watch, caller, is_creator, is_sponsored, id, sender, told: None, text_told };
    tasks.spawn(teller.run(subscription, Look { job, revision, text }));
    let stream: ReceiverStream<Result<Event, Infallible>> = ReceiverStream::new(receiver);
    Ok(sse(stream))
}

/// What the reader saw. An id of another form is none of ours, and its reader begins anew.
fn last_seen(headers: &HeaderMap) -> Result<Option<Seen>, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    if value.len() > LAST_EVENT_ID_MAX_CHARS {
        let bound = format!("up to {LAST_EVENT_ID_MAX_CHARS} characters");
        let error = FieldError::bound("Last-Event-ID", bound, format!("{} bytes", value.len()));
        return Err(ApiError::OutOfBounds(vec![error]));
    }
    Ok(value.to_str().ok().and_then(Seen::parse))
}

fn sse(stream: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    let mut response = Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    // Tells proxies not to buffer the stream.
    response.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    response
}

/// The id of an event that the reader saw: a revision, and how much of the text it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    revision: u64,
    bytes: usize,
}

impl Seen {
    fn parse(id: &str) -> Option<Self> {
        let (revision, bytes) = id.split_once('.').unwrap_or((id, "0"));
        Some(Self { revision: revision.parse().ok()?, bytes: bytes.parse().ok()? })
    }
}

/// The event that takes a reader from the text that it has to the text as it is; `None` where it has it.
fn untold(told: &str, text: &str) -> Option<JobEventView> {
    match text.strip_prefix(told) {
        Some("") => None,
        Some(rest) => Some(JobEventView::Token { at: told.len(), text: rest.to_owned() }),
        None => Some(JobEventView::Token { at: 0, text: text.to_owned() }),
    }
}

/// The text of a text job: as it is being written, or as it was served. None while it is its creator's alone.
async fn text_so_far(views: &Views, job: &JobView, is_creator: bool) -> Option<String> {
    if !matches!(job.work, Work::Text(_)) || job.withheld && !is_creator {
        return None;
    }
    match job.artifacts.first() {
        Some(artifact) => views.text_of(artifact).await.ok().flatten(),
        None => views.hub.board().job(job.id).map(|open| open.text().to_owned()),
    }
}

/// The reader went away.
struct Gone;

/// The job at one moment.
struct Look {
    job: JobView,
    revision: u64,
    /// Of a text job: what is written, or was served.
    text: Option<String>,
}

struct Teller {
    watch: JobWatch,
    caller: Caller,
    /// It reads also what is withheld from others.
    is_creator: bool,
    is_sponsored: bool,
    id: JobId,
    sender: mpsc::Sender<Result<Event, Infallible>>,
    /// The revision and state that were sent last, and whether the result was withheld then.
    told: Option<(u64, JobState, bool)>,
    text_told: String,
}

impl Teller {
    async fn run(mut self, mut subscription: Subscription, first: Look) {
        let end = tokio::time::sleep(STREAM_MAX);
        tokio::pin!(end);
        let mut last = first.job.is_last();
        if self.tell_job(first).await.is_err() {
            return;
        }
        while !last {
            let wake = tokio::select! {
                () = &mut end => return,
                () = self.watch.stop.cancelled() => return,
                () = self.sender.closed() => return,
                wake = subscription.wake() => wake,
            };
            let told = match wake {
                Wake::Signal(Signal::Changed) => match self.look().await {
                    Some(look) => {
                        last = look.job.is_last();
                        self.tell_job(look).await
                    }
                    None => return,
                },
                Wake::Signal(Signal::Progress { step, steps }) => {
                    self.tell(None, &JobEventView::Progress { step, steps }).await
                }
                Wake::Signal(Signal::Preview { .. } | Signal::Text) if !self.may_read() => Ok(()),
                Wake::Signal(Signal::Preview { step, data_url }) => {
                    self.tell(None, &JobEventView::Preview { step, data_url: data_url.to_string() }).await
                }
                Wake::Signal(Signal::Text) => self.tell_text().await,
                Wake::QueueMoved => self.tell_position().await,
            };
            if told.is_err() {
                return;
            }
        }
    }

    /// What everybody may see is withheld while it may be audited; what is its client's, nobody else sees.
    fn may_read(&self) -> bool {
        self.is_creator || !self.is_sponsored || !self.watch.views.hub.board().withholds(self.id)
    }

    async fn look(&self) -> Option<Look> {
        let record = self.watch.views.find_visible(&self.caller, self.id).await.ok()?;
        let revision = record.revision;
        let job = self.watch.views.job_view(record).await.ok()?;
        let text = text_so_far(&self.watch.views, &job, self.is_creator).await;
        Some(Look { job, revision, text })
    }

    async fn tell_job(&mut self, Look { job, revision, text }: Look) -> Result<(), Gone> {
        let now = Some((revision, job.state, job.withheld));
        if self.told == now {
            return self.tell_piece(text).await;
        }
        self.told = now;
        let mint = job.mint.clone();
        // The whole text is sent before the end of the job.
        if job.state.is_terminal() {
            self.tell_piece(text.clone()).await?;
        }
        self.tell(Some(revision.to_string()), &JobEventView::State { job: Box::new(job) }).await?;
        match mint {
            Some(mint) => self.tell(Some(revision.to_string()), &JobEventView::Minted { mint }).await,
            None => self.tell_piece(text).await,
        }
    }

    /// What is new in the text that the miner is writing.
    async fn tell_text(&mut self) -> Result<(), Gone> {
        let text = self.watch.views.hub.board().job(self.id).map(|job| job.text().to_owned());
        self.tell_piece(text).await
    }

    async fn tell_piece(&mut self, text: Option<String>) -> Result<(), Gone> {
        let Some(text) = text else { return Ok(()) };
        let Some(piece) = untold(&self.text_told, &text) else { return Ok(()) };
        self.text_told = text;
        let id = self.told.map(|(revision, ..)| format!("{revision}.{}", self.text_told.len()));
        self.tell(id, &piece).await
    }

    async fn tell_position(&self) -> Result<(), Gone> {
        let overlay = self.watch.views.hub.board().overlay(self.id, clock::now());
        let Some((position, eta_ms)) = overlay.and_then(|overlay| Some((overlay.queue_position?, overlay.eta_ms)))
        else {
            return Ok(());
        };
        self.tell(None, &JobEventView::Queue { position, eta_ms }).await
    }

    async fn tell(&self, id: Option<String>, view: &JobEventView) -> Result<(), Gone> {
        let Ok(event) = Event::default().event(view.name()).json_data(view) else { return Err(Gone) };
        let event = match id {
            Some(id) => event.id(id),
            None => event,
        };
        self.sender.send(Ok(event)).await.map_err(|_| Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(at: usize, text: &str) -> Option<JobEventView> {
        Some(JobEventView::Token { at, text: text.to_owned() })
    }

    #[test]
    fn a_reader_gets_what_it_lacks_and_a_new_text_from_its_start() {
        assert_eq!(untold("", ""), None);
        assert_eq!(untold("", "a lake"), piece(0, "a lake"));
        assert_eq!(untold("a la", "a lake"), piece(4, "ke"));
        assert_eq!(untold("a lake", "a lake"), None);
        assert_eq!(untold("a lake", ""), piece(0, ""));
        assert_eq!(untold("a lake", "a sea"), piece(0, "a sea"));
    }

    #[test]
    fn an_id_longer_than_any_of_ours_is_refused_and_another_form_is_none() {
        let seen =
            |id: &str| last_seen(&HeaderMap::from_iter([("last-event-id".parse().unwrap(), id.parse().unwrap())]));
        let longest = format!("{}.{}", u64::MAX, usize::MAX);
        assert_eq!(longest.len(), LAST_EVENT_ID_MAX_CHARS);
        assert_eq!(seen(&longest).unwrap(), Some(Seen { revision: u64::MAX, bytes: usize::MAX }));
        assert!(matches!(seen(&format!("0{longest}")), Err(ApiError::OutOfBounds(_))));
        assert_eq!(seen("yesterday").unwrap(), None);
        assert_eq!(last_seen(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn an_event_id_names_a_revision_and_the_bytes_of_the_text() {
        assert_eq!(Seen::parse("7"), Some(Seen { revision: 7, bytes: 0 }));
        assert_eq!(Seen::parse("7.12"), Some(Seen { revision: 7, bytes: 12 }));
        for id in ["", ".", "7.", "x", "7.x", "-1"] {
            assert_eq!(Seen::parse(id), None, "{id}");
        }
    }
}
