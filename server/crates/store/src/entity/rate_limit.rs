//! Token buckets that several hubs share: when each caller's bucket is full again.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rate_limit")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub caller: String,
    pub full_at_unix_us: i64,
}

impl ActiveModelBehavior for ActiveModel {}
