//! Where clients have the ends of their jobs told.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub address: String,
    pub url: String,
    pub secret: String,
    pub created_at_unix_ms: i64,
    pub stopped_at_unix_ms: Option<i64>,
    /// The key that made it, where no session did.
    pub api_key_id: Option<String>,
    /// Where messages wait: when the next one is looked for.
    pub next_attempt_at_unix_ms: Option<i64>,
    /// While a process sends: by when it has ended.
    pub turn_until_unix_ms: Option<i64>,
    /// Tries that failed in a row, and when the first of them was.
    pub failures: i64,
    pub failing_since_unix_ms: Option<i64>,
    /// The class of the network address of the wallet that made it, and the IPv6 site of that.
    pub network: Option<String>,
    pub site: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
