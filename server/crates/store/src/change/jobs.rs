//! All changes of a job but its completion.

use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter};
use shared::Address;
use shared::escrow::SignedPaymentOrder;
use shared::failure::FailureEnd;
use shared::id::{JobId, LeaseId};
use shared::job::lifecycle::{Blame, Fault, JobState, TaskLife};
use shared::job::task::TaskRole;
use shared::log::entry::FaultCause;
use shared::time::UnixMillis;

use super::{
    Change, CountFault, FilledBid, SealFailure, Transaction, audits, bids, daily_use, failure, payments, webhooks,
};
use crate::columns::{WHY_UNAUDITED, encode, stored_millis, word, word_text};
use crate::entity::{idempotency_key, job, lease, task};
use crate::record::{DailyUse, IdempotencyRecord, LeaseRecord, MovedTask, NewJob};
use crate::{Refusal, StoreError};

/// From where a job is asked for without a key of the operator, and how much may be open from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedFrom {
    /// The class of the network address.
    pub network: String,
    /// What the classes of all networks of its IPv6 site begin with.
    pub site: Option<String>,
    /// Open tasks of all jobs from this network, and from its site, with those of this job.
    pub most_of_network: u64,
    pub most_of_site: u64,
}

impl AskedFrom {
    async fn check_room(&self, transaction: &Transaction<'_>, tasks: u64) -> Result<(), StoreError> {
        let of_network = job::Column::Network.eq(&self.network);
        let (most, of_site) = (self.most_of_network, self.most_of_site);
        if open_tasks(transaction, of_network).await?.saturating_add(tasks) > most {
            return Err(StoreError::Refused(Refusal::TooManyTasksOfNetwork { most }));
        }
        let Some(site) = &self.site else { return Ok(()) };
        if open_tasks(transaction, job::Column::Site.eq(site)).await?.saturating_add(tasks) > of_site {
            return Err(StoreError::Refused(Refusal::TooManyTasksOfSite { most: of_site }));
        }
        Ok(())
    }
}

/// Tasks that have not ended, of these jobs.
async fn open_tasks(transaction: &Transaction<'_>, jobs: Expr) -> Result<u64, StoreError> {
    let ids = Query::select().column(job::Column::Id).from(job::Entity).and_where(jobs).to_owned();
    let open = task::Entity::find()
        .filter(task::Column::JobId.in_subquery(ids))
        .filter(task::Column::State.is_not_in(ENDS.map(JobState::as_str)));
    Ok(open.count(transaction.connection).await?)
}

/// A new job, with its place in the daily quotas and the answer for repetitions of the request.
#[derive(Debug, Clone)]
pub struct CreateJob {
    pub job: NewJob,
    /// Absent where nothing may be minted for it.
    pub daily: Option<DailyUse>,
    /// Absent for a job of a key of the operator.
    pub asked_from: Option<AskedFrom>,
    pub idempotency: Option<IdempotencyRecord>,
    /// What its client pays with, where it is not minted.
    pub payment: Option<SignedPaymentOrder>,
    /// The bid that it fills. Where that is over, nothing is stored.
    pub bid: Option<FilledBid>,
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
            creator_sha256: Set(new.creator_sha256.map(|sha256| sha256.to_string())),
            kind: Set(encode("kind", &new.job.work.kind())?.trim_matches('"').to_owned()),
            model: Set(new.job.model.clone()),
            state: Set(life.state.as_str().to_owned()),
            job: Set(encode("job", &new.job)?),
            created_at_unix_ms: Set(stored_millis(new.created_at)),
            deadline_unix_ms: Set(stored_millis(new.deadline)),
            unaudited: Set(new.unaudited.map(|why| word_text(WHY_UNAUDITED, &why)).transpose()?),
            network: Set(self.asked_from.as_ref().map(|asked_from| asked_from.network.clone())),
            site: Set(self.asked_from.as_ref().and_then(|asked_from| asked_from.site.clone())),
            ..Default::default()
        };
        let unless_stored = OnConflict::column(job::Column::Id).do_nothing().to_owned();
        let seq = match job::Entity::insert(row).on_conflict(unless_stored).exec(transaction.connection).await {
            Ok(inserted) => inserted.last_insert_id,
            Err(DbErr::RecordNotInserted) => return stored_seq(transaction, new).await,
            Err(error) => return Err(error.into()),
        };
        if let Some(bid) = &self.bid {
            bids::fill(transaction, bid, new.created_at).await?;
        }
        if let Some(asked_from) = &self.asked_from {
            asked_from.check_room(transaction, new.tasks.len() as u64).await?;
        }
        if let Some(daily) = &self.daily {
            daily_use::reserve(transaction, new.id, daily).await?;
        }
        if let Some(first) = &self.idempotency {
            insert_first_answer(transaction, first).await?;
        }
        if let Some(order) = &self.payment {
            payments::insert(transaction, order, new.created_at).await?;
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

/// The place of a job that was stored by this very change before. Another job of this name, as two requests with one
/// order ask for, has another salt.
async fn stored_seq(transaction: &Transaction<'_>, new: &NewJob) -> Result<i64, StoreError> {
    let row = job::Entity::find()
        .filter(job::Column::Id.eq(new.id.to_string()))
        .filter(job::Column::HubId.eq(transaction.hub_id))
        .one(transaction.connection)
        .await?;
    let job = encode("job", &new.job)?;
    row.filter(|row| row.job == job).map(|row| row.seq).ok_or(StoreError::Duplicate("a job with this id"))
}

pub(super) async fn insert_first_answer(
    transaction: &Transaction<'_>,
    first: &IdempotencyRecord,
) -> Result<(), StoreError> {
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
        let miner = Expr::value(granted.miner.to_string());
        moving_task(&self.moved)?.col_expr(task::Column::Miner, miner).exec(transaction.connection).await?;
        move_job(transaction, &self.moved, granted.granted_at, Some(granted.granted_at)).await?;
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
        received_at_unix_ms: Set(None),
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
    /// When a result of it arrived that was looked at.
    pub received_at: Option<UnixMillis>,
    pub fault: Option<Fault>,
}

/// A task goes back to the queue, or ends without a result.
#[derive(Debug, Clone)]
pub struct MoveTask {
    pub moved: MovedTask,
    pub at: UnixMillis,
    pub ended: Option<EndedLease>,
    /// Signs the record of a job that ends with this.
    pub seal: Arc<dyn SealFailure>,
}

#[async_trait]
impl Change for MoveTask {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let mut moved = moving_task(&self.moved)?;
        if !self.moved.life.state.is_terminal() {
            moved = moved.col_expr(task::Column::Miner, Expr::value(None::<String>));
        }
        moved.exec(transaction.connection).await?;
        let ended = move_job(transaction, &self.moved, self.at, None).await?;
        if self.moved.task.role.is_audit() && self.moved.life.state.is_terminal() {
            audits::end_unanswered(transaction, self.moved.task, self.at).await?;
        }
        if let Some(lease) = &self.ended {
            self.end_lease(transaction, lease).await?;
        }
        match ended {
            Some(state) => after_end(transaction, self.moved.task.job_id, state, &*self.seal, self.at).await,
            None => Ok(()),
        }
    }
}

impl MoveTask {
    async fn end_lease(&self, transaction: &Transaction<'_>, ended: &EndedLease) -> Result<(), StoreError> {
        let EndedLease { lease_id, miner, received_at, fault } = ended;
        let ends_now = end_lease(transaction, *lease_id, self.at, (*received_at, fault.as_ref())).await?;
        if ends_now && fault.as_ref().is_some_and(|fault| fault.blame == Blame::Miner) {
            let fault = CountFault { miner: *miner, task: self.moved.task, cause: FaultCause::Lease, at: self.at };
            fault.apply(transaction).await?;
        }
        Ok(())
    }
}

/// States that a row leaves never.
pub(super) const ENDS: [JobState; 4] = [JobState::Completed, JobState::Failed, JobState::Canceled, JobState::Expired];

/// Moves the job of a task whose own move is stored already, and answers how the job ended where it ended by this. A job
/// that is over stays as it is, and so does another hub's. An audit moves nothing.
pub(super) async fn move_job(
    transaction: &Transaction<'_>,
    moved: &MovedTask,
    at: UnixMillis,
    started_at: Option<UnixMillis>,
) -> Result<Option<JobState>, StoreError> {
    use job::Column;
    if moved.task.role.is_audit() {
        return Ok(None);
    }
    let state = stored_state(transaction, moved).await?;
    let finished = state.is_terminal().then(|| stored_millis(at));
    let mut update = job::Entity::update_many()
        .col_expr(Column::Revision, Expr::col(Column::Revision).add(1))
        .col_expr(Column::State, Expr::value(state.as_str()))
        .col_expr(Column::FinishedAtUnixMs, Expr::value(finished));
    if state.is_terminal() {
        update = update
            .col_expr(Column::Network, Expr::value(None::<String>))
            .col_expr(Column::Site, Expr::value(None::<String>));
    }
    if let Some(started) = started_at.map(stored_millis) {
        let is_whole = moved.task.role == TaskRole::Serve;
        // A job of shards has begun with the first of them.
        let started = if is_whole { Expr::value(started) } else { Expr::col(Column::StartedAtUnixMs).if_null(started) };
        update = update.col_expr(Column::StartedAtUnixMs, started);
    }
    let updated = update
        .filter(Column::Id.eq(moved.task.job_id.to_string()))
        .filter(Column::HubId.eq(transaction.hub_id))
        .filter(Column::State.is_not_in(ENDS.map(JobState::as_str)))
        .exec(transaction.connection)
        .await?;
    Ok((state.is_terminal() && updated.rows_affected == 1).then_some(state))
}

/// The state of the job by its stored tasks. The board may know of an end of another shard that is not on the disk yet,
/// or never will be: then the job is not over here.
async fn stored_state(transaction: &Transaction<'_>, moved: &MovedTask) -> Result<JobState, StoreError> {
    if !matches!(moved.task.role, TaskRole::Shard(_)) {
        return Ok(moved.job);
    }
    let of_job = task::Column::JobId.eq(moved.task.job_id.to_string());
    let rows = task::Entity::find().filter(of_job).all(transaction.connection).await?;
    let states = rows.iter().map(|row| Ok((word("task role", &row.role)?, word("task state", &row.state)?)));
    Ok(JobState::of_tasks(states.collect::<Result<Vec<_>, StoreError>>()?))
}

/// What the end of a job brings with it: what it did not mint is free again, its client's webhooks are told, and a job that
/// lacks a result has a record of that.
pub(super) async fn after_end(
    transaction: &Transaction<'_>,
    job_id: JobId,
    state: JobState,
    seal: &dyn SealFailure,
    at: UnixMillis,
) -> Result<(), StoreError> {
    daily_use::give_back(transaction, job_id).await?;
    webhooks::announce(transaction, job_id, state, at).await?;
    let Some(end) = FailureEnd::of(state) else { return Ok(()) };
    payments::forget_unreserved(transaction, job_id, at).await?;
    failure::record(transaction, job_id, end, seal, at).await
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
    (received_at, fault): (Option<UnixMillis>, Option<&Fault>),
) -> Result<bool, StoreError> {
    let fault = fault.map(|fault| encode("fault", fault)).transpose()?;
    let ended = lease::Entity::update_many()
        .col_expr(lease::Column::ReceivedAtUnixMs, Expr::value(received_at.map(stored_millis)))
        .col_expr(lease::Column::EndedAtUnixMs, Expr::value(stored_millis(at)))
        .col_expr(lease::Column::Fault, Expr::value(fault))
        .filter(lease::Column::Id.eq(lease_id.to_string()))
        .filter(lease::Column::EndedAtUnixMs.is_null())
        .exec(transaction.connection)
        .await?;
    Ok(ended.rows_affected == 1)
}
