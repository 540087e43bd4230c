//! From a client's request to a job in the queue.

mod prepared;
mod sums;

use std::sync::Arc;
use std::time::Instant;

use hub::bids::Terms;
use hub::board::OpenJob;
use hub::catalog::Catalog;
use hub::idempotency::{self, Verdict};
use hub::{plan, quota};
use node::NodeHandle;
use shared::Address;
use shared::api::bids::{BidQuoteView, BidView, CreateBid};
use shared::api::jobs::JobView;
use shared::commitment::Salt;
use shared::digest::Sha256Digest;
use shared::escrow::SignedPaymentOrder;
use shared::field_error::FieldError;
use shared::id::JobId;
use shared::job::JobKind;
use shared::job::image::SchedulerName;
use shared::job::lifecycle::JobState;
use shared::job::request::{CreateJob as Request, Drawn, MODEL_NAME_MAX_CHARS, PaidBy, Payment, PaymentMode, ValidJob};
use shared::quote::QuoteView;
use shared::time::UnixMillis;
use store::change::{CreateJob, FilledBid};
use store::record::{IdempotencyRecord, NewJob};
use store::{Store, StoreError};
use tokio_util::task::TaskTracker;

use crate::auth::Caller;
use crate::clock;
use crate::config::Limits;
use crate::demand::{self, Demand};
use crate::error::ApiError;
use crate::hub::HubHandle;
use crate::job_token::JobToken;
use crate::metrics::Metrics;
use crate::quotes::{Ordered, Quotes, hash_of};
use crate::rate_limits::{self, RateLimits};
use crate::view;
use prepared::Prepared;

/// An `Idempotency-Key` with the hash of the request that it came with.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    pub key: String,
    pub body_sha256: Sha256Digest,
}

impl IdempotencyKey {
    /// What is kept of the first request, whose answer names this job.
    pub(crate) fn first(&self, caller: &Caller, job_id: JobId, answer: &str, at: UnixMillis) -> IdempotencyRecord {
        IdempotencyRecord {
            caller: caller.name(),
            key: self.key.clone(),
            body_sha256: self.body_sha256,
            job_id,
            answer: answer.to_owned(),
            created_at: at,
        }
    }

    /// What is kept of the first request with this key.
    ///
    /// # Errors
    /// A key that came with another body.
    pub(crate) async fn find_first(
        &self,
        store: &Store,
        caller: &Caller,
    ) -> Result<Option<IdempotencyRecord>, ApiError> {
        let first = store.find_first_answer(&caller.name(), &self.key).await?;
        match idempotency::judge(first.as_ref().map(|first| first.body_sha256), self.body_sha256) {
            Verdict::Conflict => Err(ApiError::IdempotencyConflict(self.key.clone())),
            Verdict::First | Verdict::Repeat => Ok(first),
        }
    }
}

/// The outcome of a request for a job.
#[derive(Debug, Clone)]
pub struct Created {
    pub job_id: JobId,
    /// JSON of the [`JobView`] as the first answer gave it.
    pub answer: String,
    /// The request was sent before, with the same key.
    pub repeated: bool,
    /// Of a job without an account. A repetition has it only where it brought it: the server kept its hash alone.
    pub token: Option<JobToken>,
}

impl Created {
    /// Whether who sent the request is known to have created the job. Many visitors share a network, so that who repeats a
    /// request of one of them without its token may be anybody.
    pub fn is_by(&self, caller: &Caller) -> bool {
        !self.repeated || self.token.is_some() || caller.address().is_some()
    }
}

/// Takes in requests for jobs.
#[derive(Clone)]
pub struct Submission {
    pub(crate) store: Store,
    pub(crate) hub: HubHandle,
    pub(crate) node: NodeHandle,
    pub(crate) limits: Limits,
    pub(crate) rate_limits: Arc<dyn RateLimits>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tasks: TaskTracker,
    /// Clients of sponsored jobs go by this address.
    pub(crate) sponsor: Address,
    pub(crate) quotes: Quotes,
    /// Hears of requests that nobody can serve.
    pub(crate) demand: Demand,
}

impl Submission {
    /// Checks, stores and queues a job. When this returns, the job is on the disk. `brought` is the token that a client drew
    /// for it; of one with an account no token counts.
    pub async fn create_job(
        &self,
        caller: &Caller,
        request: Request,
        idempotency: Option<IdempotencyKey>,
        brought: Option<JobToken>,
        accepted: Instant,
    ) -> Result<Created, ApiError> {
        let brought = brought.filter(|_| caller.address().is_none());
        if let Some(key) = &idempotency
            && let Some(first) = self.find_first_answer(caller, key, brought.as_ref()).await?
        {
            return Ok(first);
        }
        caller.may_create_jobs()?;
        if self.node.disk_shortage().is_some() {
            return Err(ApiError::DiskFull);
        }
        let ordered = self.quotes.check(caller, &request, clock::now())?;
        let asked = named_model(&request);
        let job = self.check_servable(caller, request, ordered.as_ref()).inspect_err(|refusal| {
            self.note_unserved(caller, asked, refusal);
        })?;
        let now = clock::now();
        self.check_room(caller, ordered.as_ref(), now).await?;
        let token = caller.address().is_none().then(|| brought.clone().unwrap_or_else(JobToken::random));
        let job = self.new_job(caller, job, token.as_ref(), ordered.as_ref());
        let job_id = job.id;
        let payment = ordered.map(|ordered| ordered.signed);
        let prepared = self.prepare(caller, job, payment, idempotency.as_ref())?;
        // The client may hang up meanwhile; a job that is stored must reach the queue all the same.
        let queued = self.tasks.spawn(self.clone().store_and_queue(prepared, accepted)).await;
        match (queued.unwrap_or(Err(StoreError::Stopped)), &idempotency) {
            (Ok(answer), _) => Ok(Created { job_id, answer, repeated: false, token }),
            // Two requests with one key arrived at once, and the other one was stored first.
            (Err(StoreError::Duplicate(_)), Some(key)) => {
                let first = self.find_first_answer(caller, key, brought.as_ref()).await?;
                // Without a first answer another request has used the order.
                first.ok_or_else(|| ApiError::Conflict(format!("there is a job {job_id} already")))
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    /// Room in the queue, within the caller's rate, and in the client's deposit.
    async fn check_room(&self, caller: &Caller, ordered: Option<&Ordered>, now: UnixMillis) -> Result<(), ApiError> {
        self.hub.board().has_room().map_err(|error| ApiError::Busy(error.to_string()))?;
        // Before the look at the deposit, which costs reads, and here anybody may ask for it.
        self.check_rate(caller, now).await?;
        match ordered {
            Some(ordered) => self.quotes.check_deposit(ordered).await,
            None => Ok(()),
        }
    }

    /// Takes one job of the caller's rate.
    async fn check_rate(&self, caller: &Caller, now: UnixMillis) -> Result<(), ApiError> {
        let limit = caller.image_limit(self.limits.images_per_key_per_minute);
        rate_limits::check(&*self.rate_limits, &caller.rate_name(), limit, now).await
    }

    /// The job that a bid asks for, as it would be submitted now, and what pays it.
    ///
    /// # Errors
    /// A job that is out of bounds or beyond the caller's rights, and terms that no bid has, or that its quote has not.
    pub(crate) fn check_bid(
        &self,
        caller: &Caller,
        asked: &CreateBid,
        now: UnixMillis,
    ) -> Result<(ValidJob, Option<Ordered>), ApiError> {
        caller.may_create_jobs()?;
        let terms = terms_of(asked);
        // Before the quote: of a bid that is over, its quote is over, too, which would be the worse account of it.
        out_of_bounds(terms.time_errors(now.seconds()))?;
        let ordered = self.quotes.check(caller, &asked.job, now)?;
        out_of_bounds(ordered.as_ref().map(|ordered| terms.quote_errors(&ordered.quote)).unwrap_or_default())?;
        let job = self.check_ordered(caller, asked.job.clone(), ordered.as_ref())?;
        out_of_bounds(terms.errors(&job, now.seconds()))?;
        Ok((terms.limit(job), ordered))
    }

    /// What a bid would cost, and the order that pays it. `client` is the caller's own address.
    ///
    /// # Errors
    /// As for a quote of a job; that nobody serves it is none.
    pub(crate) async fn quote_bid(
        &self,
        caller: &Caller,
        client: Address,
        asked: &CreateBid,
    ) -> Result<BidQuoteView, ApiError> {
        caller.may_create_jobs()?;
        let (hash, terms, now) = (hash_of(&asked.job)?, terms_of(asked), clock::now());
        let job = self.check(asked.job.clone())?;
        out_of_bounds(terms.errors(&job, now.seconds()))?;
        let limit = caller.image_limit(self.limits.images_per_key_per_minute);
        let name = format!("quotes of {}", caller.rate_name());
        rate_limits::check_of("quotes", &*self.rate_limits, &name, limit, now).await?;
        self.quotes.quote_bid(client, hash, terms, &job).await
    }

    /// Submits the job of a bid. It is stored in one change with the end of the bid, so that a bid is filled once.
    ///
    /// # Errors
    /// Everything that a client would be told that submits the job itself, and a bid that is over.
    pub(crate) async fn fill_bid(
        &self,
        caller: &Caller,
        bid: &BidView,
        asked: &CreateBid,
        accepted: Instant,
    ) -> Result<(), ApiError> {
        if self.node.disk_shortage().is_some() {
            return Err(ApiError::DiskFull);
        }
        let now = clock::now();
        let (job, ordered) = self.check_bid(caller, asked, now)?;
        self.hub.board().can_be_served(&job).map_err(|why| ApiError::CannotBeServed(Box::new(why)))?;
        self.hub.board().has_room().map_err(|error| ApiError::Busy(error.to_string()))?;
        // A bid is tried again and again: what lacks its deposit must use up nothing of the client's rate.
        if let Some(ordered) = &ordered {
            self.quotes.check_deposit(ordered).await?;
        }
        self.check_rate(caller, now).await?;
        let job = NewJob { id: bid.job_id, ..self.new_job(caller, job, None, ordered.as_ref()) };
        let prepared = self.prepare(caller, job, ordered.map(|ordered| ordered.signed), None)?;
        let prepared = prepared.filling(FilledBid { id: bid.id });
        let queued = self.tasks.spawn(self.clone().store_and_queue(prepared, accepted)).await;
        queued.unwrap_or(Err(StoreError::Stopped))?;
        Ok(())
    }

    /// Before anything is stored, reserved or paid for it.
    fn check_servable(
        &self,
        caller: &Caller,
        request: Request,
        ordered: Option<&Ordered>,
    ) -> Result<ValidJob, ApiError> {
        let job = self.check_ordered(caller, request, ordered)?;
        self.hub.board().can_be_served(&job).map_err(|why| ApiError::CannotBeServed(Box::new(why)))?;
        Ok(job)
    }

    /// Counts a refusal where the request named a model, and nothing but the lack of a miner for it is what refuses it.
    fn note_unserved(&self, caller: &Caller, asked: Option<(JobKind, String)>, refusal: &ApiError) {
        let Some((kind, model)) = asked else { return };
        let is_unserved = match refusal {
            ApiError::CannotBeServed(_) => true,
            ApiError::OutOfBounds(errors) => {
                errors.iter().all(|error| error.field == "model") && !demand::is_served(&self.hub.board(), kind, &model)
            }
            _ => false,
        };
        if is_unserved {
            self.demand.note(caller, kind, &model, clock::now());
        }
    }

    /// What the job would cost, and the order that pays it.
    ///
    /// # Errors
    /// A request that is out of bounds, that is minted, or that nobody serves.
    pub async fn quote(&self, caller: &Caller, request: Request) -> Result<QuoteView, ApiError> {
        caller.may_create_jobs()?;
        let Payment { mode, client, .. } = request.payment;
        if mode != PaymentMode::Escrow {
            let detail = "`payment.mode` is `escrow` in a request for a quote: a job that is minted costs nothing";
            return Err(ApiError::Invalid(vec![FieldError::new("payment.mode", detail)]));
        }
        let client = client.or(caller.address()).ok_or_else(|| {
            let detail =
                "`payment.client` is the address whose deposit pays; without a session or an API key it must be named";
            ApiError::Invalid(vec![FieldError::new("payment.client", detail)])
        })?;
        let hash = hash_of(&request)?;
        let asked = named_model(&request);
        let job = self.check(request).inspect_err(|refusal| self.note_unserved(caller, asked.clone(), refusal))?;
        let limit = caller.image_limit(self.limits.images_per_key_per_minute);
        let name = format!("quotes of {}", caller.rate_name());
        rate_limits::check_of("quotes", &*self.rate_limits, &name, limit, clock::now()).await?;
        let quoted = self.quotes.quote(client, hash, &job).await;
        if let (Err(ApiError::Conflict(_)), Some((kind, model))) = (&quoted, &asked)
            && self.hub.board().quote(&job, clock::now()).is_err()
        {
            self.demand.note(caller, *kind, model, clock::now());
        }
        quoted
    }

    /// The job that is asked for, within the caller's rights or within its quote.
    fn check_ordered(
        &self,
        caller: &Caller,
        mut request: Request,
        ordered: Option<&Ordered>,
    ) -> Result<ValidJob, ApiError> {
        let Some(ordered) = ordered else { return self.within_rights(caller, self.check(request)?) };
        // Another model may be the default by now.
        request.model = Some(ordered.quote.model.clone());
        let mut job = self.check(request)?;
        job.payment = PaidBy::Escrow { max_unit_price: ordered.signed.order.max_unit_price };
        ordered.check_job(&job)?;
        Ok(job)
    }

    /// A job that costs its client nothing within the bounds of such jobs; the job of an operator's key as it is.
    fn within_rights(&self, caller: &Caller, job: ValidJob) -> Result<ValidJob, ApiError> {
        if let Caller::Key(_) = caller {
            return Ok(job);
        }
        let refusal = self.hub.board().catalog().pinned().refusal_of_sponsored(job.work.kind(), &job.model);
        if let Some(error) = refusal {
            return Err(ApiError::OutOfBounds(vec![error]));
        }
        quota::sponsored(job).map_err(|error| ApiError::OutOfBounds(vec![error]))
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
                request.validate(drawn(), default_model).map_err(invalid)
            }
            Some(refusal) => {
                let others = request.validate(drawn(), default_model).err().unwrap_or_default();
                Err(invalid([vec![refusal], others].concat()))
            }
        }
    }

    /// What the client is answered.
    async fn store_and_queue(self, prepared: Prepared, accepted: Instant) -> Result<String, StoreError> {
        let (Prepared { change, answer, .. }, seq) = prepared.store(&self.store).await?;
        let CreateJob { job, payment, .. } = change;
        let is_paid = payment.is_some();
        self.metrics.jobs_created.inc();
        let tasks = plan::count_of(job.tasks);
        let mut open = OpenJob::new(job.id, seq, job.client, Arc::new(job.job), job.deadline, tasks);
        if job.unaudited.is_some() {
            open = open.unaudited();
        }
        if is_paid {
            open = open.awaiting_payment();
        }
        // A job that is stored is acknowledged even while the hub stops: the next start queues it.
        if let Err(error) = self.hub.submit(open, accepted).await {
            tracing::info!(job_id = %job.id, %error, "the job waits for the next start");
        }
        // The board has the job before the chain can say that it is paid.
        if is_paid {
            self.hub.receipts().notify_one();
        }
        Ok(answer)
    }

    fn new_job(&self, caller: &Caller, job: ValidJob, token: Option<&JobToken>, ordered: Option<&Ordered>) -> NewJob {
        let now = clock::now();
        let order = ordered.map(|ordered| &ordered.signed.order);
        // The client's order names the number of tasks. That of any other job is decided now, once.
        let tasks = match ordered {
            Some(ordered) => ordered.quote.tasks,
            None => self.hub.board().plan(&job, None, now).tasks,
        };
        NewJob {
            id: order.map_or_else(|| JobId::from_random(clock::random_u128()), |order| order.job_id),
            client: order.map(|order| order.client).or(caller.address()).unwrap_or(self.sponsor),
            sponsored: caller.address().is_none(),
            creator_sha256: token.map(JobToken::sha256),
            deadline: now.plus_ms(job.ttl_seconds * 1_000),
            created_at: now,
            tasks: plan::roles(tasks),
            unaudited: self.unaudited(caller, &job),
            job,
        }
    }

    async fn find_first_answer(
        &self,
        caller: &Caller,
        key: &IdempotencyKey,
        brought: Option<&JobToken>,
    ) -> Result<Option<Created>, ApiError> {
        let Some(first) = key.find_first(&self.store, caller).await? else { return Ok(None) };
        let token = self.token_of(first.job_id, brought).await?;
        Ok(Some(Created { job_id: first.job_id, answer: first.answer, repeated: true, token }))
    }

    /// The token, if it is the job's.
    async fn token_of(&self, id: JobId, brought: Option<&JobToken>) -> Result<Option<JobToken>, ApiError> {
        let Some(token) = brought else { return Ok(None) };
        let creator_sha256 = self.store.find_job(id).await?.and_then(|job| job.creator_sha256);
        Ok(Some(token.clone()).filter(|token| creator_sha256 == Some(token.sha256())))
    }

    /// The job as the first answer shows it: last in the queue.
    fn first_answer(&self, new: &NewJob, payment: Option<&SignedPaymentOrder>) -> Result<String, ApiError> {
        let work = new.job.work.clone();
        let view = JobView {
            id: new.id,
            state: JobState::Queued,
            model: new.job.model.clone(),
            salt: new.job.salt,
            units: work.units(),
            unit_type: work.unit_type(),
            work: work.without_files(),
            constraints: new.job.constraints.clone(),
            payment_mode: new.job.payment.mode(),
            client: new.client,
            sponsored: new.sponsored,
            created_at_unix_ms: new.created_at,
            started_at_unix_ms: None,
            finished_at_unix_ms: None,
            deadline_unix_ms: new.deadline,
            queue_position: Some(
                u32::try_from(self.hub.board().position_of_next(new.client, &new.job)).unwrap_or(u32::MAX),
            ),
            eta_ms: None,
            progress: None,
            miner: None,
            faults: vec![],
            tasks: view::waiting_tasks(&new.job.work, &new.tasks),
            artifacts: vec![],
            withheld: new.sponsored && new.unaudited.is_none(),
            unaudited: new.unaudited,
            receipt_hash: None,
            mint: None,
            payment: payment.map(|signed| view::awaiting(&signed.order)),
        };
        serde_json::to_string(&view).map_err(|error| ApiError::Internal(error.to_string()))
    }
}

fn terms_of(asked: &CreateBid) -> Terms {
    Terms { max_unit_price: asked.max_unit_price, expires_at: asked.expires_at }
}

fn out_of_bounds(errors: Vec<FieldError>) -> Result<(), ApiError> {
    if errors.is_empty() { Ok(()) } else { Err(ApiError::OutOfBounds(errors)) }
}

/// The model that a request names itself.
fn named_model(request: &Request) -> Option<(JobKind, String)> {
    request.model.clone().map(|model| (request.kind, model))
}

fn drawn() -> Drawn {
    Drawn { seed: clock::random_u64(), salt: Salt(clock::random_bytes().into()) }
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
