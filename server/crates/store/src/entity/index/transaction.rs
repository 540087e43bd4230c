//! Transactions.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "index_transaction")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub block_number: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    pub hash: Vec<u8>,
    pub sender: Vec<u8>,
    pub recipient: Option<Vec<u8>>,
    pub created: Option<Vec<u8>>,
    pub succeeded: bool,
    pub selector: Option<Vec<u8>>,
    pub nonce: i64,
    pub gas_used: i64,
    pub value_wei: Vec<u8>,
    pub minted: Vec<u8>,
    pub at_unix: i64,
}

impl ActiveModelBehavior for ActiveModel {}
