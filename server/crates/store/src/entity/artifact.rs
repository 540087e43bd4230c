//! Artifacts of jobs; their bytes lie in the artifact folder.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "artifact")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    pub sha256: String,
    pub media_type: String,
    pub bytes: i64,
    pub flagged: bool,
}

impl ActiveModelBehavior for ActiveModel {}
