//! Entries of hubs' logs. A row is written once and never changed.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "log_entry")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub hub_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub log_index: i64,
    pub kind: String,
    /// A receipt's hash, a job or a miner.
    pub subject: String,
    /// The bytes of the leaf: the entry's canonical JSON.
    pub entry: String,
}

impl ActiveModelBehavior for ActiveModel {}
