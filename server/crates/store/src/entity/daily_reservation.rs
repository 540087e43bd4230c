//! What an open job takes of its accounts' day. A job that is over has none.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "daily_reservation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: String,
    pub day: i64,
    pub micro_ait: i64,
}

impl ActiveModelBehavior for ActiveModel {}
