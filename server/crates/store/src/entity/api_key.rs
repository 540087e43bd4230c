//! API keys: the secret itself is not here, only its hash.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    #[sea_orm(unique)]
    pub secret_sha256: String,
    pub label: String,
    pub scope: String,
    pub address: String,
    /// The key's own limit; the server's default where null.
    pub images_per_minute: Option<i64>,
    /// What its jobs may mint in a day; the server's default where null.
    pub mint_micro_ait_per_day: Option<i64>,
    pub created_at_unix_ms: i64,
    pub revoked_at_unix_ms: Option<i64>,
    /// Made by the wallet itself, not by the operator.
    pub by_wallet: bool,
}

impl ActiveModelBehavior for ActiveModel {}
