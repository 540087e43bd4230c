//! Payments of jobs from the escrow, one row for each job that its client pays.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(unique)]
    pub job_id: String,
    /// The hub that reserves, pays and gives back.
    pub hub_id: String,
    pub client: String,
    /// JSON of the order with its client's signature.
    pub signed_order: String,
    pub state: String,
    pub refusal: Option<String>,
    pub attempts: i64,
    pub not_before_unix_ms: i64,
    /// When the state changed last.
    pub changed_at_unix_ms: i64,
    /// The transaction that is on its way, or was the last one.
    pub transaction_hash: Option<String>,
    /// JSON of the transaction that reserved, and of the one that paid or gave back, each with its block.
    pub reserved_in: Option<String>,
    pub ended_in: Option<String>,
    /// AttoAIT, once it is over.
    pub paid: Option<String>,
    pub fee: Option<String>,
    pub refunded: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
