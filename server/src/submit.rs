//! From a client's request to a job in the queue.

use std::sync::Arc;
use std::time::Instant;

use hub::board::OpenJob;
use hub::catalog::Catalog;
use hub::idempotency::{self, Verdict};
use hub::{plan, quota};
use shared::Address;
use shared::api::jobs::{JobView, TaskView};
use shared::digest::Sha256Digest;
use shared::field_error::FieldError;
use shared::id::JobId;
use shared::job::image::SchedulerName;
use shared::job::lifecycle::JobState;
use shared::job::request::{CreateJob as Request, MODEL_NAME_MAX_CHARS, ValidJob};
use shared::job::task::TaskRole;
use store::change::CreateJob;
use store::record::{IdempotencyRecord, NewJob, SponsoredUse};
use store::{Store, StoreError};
use tokio_util::task::TaskTracker;

use crate::auth::Caller;
use crate::clock;
use crate::config::Limits;
use crate::error::ApiError;
use crate::hub::HubHandle;
use crate::metrics::Metrics;
use crate::rate_limits::{self, RateLimits};

/// An `Idempotency-Key` with the hash of the request that it came with.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    pub key: String,
    pub body_sha256: Sha256Digest,
}

/// The outcome of a request for a job.
#[derive(Debug, Clone)]
pub struct Created {
    pub job_id: JobId,
    /// JSON of the [`JobView`] as the first answer gave it.
    pub answer: String,
    /// The request was sent before, with the same key.
    pub repeated: bool,
}

/// Takes in requests for jobs.
#[derive(Clone)]
pub struct Submission {
    pub(crate) store: Store,
    pub(crate) hub: HubHandle,
    pub(crate) limits: Limits,
    pub(crate) rate_limits: Arc<dyn RateLimits>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tasks: TaskTracker,
    /// Clients of sponsored jobs go by this address.
    pub(crate) sponsor: Address,
}

impl Submission {
    /// Checks, stores and queues a job. When this returns, the job is on the disk.
    pub async fn create_job(
        &self,
        caller: &Caller,
        request: Request,
        idempotency: Option<IdempotencyKey>,
        accepted: Instant,
    ) -> Result<Created, ApiError> {
        if let Some(key) = &idempotency
            && let Some(first) = self.find_first_answer(caller, key).await?
        {
            return Ok(first);
        }
        caller.may_create_jobs()?;
        let job = within_rights(caller, self.check(request)?)?;
        self.hub.board().has_room().map_err(|error| ApiError::Unavailable(error.to_string()))?;
        let now = clock::now();
        let limit = caller.image_limit(self.limits.images_per_key_per_minute);
        rate_limits::check(&*self.rate_limits, &caller.name(), limit, now).await?;

        let job = self.new_job(caller, job);
        let answer = self.first_answer(&job)?;
        let change = CreateJob {
            sponsored: self.sponsored_use(caller),
            idempotency: idempotency.as_ref().map(|key| record(caller, key, &job, &answer)),
            job: job.clone(),
        };
        // The client may hang up meanwhile; a job that is stored must reach the queue all the same.
        let queued = self.tasks.spawn(self.clone().store_and_queue(change, accepted)).await;
        match (queued.unwrap_or(Err(StoreError::Stopped)), &idempotency) {
            (Ok(()), _) => Ok(Created { job_id: job.id, answer, repeated: false }),
            // Two requests with one key arrived at once, and the other one was stored first.
            (Err(StoreError::Duplicate(_)), Some(key)) => {
                let first = self.find_first_answer(caller, key).await?;
                first.ok_or_else(|| ApiError::Internal("a duplicate without a first answer".to_owned()))
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    /// The request with missing values filled in, checked against all bounds.
    ///
    /// # Errors
    /// Every field that does not hold.
    fn check(&self, request: Request) -> Result<ValidJob, ApiError> {
        let board = self.hub.board();
        let catalog = board.catalog();
        let default_model = catalog.default_model(request.kind);
        match request.model.as_deref().and_then(|model| catalog.refusal(request.kind, model)) {
            None => {
                let request = with_defaults(catalog, request, default_model.as_deref())?;
                request.validate(clock::random_u64(), default_model).map_err(invalid)
            }
            Some(refusal) => {
                let others = request.validate(clock::random_u64(), default_model).err().unwrap_or_default();
                Err(invalid([vec![refusal], others].concat()))
            }
        }
    }

    async fn store_and_queue(self, change: CreateJob, accepted: Instant) -> Result<(), StoreError> {
        let job = change.job.clone();
        let seq = self.store.write(change).await?;
        self.metrics.jobs_created.inc();
        let open = OpenJob::new(job.id, seq, job.client, Arc::new(job.job), job.deadline);
        // A job that is stored is acknowledged even while the hub stops: the next start queues it.
        if let Err(error) = self.hub.submit(open, accepted).await {
            tracing::info!(job_id = %job.id, %error, "the job waits for the next start");
        }
        Ok(())
    }

    fn new_job(&self, caller: &Caller, job: ValidJob) -> NewJob {
        let now = clock::now();
        NewJob {
            id: JobId::from_random(clock::random_u128()),
            client: caller.address().unwrap_or(self.sponsor),
            sponsored: caller.address().is_none(),
            deadline: now.plus_ms(job.ttl_seconds * 1_000),
            created_at: now,
            tasks: plan::tasks_of(&job),
            job,
        }
    }

    fn sponsored_use(&self, caller: &Caller) -> Option<SponsoredUse> {
        let Caller::Visitor { address } = caller else { return None };
        Some(SponsoredUse {
            day: quota::day(clock::now()),
            address: address.clone(),
            limit_per_address: self.limits.sponsored_per_address_per_day,
            limit_in_total: self.limits.sponsored_in_total_per_day,
        })
    }

    async fn find_first_answer(&self, caller: &Caller, key: &IdempotencyKey) -> Result<Option<Created>, ApiError> {
        let first = self.store.find_first_answer(&caller.name(), &key.key).await?;
        match (idempotency::judge(first.as_ref().map(|first| first.body_sha256), key.body_sha256), first) {
            (Verdict::Conflict, _) => Err(ApiError::IdempotencyConflict(key.key.clone())),
            (Verdict::Repeat, Some(first)) => {
                Ok(Some(Created { job_id: first.job_id, answer: first.answer, repeated: true }))
            }
            _ => Ok(None),
        }
    }

    /// The job as the first answer shows it: last in the queue.
    fn first_answer(&self, new: &NewJob) -> Result<String, ApiError> {
        let work = new.job.work.clone();
        let view = JobView {
            id: new.id,
            state: JobState::Queued,
            model: new.job.model.clone(),
            prompt_hash: work.prompt_hash(),
            units: work.units(),
            unit_type: work.unit_type(),
            work: work.without_files(),
            constraints: new.job.constraints.clone(),
            payment_mode: new.job.payment.mode,
            client: new.client,
            sponsored: new.sponsored,
            created_at_unix_ms: new.created_at,
            started_at_unix_ms: None,
            finished_at_unix_ms: None,
            deadline_unix_ms: new.deadline,
            queue_position: Some(u32::try_from(self.hub.board().queue_depth()).unwrap_or(u32::MAX)),
            eta_ms: None,
            progress: None,
            miner: None,
            faults: vec![],
            tasks: new.tasks.iter().map(|role| waiting(*role)).collect(),
            artifacts: vec![],
            receipt_hash: None,
            mint: None,
        };
        serde_json::to_string(&view).map_err(|error| ApiError::Internal(error.to_string()))
    }
}

/// A visitor's job within the bounds of sponsored jobs; the job of a key as it is.
fn within_rights(caller: &Caller, job: ValidJob) -> Result<ValidJob, ApiError> {
    match caller {
        Caller::Visitor { .. } => quota::sponsored(job).map_err(|error| ApiError::OutOfBounds(vec![error])),
        Caller::Key(_) => Ok(job),
    }
}

/// A request that leaves steps or guidance to its model, with what the setting that it asks for is offered with.
///
/// # Errors
/// A request for a setting of few steps, of a model that no connected miner offers with one.
fn with_defaults(catalog: &Catalog, request: Request, default_model: Option<&str>) -> Result<Request, ApiError> {
    let Some(model) = request.model.as_deref().or(default_model) else { return Ok(request) };
    let defaults = if request.is_fast() {
        let offered = catalog.fast_defaults(model);
        Some(offered.ok_or_else(|| ApiError::OutOfBounds(vec![no_fast_setting(model)]))?)
    } else if request.leaves_defaults_open() {
        catalog.picture_defaults(model)
    } else {
        None
    };
    Ok(match defaults {
        Some(defaults) => request.with_defaults(defaults),
        None => request,
    })
}

fn no_fast_setting(model: &str) -> FieldError {
    let model: String = model.chars().take(MODEL_NAME_MAX_CHARS).collect();
    let bound = format!("any but fast while no connected miner offers `{model}` with a setting for few steps");
    FieldError::bound("input.scheduler", bound, SchedulerName::Fast.name())
}

/// Errors that name a bound and a value are about values; the others are about the form.
fn invalid(errors: Vec<FieldError>) -> ApiError {
    if errors.iter().all(|error| error.bound.is_some()) {
        ApiError::OutOfBounds(errors)
    } else {
        ApiError::Invalid(errors)
    }
}

fn record(caller: &Caller, key: &IdempotencyKey, job: &NewJob, answer: &str) -> IdempotencyRecord {
    IdempotencyRecord {
        caller: caller.name(),
        key: key.key.clone(),
        body_sha256: key.body_sha256,
        job_id: job.id,
        answer: answer.to_owned(),
        created_at: job.created_at,
    }
}

fn waiting(role: TaskRole) -> TaskView {
    TaskView { role, state: JobState::Queued, miner: None, receipt_hash: None }
}
