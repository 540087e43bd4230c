//! Miners: what they report, and sums over their receipts: whole AIT, and the attoAIT beside them.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "miner")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: String,
    /// JSON of the last capability report, without the hardware report.
    pub capability: String,
    pub first_seen_at_unix_ms: i64,
    pub last_seen_at_unix_ms: i64,
    pub jobs_completed: i64,
    pub faults: i64,
    pub audits_confirmed: i64,
    pub audits_refuted: i64,
    pub earned_ait: i64,
    pub earned_atto: i64,
    pub pending_ait: i64,
    pub pending_atto: i64,
    pub held_ait: i64,
    pub held_atto: i64,
    pub reviews_paid: i64,
    pub reviews_unpaid: i64,
    /// 32 bytes, the highest first, as the next.
    pub review_weight: Vec<u8>,
    pub review_weighted_stars: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
