//! Transactions of this hub's keys, each stored with its nonce and signature before it is sent.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The hub that sends it and records what came of it.
    pub hub_id: String,
    pub kind: String,
    /// JSON of what the transaction is for.
    pub payload: String,
    pub signer: String,
    pub nonce: i64,
    #[sea_orm(unique)]
    pub transaction_hash: String,
    /// The signed transaction in hex: these bytes are sent again and again until a block has them.
    pub raw_transaction: String,
    pub state: String,
    /// How often it was sent without a block having it in time.
    pub attempts: i64,
    /// What the node said to the last of them; null where it took the transaction.
    pub last_error: Option<String>,
    pub signed_at_unix_ms: i64,
    pub block_number: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
