//! The open database: one writing connection, some reading ones, and the artifact folder.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection};
use sea_orm_migration::MigratorTrait;
use tokio::sync::oneshot;

use crate::migration::Migrator;
use crate::writer::{Change, Writer};
use crate::{ArtifactFolder, StoreError};

/// Connections that read at the same time.
const READERS: u32 = 4;

/// How long to wait for another process (`aitbc keys`) that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the data lies.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    pub database: PathBuf,
    pub artifacts: PathBuf,
    /// Upper bound of the database file in pages of 4096 bytes; without one the disk is the bound.
    pub max_pages: Option<u32>,
}

/// Everything the hub keeps. Clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) readers: DatabaseConnection,
    writer: Writer,
    artifacts: Arc<ArtifactFolder>,
}

impl Store {
    /// Opens the database, creating it where it is missing, and brings its schema up to date.
    pub async fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        let artifacts = Arc::new(ArtifactFolder::open(&options.artifacts)?);
        let writing = connect(options, 1, false).await?;
        Migrator::up(&writing, None).await.map_err(|error| StoreError::Open(error.to_string()))?;
        let readers = connect(options, READERS, true).await?;
        Ok(Self { readers, writer: Writer::start(writing), artifacts })
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

    pub fn artifacts(&self) -> Arc<ArtifactFolder> {
        Arc::clone(&self.artifacts)
    }

    /// Answers when the database can be read: for readiness checks.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.readers.ping().await?)
    }
}

async fn connect(options: &StoreOptions, connections: u32, reading: bool) -> Result<DatabaseConnection, StoreError> {
    if let Some(folder) = options.database.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let url = format!("sqlite://{}?mode=rwc", options.database.display());
    let max_pages = options.max_pages;
    let mut connect = ConnectOptions::new(url);
    connect.max_connections(connections).min_connections(1).sqlx_logging(false).idle_timeout(None).max_lifetime(None);
    connect.map_sqlx_sqlite_opts(move |sqlite| {
        let sqlite = sqlite
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(false)
            .statement_cache_capacity(256);
        let sqlite = if reading { sqlite.pragma("query_only", "1") } else { sqlite };
        match max_pages {
            Some(pages) => sqlite.pragma("max_page_count", pages.to_string()),
            None => sqlite,
        }
    });
    Database::connect(connect).await.map_err(|error| StoreError::Open(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_schema_goes_up_and_down_and_up_again() {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions {
            database: folder.path().join("hub.sqlite"),
            artifacts: folder.path().join("artifacts"),
            max_pages: None,
        };
        let connection = connect(&options, 1, false).await.unwrap();
        Migrator::up(&connection, None).await.unwrap();
        Migrator::down(&connection, None).await.unwrap();
        Migrator::up(&connection, None).await.unwrap();
    }
}
