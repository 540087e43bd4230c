//! Which artifacts stand for pictures that a safety checker flagged.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::boolean;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_000002_flagged"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // An older server writes rows without it.
        let flagged = boolean("flagged").default(false).to_owned();
        manager.alter_table(Table::alter().table("artifact").add_column(flagged).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("artifact").drop_column("flagged").to_owned()).await
    }
}
