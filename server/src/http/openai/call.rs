//! A call that makes a job and waits for its result.

use std::time::{Duration, Instant};

use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use serde::de::DeserializeOwned;
use shared::B256;
use shared::api::jobs::ArtifactView;
use shared::id::JobId;
use shared::job::JobKind;
use shared::job::lifecycle::JobState;
use shared::job::request::{Constraints, CreateJob, Payment};
use shared::protocol::Metering;
use store::Store;
use store::record::JobRecord;

use super::{QUOTED_MAX_CHARS, WAIT_SECONDS};
use crate::auth::{Caller, Callers};
use crate::clock;
use crate::error::{ApiError, no_result};
use crate::http::extract::{ApiJson, idempotency_key};
use crate::http::jobs::WITHHELD;
use crate::job_token::JobToken;
use crate::submit::{IdempotencyKey, Submission};
use crate::view::{self, Views};
use crate::watch::JobWatch;

/// How long a call waits beyond the time of its job.
const GRACE: Duration = Duration::from_secs(5);

/// How long the head of a stream waits for its first text.
const HEAD_WAIT: Duration = Duration::from_secs(10);

/// A job that was served.
pub(super) struct CompletedJob {
    pub(super) job_id: JobId,
    pub(super) model: String,
    pub(super) created_at_seconds: u64,
    pub(super) receipt_hash: B256,
    pub(super) metering: Metering,
    pub(super) artifacts: Vec<ArtifactView>,
}

/// A job for a waiting call. It is canceled when the client that created it closes the connection.
pub(super) struct Waiting {
    watch: JobWatch,
    pub(super) job_id: JobId,
    pub(super) created_at_seconds: u64,
    /// Who calls is known to have created it.
    is_own: bool,
    over: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.over || !self.is_own {
            return;
        }
        let (hub, job_id) = (self.watch.views.hub.clone(), self.job_id);
        self.watch.tasks.spawn(async move {
            // A job that ended meanwhile needs no cancellation.
            let _ = hub.cancel(job_id).await;
        });
    }
}

/// A call with its body read: the one extractor of all calls that make a job.
pub struct Call<T> {
    pub(super) request: T,
    pub(super) client: Client,
}

/// Who calls, and what serves the call.
pub(super) struct Client {
    submission: Submission,
    pub(super) watch: JobWatch,
    pub(super) caller: Caller,
    idempotency: Option<IdempotencyKey>,
    /// Of a visitor that may have to repeat the call.
    brought: Option<JobToken>,
}

impl<S, T> FromRequest<S> for Call<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
    Submission: FromRef<S>,
    JobWatch: FromRef<S>,
    Callers: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, state).await?;
        let (path, headers) = (parts.uri.path().to_owned(), parts.headers.clone());
        let body = ApiJson::<T>::from_request(Request::from_parts(parts, body), state).await?;
        let idempotency = idempotency_key(&headers, &path, body.sha256)?;
        let brought = JobToken::brought(&headers)?;
        let (submission, watch) = (Submission::from_ref(state), JobWatch::from_ref(state));
        Ok(Self { request: body.value, client: Client { submission, watch, caller, idempotency, brought } })
    }
}

impl Client {
    /// Creates the job. An unknown model is an error here, because OpenAI's clients expect that.
    ///
    /// # Errors
    /// A model that no connected miner serves, whatever keeps the job from being created, and a call that somebody made before
    /// whose result is withheld.
    pub(super) async fn submit(
        &self,
        kind: JobKind,
        model: Option<String>,
        input: serde_json::Value,
    ) -> Result<Waiting, ApiError> {
        if let Some(name) = &model
            && !self.watch.views.hub.board().catalog().is_served(kind, name)
        {
            let name = name.chars().take(QUOTED_MAX_CHARS).collect::<String>();
            return Err(ApiError::not_found(&format!("{} model", kind.as_str()), name));
        }
        let (constraints, payment) = (Constraints::default(), Payment::default());
        let job = CreateJob { kind, model, input, constraints, payment, ttl_seconds: WAIT_SECONDS };
        let (idempotency, brought) = (self.idempotency.clone(), self.brought.clone());
        let created = self.submission.create_job(&self.caller, job, idempotency, brought, Instant::now()).await?;
        let created_at_seconds = clock::now().seconds().0;
        let is_own = created.is_by(&self.caller);
        if !is_own {
            self.check_is_everybodys(created.job_id).await?;
        }
        Ok(Waiting { watch: self.watch.clone(), job_id: created.job_id, created_at_seconds, is_own, over: false })
    }

    /// Whether who repeats a visitor's call may have its result, too. One that is still computed may be withheld until its
    /// end, and for longer.
    async fn check_is_everybodys(&self, id: JobId) -> Result<(), ApiError> {
        let record = self.watch.views.find_visible(&self.caller, id).await?;
        let board = self.watch.views.hub.board();
        let may_be_withheld = !record.state.is_terminal() && board.draws_audits();
        if may_be_withheld || board.withholds(id) { Err(ApiError::Forbidden(WITHHELD.to_owned())) } else { Ok(()) }
    }

    /// Creates the job and waits for its end.
    pub(super) async fn serve(
        &self,
        kind: JobKind,
        model: Option<String>,
        input: serde_json::Value,
    ) -> Result<CompletedJob, ApiError> {
        self.submit(kind, model, input).await?.served(&self.caller).await
    }
}

impl Waiting {
    /// The job ended by itself.
    pub(super) fn is_over(&mut self) {
        self.over = true;
    }

    /// Waits until the text begins or the job is over, so that what fails before is answered with its own status. A
    /// reader that waits longer than [`HEAD_WAIT`] gets the head of the stream, which keeps its connection open.
    ///
    /// # Errors
    /// A job that ended without a result.
    pub(super) async fn begun(&mut self, caller: &Caller) -> Result<(), ApiError> {
        let (watch, job_id) = (self.watch.clone(), self.job_id);
        let begins = async {
            let mut subscription = watch.views.hub.subscribe(job_id);
            loop {
                let record = watch.views.find_visible(caller, job_id).await?;
                if record.state.is_terminal() {
                    return Ok::<_, ApiError>(Some(record));
                }
                if watch.views.hub.board().job(job_id).is_some_and(|job| !job.text().is_empty()) {
                    return Ok(None);
                }
                subscription.signal().await;
            }
        };
        let over = tokio::select! {
            begun = tokio::time::timeout(HEAD_WAIT, begins) => begun.unwrap_or(Ok(None))?,
            () = self.watch.stop.cancelled() => return Err(ApiError::Unavailable("the server is stopping".to_owned())),
        };
        let Some(record) = over else { return Ok(()) };
        self.is_over();
        if record.state == JobState::Completed { Ok(()) } else { Err(no_result(&record)) }
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// A job that ended without a result, and a server that stops.
    pub(super) async fn served(&mut self, caller: &Caller) -> Result<CompletedJob, ApiError> {
        let limit = Duration::from_secs(WAIT_SECONDS) + GRACE;
        let record = self.watch.ended_within(limit, caller, self.job_id).await?;
        self.is_over();
        served(&self.watch.views.store, record).await
    }
}

/// What a job that is over gave.
pub(super) async fn served(store: &Store, record: JobRecord) -> Result<CompletedJob, ApiError> {
    let receipt = store.find_receipt_of_job(record.id).await?;
    let (Some(receipt), Some(metering)) = (receipt, record.metering()) else { return Err(no_result(&record)) };
    Ok(CompletedJob {
        job_id: record.id,
        model: record.job.model,
        created_at_seconds: record.created_at.seconds().0,
        receipt_hash: receipt.signed.receipt_hash,
        metering,
        artifacts: view::artifact_views(record.id, &store.list_artifacts(record.id).await?),
    })
}

/// The one artifact, as text.
pub(super) async fn text_of(views: &Views, served: &CompletedJob) -> Result<String, ApiError> {
    let text = match served.artifacts.first() {
        Some(artifact) => views.text_of(artifact).await?,
        None => None,
    };
    text.ok_or_else(|| ApiError::Internal(format!("the text of {} is gone", served.job_id)))
}
