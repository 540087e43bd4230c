//! Hardware reports of miners: large, and read for one miner at a time.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "miner_hardware")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: String,
    /// JSON of the last signed report.
    pub report: String,
}

impl ActiveModelBehavior for ActiveModel {}
