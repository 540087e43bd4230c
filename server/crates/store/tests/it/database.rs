//! One test, two databases.

use std::sync::Arc;

use store::{DatabaseUrl, Store, StoreOptions};
use test_support::postgres;

/// A database of one test with its artifact folder; both are gone with it.
#[derive(Clone)]
pub(crate) struct TestDatabase {
    folder: Arc<tempfile::TempDir>,
    pub(crate) url: DatabaseUrl,
}

impl TestDatabase {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::SqliteFile(folder.path().join("hub.sqlite"));
        Self { folder: Arc::new(folder), url }
    }

    /// `None` where there is no PostgreSQL: the test then counts as skipped, though it ran on SQLite.
    pub(crate) fn postgres() -> Option<Self> {
        let url = postgres::database_or_skip()?;
        Some(Self { folder: Arc::new(tempfile::tempdir().unwrap()), url: url.parse().unwrap() })
    }

    pub(crate) fn options(&self, hub_id: &str) -> StoreOptions {
        StoreOptions {
            database: self.url.clone(),
            artifacts: self.folder.path().join("artifacts"),
            hub_id: hub_id.to_owned(),
            max_pages: None,
        }
    }

    pub(crate) async fn open(&self) -> Store {
        self.open_as("test-hub").await
    }

    pub(crate) async fn open_as(&self, hub_id: &str) -> Store {
        Store::open(&self.options(hub_id)).await.unwrap()
    }
}

/// Runs a test on a new SQLite file, and on a new PostgreSQL database where there is one.
pub(crate) async fn on_both(body: impl AsyncFn(TestDatabase)) {
    body(TestDatabase::sqlite()).await;
    if let Some(database) = TestDatabase::postgres() {
        body(database).await;
    }
}
