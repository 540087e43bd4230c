//! How far the index is. One row; none before the first block.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "index_position")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub height: i64,
    pub hash: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
