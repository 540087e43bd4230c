//! Second factors of accounts. A row without a confirmation waits for the first code, and counts for nothing yet.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "second_factor")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: String,
    /// Encrypted by the hub.
    pub sealed_secret: String,
    /// Class of the network address that set it up, for a day.
    pub network: Option<String>,
    pub begun_at_unix_ms: i64,
    pub confirmed_at_unix_ms: Option<i64>,
    /// The half minute since 1970 of the last code that counted.
    pub last_used_step: Option<i64>,
    /// Since the last right one.
    pub wrong_codes: i64,
    pub blocked_until_unix_ms: i64,
}

impl ActiveModelBehavior for ActiveModel {}
