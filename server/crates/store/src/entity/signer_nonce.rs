//! The nonce that each signing key's next transaction takes.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "signer_nonce")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub signer: String,
    pub next_nonce: i64,
}

impl ActiveModelBehavior for ActiveModel {}
