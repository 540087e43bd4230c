//! The open database: one writing connection, some reading ones, and the artifact folder.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::DatabaseConnection;
use sea_orm_migration::MigratorTrait;
use tokio::sync::oneshot;

use crate::database::{Access, DatabaseUrl, connect};
use crate::migration::Migrator;
use crate::writer::{Change, Transaction, Writer};
use crate::{ArtifactFolder, StoreError};

/// Connections that read at the same time.
const READERS: u32 = 4;

/// Two hubs that start at once may both make the tables: the slower one fails, and finds them at its next try.
const MIGRATION_TRIES: u32 = 3;

/// Where the data lies, and whose it is.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    pub database: DatabaseUrl,
    pub artifacts: PathBuf,
    /// Written to every job, lease, receipt and transaction of this hub, so that several hubs can share a database.
    pub hub_id: String,
    /// Upper bound of an SQLite file in pages of 4096 bytes; without one the disk is the bound.
    pub max_pages: Option<u32>,
}

/// Everything the hub keeps. Clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) readers: DatabaseConnection,
    pub(crate) hub_id: Arc<str>,
    writer: Writer,
    artifacts: Arc<ArtifactFolder>,
}

impl Store {
    /// Opens the database, creating it where it is missing, and brings its schema up to date.
    pub async fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        let artifacts = Arc::new(ArtifactFolder::open(&options.artifacts)?);
        let writing = connect(&options.database, 1, Access::ReadWrite, options.max_pages).await?;
        migrate(&writing).await?;
        let readers = connect(&options.database, READERS, Access::ReadOnly, options.max_pages).await?;
        let hub_id: Arc<str> = options.hub_id.as_str().into();
        Ok(Self { readers, writer: Writer::start(writing, Arc::clone(&hub_id)), hub_id, artifacts })
    }

    /// Writes a change and waits until it is on the disk.
    pub async fn write<C: Change>(&self, change: C) -> Result<C::Output, StoreError> {
        self.enqueue(change).await?.await.map_err(|_| StoreError::Stopped)?
    }

    /// Hands in a change without waiting for the disk; changes handed in later come after it.
    pub async fn enqueue<C: Change>(
        &self,
        change: C,
    ) -> Result<oneshot::Receiver<Result<C::Output, StoreError>>, StoreError> {
        self.writer.submit(change).await
    }

    /// Waits until every change that was handed in before is on the disk, so that it can be read.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.write(Nothing).await
    }

    pub fn artifacts(&self) -> Arc<ArtifactFolder> {
        Arc::clone(&self.artifacts)
    }

    /// Answers when the database can be read: for readiness checks.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.readers.ping().await?)
    }
}

/// Changes nothing, after all changes before it.
struct Nothing;

#[async_trait]
impl Change for Nothing {
    type Output = ();

    async fn apply(&self, _transaction: &Transaction<'_>) -> Result<(), StoreError> {
        Ok(())
    }
}

async fn migrate(connection: &DatabaseConnection) -> Result<(), StoreError> {
    for _ in 1..MIGRATION_TRIES {
        match Migrator::up(connection, None).await {
            Ok(()) => return Ok(()),
            Err(error) => tracing::debug!(%error, "the schema is tried once more"),
        }
    }
    Migrator::up(connection, None).await.map_err(|error| StoreError::Open(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_schema_goes_up_and_down_and_up_again() {
        let folder = tempfile::tempdir().unwrap();
        let database = DatabaseUrl::SqliteFile(folder.path().join("hub.sqlite"));
        let connection = connect(&database, 1, Access::ReadWrite, None).await.unwrap();
        migrate(&connection).await.unwrap();
        Migrator::down(&connection, None).await.unwrap();
        migrate(&connection).await.unwrap();
    }

    #[tokio::test]
    async fn all_readers_are_open_from_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let database = DatabaseUrl::SqliteFile(folder.path().join("hub.sqlite"));
        let artifacts = folder.path().join("artifacts");
        let options = StoreOptions { database, artifacts, hub_id: "hub".to_owned(), max_pages: None };
        let store = Store::open(&options).await.unwrap();
        assert_eq!(store.readers.get_sqlite_connection_pool().size(), READERS);
    }
}
