//! Artifacts of jobs; their bytes lie in the artifact folder.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "artifact")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_id: String,
    /// The task that made it. Files of audits are not the job's.
    #[sea_orm(primary_key, auto_increment = false)]
    pub role: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    pub sha256: String,
    pub media_type: String,
    pub bytes: i64,
    pub flagged: bool,
    pub hub_id: String,
    pub sponsored: bool,
    pub stored_at_unix_ms: i64,
    /// Its file is gone since then.
    pub removed_at_unix_ms: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
