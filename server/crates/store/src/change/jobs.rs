//! All changes of a job but its completion.

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, ExprTrait, QueryFilter};
use shared::Address;
use shared::id::{JobId, LeaseId};
use shared::job::lifecycle::{Blame, Fault, JobState, TaskLife};
use shared::time::UnixMillis;

use super::{Change, CountFault, Transaction};
use crate::StoreError;
use crate::columns::{encode, stored_millis, to_i64};
use crate::entity::{idempotency_key, job, lease, sponsored_usage, task};
use crate::error::Refusal;
use crate::record::{IdempotencyRecord, LeaseRecord, MovedTask, NewJob, SponsoredUse};

/// A new job, with its place in the sponsored quota and the answer for repetitions of the request.
#[derive(Debug, Clone)]
pub struct CreateJob {
    pub job: NewJob,
    pub sponsored: Option<SponsoredUse>,
    pub idempotency: Option<IdempotencyRecord>,
}

#[async_trait]
impl Change for CreateJob {
    /// Its place in the order of arrival.
    type Output = i64;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<i64, StoreError> {
        let new = &self.job;
        let life = TaskLife::default();
        let row = job::ActiveModel {
            id: Set(new.id.to_string()),
            hub_id: Set(transaction.hub_id.to_owned()),
            revision: Set(1),
            client: Set(new.client.to_string()),
            sponsored: Set(new.sponsored),
            kind: Set(encode("kind", &new.job.work.kind())?.trim_matches('"').to_owned()),
            state: Set(life.state.as_str().to_owned()),
            job: Set(encode("job", &new.job)?),
            created_at_unix_ms: Set(stored_millis(new.created_at)),
            deadline_unix_ms: Set(stored_millis(new.deadline)),
            ..Default::default()
        };
        let unless_stored = OnConflict::column(job::Column::Id).do_nothing().to_owned();
        let seq = match job::Entity::insert(row).on_conflict(unless_stored).exec(transaction.connection).await {
            Ok(inserted) => inserted.last_insert_id,
            Err(DbErr::RecordNotInserted) => return stored_seq(transaction, new.id).await,
            Err(error) => return Err(error.into()),
        };
        if let Some(sponsored) = &self.sponsored {
            count_sponsored(transaction, sponsored).await?;
        }
        if let Some(first) = &self.idempotency {
            insert_first_answer(transaction, first).await?;
        }
        let life_json = encode("life", &life)?;
        let tasks = new.tasks.iter().map(|role| task::ActiveModel {
            job_id: Set(new.id.to_string()),
            role: Set(role.to_string()),
            state: Set(life.state.as_str().to_owned()),
            life: Set(life_json.clone()),
            miner: Set(None),
            metering: Set(None),
        });
        task::Entity::insert_many(tasks).exec_without_returning(transaction.connection).await?;
        Ok(seq)
    }
}

/// The place of a job that was stored by this very change before.
async fn stored_seq(transaction: &Transaction<'_>, id: JobId) -> Result<i64, StoreError> {
    let row = job::Entity::find()
        .filter(job::Column::Id.eq(id.to_string()))
        .filter(job::Column::HubId.eq(transaction.hub_id))
        .one(transaction.connection)
        .await?;
    row.map(|row| row.seq).ok_or(StoreError::Duplicate("a job with this id"))
}

async fn insert_first_answer(transaction: &Transaction<'_>, first: &IdempotencyRecord) -> Result<(), StoreError> {
    let row = idempotency_key::ActiveModel {
        caller: Set(first.caller.clone()),
        key: Set(first.key.clone()),
        body_sha256: Set(first.body_sha256.to_string()),
        job_id: Set(first.job_id.to_string()),
        answer: Set(first.answer.clone()),
        created_at_unix_ms: Set(stored_millis(first.created_at)),
    };
    idempotency_key::Entity::insert(row).exec_without_returning(transaction.connection).await?;
    Ok(())
}

/// The empty address counts everybody, so that a visitor with many addresses is bounded as well.
async fn count_sponsored(transaction: &Transaction<'_>, used: &SponsoredUse) -> Result<(), StoreError> {
    let per_address = Refusal::SponsoredByAddress { limit: used.limit_per_address };
    count_one(transaction, used.day, &used.address, used.limit_per_address, per_address).await?;
    let in_total = Refusal::SponsoredInTotal { limit: used.limit_in_total };
    count_one(transaction, used.day, "", used.limit_in_total, in_total).await
}

/// Counts one more in one statement, unless the limit is reached.
async fn count_one(
    transaction: &Transaction<'_>,
    day: u64,
    address: &str,
    limit: u32,
    refusal: Refusal,
) -> Result<(), StoreError> {
    use sponsored_usage::{ActiveModel, Column, Entity};
    if limit == 0 {
        return Err(StoreError::Refused(refusal));
    }
    let row = ActiveModel { day: Set(to_i64(day)), address: Set(address.to_owned()), jobs: Set(1) };
    let used = || Expr::col((Entity, Column::Jobs));
    let one_more = OnConflict::columns([Column::Day, Column::Address])
        .value(Column::Jobs, used().add(1_i64))
        .action_and_where(used().lt(i64::from(limit)))
        .to_owned();
    match Entity::insert(row).on_conflict(one_more).exec_without_returning(transaction.connection).await? {
        0 => Err(StoreError::Refused(refusal)),
        _ => Ok(()),
    }
}

/// A task goes to a miner.
#[derive(Debug, Clone)]
pub struct GrantLease {
    pub lease: LeaseRecord,
    pub moved: MovedTask,
}

#[async_trait]
impl Change for GrantLease {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let granted = &self.lease;
        insert_lease(transaction, granted).await?;
        let started = Expr::value(stored_millis(granted.granted_at));
        moving_job(transaction, &self.moved)
            .col_expr(job::Column::StartedAtUnixMs, started)
            .exec(transaction.connection)
            .await?;
        let miner = Expr::value(granted.miner.to_string());
        moving_task(&self.moved)?.col_expr(task::Column::Miner, miner).exec(transaction.connection).await?;
        Ok(())
    }
}

/// Nothing happens where the lease is stored already.
pub(super) async fn insert_lease(transaction: &Transaction<'_>, granted: &LeaseRecord) -> Result<(), StoreError> {
    let row = lease::ActiveModel {
        id: Set(granted.id.to_string()),
        hub_id: Set(transaction.hub_id.to_owned()),
        job_id: Set(granted.task.job_id.to_string()),
        role: Set(granted.task.role.to_string()),
        miner: Set(granted.miner.to_string()),
        terms: Set(encode("terms", &granted.terms)?),
        granted_at_unix_ms: Set(stored_millis(granted.granted_at)),
        deadline_unix_ms: Set(stored_millis(granted.deadline)),
        ended_at_unix_ms: Set(None),
        fault: Set(None),
    };
    let unless_stored = OnConflict::column(lease::Column::Id).do_nothing().to_owned();
    lease::Entity::insert(row).on_conflict(unless_stored).exec_without_returning(transaction.connection).await?;
    Ok(())
}

/// The lease that ended with a move, and by whose fault.
#[derive(Debug, Clone)]
pub struct EndedLease {
    pub lease_id: LeaseId,
    pub miner: Address,
    pub fault: Option<Fault>,
}

/// A task goes back to the queue, or ends without a result.
#[derive(Debug, Clone)]
pub struct MoveTask {
    pub moved: MovedTask,
    pub at: UnixMillis,
    pub ended: Option<EndedLease>,
}

#[async_trait]
impl Change for MoveTask {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let finished = self.moved.job.is_terminal().then(|| stored_millis(self.at));
        moving_job(transaction, &self.moved)
            .col_expr(job::Column::FinishedAtUnixMs, Expr::value(finished))
            .exec(transaction.connection)
            .await?;
        let mut moved = moving_task(&self.moved)?;
        if !self.moved.life.state.is_terminal() {
            moved = moved.col_expr(task::Column::Miner, Expr::value(None::<String>));
        }
        moved.exec(transaction.connection).await?;
        let Some(ended) = &self.ended else { return Ok(()) };
        let ends_now = end_lease(transaction, ended.lease_id, self.at, ended.fault.as_ref()).await?;
        if ends_now && ended.fault.as_ref().is_some_and(|fault| fault.blame == Blame::Miner) {
            CountFault { miner: ended.miner }.apply(transaction).await?;
        }
        Ok(())
    }
}

/// States that a row leaves never.
const ENDS: [JobState; 4] = [JobState::Completed, JobState::Failed, JobState::Canceled, JobState::Expired];

/// The update of the job that every move of one of its tasks shares. A job that is over stays as it is, and so does
/// another hub's.
pub(super) fn moving_job(transaction: &Transaction<'_>, moved: &MovedTask) -> sea_orm::UpdateMany<job::Entity> {
    job::Entity::update_many()
        .col_expr(job::Column::Revision, Expr::col(job::Column::Revision).add(1))
        .col_expr(job::Column::State, Expr::value(moved.job.as_str()))
        .filter(job::Column::Id.eq(moved.task.job_id.to_string()))
        .filter(job::Column::HubId.eq(transaction.hub_id))
        .filter(job::Column::State.is_not_in(ENDS.map(JobState::as_str)))
}

/// The update of the task itself. A task that has ended stays as it is.
pub(super) fn moving_task(moved: &MovedTask) -> Result<sea_orm::UpdateMany<task::Entity>, StoreError> {
    Ok(task::Entity::update_many()
        .col_expr(task::Column::State, Expr::value(moved.life.state.as_str()))
        .col_expr(task::Column::Life, Expr::value(encode("life", &moved.life)?))
        .filter(task::Column::JobId.eq(moved.task.job_id.to_string()))
        .filter(task::Column::Role.eq(moved.task.role.to_string()))
        .filter(task::Column::State.is_not_in(ENDS.map(JobState::as_str))))
}

/// Returns whether the lease had not ended before.
pub(super) async fn end_lease(
    transaction: &Transaction<'_>,
    lease_id: LeaseId,
    at: UnixMillis,
    fault: Option<&Fault>,
) -> Result<bool, StoreError> {
    let fault = fault.map(|fault| encode("fault", fault)).transpose()?;
    let ended = lease::Entity::update_many()
        .col_expr(lease::Column::EndedAtUnixMs, Expr::value(stored_millis(at)))
        .col_expr(lease::Column::Fault, Expr::value(fault))
        .filter(lease::Column::Id.eq(lease_id.to_string()))
        .filter(lease::Column::EndedAtUnixMs.is_null())
        .exec(transaction.connection)
        .await?;
    Ok(ended.rows_affected == 1)
}
