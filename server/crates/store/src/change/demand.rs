//! Models that were asked for and could not be served.

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, ModelTrait, PaginatorTrait, QueryFilter, QueryOrder,
};
use shared::job::JobKind;

use super::{Change, Transaction};
use crate::StoreError;
use crate::columns::{encode, to_i64};
use crate::entity::unserved_model::{ActiveModel, Column, Entity};

/// One more asked for a model that could not be served.
#[derive(Debug, Clone)]
pub struct CountUnserved {
    /// Days since 1970-01-01, UTC.
    pub day: u64,
    pub kind: JobKind,
    pub model: String,
    /// Most models of one day. Beyond it a model that one alone asked for makes room, or the new one is not counted.
    pub models_max: u64,
    /// Days before this are forgotten.
    pub forget_before_day: u64,
}

#[async_trait]
impl Change for CountUnserved {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let old = Entity::delete_many().filter(Column::Day.lt(to_i64(self.forget_before_day)));
        old.exec(transaction.connection).await?;
        let kind = encode("kind", &self.kind)?.trim_matches('"').to_owned();
        let key = (to_i64(self.day), kind.clone(), self.model.clone());
        let is_new = Entity::find_by_id(key).one(transaction.connection).await?.is_none();
        if is_new && !self.has_room(transaction).await? {
            return Ok(());
        }
        let row =
            ActiveModel { day: Set(to_i64(self.day)), kind: Set(kind), model: Set(self.model.clone()), asked: Set(1) };
        let one_more = OnConflict::columns([Column::Day, Column::Kind, Column::Model])
            .value(Column::Asked, Expr::col((Entity, Column::Asked)).add(1_i64))
            .to_owned();
        Entity::insert(row).on_conflict(one_more).exec_without_returning(transaction.connection).await?;
        Ok(())
    }
}

impl CountUnserved {
    async fn has_room(&self, transaction: &Transaction<'_>) -> Result<bool, StoreError> {
        let of_day = || Entity::find().filter(Column::Day.eq(to_i64(self.day)));
        if of_day().count(transaction.connection).await? < self.models_max {
            return Ok(true);
        }
        let asked_once = of_day().filter(Column::Asked.lte(1)).order_by_asc(Column::Model);
        let Some(row) = asked_once.one(transaction.connection).await? else { return Ok(false) };
        row.delete(transaction.connection).await?;
        Ok(true)
    }
}
