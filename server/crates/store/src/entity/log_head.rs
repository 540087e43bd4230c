//! How far a hub's log has come, and the right edge of its tree.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "log_head")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub hub_id: String,
    pub size: i64,
    /// The hashes of the complete subtrees, one after another, the largest first.
    pub peaks: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
