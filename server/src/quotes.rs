//! Quotes for jobs that their clients pay, and the checks of what comes back with such a job.
//!
//! Nothing here is stored. The hub's own signature shows what it promised, and the job's name, which the quote drew and
//! a job has once, makes an order count once.

use contracts::JobEscrow;
use hub::bids::Terms;
use hub::payment::UNRESERVED_MAX;
use node::NodeHandle;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::amount::Amount;
use shared::api::bids::BidQuoteView;
use shared::canonical::CanonicalError;
use shared::escrow::{SignedPaymentOrder, TaskCount};
use shared::field_error::FieldError;
use shared::id::JobId;
use shared::job::request::{CreateJob, Payment, PaymentMode, ValidJob};
use shared::quote::{JobQuote, QUOTE_SECONDS, QuoteView, SignedQuote, request_hash};
use shared::signing::PrivateKey;
use shared::time::{UnixMillis, UnixSeconds};
use shared::{Address, B256};
use store::Store;

use crate::auth::Caller;
use crate::clock;
use crate::error::ApiError;
use crate::hub::HubHandle;

/// Makes quotes and checks orders.
#[derive(Clone)]
pub struct Quotes {
    pub(crate) hub_key: PrivateKey,
    pub(crate) hub: HubHandle,
    pub(crate) node: NodeHandle,
    pub(crate) store: Store,
}

/// What a client brings back to have a job that was quoted.
#[derive(Debug, Clone)]
pub(crate) struct Ordered {
    pub(crate) quote: JobQuote,
    pub(crate) signed: SignedPaymentOrder,
}

/// What a quote binds the hub to, beside the job.
struct Promise {
    client: Address,
    /// Of the request as it was sent.
    hash: B256,
    unit_price: Amount,
    tasks: TaskCount,
    expires_at: UnixSeconds,
}

impl Quotes {
    /// What the job costs at most, signed. `hash` is that of the request as it was sent.
    ///
    /// # Errors
    /// A job that no connected miner can serve.
    pub(crate) async fn quote(&self, client: Address, hash: B256, job: &ValidJob) -> Result<QuoteView, ApiError> {
        let now = clock::now();
        let offered = {
            let board = self.hub.board();
            board.quote(job, now).map_err(|unserved| ApiError::Conflict(unserved.to_string()))?
        };
        let expires_at = UnixSeconds(now.seconds().0.saturating_add(QUOTE_SECONDS));
        let promise = Promise { client, hash, unit_price: offered.unit_price, tasks: offered.tasks, expires_at };
        let (quote, deposited) = self.sign(promise, job).await?;
        Ok(QuoteView {
            order: quote.quote.order(),
            quote,
            deposited,
            miners: offered.miners,
            work_ms: offered.work_ms,
            quoted_at_unix_ms: now,
        })
    }

    /// What a bid costs at most: at the client's own price, for as long as the bid stands. Nobody needs to serve the job yet,
    /// so it is not split.
    pub(crate) async fn quote_bid(
        &self,
        client: Address,
        hash: B256,
        terms: Terms,
        job: &ValidJob,
    ) -> Result<BidQuoteView, ApiError> {
        let Terms { max_unit_price, expires_at } = terms;
        let promise = Promise { client, hash, unit_price: max_unit_price, tasks: TaskCount::ONE, expires_at };
        let (quote, deposited) = self.sign(promise, job).await?;
        Ok(BidQuoteView { order: quote.quote.order(), quote, deposited })
    }

    /// The signed quote, and what its client has deposited.
    async fn sign(&self, promise: Promise, job: &ValidJob) -> Result<(SignedQuote, Amount), ApiError> {
        let Promise { client, hash, unit_price, tasks, expires_at } = promise;
        let account = self.node.escrow_account(client, vec![]).await?;
        let (units, unit_type) = (job.work.units(), job.work.unit_type());
        let max_total = unit_price.times(units).ok_or_else(|| {
            ApiError::Conflict(format!("{units} {unit_type} at {unit_price} AIT is beyond every sum"))
        })?;
        let quote = JobQuote {
            job_id: JobId::from_random(clock::random_u128()),
            client,
            hub: self.hub_key.address(),
            request_hash: hash,
            model: job.model.clone(),
            unit_type,
            units,
            max_unit_price: unit_price,
            max_total,
            tasks,
            fee_basis_points: account.fee_basis_points,
            deadline: UnixSeconds(expires_at.0.saturating_add(job.ttl_seconds)),
            expires_at,
            chain_id: self.node.chain_id(),
            contract: contracts::JOB_ESCROW_ADDRESS,
        };
        let signature = self.hub_key.sign(&quote, &quote.domain());
        let signature = signature.map_err(|error| ApiError::Internal(error.to_string()))?;
        Ok((SignedQuote { quote, signature }, account.free))
    }

    /// What a paid request names, as far as it can be judged without the chain. `None` for a job that is minted.
    ///
    /// # Errors
    /// A quote that this hub did not make, or that is over or for something else, and an order that is not the quote's.
    pub(crate) fn check(
        &self,
        caller: &Caller,
        request: &CreateJob,
        now: UnixMillis,
    ) -> Result<Option<Ordered>, ApiError> {
        let Payment { mode: PaymentMode::Escrow, client, quote, order } = &request.payment else { return Ok(None) };
        let (Some(quote), Some(order)) = (quote, order) else {
            let missing = if quote.is_none() { "payment.quote" } else { "payment.order" };
            let detail =
                format!("`{missing}` is missing: ask `POST /v1/quotes` first, and sign the order that it answers");
            return Err(ApiError::Invalid(vec![FieldError::new(missing, detail)]));
        };
        let quote: SignedQuote = read("payment.quote", quote)?;
        let signed: SignedPaymentOrder = read("payment.order", order)?;
        self.check_quote(&quote, request, now)?;
        check_order(&quote.quote, &signed)?;
        if let Some(named) = client.filter(|client| *client != signed.order.client) {
            return Err(refused("payment.client", format!("{}, as in the order", signed.order.client), named));
        }
        if let Some(address) = caller.address().filter(|address| *address != signed.order.client) {
            let detail = format!("the caller is {address}, and the order of {}", signed.order.client);
            return Err(ApiError::Forbidden(detail));
        }
        Ok(Some(Ordered { quote: quote.quote, signed }))
    }

    fn check_quote(&self, signed: &SignedQuote, request: &CreateJob, now: UnixMillis) -> Result<(), ApiError> {
        let quote = &signed.quote;
        let own = [
            ("payment.quote.quote.hub", self.hub_key.address().to_string(), quote.hub.to_string()),
            ("payment.quote.quote.chain_id", self.node.chain_id().to_string(), quote.chain_id.to_string()),
            ("payment.quote.quote.contract", contracts::JOB_ESCROW_ADDRESS.to_string(), quote.contract.to_string()),
        ];
        if let Some((field, own, stated)) = own.into_iter().find(|(_, own, stated)| own != stated) {
            return Err(refused(field, format!("{own} at this hub"), stated));
        }
        signed.verify().map_err(|error| unsigned("payment.quote.signature", error))?;
        if quote.is_expired(now.seconds()) {
            let (ended, now) = (quote.expires_at.0, now.seconds().0);
            return Err(ApiError::Conflict(format!(
                "the quote ended at {ended} (Unix seconds), and it is {now}: ask for another one; nothing was reserved"
            )));
        }
        let hash = hash_of(request)?;
        if hash != quote.request_hash {
            return Err(refused("payment.quote.quote.request_hash", "the hash of this request", quote.request_hash));
        }
        Ok(())
    }

    /// Whether the client's money is there, and the job's name still free.
    ///
    /// # Errors
    /// What the escrow would refuse.
    pub(crate) async fn check_deposit(&self, ordered: &Ordered) -> Result<(), ApiError> {
        let order = &ordered.signed.order;
        if self.store.find_job(order.job_id).await?.is_some() {
            return Err(used(order.job_id));
        }
        let most = UNRESERVED_MAX as u64 + 1;
        let waiting = self.store.list_unreserved_payments(order.client, most).await?;
        if waiting.len() > UNRESERVED_MAX {
            let detail = format!("{UNRESERVED_MAX} jobs of this client wait for their reservation, which is the limit");
            return Err(ApiError::TooManyRequests { detail, retry_after_seconds: 1 });
        }
        let jobs = waiting.iter().map(|payment| payment.signed.order.job_id);
        let account = self.node.escrow_account(order.client, jobs.chain([order.job_id]).collect()).await?;
        if account.is_paused {
            return Err(ApiError::Unavailable("the escrow is paused: nothing can be reserved".to_owned()));
        }
        let states = account.reservations.iter().map(|reservation| reservation.state);
        let is_absent = |state: &JobEscrow::ReservationState| *state == JobEscrow::ReservationState::Absent;
        if account.reservations.last().is_some_and(|own| !is_absent(&own.state)) {
            return Err(used(order.job_id));
        }
        let unreserved = waiting.iter().zip(states).filter(|(_, state)| is_absent(state));
        let taken = unreserved.fold(Amount::ZERO, |sum, (payment, _)| {
            sum.checked_add(payment.signed.order.max_total).unwrap_or(Amount::from_atto(u128::MAX))
        });
        let free = account.free.checked_sub(taken).unwrap_or(Amount::ZERO);
        if free < order.max_total {
            return Err(ApiError::Conflict(format!(
                "the deposit of {} in the escrow has {free} AIT free, and the job needs {} AIT: deposit the difference and \
                 submit again",
                order.client, order.max_total
            )));
        }
        Ok(())
    }
}

impl Ordered {
    /// The job as it was checked now, against what the quote promises.
    ///
    /// # Errors
    /// A default that has grown since.
    pub(crate) fn check_job(&self, job: &ValidJob) -> Result<(), ApiError> {
        let quote = &self.quote;
        if job.model != quote.model || job.work.unit_type() != quote.unit_type || job.work.units() > quote.units {
            return Err(ApiError::Conflict(format!(
                "the quote is for {} {} of `{}`, and the request now means {} {} of `{}`: the model's defaults have \
                 changed, so ask for another quote",
                quote.units,
                quote.unit_type,
                quote.model,
                job.work.units(),
                job.work.unit_type(),
                job.model
            )));
        }
        Ok(())
    }
}

/// The order is the quote's in every field, and its client signed it.
fn check_order(quote: &JobQuote, signed: &SignedPaymentOrder) -> Result<(), ApiError> {
    let (expected, order) = (quote.order(), &signed.order);
    let terms = [
        ("job_id", expected.job_id.to_string(), order.job_id.to_string()),
        ("client", expected.client.to_string(), order.client.to_string()),
        ("hub", expected.hub.to_string(), order.hub.to_string()),
        ("max_total", expected.max_total.to_string(), order.max_total.to_string()),
        ("max_unit_price", expected.max_unit_price.to_string(), order.max_unit_price.to_string()),
        ("unit_type", expected.unit_type.to_string(), order.unit_type.to_string()),
        ("tasks", expected.tasks.get().to_string(), order.tasks.get().to_string()),
        ("expires_at", expected.expires_at.0.to_string(), order.expires_at.0.to_string()),
        ("chain_id", expected.chain_id.to_string(), order.chain_id.to_string()),
        ("contract", expected.contract.to_string(), order.contract.to_string()),
    ];
    let differing = terms.into_iter().filter(|(_, expected, stated)| expected != stated);
    let errors: Vec<FieldError> = differing
        .map(|(field, expected, stated)| {
            FieldError::bound(format!("payment.order.order.{field}"), format!("{expected} by the quote"), stated)
        })
        .collect();
    if !errors.is_empty() {
        return Err(ApiError::OutOfBounds(errors));
    }
    if expected != *order {
        let detail = "the order promises a time, which the quote does not";
        return Err(ApiError::Invalid(vec![FieldError::new("payment.order.order", detail)]));
    }
    signed.verify().map_err(|error| unsigned("payment.order.signature", error))
}

fn read<T: DeserializeOwned>(field: &str, value: &Value) -> Result<T, ApiError> {
    T::deserialize(value).map_err(|error| ApiError::Invalid(vec![FieldError::form(field, &error.to_string())]))
}

fn used(job_id: JobId) -> ApiError {
    ApiError::Conflict(format!("the order for {job_id} was used or cancelled before: ask for another quote"))
}

/// The hash that a quote of this request carries.
pub(crate) fn hash_of(request: &CreateJob) -> Result<B256, ApiError> {
    request_hash(request).map_err(|error| match error {
        CanonicalError::Number { ref field, .. } => ApiError::Invalid(vec![FieldError::new(field, error.to_string())]),
        CanonicalError::Json(error) => ApiError::Internal(error.to_string()),
    })
}

fn refused(field: &str, bound: impl Into<String>, stated: impl ToString) -> ApiError {
    ApiError::OutOfBounds(vec![FieldError::bound(field, bound, stated.to_string())])
}

fn unsigned(field: &str, error: impl ToString) -> ApiError {
    ApiError::Invalid(vec![FieldError::new(field, format!("`{field}`: {}", error.to_string()))])
}
