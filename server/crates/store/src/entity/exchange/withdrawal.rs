//! Withdrawals, each stored before the journal has it.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "exchange_withdrawal")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub trader: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub nonce: i64,
    pub account: i64,
    /// The entry of the journal that takes its amount out of the book.
    pub sequence: i64,
    /// JSON of what the trader signed, with the signature.
    pub signed: String,
    pub state: String,
    pub reason: Option<String>,
    pub requested_at_unix_ms: i64,
    pub transaction_hash: Option<String>,
    pub block_number: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
