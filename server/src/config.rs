//! How a server runs. Everything has a default; flags and environment variables (see `aitbc up --help`) override it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use shared::Address;
use shared::amount::Amount;
use shared::time::SECONDS_PER_DAY;
use store::DatabaseUrl;

use crate::keys::KeySource;
use crate::pins::Pins;

/// The port that answers everything.
pub const PORT_DEFAULT: u16 = 8_000;

/// Longest name of a hub.
pub const HUB_ID_MAX_CHARS: usize = 100;

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

/// Exit delay of the exchange on a new development chain: what was matched has this time to settle.
pub const DEVELOPMENT_EXIT_DELAY_SECONDS: u64 = 300;

/// Longest wait of a long poll.
pub const WAIT_MAX_SECONDS: u64 = 60;

/// The database of a data folder where `DATABASE_URL` names none.
pub fn database_in(data: &Path) -> DatabaseUrl {
    DatabaseUrl::SqliteFile(data.join("hub.sqlite"))
}

pub fn artifacts_in(data: &Path) -> PathBuf {
    data.join("artifacts")
}

/// Connections at once where the operator names no other number.
pub const CONNECTIONS_DEFAULT: u32 = 8_192;

/// How many connections there may be, and how long they may take to send a request.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    pub in_total: usize,
    /// Of one IPv4 address or one IPv6 network of 64 bits; not counted behind a proxy.
    pub per_address: usize,
    /// For a request's head, also the first of a new connection. An idle connection is closed after it.
    pub head_deadline: Duration,
    pub body: BodyPace,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            in_total: CONNECTIONS_DEFAULT as usize,
            per_address: 256,
            head_deadline: Duration::from_secs(60),
            body: BodyPace { grace: Duration::from_secs(30), bytes_per_second: 16 << 10 },
        }
    }
}

/// How fast a body comes at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyPace {
    /// Time for any body.
    pub grace: Duration,
    /// What came of it gives its rest more time, a second for so many bytes.
    pub bytes_per_second: u64,
}

impl BodyPace {
    /// How long a body of which so much came may have been waited for.
    pub fn time_for(self, received_bytes: u64) -> Duration {
        self.grace + Duration::from_secs(received_bytes / self.bytes_per_second.max(1))
    }
}

/// How a server operates the exchange of its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeConfig {
    /// Whether it takes orders and settles trades. Without an operator, traders leave alone.
    pub operates: bool,
    /// How long a trader that leaves alone waits, on a chain that a development server makes.
    pub exit_delay_seconds: u64,
    /// Whose orders the markets' pages name as the operator's own.
    pub market_maker: MarketMaker,
    /// The file with the policy that says whose orders are taken; everybody's where absent.
    pub policy: Option<PathBuf>,
}

/// A market maker of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarketMaker {
    None,
    /// It runs elsewhere, with this account.
    At(Address),
    /// Its key is among a development installation's keys.
    Development,
}

impl Default for ExchangeConfig {
    fn default() -> Self {
        Self {
            operates: true,
            exit_delay_seconds: DEVELOPMENT_EXIT_DELAY_SECONDS,
            market_maker: MarketMaker::None,
            policy: None,
        }
    }
}

/// The nodes that decide a chain on which this server has a hub, and decides nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainFrom {
    /// Base URLs of nodes: blocks are taken from the first that can be followed, and transactions are sent to the first that
    /// answers.
    pub urls: Vec<String>,
    /// The chain's `genesis.json`, copied into the data folder at the first start.
    pub genesis: Option<PathBuf>,
}

/// How a server runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder of everything that is kept: a development installation's `keys/`, `chain.redb`, the `genesis.json` and
    /// `peers.json` of a chain with several nodes, `artifacts/`, and `hub.sqlite` unless the database is
    /// elsewhere.
    pub data: PathBuf,
    /// `DATABASE_URL`; the data folder's `hub.sqlite` where absent.
    pub database_url: Option<DatabaseUrl>,
    pub listen: SocketAddr,
    /// Where other validators connect, if somewhere else than `peers.json` tells them.
    pub validator_listen: Option<SocketAddr>,
    /// After how long without a block this server, as a validator, makes one without transactions.
    pub heartbeat: Option<node::Heartbeat>,
    /// Whose chain it is; its own where absent.
    pub chain_from: Option<ChainFrom>,
    /// Folder of the built page bundles.
    pub site_root: PathBuf,
    pub keys: KeySource,
    /// Accounts that operate the hub; a development installation's admin is one besides.
    pub operators: Vec<Address>,
    /// Stands in every receipt of this hub, and in the rows that it takes over when it starts again.
    pub hub_id: String,
    /// How long the minter of a new chain holds what it mints, in seconds; 0 pays at once.
    pub hold_seconds: u64,
    /// The exchange of this chain.
    pub exchange: ExchangeConfig,
    /// Which results another miner computes again.
    pub audits: hub::audit::Draw,
    /// Which of those that an auditor confirmed a third miner computes as well, to see how it answers.
    pub controls: hub::audit::Draw,
    /// EIP-155 id of the chain that this server keeps; genesis commits to it.
    pub chain_id: u64,
    /// Models whose manifest says what the first page shows.
    pub pins: Pins,
    pub limits: Limits,
    pub connections: ConnectionLimits,
    pub keeping: Keeping,
    /// When fees are moved on to those whom they are for.
    pub upkeep: hub::upkeep::UpkeepTerms,
    /// Origins under which people reach this server: what they sign to sign in counts for these. Loopback where empty.
    pub own_origins: Vec<String>,
    /// Host and port under which workers reach this server besides its own origins. They count for nothing else.
    pub worker_addresses: Vec<String>,
    /// Origins other than the server's own whose pages may call the API.
    pub allowed_origins: Vec<String>,
    /// A reverse proxy stands in front: the last address in `X-Forwarded-For` is the visitor's.
    pub behind_proxy: bool,
    /// Upper bound of an SQLite file in pages of 4096 bytes.
    pub max_database_pages: Option<u32>,
    /// Free bytes of the data folder's disk below which only the settlement runs.
    pub disk_floor_bytes: u64,
    /// Solidity compilers with which sources of contracts are verified; nobody's are where there is none.
    pub compilers: Vec<PathBuf>,
}

/// Who may do how much.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub images_per_key_per_minute: u32,
    pub sponsored_per_address_per_day: u32,
    pub sponsored_in_total_per_day: u32,
    /// What the sponsored jobs of one network address may mint, and those of everybody.
    pub sponsored_mint_per_address_per_day: Amount,
    pub sponsored_mint_in_total_per_day: Amount,
    /// What the jobs of a key without a limit of its own may mint.
    pub mint_per_key_per_day: Amount,
    /// What the jobs of a wallet may mint, by its sessions and the keys that it made.
    pub mint_per_wallet_per_day: Amount,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            images_per_key_per_minute: hub::rate_limit::IMAGES_PER_KEY.calls_per_minute,
            sponsored_per_address_per_day: hub::quota::SPONSORED_PER_ADDRESS_PER_DAY,
            sponsored_in_total_per_day: hub::quota::SPONSORED_IN_TOTAL_PER_DAY,
            sponsored_mint_per_address_per_day: hub::quota::SPONSORED_MINT_PER_ADDRESS_PER_DAY,
            sponsored_mint_in_total_per_day: hub::quota::SPONSORED_MINT_IN_TOTAL_PER_DAY,
            mint_per_key_per_day: hub::quota::MINT_PER_KEY_PER_DAY,
            mint_per_wallet_per_day: hub::quota::MINT_PER_WALLET_PER_DAY,
        }
    }
}

/// How long result files are kept, and how many bytes of them. Jobs, hashes and receipts are kept in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// Files of sponsored jobs.
    pub sponsored: Duration,
    /// Files of jobs of an API key.
    pub keyed: Duration,
    /// All files together; beyond it the oldest of sponsored jobs go first, and then the oldest of others.
    pub bytes_max: u64,
}

/// One day, in which keeping is measured.
const DAY: Duration = Duration::from_secs(SECONDS_PER_DAY);

impl Keeping {
    pub const SPONSORED_DAYS: u32 = 7;
    pub const KEYED_DAYS: u32 = 90;
    pub const GIB_MAX: u32 = 50;

    pub fn new(sponsored_days: u32, keyed_days: u32, gib_max: u32) -> Self {
        Self { sponsored: DAY * sponsored_days, keyed: DAY * keyed_days, bytes_max: u64::from(gib_max) << 30 }
    }
}

impl Default for Keeping {
    fn default() -> Self {
        Self::new(Self::SPONSORED_DAYS, Self::KEYED_DAYS, Self::GIB_MAX)
    }
}

impl Config {
    /// A development server on loopback.
    pub fn dev(data: PathBuf) -> Self {
        Self {
            data,
            database_url: None,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT_DEFAULT),
            validator_listen: None,
            heartbeat: None,
            chain_from: None,
            site_root: PathBuf::from(SITE_ROOT_DEFAULT),
            keys: KeySource::Development,
            operators: Vec::new(),
            hub_id: DEVELOPMENT_HUB_ID.to_owned(),
            hold_seconds: 0,
            exchange: ExchangeConfig::default(),
            audits: hub::audit::Draw::Published,
            controls: hub::audit::Draw::Published,
            chain_id: shared::chain::DEV_CHAIN_ID,
            pins: Pins::default(),
            limits: Limits::default(),
            connections: ConnectionLimits::default(),
            keeping: Keeping::default(),
            upkeep: hub::upkeep::UpkeepTerms::default(),
            own_origins: Vec::new(),
            worker_addresses: Vec::new(),
            allowed_origins: Vec::new(),
            behind_proxy: false,
            max_database_pages: None,
            disk_floor_bytes: node::DISK_FLOOR_BYTES,
            compilers: Vec::new(),
        }
    }

    pub fn database(&self) -> DatabaseUrl {
        self.database_url.clone().unwrap_or_else(|| database_in(&self.data))
    }

    /// Where a development installation's keys are.
    pub fn keys_folder(&self) -> PathBuf {
        self.data.join("keys")
    }

    pub fn artifacts(&self) -> PathBuf {
        artifacts_in(&self.data)
    }
}
