//! What has waited for long, the oldest first: this hub's rows that its own work should have moved on. Each list has at most
//! `limit` rows.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};
use shared::B256;
use shared::api::receipts::{HoldState, SettlementState};
use shared::id::JobId;
use shared::job::lifecycle::JobState;
use shared::time::UnixMillis;

use super::payments::should_move;
use crate::columns::{from_i64, hold_text, millis, settlement_text, state_text, stored_millis, to_i64, word};
use crate::entity::{job, job_receipt, lease, outbox, payment};
use crate::record::{OutboxState, PaymentRecord, ReceiptRecord};
use crate::{Store, StoreError};

impl Store {
    /// Jobs that are not over, and whose deadline was before `before`.
    pub async fn list_overdue_jobs(
        &self,
        before: UnixMillis,
        limit: u64,
    ) -> Result<Vec<(JobId, UnixMillis)>, StoreError> {
        use job::Column::{DeadlineUnixMs, HubId, Id, State};
        let open = [JobState::Queued, JobState::Running, JobState::Verifying].map(JobState::as_str);
        let rows: Vec<(String, i64)> = job::Entity::find()
            .select_only()
            .columns([Id, DeadlineUnixMs])
            .filter(HubId.eq(&*self.hub_id))
            .filter(State.is_in(open))
            .filter(DeadlineUnixMs.lt(stored_millis(before)))
            .order_by_asc(DeadlineUnixMs)
            .limit(limit)
            .into_tuple()
            .all(&self.readers)
            .await?;
        rows.into_iter().map(|(id, deadline)| Ok((word("job id", &id)?, millis(deadline)))).collect()
    }

    /// Jobs with a lease that has not ended though its time was over before `before`.
    pub async fn list_overdue_leases(
        &self,
        before: UnixMillis,
        limit: u64,
    ) -> Result<Vec<(JobId, UnixMillis)>, StoreError> {
        use lease::Column::{DeadlineUnixMs, EndedAtUnixMs, HubId, JobId as Job};
        let rows: Vec<(String, i64)> = lease::Entity::find()
            .select_only()
            .columns([Job, DeadlineUnixMs])
            .filter(HubId.eq(&*self.hub_id))
            .filter(EndedAtUnixMs.is_null())
            .filter(DeadlineUnixMs.lt(stored_millis(before)))
            .order_by_asc(DeadlineUnixMs)
            .limit(limit)
            .into_tuple()
            .all(&self.readers)
            .await?;
        rows.into_iter().map(|(id, deadline)| Ok((word("job id", &id)?, millis(deadline)))).collect()
    }

    /// Payments that should move and have been in their state since before `before`, each with when its job ended.
    pub async fn list_resting_payments(
        &self,
        before: UnixMillis,
        limit: u64,
    ) -> Result<Vec<(PaymentRecord, Option<UnixMillis>)>, StoreError> {
        let rows = payment::Entity::find()
            .filter(payment::Column::HubId.eq(&*self.hub_id))
            .filter(should_move(before))
            .filter(payment::Column::ChangedAtUnixMs.lt(stored_millis(before)))
            .order_by_asc(payment::Column::ChangedAtUnixMs)
            .limit(limit)
            .all(&self.readers)
            .await?;
        let ends = self.ends_of(rows.iter().map(|row| row.job_id.clone())).await?;
        let with_end = |row: payment::Model| {
            let end = ends.get(&row.job_id).copied().flatten();
            Ok((PaymentRecord::try_from(row)?, end))
        };
        rows.into_iter().map(with_end).collect()
    }

    /// When jobs ended, by their ids; a job that the store does not know is absent.
    async fn ends_of(
        &self,
        ids: impl Iterator<Item = String>,
    ) -> Result<BTreeMap<String, Option<UnixMillis>>, StoreError> {
        let rows: Vec<(String, Option<i64>)> = job::Entity::find()
            .select_only()
            .columns([job::Column::Id, job::Column::FinishedAtUnixMs])
            .filter(job::Column::Id.is_in(ids))
            .into_tuple()
            .all(&self.readers)
            .await?;
        Ok(rows.into_iter().map(|(id, end)| (id, end.map(millis))).collect())
    }

    /// Receipts that are neither paid nor refused and were attested before `before`.
    pub async fn list_unpaid_receipts(&self, before: UnixMillis, limit: u64) -> Result<Vec<ReceiptRecord>, StoreError> {
        use job_receipt::Column;
        let waiting = [settlement_text(SettlementState::Pending)?, settlement_text(SettlementState::Submitted)?];
        let rows = job_receipt::Entity::find()
            .filter(Column::HubId.eq(&*self.hub_id))
            .filter(Column::Settlement.is_in(waiting))
            .filter(Column::AttestedAtUnixMs.lt(stored_millis(before)))
            .order_by_asc(Column::Seq)
            .limit(limit)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(ReceiptRecord::try_from).collect()
    }

    /// Minted receipts whose amount was due before `before` and is still held, and those minted before of which nobody has
    /// looked up whether it is.
    pub async fn list_overdue_holds(
        &self,
        before: UnixMillis,
        limit: u64,
    ) -> Result<Vec<(B256, UnixMillis)>, StoreError> {
        use job_receipt::Column;
        let held = Column::Hold.eq(hold_text(HoldState::Held)?).and(Column::DueUnix.lt(to_i64(before.seconds().0)));
        let unknown = Column::Hold.is_null().and(Column::AttestedAtUnixMs.lt(stored_millis(before)));
        let rows: Vec<(String, Option<i64>, i64)> = job_receipt::Entity::find()
            .select_only()
            .columns([Column::ReceiptHash, Column::DueUnix, Column::AttestedAtUnixMs])
            .filter(Column::HubId.eq(&*self.hub_id))
            .filter(Column::Settlement.eq(settlement_text(SettlementState::Minted)?))
            .filter(held.or(unknown))
            .order_by_asc(Column::Seq)
            .limit(limit)
            .into_tuple()
            .all(&self.readers)
            .await?;
        let row = |(hash, due, attested): (String, Option<i64>, i64)| {
            let since = due.map_or(millis(attested), |due| UnixMillis(from_i64(due).saturating_mul(1_000)));
            Ok((word("receipt hash", &hash)?, since))
        };
        rows.into_iter().map(row).collect()
    }

    /// Transactions that no block is known to have and that were signed before `before`, whatever key signed them.
    pub async fn list_unplaced_transactions(
        &self,
        before: UnixMillis,
        limit: u64,
    ) -> Result<Vec<(B256, UnixMillis)>, StoreError> {
        use outbox::Column::{HubId, Id, SignedAtUnixMs, State, TransactionHash};
        let rows: Vec<(String, i64)> = outbox::Entity::find()
            .select_only()
            .columns([TransactionHash, SignedAtUnixMs])
            .filter(HubId.eq(&*self.hub_id))
            .filter(State.eq(state_text(OutboxState::Signed)?))
            .filter(SignedAtUnixMs.lt(stored_millis(before)))
            .order_by_asc(Id)
            .limit(limit)
            .into_tuple()
            .all(&self.readers)
            .await?;
        rows.into_iter().map(|(hash, signed)| Ok((word("transaction hash", &hash)?, millis(signed)))).collect()
    }

    /// What the store has of jobs for which the chain has money set aside: their payment, and when the job ended. Jobs
    /// without a payment, or that it does not know, are absent.
    pub async fn list_payments_with_ends(
        &self,
        jobs: &[JobId],
    ) -> Result<BTreeMap<JobId, (PaymentRecord, Option<UnixMillis>)>, StoreError> {
        let payments = self.list_payments_of_jobs(jobs).await?;
        let ends = self.ends_of(jobs.iter().map(JobId::to_string)).await?;
        let known = payments.into_iter().filter_map(|(id, payment)| {
            let end = ends.get(&id.to_string())?;
            Some((id, (payment, *end)))
        });
        Ok(known.collect())
    }
}
