//! Payments from the escrow, and which of them need a transaction.

use std::collections::BTreeMap;

use sea_orm::sea_query::{Condition, Query};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use shared::Address;
use shared::amount::Amount;
use shared::api::payments::{PaymentFigures, PaymentState};
use shared::api::receipts::SettlementState;
use shared::id::JobId;
use shared::job::lifecycle::JobState;
use shared::job::task::TaskRole;
use shared::time::UnixMillis;

use super::jobs::SHARDS;
use crate::StoreError;
use crate::columns::{decode, from_i64, millis, settlement_text, stored_millis, word};
use crate::entity::payment::{self, Column};
use crate::entity::{job, job_receipt};
use crate::record::PaymentRecord;
use crate::store::Store;

/// States that a payment does not leave.
const OPEN: [PaymentState; 4] =
    [PaymentState::Awaiting, PaymentState::Reserving, PaymentState::Reserved, PaymentState::Closing];

/// Jobs that are over. What is still reserved for them then, and not claimed by a receipt, is the client's.
const OVER: [JobState; 4] = [JobState::Completed, JobState::Failed, JobState::Canceled, JobState::Expired];

/// Receipts that the escrow may still pay.
const TO_BE_PAID: [SettlementState; 2] = [SettlementState::Pending, SettlementState::Submitted];

fn in_states(states: &[PaymentState]) -> sea_orm::sea_query::Expr {
    Column::State.is_in(states.iter().map(|state| state.as_str()))
}

impl Store {
    /// Payments of these jobs, by job.
    pub async fn list_payments_of_jobs(&self, jobs: &[JobId]) -> Result<BTreeMap<JobId, PaymentRecord>, StoreError> {
        if jobs.is_empty() {
            return Ok(BTreeMap::new());
        }
        let ids = jobs.iter().map(JobId::to_string);
        let rows = payment::Entity::find().filter(Column::JobId.is_in(ids)).all(&self.readers).await?;
        let records = rows.into_iter().map(PaymentRecord::try_from);
        records.map(|record| record.map(|record| (record.signed.order.job_id, record))).collect()
    }

    pub async fn find_payment(&self, job_id: JobId) -> Result<Option<PaymentRecord>, StoreError> {
        Ok(self.list_payments_of_jobs(&[job_id]).await?.remove(&job_id))
    }

    fn own_payments(&self) -> Select<payment::Entity> {
        payment::Entity::find().filter(Column::HubId.eq(&*self.hub_id)).order_by_asc(Column::Seq)
    }

    /// This hub's payments that a reservation may be tried for now, oldest first.
    pub async fn list_payments_to_reserve(
        &self,
        now: UnixMillis,
        limit: u64,
    ) -> Result<Vec<PaymentRecord>, StoreError> {
        let query = self.own_payments().filter(in_states(&[PaymentState::Awaiting]));
        records(query.filter(Column::NotBeforeUnixMs.lte(stored_millis(now))).limit(limit), self).await
    }

    /// This hub's reservations that nothing more will be paid from, oldest first: the job is over, and each of its
    /// receipts is paid or refused for good.
    pub async fn list_payments_to_close(&self, now: UnixMillis, limit: u64) -> Result<Vec<PaymentRecord>, StoreError> {
        let query = self.own_payments().filter(in_states(&[PaymentState::Reserved])).filter(nothing_to_pay()?);
        records(query.filter(Column::NotBeforeUnixMs.lte(stored_millis(now))).limit(limit), self).await
    }

    /// This hub's payments that the chain may know more of, oldest first, after a place in that order.
    pub async fn list_payments_on_chain(
        &self,
        after_seq: Option<i64>,
        limit: u64,
    ) -> Result<Vec<PaymentRecord>, StoreError> {
        let states = [PaymentState::Reserving, PaymentState::Reserved, PaymentState::Closing];
        let query = self.own_payments().filter(in_states(&states));
        records(query.filter(Column::Seq.gt(after_seq.unwrap_or(i64::MIN))).limit(limit), self).await
    }

    /// This client's payments that may not be reserved yet, whatever hub they are of, at most `limit`.
    pub async fn list_unreserved_payments(
        &self,
        client: Address,
        limit: u64,
    ) -> Result<Vec<PaymentRecord>, StoreError> {
        let query = payment::Entity::find()
            .filter(Column::Client.eq(client.to_string()))
            .filter(in_states(&[PaymentState::Awaiting, PaymentState::Reserving]));
        records(query.order_by_asc(Column::Seq).limit(limit), self).await
    }

    /// How many of this hub's payments are open, and how many of them have not moved since `before` though they should.
    pub async fn count_payments(&self, before: UnixMillis) -> Result<PaymentFigures, StoreError> {
        let open = self.own_payments().filter(in_states(&OPEN)).count(&self.readers).await?;
        let stuck = self
            .own_payments()
            .filter(Column::ChangedAtUnixMs.lt(stored_millis(before)))
            .filter(should_move(before))
            .count(&self.readers)
            .await?;
        Ok(PaymentFigures { open, stuck })
    }
}

/// Payments that do not wait for a job that still runs.
pub(super) fn should_move(before: UnixMillis) -> Condition {
    let moving = [PaymentState::Awaiting, PaymentState::Reserving];
    let over = Query::select()
        .column(job::Column::Id)
        .from(job::Entity)
        .and_where(job::Column::FinishedAtUnixMs.lt(stored_millis(before)))
        .to_owned();
    let reserved = Condition::all()
        .add(in_states(&[PaymentState::Reserved, PaymentState::Closing]))
        .add(Column::JobId.in_subquery(over));
    Condition::any().add(in_states(&moving)).add(reserved)
}

fn nothing_to_pay() -> Result<Condition, StoreError> {
    use job_receipt::Column::{JobId, Role, Settlement};
    let over = Query::select()
        .column(job::Column::Id)
        .from(job::Entity)
        .and_where(job::Column::State.is_in(OVER.map(JobState::as_str)))
        .to_owned();
    let to_be_paid = TO_BE_PAID.into_iter().map(settlement_text).collect::<Result<Vec<_>, _>>()?;
    let claimed = Query::select()
        .column(JobId)
        .from(job_receipt::Entity)
        .and_where(Settlement.is_in(to_be_paid))
        // The client does not pay for audits.
        .and_where(Role.eq(TaskRole::Serve.to_string()).or(Role.starts_with(SHARDS)))
        .to_owned();
    Ok(Condition::all().add(Column::JobId.in_subquery(over)).add(Column::JobId.not_in_subquery(claimed)))
}

async fn records(query: Select<payment::Entity>, store: &Store) -> Result<Vec<PaymentRecord>, StoreError> {
    query.all(&store.readers).await?.into_iter().map(PaymentRecord::try_from).collect()
}

fn amount(text: Option<String>) -> Result<Option<Amount>, StoreError> {
    let atto = |text: String| word::<u128>("amount", &text).map(Amount::from_atto);
    text.map(atto).transpose()
}

impl TryFrom<payment::Model> for PaymentRecord {
    type Error = StoreError;

    fn try_from(row: payment::Model) -> Result<Self, StoreError> {
        let placed = |json: Option<String>| json.map(|json| decode("transaction", &json)).transpose();
        Ok(Self {
            seq: row.seq,
            signed: decode("payment order", &row.signed_order)?,
            state: decode("payment state", &format!("\"{}\"", row.state))?,
            refusal: row.refusal,
            attempts: u32::try_from(from_i64(row.attempts)).unwrap_or(u32::MAX),
            changed_at: millis(row.changed_at_unix_ms),
            transaction_hash: row.transaction_hash.map(|text| word("transaction hash", &text)).transpose()?,
            reserved_in: placed(row.reserved_in)?,
            ended_in: placed(row.ended_in)?,
            paid: amount(row.paid)?,
            fee: amount(row.fee)?,
            refunded: amount(row.refunded)?,
        })
    }
}
