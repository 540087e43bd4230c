//! Daily quotas: a new job reserves the most that may be minted for it, its audits included, and gives back what was not when
//! it and its last audit have ended.
//!
//! The bound therefore holds whatever the miners ask and however many jobs run at once. A reservation is a row, so that
//! it survives a restart and is given back once.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter};
use shared::amount::Amount;
use shared::id::JobId;
use shared::job::lifecycle::JobState;
use shared::job::task::TaskRole;

use super::Transaction;
use super::jobs::ENDS;
use crate::StoreError;
use crate::amount::{StoredAmount, micro_ait, micro_ait_amount};
use crate::columns::{to_i64, word};
use crate::entity::{audit, daily_reservation, daily_use, job, job_receipt, payment};
use crate::error::Refusal;
use crate::record::{DailyAccount, DailyUse};

/// Counts a new job for each of its accounts, or refuses it.
pub(super) async fn reserve(transaction: &Transaction<'_>, job_id: JobId, daily: &DailyUse) -> Result<(), StoreError> {
    let asked = micro_ait(daily.amount);
    for account in &daily.accounts {
        count(transaction, daily, account, asked).await?;
    }
    let rows = daily.accounts.iter().map(|account| daily_reservation::ActiveModel {
        job_id: Set(job_id.to_string()),
        account: Set(account.name.clone()),
        day: Set(to_i64(daily.day)),
        micro_ait: Set(asked),
    });
    daily_reservation::Entity::insert_many(rows).exec_without_returning(transaction.connection).await?;
    Ok(())
}

/// One statement counts the job unless a limit is reached, so that two hubs together keep the limit as well.
async fn count(
    transaction: &Transaction<'_>,
    daily: &DailyUse,
    account: &DailyAccount,
    asked: i64,
) -> Result<(), StoreError> {
    use daily_use::{ActiveModel, Column, Entity};
    let (jobs_max, most) = (account.jobs_max.map_or(i64::MAX, i64::from), micro_ait(account.mint_max));
    let (day, jobs) = (to_i64(daily.day), i64::from(daily.counts_as_job));
    if jobs_max < jobs || asked > most {
        return Err(refusal(transaction, daily, account, asked).await?);
    }
    let row = ActiveModel { day: Set(day), account: Set(account.name.clone()), jobs: Set(jobs), micro_ait: Set(asked) };
    let column = |column: Column| Expr::col((Entity, column));
    let more = OnConflict::columns([Column::Day, Column::Account])
        .value(Column::Jobs, column(Column::Jobs).add(jobs))
        .value(Column::MicroAit, column(Column::MicroAit).add(asked))
        .action_and_where(column(Column::Jobs).lte(jobs_max - jobs))
        .action_and_where(column(Column::MicroAit).lte(most - asked))
        .to_owned();
    match Entity::insert(row).on_conflict(more).exec_without_returning(transaction.connection).await? {
        0 => Err(refusal(transaction, daily, account, asked).await?),
        _ => Ok(()),
    }
}

/// Which limit is reached, with its value.
async fn refusal(
    transaction: &Transaction<'_>,
    daily: &DailyUse,
    account: &DailyAccount,
    asked: i64,
) -> Result<StoreError, StoreError> {
    let of_account = (to_i64(daily.day), account.name.clone());
    let row = daily_use::Entity::find_by_id(of_account).one(transaction.connection).await?;
    let (jobs, taken) = row.map_or((0, 0), |row| (row.jobs, row.micro_ait));
    let whose = account.whose;
    Ok(StoreError::Refused(match account.jobs_max.filter(|_| daily.counts_as_job) {
        Some(limit) if jobs >= i64::from(limit) => Refusal::DailyJobs { whose, limit },
        _ => Refusal::DailyMint {
            whose,
            limit: account.mint_max,
            taken: micro_ait_amount(taken),
            asked: micro_ait_amount(asked),
        },
    }))
}

/// What was not minted for a job, and will not be, is free again. Before the job is over nothing happens. While one of its
/// audits is open, what that one may mint stays reserved.
pub(super) async fn give_back(transaction: &Transaction<'_>, job_id: JobId) -> Result<(), StoreError> {
    let of_job = daily_reservation::Column::JobId.eq(job_id.to_string());
    let reserved = daily_reservation::Entity::find().filter(of_job.clone()).all(transaction.connection).await?;
    if reserved.is_empty() || !is_over(transaction, job_id).await? {
        return Ok(());
    }
    let open = open_audits(transaction, job_id).await?;
    let of_open = open.iter().fold(Amount::ZERO, |sum, of_audit| sum.checked_add(*of_audit).unwrap_or(*of_audit));
    let minted = minted(transaction, job_id).await?;
    let kept = micro_ait(minted.checked_add(of_open).unwrap_or(minted));
    for row in reserved {
        let unused = Ord::max(row.micro_ait - kept, 0);
        daily_use::Entity::update_many()
            .col_expr(daily_use::Column::MicroAit, Expr::col(daily_use::Column::MicroAit).sub(unused))
            .filter(daily_use::Column::Day.eq(row.day))
            .filter(daily_use::Column::Account.eq(row.account.clone()))
            .exec(transaction.connection)
            .await?;
        daily_reservation::Entity::update_many()
            .col_expr(daily_reservation::Column::MicroAit, Expr::value(row.micro_ait - unused))
            .filter(of_job.clone())
            .filter(daily_reservation::Column::Account.eq(row.account))
            .exec(transaction.connection)
            .await?;
    }
    if open.is_empty() {
        daily_reservation::Entity::delete_many().filter(of_job).exec(transaction.connection).await?;
    }
    Ok(())
}

/// Nothing more of the job works for its client.
async fn is_over(transaction: &Transaction<'_>, job_id: JobId) -> Result<bool, StoreError> {
    let ended = job::Entity::find()
        .filter(job::Column::Id.eq(job_id.to_string()))
        .filter(job::Column::State.is_in(ENDS.map(JobState::as_str)));
    Ok(ended.count(transaction.connection).await? > 0)
}

/// What each open audit of the job may mint.
async fn open_audits(transaction: &Transaction<'_>, job_id: JobId) -> Result<Vec<Amount>, StoreError> {
    let open = audit::Entity::find()
        .filter(audit::Column::JobId.eq(job_id.to_string()))
        .filter(audit::Column::EndedAtUnixMs.is_null())
        .all(transaction.connection)
        .await?;
    open.iter().map(|row| Ok(Amount::from_atto(word("audit", &row.mint_max)?))).collect()
}

/// What is minted for the job, or waits for its mint. What serves a client that pays is not minted; its audits are.
async fn minted(transaction: &Transaction<'_>, job_id: JobId) -> Result<Amount, StoreError> {
    let of_job = payment::Column::JobId.eq(job_id.to_string());
    let is_paid = payment::Entity::find().filter(of_job).count(transaction.connection).await? > 0;
    let of_job = job_receipt::Column::JobId.eq(job_id.to_string());
    let receipts = job_receipt::Entity::find().filter(of_job).all(transaction.connection).await?;
    let mut sum = Amount::ZERO;
    for row in receipts {
        let role: TaskRole = word("task role", &row.role)?;
        if role.is_audit() || !is_paid {
            let of_row = StoredAmount { ait: row.amount_ait, atto: row.amount_atto }.amount();
            sum = sum.checked_add(of_row).unwrap_or(sum);
        }
    }
    Ok(sum)
}
