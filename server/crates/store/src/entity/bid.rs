//! Bids: standing requests of clients for jobs.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bid")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The hub that took it. An order that pays for its job names that hub; a job that is minted may be any hub's.
    pub hub_id: String,
    /// The name that its job will have, so that no two hubs can fill it.
    #[sea_orm(unique)]
    pub job_id: String,
    pub client: String,
    /// The key that it was made with, where no session did.
    pub api_key_id: Option<String>,
    /// The class of a wallet's network address, until the bid is over.
    pub network: Option<String>,
    pub kind: String,
    pub model: String,
    pub units: i64,
    /// AttoAIT.
    pub max_unit_price: String,
    pub payment_mode: String,
    pub has_filters: bool,
    /// JSON of the request, until the bid is over.
    pub asked: Option<String>,
    pub state: String,
    pub refusal: Option<String>,
    pub not_before_unix_ms: i64,
    pub created_at_unix_ms: i64,
    pub expires_at_unix_ms: i64,
    pub ended_at_unix_ms: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
