//! Attested receipts and their way to the chain.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "job_receipt")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    /// The hub that attested it and has it minted.
    pub hub_id: String,
    #[sea_orm(unique)]
    pub receipt_hash: String,
    /// Unique together with the role: a task has one receipt.
    pub job_id: String,
    pub role: String,
    pub provider: String,
    pub client: String,
    /// The contract that pays it.
    pub contract: String,
    /// Canonical JSON: the bytes that hash to `receipt_hash`.
    pub receipt: String,
    pub miner_signature: String,
    /// JSON of the attestations.
    pub attestations: String,
    pub amount_ait: i64,
    pub amount_atto: i64,
    pub attested_at_unix_ms: i64,
    pub settlement: String,
    pub refusal: Option<String>,
    pub attempts: i64,
    pub not_before_unix_ms: i64,
    pub transaction_hash: Option<String>,
    pub block_number: Option<i64>,
    /// Where the minted amount is; absent until the mint's block was looked at.
    pub hold: Option<String>,
    /// Until when the minter holds the amount; absent where it was paid at once.
    pub due_unix: Option<i64>,
    /// Why it is taken back: its provider was refuted.
    pub void_reason: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
