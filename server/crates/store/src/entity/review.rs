//! What clients say of the work of a receipt.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "review")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    /// The hub that attested the receipt. Its log has the review.
    pub hub_id: String,
    #[sea_orm(unique)]
    pub receipt_hash: String,
    pub job_id: String,
    pub miner: String,
    pub author: String,
    pub stars: i64,
    /// What the work cost the author: whole AIT, and the attoAIT beside them.
    pub paid_ait: i64,
    pub paid_atto: i64,
    /// Kept while it is hidden, so that it can be shown again.
    pub text: Option<String>,
    /// With it the text leads to what the log has of it.
    pub salt: Option<String>,
    pub created_at_unix_ms: i64,
    pub edited_at_unix_ms: Option<i64>,
    /// How often it was written.
    pub versions: i64,
    /// Why an operator hid the text.
    pub hidden_reason: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
