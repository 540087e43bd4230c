//! Contracts that a transaction made, and who made them.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "index_contract")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: Vec<u8>,
    pub creator: Vec<u8>,
    pub transaction_hash: Vec<u8>,
    pub block_number: i64,
    pub at_unix: i64,
}

impl ActiveModelBehavior for ActiveModel {}
