//! Waits for what happens to a job.

use std::time::Duration;

use shared::id::JobId;
use store::record::JobRecord;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::view::Views;

/// Follows jobs until they are over, or the server stops.
#[derive(Clone)]
pub struct JobWatch {
    pub(crate) views: Views,
    /// Streams that a stop waits for.
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl JobWatch {
    /// The job once it is over, with its end on the disk.
    pub async fn ended(&self, caller: &Caller, id: JobId) -> Result<JobRecord, ApiError> {
        // Subscribes before it reads, so that no change falls in between.
        let mut subscription = self.views.hub.subscribe(id);
        loop {
            let record = self.views.find_visible(caller, id).await?;
            if record.state.is_terminal() {
                return Ok(record);
            }
            subscription.signal().await;
        }
    }

    /// The same for a call that waits up to `limit`.
    ///
    /// # Errors
    /// A job that takes longer, and a server that stops.
    pub async fn ended_within(&self, limit: Duration, caller: &Caller, id: JobId) -> Result<JobRecord, ApiError> {
        tokio::select! {
            ended = tokio::time::timeout(limit, self.ended(caller, id)) => {
                ended.unwrap_or_else(|_| Err(ApiError::Unavailable(format!("no result yet; the job is {id}"))))
            }
            () = self.stop.cancelled() => {
                Err(ApiError::Unavailable(format!("the server is stopping; the job is {id}")))
            }
        }
    }
}
