//! What was asked for and could not be served.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect};

use crate::columns::{decode, from_i64, to_i64};
use crate::entity::unserved_model::{Column, Entity};
use crate::record::UnservedRow;
use crate::{Store, StoreError};

impl Store {
    /// Models that could not be served since a day: those that most asked for first, at most `limit`.
    pub async fn list_unserved_models(&self, first_day: u64, limit: u64) -> Result<Vec<UnservedRow>, StoreError> {
        // PostgreSQL sums whole numbers to a decimal one.
        let asked = || Expr::cust("CAST(SUM(asked) AS BIGINT)");
        let rows: Vec<(String, String, i64, i64)> = Entity::find()
            .select_only()
            .column(Column::Kind)
            .column(Column::Model)
            .expr_as(asked(), "asked_in_all")
            .expr_as(Column::Day.max(), "last_day")
            .filter(Column::Day.gte(to_i64(first_day)))
            .group_by(Column::Kind)
            .group_by(Column::Model)
            .order_by(asked(), Order::Desc)
            .order_by_asc(Column::Model)
            .order_by_asc(Column::Kind)
            .limit(limit)
            .into_tuple()
            .all(&self.readers)
            .await?;
        let read = |(kind, model, asked, last_day): (String, String, i64, i64)| {
            let kind = decode("kind", &format!("\"{kind}\""))?;
            Ok(UnservedRow { kind, model, asked: from_i64(asked), last_day: from_i64(last_day) })
        };
        rows.into_iter().map(read).collect()
    }
}
