//! Bids: standing requests for jobs that no miner offers at their price, or with their filters, yet.
//!
//! A bid is a request like any other that is kept: whatever would refuse it as a job for good refuses it as a bid, and its job
//! is submitted by the same code. [`fill`] does that as soon as an offer fits.

mod fill;

use std::sync::Arc;

use hub::bids::{BIDS_FREE_MAX, BIDS_OPEN_MAX, BIDS_PER_NETWORK_MAX, BIDS_PER_SITE_MAX, has_filters};
use hub::quota;
use shared::Address;
use shared::api::bids::{BIDS_PER_CLIENT_MAX, BidQuoteView, BidState, BidView, CreateBid};
use shared::field_error::FieldError;
use shared::id::{BidId, JobId};
use shared::job::request::{PaymentMode, ValidJob};
use shared::time::UnixMillis;
use store::change;
use store::record::bids::BidRecord;
use store::{Store, StoreError};
use tokio::sync::Notify;

use crate::auth::Caller;
use crate::clock;
use crate::error::ApiError;
use crate::marketplace::MarketplaceFigures;
use crate::quotes::Ordered;
use crate::rate_limits;
use crate::submit::{IdempotencyKey, Submission};

pub(crate) use fill::run;

/// Takes bids, and says what became of them.
#[derive(Clone)]
pub struct Bids {
    pub(crate) store: Store,
    pub(crate) submission: Submission,
    /// Keeps the public book for a moment.
    pub(crate) figures: MarketplaceFigures,
    /// Rings when there is a new bid.
    pub(crate) bell: Arc<Notify>,
}

/// Whose bids a caller means.
fn client(caller: &Caller) -> Result<Address, ApiError> {
    caller.may_create_jobs()?;
    let whose = "bids are a client's: ask with an API key (X-Api-Key), or signed in with a wallet";
    caller.address().ok_or(ApiError::Unauthorized(whose))
}

fn missing(id: BidId) -> ApiError {
    ApiError::not_found("bid of this client", id)
}

impl Bids {
    /// What a bid that its client pays would cost, and the order that pays it.
    ///
    /// # Errors
    /// A caller without an account, one who names another client, and a job that no bid may ask for.
    pub(crate) async fn quote(&self, caller: &Caller, asked: &CreateBid) -> Result<BidQuoteView, ApiError> {
        let own = client(caller)?;
        let payment = &asked.job.payment;
        if payment.mode != PaymentMode::Escrow {
            let detail =
                "`job.payment.mode` is `escrow` in a request for a bid's quote: a job that is minted costs nothing";
            return Err(ApiError::Invalid(vec![FieldError::new("job.payment.mode", detail)]));
        }
        if let Some(other) = payment.client.filter(|named| *named != own) {
            return Err(ApiError::Forbidden(format!("the caller is {own}, and the bid is to be paid by {other}")));
        }
        self.submission.quote_bid(caller, own, asked).await
    }

    /// Keeps a bid. When this returns, it is on the disk; where an offer fits it now, it is filled at once. A repetition under
    /// its key gets the first answer.
    ///
    /// # Errors
    /// A caller without an account, a job that no bid may ask for, a deposit that does not cover it, no room, and a key that
    /// came with another body.
    pub(crate) async fn create(
        &self,
        caller: &Caller,
        asked: CreateBid,
        key: Option<IdempotencyKey>,
    ) -> Result<BidView, ApiError> {
        let own = client(caller)?;
        if let Some(first) = self.find_first(caller, key.as_ref()).await? {
            return Ok(first);
        }
        let Submission { node, quotes, rate_limits, limits, .. } = &self.submission;
        if node.disk_shortage().is_some() {
            return Err(ApiError::DiskFull);
        }
        let now = clock::now();
        let (job, ordered) = self.submission.check_bid(caller, &asked, now)?;
        let limit = caller.image_limit(limits.images_per_key_per_minute);
        let name = format!("bids of {}", caller.rate_name());
        rate_limits::check_of("bids", &**rate_limits, &name, limit, now).await?;
        if let Some(ordered) = &ordered {
            quotes.check_deposit(ordered).await?;
        }
        let bid = record(caller, own, asked, &job, ordered.as_ref(), now);
        let view = bid.view.clone();
        let answer = serde_json::to_string(&view).map_err(|error| ApiError::Internal(error.to_string()))?;
        let site_prefix = bid.network.as_deref().and_then(quota::site_prefix).map(str::to_owned);
        let create = change::CreateBid {
            bid,
            idempotency: key.as_ref().map(|key| key.first(caller, view.job_id, &answer, now)),
            site_prefix,
            most: BIDS_PER_CLIENT_MAX,
            most_of_network: BIDS_PER_NETWORK_MAX,
            most_of_site: BIDS_PER_SITE_MAX,
            most_free: BIDS_FREE_MAX,
            most_in_total: BIDS_OPEN_MAX,
        };
        let refused = match self.store.write(create).await {
            Ok(None) => {
                self.bell.notify_one();
                return Ok(view);
            }
            Ok(Some(refusal)) => StoreError::Refused(refusal),
            Err(error) => error,
        };
        // The same request may have been stored meanwhile.
        self.find_first(caller, key.as_ref()).await?.ok_or_else(|| refused.into())
    }

    /// The first answer to a request with this key.
    async fn find_first(&self, caller: &Caller, key: Option<&IdempotencyKey>) -> Result<Option<BidView>, ApiError> {
        let Some(key) = key else { return Ok(None) };
        let first = key.find_first(&self.store, caller).await?;
        let view = first.map(|first| serde_json::from_str(&first.answer)).transpose();
        view.map_err(|error| ApiError::Internal(format!("the first answer of a bid cannot be read: {error}")))
    }

    /// The caller's newest bids.
    pub(crate) async fn list(&self, caller: &Caller) -> Result<Vec<BidView>, ApiError> {
        Ok(self.store.list_bids(client(caller)?).await?)
    }

    /// One bid of the caller's.
    pub(crate) async fn find(&self, caller: &Caller, id: BidId) -> Result<BidView, ApiError> {
        let own = client(caller)?;
        let found = self.store.find_bid(id).await?.filter(|bid| bid.client == own);
        Ok(found.ok_or_else(|| missing(id))?.view)
    }

    /// Takes a bid back.
    ///
    /// # Errors
    /// One that is over. Of hub and client, who comes first wins.
    pub(crate) async fn cancel(&self, caller: &Caller, id: BidId) -> Result<BidView, ApiError> {
        let own = client(caller)?;
        let cancel = change::CancelBid { id, client: own, refusal: None, at: clock::now() };
        let was_open = self.store.write(cancel).await?;
        let bid = self.find(caller, id).await?;
        match bid.state {
            BidState::Canceled if was_open => Ok(bid),
            BidState::Filled => {
                Err(ApiError::Conflict(format!("the bid is filled: cancel its job {} instead", bid.job_id)))
            }
            state => Err(ApiError::Conflict(format!("the bid is over: {}", state.as_str()))),
        }
    }
}

fn record(
    caller: &Caller,
    client: Address,
    mut asked: CreateBid,
    job: &ValidJob,
    ordered: Option<&Ordered>,
    now: UnixMillis,
) -> BidRecord {
    let payment_mode = asked.job.payment.mode;
    if payment_mode == PaymentMode::Mint {
        // Another model may be the default by the time an offer fits. That of a paid job stands in its quote.
        asked.job.model = Some(job.model.clone());
    }
    let view = BidView {
        id: BidId::from_random(clock::random_u128()),
        job_id: ordered.map_or_else(|| JobId::from_random(clock::random_u128()), |ordered| ordered.signed.order.job_id),
        state: BidState::Open,
        kind: job.work.kind(),
        model: job.model.clone(),
        unit_type: job.work.unit_type(),
        units: job.work.units(),
        max_unit_price: asked.max_unit_price,
        payment_mode,
        refusal: None,
        created_at_unix_ms: now,
        expires_at_unix_ms: asked.expires_at.millis(),
        ended_at_unix_ms: None,
    };
    let network = match caller {
        Caller::Wallet { network, .. } => Some(network.clone()),
        Caller::Key(_) | Caller::Visitor { .. } => None,
    };
    let has_filters = has_filters(&asked.job.constraints);
    BidRecord { view, client, made_with: caller.key(), network, has_filters, asked: Some(asked) }
}
