//! Contracts that announced a transfer. Name, symbol and decimals are what the contract says of itself.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "index_token")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: Vec<u8>,
    pub first_block: i64,
    /// The contract was asked for its name.
    pub asked: bool,
    pub name: Option<String>,
    pub symbol: Option<String>,
    pub decimals: Option<i64>,
    pub holders: i64,
    pub transfers: i64,
}

impl ActiveModelBehavior for ActiveModel {}
