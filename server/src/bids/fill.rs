//! Submits the jobs of bids that an offer fits.
//!
//! Several hubs over one database may look at one bid at once. The name of its job is drawn with the bid and a job is stored in
//! one change with the end of its bid, so that one of them submits it and the others find it over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use hub::board::Board;
use hub::catalog::ModelKey;
use shared::api::bids::{BID_REFUSAL_MAX_CHARS, BidView};
use shared::api::keys::ApiScope;
use shared::field_error::FieldError;
use shared::id::BidId;
use shared::job::request::{PaymentMode, ValidJob};
use shared::time::{MS_PER_DAY, UnixMillis};
use store::StoreError;
use store::change::{CancelBid, ExpireBids, PostponeBid};
use store::record::bids::BidRecord;
use tokio_util::sync::CancellationToken;

use super::Bids;
use crate::auth::Caller;
use crate::clock;
use crate::error::ApiError;

/// How often bids are looked at without a bell: other hubs take bids, too, and reputations change.
const EVERY: Duration = Duration::from_secs(2);

/// For so long a bid rests at one hub that cannot judge it.
const REST: Duration = Duration::from_secs(15);

/// Bids whose time has passed are ended at most so often, and those that ended so long ago are forgotten.
const EXPIRE_EVERY: Duration = Duration::from_secs(5);
const ENDED_KEPT_MS: u64 = 7 * MS_PER_DAY;

/// What this process knows of the open bids. The store alone says which are open.
#[derive(Default)]
struct Known {
    /// The job of each bid as it would be submitted, which tells whether an offer fits without a look at the store.
    jobs: BTreeMap<BidId, ValidJob>,
    /// Free slots of each model that are spoken for in the present look: by jobs that it submitted, and by those that wait for
    /// their payment.
    taken: BTreeMap<ModelKey, u64>,
    /// Bids that this hub cannot judge, until it looks at them again. Other hubs may fill them meanwhile.
    resting: BTreeMap<BidId, Instant>,
    expired_at: Option<Instant>,
}

impl Known {
    /// Whether a free slot is left for the job. What a look has submitted may or may not hold its slots yet: a slot is rather
    /// left free until the next look than promised twice.
    fn is_offered(&self, board: &Board, job: &ValidJob) -> bool {
        board.is_offered(job, self.taken.get(&ModelKey::of(job)).copied().unwrap_or_default())
    }

    /// The same, with the jobs that wait for their payment.
    fn has_slot(&mut self, board: &Board, job: &ValidJob) -> bool {
        if !self.is_offered(board, job) {
            return false;
        }
        self.taken.entry(ModelKey::of(job)).or_insert_with_key(|model| board.unpaid_jobs_of(model));
        self.is_offered(board, job)
    }

    /// A job was submitted.
    fn take_slot(&mut self, model: ModelKey) {
        let taken = self.taken.entry(model).or_default();
        *taken = taken.saturating_add(1);
    }
}

/// Runs until the server stops.
pub(crate) async fn run(bids: Bids, stop: CancellationToken) {
    let (mut ticks, mut known) = (tokio::time::interval(EVERY), Known::default());
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let offers = bids.submission.hub.offers();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = bids.bell.notified() => {}
            () = offers.notified() => {}
            _ = ticks.tick() => {}
        }
        if let Err(error) = look(&bids, &mut known, &stop).await {
            tracing::warn!(%error, "bids wait for the next look");
        }
    }
}

/// Ends what is over, and submits what an offer fits.
async fn look(bids: &Bids, known: &mut Known, stop: &CancellationToken) -> Result<(), StoreError> {
    if known.expired_at.is_none_or(|at| at.elapsed() >= EXPIRE_EVERY) {
        let at = clock::now();
        let forget_before = UnixMillis(at.0.saturating_sub(ENDED_KEPT_MS));
        // A write costs the disk a flush, and mostly there is nothing to end.
        if bids.store.has_bids_to_expire(at, forget_before).await? {
            bids.store.write(ExpireBids { at, forget_before }).await?;
        }
        known.expired_at = Some(Instant::now());
    }
    let waiting = bids.store.list_waiting_bids(clock::now()).await?;
    let open: BTreeSet<BidId> = waiting.iter().map(|bid| bid.id).collect();
    known.jobs.retain(|id, _| open.contains(id));
    known.taken.clear();
    let now = Instant::now();
    known.resting.retain(|id, until| open.contains(id) && *until > now);
    for bid in waiting {
        if stop.is_cancelled() {
            return Ok(());
        }
        if known.resting.contains_key(&bid.id) {
            continue;
        }
        // One at a time, so that the board can change in between.
        if known.jobs.get(&bid.id).is_none_or(|job| known.is_offered(&bids.submission.hub.board(), job)) {
            consider(bids, known, bid.id).await?;
        }
    }
    Ok(())
}

/// Submits the bid's job where an offer fits it.
async fn consider(bids: &Bids, known: &mut Known, id: BidId) -> Result<(), StoreError> {
    let Some(BidRecord { view, client, made_with, network, asked: Some(asked), .. }) = bids.store.find_bid(id).await?
    else {
        return Ok(());
    };
    let caller = match caller(bids, client, made_with, network).await? {
        Ok(caller) => caller,
        Err(refusal) => {
            let cancel = CancelBid { id, client, refusal: Some(refusal.to_owned()), at: clock::now() };
            bids.store.write(cancel).await?;
            return Ok(());
        }
    };
    let accepted = Instant::now();
    let submitted = match bids.submission.check_bid(&caller, &asked, clock::now()) {
        Err(error) => Err(error),
        Ok((job, _)) => {
            let is_offered = known.has_slot(&bids.submission.hub.board(), &job);
            known.jobs.insert(id, job);
            if !is_offered {
                return if view.refusal.is_some() { clear(bids, id).await } else { Ok(()) };
            }
            bids.submission.fill_bid(&caller, &view, &asked, accepted).await
        }
    };
    match submitted {
        Ok(()) => {
            known.take_slot(ModelKey { kind: view.kind, model: view.model.clone() });
            tracing::info!(bid = %id, job_id = %view.job_id, "a bid is filled");
        }
        // What is postponed rests at every hub of the database, and its refusal is shown to the client.
        Err(error) if is_of_this_hub(bids, &view, &error) => {
            known.resting.insert(id, Instant::now() + REST);
        }
        Err(error) => postpone(bids, &view, &error).await?,
    }
    Ok(())
}

/// Whether a refusal says nothing about the bid at other hubs: this one does not know its model, or no miner here has it or its
/// setting.
fn is_of_this_hub(bids: &Bids, bid: &BidView, error: &ApiError) -> bool {
    let is_of_catalog = match error {
        ApiError::Invalid(errors) | ApiError::OutOfBounds(errors) => names_what_miners_offer(errors),
        _ => false,
    };
    // A bid that its client pays is this hub's alone.
    let is_of_any_hub = bid.payment_mode == PaymentMode::Mint;
    let model = ModelKey { kind: bid.kind, model: bid.model.clone() };
    is_of_catalog || (is_of_any_hub && !bids.submission.hub.board().has_free_miner(&model))
}

/// Whether nothing but the model, or its setting for few steps, is refused. Both were right where the bid was made.
fn names_what_miners_offer(errors: &[FieldError]) -> bool {
    !errors.is_empty() && errors.iter().all(|error| ["model", "input.scheduler"].contains(&error.field.as_str()))
}

/// Who made a bid, with the rights of this moment.
///
/// # Errors
/// Why the bid counts no more.
async fn caller(
    bids: &Bids,
    client: shared::Address,
    made_with: Option<shared::id::ApiKeyId>,
    network: Option<String>,
) -> Result<Result<Caller, &'static str>, StoreError> {
    let key = match made_with {
        None => None,
        Some(id) => match bids.store.find_key(id).await? {
            Some(key) if key.view.revoked_at_unix_ms.is_none() => Some(key),
            _ => return Ok(Err("the API key that it was made with was revoked")),
        },
    };
    Ok(match (network, key) {
        (Some(network), key) => Ok(Caller::Wallet { wallet: client, network, key: key.map(|key| key.view.id) }),
        (None, Some(key)) if key.view.scope != ApiScope::Miner => Ok(Caller::Key(key)),
        (None, _) => Err("nobody is known who may submit its job"),
    })
}

/// Nothing fits any more what was refused before.
async fn clear(bids: &Bids, id: BidId) -> Result<(), StoreError> {
    bids.store.write(PostponeBid { id, refusal: None, not_before: clock::now() }).await
}

/// What becomes of a bid whose job was refused.
async fn postpone(bids: &Bids, bid: &BidView, error: &ApiError) -> Result<(), StoreError> {
    let retry_after_seconds = match error {
        // The offer that fitted is gone.
        ApiError::CannotBeServed(_) => return Ok(()),
        ApiError::TooManyRequests { retry_after_seconds, .. } => Some(*retry_after_seconds),
        _ => None,
    };
    let refusal = Some(words(error).chars().take(BID_REFUSAL_MAX_CHARS).collect());
    let not_before = clock::now().plus_ms(hub::bids::pause_ms(retry_after_seconds));
    // Nothing happens where the bid is over: its client took it back, or another hub was faster.
    bids.store.write(PostponeBid { id: bid.id, refusal, not_before }).await
}

/// The refusal, with the fields that it names.
fn words(error: &ApiError) -> String {
    match error {
        ApiError::Invalid(errors) | ApiError::OutOfBounds(errors) => {
            errors.iter().map(|error| error.detail.as_str()).collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_model_or_setting_alone_is_this_hubs() {
        let of = |fields: &[&str]| {
            let errors: Vec<FieldError> = fields.iter().map(|field| FieldError::new(*field, "refused")).collect();
            names_what_miners_offer(&errors)
        };
        assert!(of(&["model"]) && of(&["input.scheduler", "model"]));
        assert!(!of(&[]) && !of(&["model", "expires_at"]) && !of(&["input.steps"]));
    }
}
