//! How a server runs. Everything has a default; flags and environment variables (see `aitbc up --help`) override it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use store::DatabaseUrl;

use crate::keys::KeySource;

/// The port that answers everything.
pub const PORT_DEFAULT: u16 = 8_000;

/// Name of the hub of a development installation.
pub const DEVELOPMENT_HUB_ID: &str = "aitbc-dev-hub";

/// Where Trunk writes the page bundles of this repository.
pub const SITE_ROOT_DEFAULT: &str = "target/site";

/// Time for requests in flight when the server stops.
pub const DRAIN: Duration = Duration::from_secs(10);

/// Largest JSON body, results of miners apart.
pub const BODY_MAX_BYTES: usize = 256 << 10;

/// Largest body that asks for a job: it may carry a picture to start from. The worker's frame has the same bound.
pub const JOB_BODY_MAX_BYTES: usize = shared::protocol::FRAME_MAX_BYTES;

/// Longest wait of a long poll.
pub const WAIT_MAX_SECONDS: u64 = 60;

/// The database of a data folder where `DATABASE_URL` names none.
pub fn database_in(data: &Path) -> DatabaseUrl {
    DatabaseUrl::SqliteFile(data.join("hub.sqlite"))
}

pub fn artifacts_in(data: &Path) -> PathBuf {
    data.join("artifacts")
}

/// How a server runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder of everything that is kept: a development installation's `keys/`, `chain.redb`, `artifacts/`, and `hub.sqlite` unless the database is
    /// elsewhere.
    pub data: PathBuf,
    /// `DATABASE_URL`; the data folder's `hub.sqlite` where absent.
    pub database_url: Option<DatabaseUrl>,
    pub listen: SocketAddr,
    /// Folder of the built page bundles.
    pub site_root: PathBuf,
    pub keys: KeySource,
    /// Stands in every receipt of this hub, and in the rows that it takes over when it starts again.
    pub hub_id: String,
    pub limits: Limits,
    /// Origins other than the server's own whose pages may call the API.
    pub allowed_origins: Vec<String>,
    /// A reverse proxy stands in front: the last address in `X-Forwarded-For` is the visitor's.
    pub behind_proxy: bool,
    /// Upper bound of an SQLite file in pages of 4096 bytes.
    pub max_database_pages: Option<u32>,
}

/// Who may do how much.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub images_per_key_per_minute: u32,
    pub sponsored_per_address_per_day: u32,
    pub sponsored_in_total_per_day: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            images_per_key_per_minute: hub::rate_limit::IMAGES_PER_KEY.calls_per_minute,
            sponsored_per_address_per_day: hub::quota::SPONSORED_PER_ADDRESS_PER_DAY,
            sponsored_in_total_per_day: hub::quota::SPONSORED_IN_TOTAL_PER_DAY,
        }
    }
}

impl Config {
    /// A development server on loopback.
    pub fn dev(data: PathBuf) -> Self {
        Self {
            data,
            database_url: None,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT_DEFAULT),
            site_root: PathBuf::from(SITE_ROOT_DEFAULT),
            keys: KeySource::Development,
            hub_id: DEVELOPMENT_HUB_ID.to_owned(),
            limits: Limits::default(),
            allowed_origins: Vec::new(),
            behind_proxy: false,
            max_database_pages: None,
        }
    }

    pub fn database(&self) -> DatabaseUrl {
        self.database_url.clone().unwrap_or_else(|| database_in(&self.data))
    }

    pub fn artifacts(&self) -> PathBuf {
        artifacts_in(&self.data)
    }
}
