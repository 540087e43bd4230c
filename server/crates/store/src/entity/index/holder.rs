//! What each account holds of each token: received less sent, modulo 2^256. An account at 0 has no row.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "index_holder")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub token: Vec<u8>,
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: Vec<u8>,
    /// Big-endian, 32 bytes: their order is the order of the balances.
    pub balance: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
