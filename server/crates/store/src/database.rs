//! Which database the hub keeps its rows in, and how a connection to it is opened. `DATABASE_URL` is the only switch;
//! no table, no change and no repository knows which of the two it works on.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbBackend, FromQueryResult,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use shared::api::admin::DatabaseHealth;

use crate::StoreError;
use crate::columns::from_i64;

/// How long to wait for another process (`aitbc keys`) that writes to the same SQLite file.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// SQLite's message where another connection prevents a change of the journal's mode. It does not wait then.
const SQLITE_LOCKED_TEXT: &str = "database is locked";

/// How often, and how soon, opening is tried again where another process opens the same new SQLite file.
const OPEN_TRIES_MAX: u32 = 50;
const OPEN_PAUSE: Duration = Duration::from_millis(50);

/// Prepared statements that one SQLite connection keeps.
const SQLITE_STATEMENTS: usize = 256;

/// Names the database; read from `DATABASE_URL`.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite:` and the path of a file, which is made where it is missing.
    SqliteFile(PathBuf),
    /// `postgres://user:password@host:port/name`, as libpq writes it.
    Postgres(String),
}

impl DatabaseUrl {
    /// Several hubs may share this database, so that what they count together is counted in it.
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

impl FromStr for DatabaseUrl {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        let path = rest.strip_prefix("//").unwrap_or(rest);
        match scheme {
            "sqlite" if !path.is_empty() && !path.starts_with(':') && !path.contains('?') => {
                Ok(Self::SqliteFile(PathBuf::from(path)))
            }
            "postgres" | "postgresql" if rest.starts_with("//") => Ok(Self::Postgres(text.to_owned())),
            _ => Err(StoreError::DatabaseUrl { scheme: scheme.to_owned() }),
        }
    }
}

/// Without the password that a URL may hold.
impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SqliteFile(path) => write!(formatter, "sqlite:{}", path.display()),
            Self::Postgres(_) => formatter.write_str("postgres://..."),
        }
    }
}

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    ReadOnly,
    ReadWrite,
}

/// Opens as many as `connections`, all at once: each one of SQLite has a thread, which has the priority of the thread that
/// opens it. `max_pages` bounds the file of SQLite.
pub(crate) async fn connect(
    url: &DatabaseUrl,
    connections: u32,
    access: Access,
    max_pages: Option<u32>,
) -> Result<DatabaseConnection, StoreError> {
    let mut options = match url {
        DatabaseUrl::SqliteFile(path) => sqlite(path.clone(), access, max_pages)?,
        DatabaseUrl::Postgres(text) => postgres(text, access),
    };
    options.max_connections(connections).min_connections(connections).sqlx_logging(false);
    options.idle_timeout(None).max_lifetime(None);
    let mut tries = 0;
    loop {
        tries += 1;
        match Database::connect(options.clone()).await {
            Ok(connection) => return Ok(connection),
            Err(error) if tries < OPEN_TRIES_MAX && error.to_string().contains(SQLITE_LOCKED_TEXT) => {
                tokio::time::sleep(OPEN_PAUSE).await;
            }
            Err(error) => return Err(StoreError::Open(error.to_string())),
        }
    }
}

fn sqlite(path: PathBuf, access: Access, max_pages: Option<u32>) -> Result<ConnectOptions, StoreError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // The file's name is set below: a path may hold characters that mean something in a URL.
    let mut options = ConnectOptions::new("sqlite://hub.sqlite");
    options.map_sqlx_sqlite_opts(move |sqlite| {
        let sqlite = sqlite
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(SQLITE_BUSY_TIMEOUT)
            .foreign_keys(false)
            .statement_cache_capacity(SQLITE_STATEMENTS);
        let sqlite = match access {
            Access::ReadOnly => sqlite.pragma("query_only", "1"),
            Access::ReadWrite => sqlite,
        };
        match max_pages {
            Some(pages) => sqlite.pragma("max_page_count", pages.to_string()),
            None => sqlite,
        }
    });
    Ok(options)
}

fn postgres(url: &str, access: Access) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.map_sqlx_postgres_opts(move |postgres| match access {
        Access::ReadOnly => postgres.options([("default_transaction_read_only", "on")]),
        // A server may be set to acknowledge before its disk has the commit; this hub must not.
        Access::ReadWrite => postgres.options([("synchronous_commit", "on")]),
    });
    options
}

/// Begins a transaction that writes.
pub(crate) async fn begin_writing(connection: &DatabaseConnection) -> Result<DatabaseTransaction, StoreError> {
    // SQLite lets one transaction write at a time: this waits for its turn here instead of failing at its first write.
    // To PostgreSQL the option means nothing.
    let options =
        TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
    Ok(connection.begin_with_options(options).await?)
}

#[derive(Debug, FromQueryResult)]
struct Size {
    bytes: i64,
}

/// Which database this is, and how much it takes.
pub(crate) async fn health(connection: &DatabaseConnection) -> Result<DatabaseHealth, StoreError> {
    let backend = connection.get_database_backend();
    let (kind, question) = match backend {
        DbBackend::Postgres => ("postgresql", "SELECT pg_database_size(current_database()) AS bytes"),
        _ => ("sqlite", "SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()"),
    };
    let size = Size::find_by_statement(Statement::from_string(backend, question)).one(connection).await?;
    Ok(DatabaseHealth { kind: kind.to_owned(), size_bytes: size.map_or(0, |size| from_i64(size.bytes)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_file_or_a_server_and_nothing_else() {
        let file = |path: &str| DatabaseUrl::SqliteFile(PathBuf::from(path));
        for (text, url) in [
            ("sqlite:data/hub.sqlite", file("data/hub.sqlite")),
            ("sqlite:///var/lib/hub.sqlite", file("/var/lib/hub.sqlite")),
            ("postgres://a@b/c", DatabaseUrl::Postgres("postgres://a@b/c".to_owned())),
            ("postgresql://a@b/c", DatabaseUrl::Postgres("postgresql://a@b/c".to_owned())),
        ] {
            assert_eq!(text.parse::<DatabaseUrl>().unwrap(), url, "{text}");
        }
        for text in ["", "sqlite:", "sqlite::memory:", "sqlite:a?mode=ro", "postgres:a", "mysql://a:secret@b/c"] {
            let error = text.parse::<DatabaseUrl>().unwrap_err().to_string();
            assert!(error.contains("DATABASE_URL") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let url: DatabaseUrl = "postgres://user:secret@host/name".parse().unwrap();
        assert!(!format!("{url:?}").contains("secret"));
    }
}
