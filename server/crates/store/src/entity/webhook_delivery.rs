//! Messages of webhooks. A job ends once, so it is told once to each.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_delivery")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub webhook_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_id: String,
    /// The same bytes at each try: they are signed.
    pub body: String,
    pub state: String,
    pub created_at_unix_ms: i64,
    pub attempts: i64,
    pub next_attempt_at_unix_ms: Option<i64>,
    pub status: Option<i64>,
    pub problem: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
