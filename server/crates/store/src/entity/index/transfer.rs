//! Transfers that ERC-20 tokens announced.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "index_transfer")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub block_number: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub log_index: i64,
    pub transaction_hash: Vec<u8>,
    pub token: Vec<u8>,
    pub sender: Vec<u8>,
    pub recipient: Vec<u8>,
    /// Big-endian, 32 bytes: their order is the order of the amounts.
    pub amount: Vec<u8>,
    pub at_unix: i64,
}

impl ActiveModelBehavior for ActiveModel {}
