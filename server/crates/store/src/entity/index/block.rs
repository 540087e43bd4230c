//! Blocks.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "index_block")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    pub hash: Vec<u8>,
    pub at_unix: i64,
    pub transactions: i64,
    pub gas_used: i64,
    pub producer: Vec<u8>,
    /// Big-endian, 16 bytes.
    pub minted: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
