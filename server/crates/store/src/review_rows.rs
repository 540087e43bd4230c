//! Rows of reviews, read by changes and by questions.

use shared::api::reviews::ReviewView;
use shared::review::{NoStars, REVIEW_EDITABLE_MS, ReviewTally, Stars};

use crate::StoreError;
use crate::amount::StoredAmount;
use crate::columns::{from_i64, millis, wide, word};
use crate::entity::{miner, review};
use crate::record::reviews::ReviewRecord;

/// What clients said of a miner, as its row has it.
pub(crate) fn review_tally(row: &miner::Model) -> Result<ReviewTally, StoreError> {
    Ok(ReviewTally {
        paid: from_i64(row.reviews_paid),
        unpaid: from_i64(row.reviews_unpaid),
        weight_atto: wide("weight of reviews", &row.review_weight)?,
        weighted_stars_atto: wide("weighted stars", &row.review_weighted_stars)?,
    })
}

/// The stars of a row.
pub(crate) fn stars(row: &review::Model) -> Result<Stars, StoreError> {
    let count = u8::try_from(row.stars).unwrap_or_default();
    Stars::try_from(count).map_err(|error: NoStars| StoreError::corrupt("review", error))
}

impl TryFrom<review::Model> for ReviewRecord {
    type Error = StoreError;

    fn try_from(row: review::Model) -> Result<Self, StoreError> {
        let created_at = millis(row.created_at_unix_ms);
        let is_hidden = row.hidden_reason.is_some();
        let stars = stars(&row)?;
        let view = ReviewView {
            receipt_hash: word("receipt hash", &row.receipt_hash)?,
            job_id: word("job id", &row.job_id)?,
            miner: word("miner", &row.miner)?,
            author: word("author", &row.author)?,
            stars,
            paid: StoredAmount { ait: row.paid_ait, atto: row.paid_atto }.amount(),
            text: row.text.filter(|_| !is_hidden),
            salt: row.salt.filter(|_| !is_hidden).map(|salt| word("salt", &salt)).transpose()?,
            hidden_reason: row.hidden_reason,
            created_at_unix_ms: created_at,
            edited_at_unix_ms: row.edited_at_unix_ms.map(millis),
            editable_until_unix_ms: created_at.plus_ms(REVIEW_EDITABLE_MS),
        };
        Ok(Self { seq: row.seq, view })
    }
}
