//! What the client of a job says, or may say, of the work.

use frontend::backend::OwnReview;
use shared::api::jobs::JobView;
use shared::api::reviews::ReviewView;
use shared::job::request::PaymentMode;
use shared::review::{check_author, is_editable};
use shared::time::UnixMillis;
use shared::{Address, B256};
use store::{Store, StoreError};

/// Of each part that may be reviewed, so far; `None` where the reader is not who asked for the job or paid it, or where there is
/// nothing to review.
pub(super) async fn of_job(
    store: &Store,
    reader: Option<Address>,
    job: &JobView,
    now: UnixMillis,
) -> Result<Option<Vec<OwnReview>>, StoreError> {
    let is_visitors = job.sponsored && job.payment_mode == PaymentMode::Mint;
    let Some(client) = reader.filter(|reader| *reader == job.client && !is_visitors) else { return Ok(None) };
    let receipts = store.list_receipts_of_jobs(&[job.id]).await?.remove(&job.id).unwrap_or_default();
    let reviewable: Vec<(B256, Address)> = receipts
        .iter()
        .map(|record| (record.role, &record.signed))
        .filter(|(role, signed)| check_author(client, signed.receipt.client, signed.receipt.provider, *role).is_ok())
        .map(|(_, signed)| (signed.receipt_hash, signed.receipt.provider))
        .collect();
    // Nothing of it will ever be reviewed: it ended without a result, or its client served it.
    if reviewable.is_empty() && (job.state.is_terminal() || !receipts.is_empty()) {
        return Ok(None);
    }
    let hashes: Vec<B256> = reviewable.iter().map(|(hash, _)| *hash).collect();
    let written = store.list_reviews_of_receipts(&hashes).await?;
    let own = |(receipt_hash, miner): (B256, Address)| {
        let review = written.iter().map(|row| &row.view).find(|view| view.receipt_hash == receipt_hash).cloned();
        let is_open = review.as_ref().is_none_or(|review| may_change(review, now));
        OwnReview { receipt_hash, miner, review, is_open }
    };
    Ok(Some(reviewable.into_iter().map(own).collect()))
}

fn may_change(review: &ReviewView, now: UnixMillis) -> bool {
    review.hidden_reason.is_none() && is_editable(review.created_at_unix_ms, now)
}
