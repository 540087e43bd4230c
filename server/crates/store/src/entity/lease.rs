//! Leases: which miner held which task, on what terms.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lease")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub hub_id: String,
    pub job_id: String,
    pub role: String,
    pub miner: String,
    /// JSON of the terms that the receipt must repeat.
    pub terms: String,
    pub granted_at_unix_ms: i64,
    pub deadline_unix_ms: i64,
    /// When a result of it arrived that was looked at.
    pub received_at_unix_ms: Option<i64>,
    pub ended_at_unix_ms: Option<i64>,
    /// JSON of the fault, where it ended in one.
    pub fault: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
