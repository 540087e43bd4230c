//! The schema, step by step. Every step has a way back; a running older server must be able to live with the next step.

mod m20261121_000001_hub;
mod m20261121_000002_flagged;

use sea_orm_migration::prelude::*;

pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20261121_000001_hub::Migration), Box::new(m20261121_000002_flagged::Migration)]
    }
}
