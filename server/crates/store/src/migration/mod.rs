//! The schema, step by step, for both databases. Every step has a way back.

mod exchange_tables;
mod index_tables;
mod m20261121_000001_hub;

use sea_orm_migration::prelude::*;

pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20261121_000001_hub::Migration)]
    }
}
