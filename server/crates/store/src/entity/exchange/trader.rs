//! Traders, by the numbers that the journal knows them by.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "exchange_trader")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: i64,
    #[sea_orm(unique)]
    pub address: String,
    /// The highest nonce that was taken.
    pub last_nonce: i64,
}

impl ActiveModelBehavior for ActiveModel {}
