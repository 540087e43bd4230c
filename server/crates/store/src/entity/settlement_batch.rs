//! The outbox: mint transactions, stored with their signature before the first broadcast.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "settlement_batch")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub nonce: i64,
    #[sea_orm(unique)]
    pub transaction_hash: String,
    /// The signed transaction in hex, as it is broadcast again and again until a block has it.
    pub raw_transaction: String,
    pub state: String,
    pub signed_at_unix_ms: i64,
    pub block_number: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
