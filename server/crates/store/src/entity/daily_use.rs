//! What each account asked for on each day; the empty account stands for all visitors together.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "daily_use")]
pub struct Model {
    /// Days since 1970-01-01, UTC.
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: String,
    pub jobs: i64,
    /// The most that its open jobs may mint, and what the others minted.
    pub micro_ait: i64,
}

impl ActiveModelBehavior for ActiveModel {}
