//! Daily quotas: a new job reserves the most that it may mint, and gives back what it did not mint when it ends.
//!
//! The bound therefore holds whatever the miners ask and however many jobs run at once. A reservation is a row, so that
//! it survives a restart and is given back once.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use shared::amount::Amount;
use shared::id::JobId;

use super::Transaction;
use crate::StoreError;
use crate::amount::{StoredAmount, micro_ait, micro_ait_amount};
use crate::columns::{is_serving, to_i64};
use crate::entity::{daily_reservation, daily_use, job_receipt};
use crate::error::Refusal;
use crate::record::{DailyAccount, DailyUse};

/// Counts a new job for each of its accounts, or refuses it.
pub(super) async fn reserve(transaction: &Transaction<'_>, job_id: JobId, daily: &DailyUse) -> Result<(), StoreError> {
    let asked = micro_ait(daily.amount);
    for account in &daily.accounts {
        count(transaction, to_i64(daily.day), account, asked).await?;
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
async fn count(transaction: &Transaction<'_>, day: i64, account: &DailyAccount, asked: i64) -> Result<(), StoreError> {
    use daily_use::{ActiveModel, Column, Entity};
    let (jobs_max, most) = (account.jobs_max.map_or(i64::MAX, i64::from), micro_ait(account.mint_max));
    if jobs_max < 1 || asked > most {
        return Err(refusal(transaction, day, account, asked).await?);
    }
    let row = ActiveModel { day: Set(day), account: Set(account.name.clone()), jobs: Set(1), micro_ait: Set(asked) };
    let column = |column: Column| Expr::col((Entity, column));
    let one_more = OnConflict::columns([Column::Day, Column::Account])
        .value(Column::Jobs, column(Column::Jobs).add(1_i64))
        .value(Column::MicroAit, column(Column::MicroAit).add(asked))
        .action_and_where(column(Column::Jobs).lt(jobs_max))
        .action_and_where(column(Column::MicroAit).lte(most - asked))
        .to_owned();
    match Entity::insert(row).on_conflict(one_more).exec_without_returning(transaction.connection).await? {
        0 => Err(refusal(transaction, day, account, asked).await?),
        _ => Ok(()),
    }
}

/// Which limit is reached, with its value.
async fn refusal(
    transaction: &Transaction<'_>,
    day: i64,
    account: &DailyAccount,
    asked: i64,
) -> Result<StoreError, StoreError> {
    let row = daily_use::Entity::find_by_id((day, account.name.clone())).one(transaction.connection).await?;
    let (jobs, taken) = row.map_or((0, 0), |row| (row.jobs, row.micro_ait));
    let whose = account.whose;
    Ok(StoreError::Refused(match account.jobs_max {
        Some(limit) if jobs >= i64::from(limit) => Refusal::DailyJobs { whose, limit },
        _ => Refusal::DailyMint {
            whose,
            limit: account.mint_max,
            taken: micro_ait_amount(taken),
            asked: micro_ait_amount(asked),
        },
    }))
}

/// The job is over: what it did not mint is free again. Nothing happens the second time.
pub(super) async fn give_back(transaction: &Transaction<'_>, job_id: JobId) -> Result<(), StoreError> {
    let of_job = daily_reservation::Column::JobId.eq(job_id.to_string());
    let reserved = daily_reservation::Entity::find().filter(of_job.clone()).all(transaction.connection).await?;
    if reserved.is_empty() {
        return Ok(());
    }
    let receipts = job_receipt::Entity::find()
        .filter(job_receipt::Column::JobId.eq(job_id.to_string()))
        .filter(is_serving(job_receipt::Column::Role))
        .all(transaction.connection)
        .await?;
    let minted = receipts.iter().fold(Amount::ZERO, |sum, row| {
        let of_row = StoredAmount { ait: row.amount_ait, atto: row.amount_atto }.amount();
        sum.checked_add(of_row).unwrap_or(sum)
    });
    for row in reserved {
        let unused = Ord::max(row.micro_ait - micro_ait(minted), 0);
        daily_use::Entity::update_many()
            .col_expr(daily_use::Column::MicroAit, Expr::col(daily_use::Column::MicroAit).sub(unused))
            .filter(daily_use::Column::Day.eq(row.day))
            .filter(daily_use::Column::Account.eq(row.account))
            .exec(transaction.connection)
            .await?;
    }
    daily_reservation::Entity::delete_many().filter(of_job).exec(transaction.connection).await?;
    Ok(())
}
