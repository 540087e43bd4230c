//! Miners to which a hub gives nothing new.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "paused_miner")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub hub_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: String,
    pub reason: String,
    pub since_unix_ms: i64,
}

impl ActiveModelBehavior for ActiveModel {}
