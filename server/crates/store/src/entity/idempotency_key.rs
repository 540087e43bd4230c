//! First answers to requests that named an idempotency key.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub caller: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub body_sha256: String,
    /// The job that was asked for, or that a bid becomes.
    pub job_id: String,
    /// JSON of the first answer.
    pub answer: String,
    pub created_at_unix_ms: i64,
}

impl ActiveModelBehavior for ActiveModel {}
