//! Jobs. `seq` orders them as they came; `revision` counts what clients were told about them.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "job")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(unique)]
    pub id: String,
    /// The hub that took the job and moves it.
    pub hub_id: String,
    pub revision: i64,
    pub client: String,
    pub sponsored: bool,
    /// Hash of the token of a job without an account.
    pub creator_sha256: Option<String>,
    pub kind: String,
    /// As in the request.
    pub model: String,
    pub state: String,
    /// JSON of the checked request.
    pub job: String,
    pub created_at_unix_ms: i64,
    pub deadline_unix_ms: i64,
    pub started_at_unix_ms: Option<i64>,
    pub finished_at_unix_ms: Option<i64>,
    /// Why no result of it is computed again.
    pub unaudited: Option<String>,
    /// The class of the network address that asked without a key of the operator, until the job is over.
    pub network: Option<String>,
    /// The IPv6 site of that address, as long.
    pub site: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
