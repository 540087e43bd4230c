//! Contracts whose sources were compiled and compared.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "verified_contract")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: Vec<u8>,
    /// Of the code that was compared.
    pub code_hash: Vec<u8>,
    pub name: String,
    pub source_file: String,
    pub compiler: String,
    pub match_kind: String,
    /// Sources by their path, and the settings that change the code, as JSON.
    pub input: String,
    pub abi: String,
    pub constructor_arguments: Option<Vec<u8>>,
    /// Of `input` and `abi`.
    pub bytes: i64,
    pub verified_at_unix_ms: i64,
}

impl ActiveModelBehavior for ActiveModel {}
