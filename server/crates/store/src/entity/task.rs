//! Tasks: the parts of a job that miners work on, one row for each role.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "task")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_id: String,
    /// `serve`, `shard/3`, `audit` or `third-opinion`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub role: String,
    pub state: String,
    /// JSON of the life: state, lease, faults.
    pub life: String,
    /// Who works on it or served it.
    pub miner: Option<String>,
    /// JSON of the metering of the lease that served it.
    pub metering: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
