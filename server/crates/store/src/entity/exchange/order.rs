//! Orders, each stored before the journal has it.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "exchange_order")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub market: i64,
    pub account: i64,
    pub trader: String,
    pub nonce: i64,
    pub side: String,
    pub price_ticks: i64,
    pub lots: i64,
    pub filled_lots: i64,
    pub state: String,
    pub reason: Option<String>,
    pub triggered_at_unix_ms: Option<i64>,
    /// JSON of what the trader signed, with the signature.
    pub signed: String,
    /// Whose key signed it.
    pub signer: String,
    /// The entry of the journal that places it.
    pub sequence: i64,
    pub placed_at_unix_ms: i64,
    pub changed_at_unix_ms: i64,
}

impl ActiveModelBehavior for ActiveModel {}
