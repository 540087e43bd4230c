//! What each day of UTC brought.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "index_day")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: i64,
    pub transactions: i64,
    pub minted: Vec<u8>,
    pub issued: Vec<u8>,
    pub burnt: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
