//! What each model was asked for, and what was paid for it.

use std::collections::BTreeMap;

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, Order, QueryFilter, QueryOrder, QuerySelect};
use shared::job::JobKind;
use shared::job::lifecycle::JobState;
use shared::time::{MS_PER_DAY, UnixMillis};

use crate::columns::{decode, encode, from_i64, is_serving, millis, stored_millis, to_i64};
use crate::entity::{job, job_receipt};
use crate::record::{JobRecord, ReceiptRecord, ServedJobs};
use crate::{Store, StoreError};

/// A model by its kind and its name.
pub type ModelName = (JobKind, String);

impl Store {
    /// Completed jobs of each model: all of them, and those that were asked for since `since`.
    pub async fn count_served_jobs(&self, since: UnixMillis) -> Result<BTreeMap<ModelName, ServedJobs>, StoreError> {
        use job::Column::{FinishedAtUnixMs, Id, Kind, Model};
        let is_new = format!("SUM(CASE WHEN created_at_unix_ms >= {} THEN 1 ELSE 0 END)", stored_millis(since));
        let rows: Vec<(String, String, i64, i64, Option<i64>)> = job::Entity::find()
            .select_only()
            .column(Kind)
            .column(Model)
            .expr_as(Id.count(), "jobs")
            .expr_as(Expr::cust(is_new), "new_jobs")
            .expr_as(FinishedAtUnixMs.max(), "last")
            .filter(completed())
            .group_by(Kind)
            .group_by(Model)
            .into_tuple()
            .all(&self.readers)
            .await?;
        let counted = |(kind, model, all, new, last): (String, String, i64, i64, Option<i64>)| {
            let served = ServedJobs { all: from_i64(all), new: from_i64(new), last: last.map(millis) };
            Ok(((decode("kind", &format!("\"{kind}\""))?, model), served))
        };
        rows.into_iter().map(counted).collect()
    }

    /// Completed jobs of a model on each day, from a day on, oldest first.
    pub async fn count_served_jobs_by_day(
        &self,
        (kind, model): &ModelName,
        first_day: u64,
    ) -> Result<Vec<(u64, u64)>, StoreError> {
        use job::Column::{CreatedAtUnixMs, Id};
        // As text: PostgreSQL groups by an expression only where it is the same to the letter, without parameters.
        let day = || Expr::cust(format!("created_at_unix_ms / {MS_PER_DAY}"));
        let rows: Vec<(i64, i64)> = job::Entity::find()
            .select_only()
            .expr_as(day(), "day")
            .expr_as(Id.count(), "jobs")
            .filter(of_model(*kind, model)?)
            .filter(CreatedAtUnixMs.gte(to_i64(first_day).saturating_mul(to_i64(MS_PER_DAY))))
            .group_by(day())
            .order_by_asc(day())
            .into_tuple()
            .all(&self.readers)
            .await?;
        Ok(rows.into_iter().map(|(day, jobs)| (from_i64(day), from_i64(jobs))).collect())
    }

    /// Completed jobs of a model that everybody may see, newest first.
    pub async fn list_public_jobs_of_model(
        &self,
        (kind, model): &ModelName,
        limit: u64,
    ) -> Result<Vec<JobRecord>, StoreError> {
        let rows = job::Entity::find()
            .filter(of_model(*kind, model)?)
            .filter(job::Column::Sponsored.eq(true))
            .order_by_desc(job::Column::CreatedAtUnixMs)
            .limit(limit)
            .all(&self.readers)
            .await?;
        self.with_tasks(rows).await
    }

    /// Receipts of the newest completed jobs of a model, those of audits left out, newest job first.
    pub async fn list_receipts_of_model(
        &self,
        (kind, model): &ModelName,
        jobs: u64,
    ) -> Result<Vec<ReceiptRecord>, StoreError> {
        let newest = Query::select()
            .column(job::Column::Id)
            .from(job::Entity)
            .and_where(of_model(*kind, model)?)
            .order_by(job::Column::CreatedAtUnixMs, Order::Desc)
            .limit(jobs)
            .to_owned();
        let rows = job_receipt::Entity::find()
            .filter(job_receipt::Column::JobId.in_subquery(newest))
            .filter(is_serving(job_receipt::Column::Role))
            .order_by_desc(job_receipt::Column::Seq)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(ReceiptRecord::try_from).collect()
    }
}

fn completed() -> Expr {
    job::Column::State.eq(JobState::Completed.as_str())
}

fn of_model(kind: JobKind, model: &str) -> Result<Expr, StoreError> {
    let kind = encode("kind", &kind)?;
    Ok(job::Column::Kind.eq(kind.trim_matches('"')).and(job::Column::Model.eq(model)).and(completed()))
}
