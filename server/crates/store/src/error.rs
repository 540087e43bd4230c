//! What can go wrong with the database or the artifact folder.

use sea_orm::{DbErr, SqlErr};

/// SQLite's result code for a full disk or a reached `max_page_count`.
const SQLITE_FULL_TEXT: &str = "database or disk is full";

#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    #[error("the database cannot be opened: {0}")]
    Open(String),
    #[error("the database is full: free disk space and try again")]
    Full,
    #[error("{0} exists already")]
    Duplicate(&'static str),
    #[error("{0}")]
    Refused(Refusal),
    #[error("the database failed: {0}")]
    Database(String),
    #[error("a stored {what} cannot be read: {reason}")]
    Corrupt { what: &'static str, reason: String },
    #[error("the artifact folder failed: {0}")]
    Artifacts(String),
    #[error("the database's writer has stopped")]
    Stopped,
}

/// A rule that only the transaction itself can check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("this address has used its {limit} sponsored jobs of today")]
    SponsoredByAddress { limit: u32 },
    #[error("all {limit} sponsored jobs of today are used")]
    SponsoredInTotal { limit: u32 },
    #[error("the task has ended")]
    TaskEnded,
}

impl StoreError {
    /// The same call may succeed later, once an operator made room or the disk answers again.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Full | Self::Database(_) | Self::Artifacts(_) | Self::Stopped)
    }

    pub(crate) fn corrupt(what: &'static str, reason: impl ToString) -> Self {
        Self::Corrupt { what, reason: reason.to_string() }
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if let Some(SqlErr::UniqueConstraintViolation(_)) = error.sql_err() {
            return Self::Duplicate("a row with this key");
        }
        let text = error.to_string();
        if text.contains(SQLITE_FULL_TEXT) { Self::Full } else { Self::Database(text) }
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull { Self::Full } else { Self::Artifacts(error.to_string()) }
    }
}
