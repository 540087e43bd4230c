//! What each day brought: to the chain by its index, to the hub by its jobs.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use shared::job::JobKind;
use shared::time::MS_PER_DAY;

use crate::columns::{decode, from_i64, sum, to_i64};
use crate::entity::index::day;
use crate::entity::job;
use crate::record::index::DayRow;
use crate::{Store, StoreError};

impl Store {
    /// Days with a block, oldest first, at most the newest `limit` of them.
    pub async fn list_days(&self, limit: u64) -> Result<Vec<DayRow>, StoreError> {
        let mut rows = day::Entity::find().order_by_desc(day::Column::Day).limit(limit).all(&self.readers).await?;
        rows.reverse();
        rows.into_iter().map(DayRow::try_from).collect()
    }

    /// Jobs of each day and kind, from a day on.
    pub async fn count_jobs_by_day(&self, first_day: u64) -> Result<Vec<(u64, JobKind, u64)>, StoreError> {
        use job::Column::{CreatedAtUnixMs, Id, Kind};
        // As text: PostgreSQL groups by an expression only where it is the same to the letter, without parameters.
        let day = || Expr::cust(format!("created_at_unix_ms / {MS_PER_DAY}"));
        let rows: Vec<(i64, String, i64)> = job::Entity::find()
            .select_only()
            .expr_as(day(), "day")
            .column(Kind)
            .expr_as(Id.count(), "jobs")
            .filter(CreatedAtUnixMs.gte(to_i64(first_day).saturating_mul(to_i64(MS_PER_DAY))))
            .group_by(day())
            .group_by(Kind)
            .order_by_asc(day())
            .order_by_asc(Kind)
            .into_tuple()
            .all(&self.readers)
            .await?;
        let counted = |(day, kind, jobs): (i64, String, i64)| {
            Ok((from_i64(day), decode("kind", &format!("\"{kind}\""))?, from_i64(jobs)))
        };
        rows.into_iter().map(counted).collect()
    }
}

impl TryFrom<day::Model> for DayRow {
    type Error = StoreError;

    fn try_from(row: day::Model) -> Result<Self, StoreError> {
        Ok(Self {
            day: from_i64(row.day),
            transactions: from_i64(row.transactions),
            minted: sum("minted amount", &row.minted)?,
            issued: sum("issued amount", &row.issued)?,
            burnt: sum("burnt amount", &row.burnt)?,
        })
    }
}
