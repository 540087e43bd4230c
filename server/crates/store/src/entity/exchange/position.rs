//! How far the rows of the exchange are: one row.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "exchange_position")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    /// The hub whose journal it is.
    pub hub_id: String,
    /// Hash of the chain's block 0.
    pub genesis: String,
    /// Entries of the journal whose consequences are in the other tables.
    pub sequence: i64,
    /// The last block whose events are in them.
    pub height: i64,
}

impl ActiveModelBehavior for ActiveModel {}
