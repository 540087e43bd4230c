//! Audits: one row for each task whose result was drawn for one.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_id: String,
    /// The task whose result it looks at: `serve` or `shard/3`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub role: String,
    pub hub_id: String,
    /// The audited receipt.
    pub receipt_hash: String,
    pub provider: String,
    /// With what it was computed: the model's manifest, and JSON of the engine.
    pub manifest_sha256: String,
    pub engine: String,
    /// AttoAIT, in decimal digits.
    pub unit_price: String,
    /// What all opinions may mint together, in attoAIT.
    pub mint_max: String,
    /// The random bits that drew it.
    pub bits: String,
    pub state: String,
    pub opened_at_unix_ms: i64,
    pub deadline_unix_ms: i64,
    /// Whose result differs, where a third miner is asked.
    pub audited_by: Option<String>,
    /// JSON of the opinions.
    pub opinions: String,
    pub refuted: Option<String>,
    pub ended_at_unix_ms: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
