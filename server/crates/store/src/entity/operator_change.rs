//! What operators of a hub did. Rows are only ever added.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "operator_change")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    /// Random, so that a change that is applied again finds itself.
    #[sea_orm(unique)]
    pub id: String,
    pub hub_id: String,
    pub at_unix_ms: i64,
    pub operator: String,
    pub action: String,
    /// A miner's address, or the name of a key.
    pub subject: String,
    pub reason: String,
    pub state_before: String,
    pub state_after: String,
}

impl ActiveModelBehavior for ActiveModel {}
