//! Runs a job for a call that waits for its result.

use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use shared::B256;
use shared::api::jobs::ArtifactView;
use shared::digest::Sha256Digest;
use shared::id::JobId;
use shared::job::JobKind;
use shared::job::lifecycle::JobState;
use shared::job::request::{Constraints, CreateJob, Payment};
use shared::protocol::Metering;
use store::Store;
use store::record::JobRecord;

use super::{QUOTED_MAX_CHARS, WAIT_SECONDS};
use crate::auth::Caller;
use crate::clock;
use crate::error::ApiError;
use crate::http::extract::idempotency_key;
use crate::submit::Submission;
use crate::view::{self, Views};
use crate::watch::JobWatch;

/// How long a call waits beyond the time of its job.
const GRACE: Duration = Duration::from_secs(5);

/// A job that was served.
pub(super) struct Served {
    pub(super) job_id: JobId,
    pub(super) model: String,
    pub(super) created_at_seconds: u64,
    pub(super) receipt_hash: B256,
    pub(super) metering: Metering,
    pub(super) artifacts: Vec<ArtifactView>,
}

/// A job for a waiting call. It is canceled when the client closes the connection.
pub(super) struct Waiting {
    watch: JobWatch,
    pub(super) job_id: JobId,
    pub(super) created_at_seconds: u64,
    over: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let (hub, job_id) = (self.watch.views.hub.clone(), self.job_id);
        self.watch.tasks.spawn(async move {
            // A job that ended meanwhile needs no cancellation.
            let _ = hub.cancel(job_id).await;
        });
    }
}

/// Who calls, and with what.
pub(super) struct Call<'a> {
    pub(super) submission: &'a Submission,
    pub(super) watch: &'a JobWatch,
    pub(super) caller: &'a Caller,
    pub(super) headers: &'a HeaderMap,
    pub(super) path: &'static str,
    pub(super) body_sha256: Sha256Digest,
}

impl Call<'_> {
    /// Creates the job. An unknown model is an error here, because OpenAI's clients expect that.
    ///
    /// # Errors
    /// A model that no connected miner serves, and whatever keeps the job from being created.
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
        let key = idempotency_key(self.headers, self.path, self.body_sha256)?;
        let created = self.submission.create_job(self.caller, job, key, Instant::now()).await?;
        let created_at_seconds = clock::now().seconds().0;
        Ok(Waiting { watch: self.watch.clone(), job_id: created.job_id, created_at_seconds, over: false })
    }
}

impl Waiting {
    /// The job ended by itself.
    pub(super) fn is_over(&mut self) {
        self.over = true;
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// A job that ended without a result, and a server that stops.
    pub(super) async fn served(&mut self, caller: &Caller) -> Result<Served, ApiError> {
        let limit = Duration::from_secs(WAIT_SECONDS) + GRACE;
        let record = self.watch.ended_within(limit, caller, self.job_id).await?;
        self.is_over();
        served(&self.watch.views.store, record).await
    }
}

/// What a job that is over gave.
pub(super) async fn served(store: &Store, record: JobRecord) -> Result<Served, ApiError> {
    let state = record.state;
    let receipt = store.find_receipt_of_job(record.id).await?;
    let (Some(receipt), Some(metering)) = (receipt, record.metering()) else {
        let reason = record.faults().last().map_or(String::new(), |fault| format!(": {}", fault.reason));
        return Err(match state {
            JobState::Expired => ApiError::Unavailable("no miner served the job in time".to_owned()),
            state => ApiError::Unavailable(format!("the job is {state}{reason}")),
        });
    };
    Ok(Served {
        job_id: record.id,
        model: record.job.model,
        created_at_seconds: record.created_at.seconds().0,
        receipt_hash: receipt.signed.receipt_hash,
        metering,
        artifacts: view::artifact_views(record.id, &store.list_artifacts(record.id).await?),
    })
}

/// The one artifact, as text.
pub(super) async fn text_of(views: &Views, served: &Served) -> Result<String, ApiError> {
    let sha256 = served.artifacts.first().map(|artifact| artifact.sha256);
    let text = match sha256 {
        Some(sha256) => views.text_of(sha256).await?,
        None => None,
    };
    text.ok_or_else(|| ApiError::Internal(format!("the text of {} is gone", served.job_id)))
}
