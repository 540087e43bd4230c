//! Reviews: left and changed by the client of a receipt, hidden by operators. The log and the miner's tally follow in the same
//! transaction.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use shared::api::admin::OperatorAction;
use shared::chain::ESCROW_ADDRESS;
use shared::commitment::Salt;
use shared::job::task::TaskRole;
use shared::log::LogEntry;
use shared::log::entry::{LoggedHiding, LoggedReview};
use shared::review::{self, REVIEW_VERSIONS_MAX, ReviewTally, Stars};
use shared::time::UnixMillis;
use shared::{Address, B256};

use super::log::append;
use super::operators::{Recorded, is_recorded};
use super::{Change, Transaction};
use crate::amount::StoredAmount;
use crate::columns::{millis, stored_millis, stored_wide, to_i64, word};
use crate::entity::{job, job_receipt, miner, review as table};
use crate::record::operators::OperatorAct;
use crate::record::reviews::ReviewRecord;
use crate::review_rows::{review_tally, stars};
use crate::{Refusal, StoreError};

/// A client says how good the work of a receipt was, or says something else than before.
#[derive(Debug, Clone)]
pub struct WriteReview {
    /// A receipt that is stored.
    pub receipt_hash: B256,
    pub author: Address,
    pub stars: Stars,
    pub text: Option<String>,
    /// Commits the log to the text.
    pub salt: Salt,
    pub at: UnixMillis,
}

/// What a receipt says of the work that is reviewed.
struct Work {
    miner: Address,
    job_id: String,
    paid: StoredAmount,
}

#[async_trait]
impl Change for WriteReview {
    /// The review as it is now, and whether it is the first of this receipt.
    type Output = (ReviewRecord, bool);

    /// The same stars and words again change nothing.
    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(ReviewRecord, bool), StoreError> {
        let work = self.reviewed_work(transaction).await?;
        // A review of this miner that another hub of this database takes at the same time waits here.
        let mut tally = lock_tally(transaction, work.miner).await?;
        let before = find(transaction, self.receipt_hash).await?;
        let is_new = before.is_none();
        let is_told =
            before.as_ref().is_some_and(|row| row.stars == i64::from(self.stars.get()) && row.text == self.text);
        if !is_told {
            match &before {
                None => self.insert(transaction, &work).await?,
                Some(row) => {
                    self.replace(transaction, row).await?;
                    tally.remove(stars(row)?, work.paid.amount());
                }
            }
            tally.add(self.stars, work.paid.amount());
            store_tally(transaction, work.miner, tally).await?;
            append(transaction, &[LogEntry::Review(self.logged())]).await?;
        }
        let row = find(transaction, self.receipt_hash).await?;
        let row = row.ok_or_else(|| StoreError::corrupt("review", "it was written and is gone"))?;
        Ok((ReviewRecord::try_from(row)?, is_new))
    }
}

impl WriteReview {
    /// # Errors
    /// A receipt that is not this hub's or that its author may not review.
    async fn reviewed_work(&self, transaction: &Transaction<'_>) -> Result<Work, StoreError> {
        let of_hash = job_receipt::Column::ReceiptHash.eq(self.receipt_hash.to_string());
        let row = job_receipt::Entity::find().filter(of_hash).one(transaction.connection).await?;
        let row = row.ok_or_else(|| StoreError::corrupt("receipt", "a receipt that was found is gone"))?;
        if row.hub_id != transaction.hub_id {
            return Err(StoreError::Refused(Refusal::ReceiptOfAnotherHub));
        }
        let role: TaskRole = word("task role", &row.role)?;
        let (miner, client) = (word("miner", &row.provider)?, word("client", &row.client)?);
        review::check_author(self.author, client, miner, role)
            .map_err(|refusal| StoreError::Refused(Refusal::Review(refusal)))?;
        let contract: Address = word("contract", &row.contract)?;
        let of_id = job::Column::Id.eq(&row.job_id);
        let job = job::Entity::find().filter(of_id).one(transaction.connection).await?;
        // Who pays has signed the order, with or without an account here. For any other visitor the hub asks.
        if contract != ESCROW_ADDRESS && job.is_some_and(|job| job.sponsored) {
            return Err(StoreError::Refused(Refusal::ReviewOfVisitorsJob));
        }
        let amount = StoredAmount { ait: row.amount_ait, atto: row.amount_atto }.amount();
        let paid = StoredAmount::new("review.paid", review::paid(contract, amount))?;
        Ok(Work { miner, job_id: row.job_id, paid })
    }

    async fn insert(&self, transaction: &Transaction<'_>, work: &Work) -> Result<(), StoreError> {
        let row = table::ActiveModel {
            hub_id: Set(transaction.hub_id.to_owned()),
            receipt_hash: Set(self.receipt_hash.to_string()),
            job_id: Set(work.job_id.clone()),
            miner: Set(work.miner.to_string()),
            author: Set(self.author.to_string()),
            stars: Set(self.stars.get().into()),
            paid_ait: Set(work.paid.ait),
            paid_atto: Set(work.paid.atto),
            text: Set(self.text.clone()),
            salt: Set(self.stored_salt()),
            created_at_unix_ms: Set(stored_millis(self.at)),
            edited_at_unix_ms: Set(None),
            versions: Set(1),
            hidden_reason: Set(None),
            ..Default::default()
        };
        table::Entity::insert(row).exec_without_returning(transaction.connection).await?;
        Ok(())
    }

    /// # Errors
    /// A review that is too old, that was changed often, or whose text an operator hid.
    async fn replace(&self, transaction: &Transaction<'_>, before: &table::Model) -> Result<(), StoreError> {
        use table::Column;
        if !review::is_editable(millis(before.created_at_unix_ms), self.at) {
            return Err(StoreError::Refused(Refusal::ReviewFinal));
        }
        if before.versions >= i64::from(REVIEW_VERSIONS_MAX) {
            return Err(StoreError::Refused(Refusal::ReviewChangedOften { most: REVIEW_VERSIONS_MAX }));
        }
        if before.hidden_reason.is_some() {
            return Err(StoreError::Refused(Refusal::ReviewHidden));
        }
        table::Entity::update_many()
            .col_expr(Column::Stars, Expr::value(i64::from(self.stars.get())))
            .col_expr(Column::Text, Expr::value(self.text.clone()))
            .col_expr(Column::Salt, Expr::value(self.stored_salt()))
            .col_expr(Column::EditedAtUnixMs, Expr::value(stored_millis(self.at)))
            .col_expr(Column::Versions, Expr::value(before.versions + 1))
            .filter(Column::Seq.eq(before.seq))
            .exec(transaction.connection)
            .await?;
        Ok(())
    }

    fn stored_salt(&self) -> Option<String> {
        self.text.as_ref().map(|_| self.salt.to_string())
    }

    fn logged(&self) -> LoggedReview {
        LoggedReview {
            receipt_hash: self.receipt_hash,
            author: self.author,
            stars: self.stars,
            text: self.text.as_ref().map(|text| self.salt.commit_review(text)),
            at: self.at.seconds(),
        }
    }
}

async fn find(transaction: &Transaction<'_>, receipt_hash: B256) -> Result<Option<table::Model>, StoreError> {
    let of_hash = table::Column::ReceiptHash.eq(receipt_hash.to_string());
    Ok(table::Entity::find().filter(of_hash).one(transaction.connection).await?)
}

/// A miner with a receipt is never forgotten.
async fn lock_tally(transaction: &Transaction<'_>, address: Address) -> Result<ReviewTally, StoreError> {
    let find = miner::Entity::find_by_id(address.to_string()).lock_exclusive();
    let row = find.one(transaction.connection).await?;
    row.as_ref().map_or_else(|| Err(StoreError::corrupt("miner", "it served and is gone")), review_tally)
}

async fn store_tally(transaction: &Transaction<'_>, address: Address, tally: ReviewTally) -> Result<(), StoreError> {
    use miner::Column;
    miner::Entity::update_many()
        .col_expr(Column::ReviewsPaid, Expr::value(to_i64(tally.paid)))
        .col_expr(Column::ReviewsUnpaid, Expr::value(to_i64(tally.unpaid)))
        .col_expr(Column::ReviewWeight, Expr::value(stored_wide(tally.weight_atto)))
        .col_expr(Column::ReviewWeightedStars, Expr::value(stored_wide(tally.weighted_stars_atto)))
        .filter(Column::Address.eq(address.to_string()))
        .exec(transaction.connection)
        .await?;
    Ok(())
}

/// Nobody reads the text of a review from now on, or everybody does again. Its stars count as before. The log tells it.
#[derive(Debug, Clone)]
pub struct HideReview {
    pub receipt_hash: B256,
    pub hidden: bool,
    pub act: OperatorAct,
}

#[async_trait]
impl Change for HideReview {
    /// The review as it is now; `None` where nobody reviewed the receipt.
    type Output = Option<ReviewRecord>;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<Option<ReviewRecord>, StoreError> {
        let Some(mut row) = find(transaction, self.receipt_hash).await? else { return Ok(None) };
        if is_recorded(transaction, &self.act).await? {
            return ReviewRecord::try_from(row).map(Some);
        }
        self.check(transaction, &row)?;
        let before = row.hidden_reason.take();
        row.hidden_reason = self.hidden.then(|| self.act.reason.clone());
        table::Entity::update_many()
            .col_expr(table::Column::HiddenReason, Expr::value(row.hidden_reason.clone()))
            .filter(table::Column::Seq.eq(row.seq))
            .exec(transaction.connection)
            .await?;
        let action = if self.hidden { OperatorAction::HideReview } else { OperatorAction::ShowReview };
        let states = [before, row.hidden_reason.clone()].map(in_words);
        let record = Recorded { action, subject: self.receipt_hash.to_string(), states: [&states[0], &states[1]] };
        record.store(transaction, &self.act).await?;
        let (receipt_hash, hidden, reason) = (self.receipt_hash, self.hidden, self.act.reason.clone());
        let entry = LoggedHiding { receipt_hash, hidden, reason, at: self.act.at.seconds() };
        append(transaction, &[LogEntry::Hiding(entry)]).await?;
        ReviewRecord::try_from(row).map(Some)
    }
}

impl HideReview {
    fn check(&self, transaction: &Transaction<'_>, row: &table::Model) -> Result<(), StoreError> {
        let refusal = if row.hub_id != transaction.hub_id {
            Refusal::ReceiptOfAnotherHub
        } else if row.text.is_none() {
            Refusal::ReviewWithoutText
        } else if row.hidden_reason.is_some() == self.hidden {
            if self.hidden { Refusal::ReviewHidden } else { Refusal::ReviewShown }
        } else {
            return Ok(());
        };
        Err(StoreError::Refused(refusal))
    }
}

fn in_words(hidden_reason: Option<String>) -> String {
    hidden_reason.map_or_else(|| "its text is shown".to_owned(), |reason| format!("its text is hidden: {reason}"))
}
