//! `aitbc up`: everything in one process.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Result, bail};
use axum::http::Uri;
use axum::http::uri::Authority;
use clap::{Args, ValueEnum};
use contracts::DEFAULT_HOLD_SECONDS;
use node::Heartbeat;
use node::chain::rules::EMPTY_BLOCK_PAUSE_S;
use shared::Address;
use shared::amount::Amount;
use shared::chain::DEV_CHAIN_ID;
use shared::digest::Sha256Digest;
use store::DatabaseUrl;
use tokio_util::sync::CancellationToken;

use super::log::{LogForm, start_log};
use super::market_maker::RunningMaker;
use super::signals::stop_on_signal;
use crate::config::{
    CONNECTIONS_DEFAULT, ChainFrom, Config, ConnectionLimits, DEVELOPMENT_EXIT_DELAY_SECONDS, DEVELOPMENT_HUB_ID,
    ExchangeConfig, HUB_ID_MAX_CHARS, Keeping, Limits, MarketMaker, PORT_DEFAULT, SITE_ROOT_DEFAULT,
};
use crate::follow::node_url;
use crate::keys::{self, KeySource};
use crate::pins::Pins;
use crate::serve::Server;

/// The minter's own bound of a hold: 30 days.
pub(super) const HOLD_MAX_SECONDS: u64 = 30 * 86_400;

const MEBIBYTE: u64 = 1 << 20;

#[derive(Debug, Args)]
pub(super) struct Up {
    /// Folder of keys, chain, database and artifacts
    #[arg(long, env = "AITBC_DATA", default_value = "data")]
    data: PathBuf,
    /// Database of jobs and receipts: sqlite:FILE or postgres://USER:PASSWORD@HOST/NAME; hub.sqlite in the data folder
    /// where absent
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<DatabaseUrl>,
    /// Port that answers everything
    #[arg(long, env = "AITBC_PORT", default_value_t = PORT_DEFAULT)]
    port: u16,
    /// Address to listen on; other machines reach 0.0.0.0, which `up` refuses
    #[arg(long, env = "AITBC_HOST", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub(super) host: IpAddr,
    /// Where other validators connect, if somewhere else than the data folder's peers.json tells them to
    #[arg(long, env = "AITBC_VALIDATOR_LISTEN")]
    validator_listen: Option<SocketAddr>,
    /// Make a block without transactions where none was made for so many seconds; no such blocks where absent
    #[arg(
        long, env = "AITBC_HEARTBEAT_SECONDS", value_name = "SECONDS", value_parser = heartbeat, conflicts_with = "chain_from"
    )]
    heartbeat_seconds: Option<Heartbeat>,
    /// Node that keeps the chain, as http://HOST:PORT; may be repeated. This server then has a hub on that chain: it takes the
    /// blocks of the first that can be followed, checks them, and sends its transactions to the first that answers
    #[arg(long, env = "AITBC_CHAIN_FROM", value_delimiter = ',', value_parser = node_url)]
    pub(super) chain_from: Vec<String>,
    /// The genesis.json of that chain. It is copied into the folder, so that later starts need it no more
    #[arg(long, env = "AITBC_GENESIS", requires = "chain_from")]
    genesis: Option<PathBuf>,
    /// Folder of the built page bundles; target/site where absent, and no pages where nothing was built there
    #[arg(long, env = "AITBC_SITE", value_parser = folder)]
    site: Option<PathBuf>,
    /// Name of the hub in receipts
    #[arg(long, env = "AITBC_HUB_ID", default_value = DEVELOPMENT_HUB_ID, value_parser = hub_id)]
    pub(super) hub_id: String,
    /// Origin under which people reach this server, as browsers write it; may be repeated. Signing in with a wallet counts
    /// for these; without one, at this machine alone. Workers of other machines must reach this hub at one of them, or at
    /// a --worker-address
    #[arg(long = "origin", env = "AITBC_ORIGINS", value_delimiter = ',', value_parser = origin)]
    own_origins: Vec<String>,
    /// Address under which workers reach this server besides its origins; may be repeated. It counts for nothing else:
    /// nobody signs in for it
    #[arg(
        long = "worker-address",
        env = "AITBC_WORKER_ADDRESSES",
        value_name = "HOST:PORT",
        value_delimiter = ',',
        value_parser = worker_address
    )]
    worker_addresses: Vec<String>,
    /// Account of a wallet that operates this hub at /admin; may be repeated. `up` names its own admin besides
    #[arg(long = "operator", env = "AITBC_OPERATORS", value_name = "ADDRESS", value_delimiter = ',')]
    operators: Vec<Address>,
    /// Origin whose pages may call the API besides the server's own; may be repeated
    #[arg(long = "allow-origin", env = "AITBC_ALLOWED_ORIGINS", value_delimiter = ',', value_parser = origin)]
    allowed_origins: Vec<String>,
    /// A reverse proxy stands in front and names visitors in X-Forwarded-For
    #[arg(long, env = "AITBC_BEHIND_PROXY")]
    behind_proxy: bool,
    /// Connections at once, in all. Each connected worker has one
    #[arg(
        long, env = "AITBC_CONNECTIONS", default_value_t = CONNECTIONS_DEFAULT,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    connections: u32,
    /// Pictures per minute for a key without its own limit, and for a visitor
    #[arg(
        long, env = "AITBC_IMAGES_PER_MINUTE", default_value_t = Limits::default().images_per_key_per_minute,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    images_per_minute: u32,
    /// Sponsored jobs of one network address per day; 0 for none
    #[arg(long, env = "AITBC_SPONSORED_PER_ADDRESS", default_value_t = Limits::default().sponsored_per_address_per_day)]
    sponsored_per_address: u32,
    /// Sponsored jobs of everybody per day; 0 for none
    #[arg(long, env = "AITBC_SPONSORED_IN_TOTAL", default_value_t = Limits::default().sponsored_in_total_per_day)]
    sponsored_in_total: u32,
    /// How long the minter of a new chain holds what it mints, in seconds, so that an audit finds something to take; 0
    /// pays at once. `up` pays at once where absent, and `serve` holds for a day
    #[arg(long, env = "AITBC_HOLD_SECONDS", value_parser = clap::value_parser!(u64).range(..=HOLD_MAX_SECONDS))]
    hold_seconds: Option<u64>,
    /// Which results another miner computes again: by the published chances, always, or never
    #[arg(long, env = "AITBC_AUDITS", value_enum, default_value_t = Audits::Published)]
    audits: Audits,
    /// Which results that an auditor confirmed a third miner computes as well, so that it is seen whether third opinions are
    /// honest: by the published chance, always, or never
    #[arg(long, env = "AITBC_AUDIT_CONTROLS", value_enum, default_value_t = Audits::Published)]
    audit_controls: Audits,
    /// Operate no exchange: take no orders and settle no trades. Its contract stays, and traders leave alone
    #[arg(long, env = "AITBC_NO_EXCHANGE")]
    no_exchange: bool,
    /// Account of a market maker that you run yourself, which the markets' pages name as yours
    #[arg(long, env = "AITBC_MARKET_MAKER", value_name = "ADDRESS", conflicts_with = "no_market_maker")]
    market_maker: Option<Address>,
    /// Run no market maker. Where this is absent, `up` runs the reference one with worthless money, so that the book is
    /// not empty; `serve` never does
    #[arg(long, env = "AITBC_NO_MARKET_MAKER")]
    no_market_maker: bool,
    /// File with the policy that says whose orders the exchange takes, by jurisdiction. Absent: everybody's
    #[arg(long, env = "AITBC_EXCHANGE_POLICY", value_name = "FILE", conflicts_with = "no_exchange")]
    exchange_policy: Option<PathBuf>,
    /// How long a trader that leaves the exchange alone waits on a new development chain, in seconds
    #[arg(
        long, env = "AITBC_EXIT_DELAY_SECONDS", default_value_t = DEVELOPMENT_EXIT_DELAY_SECONDS,
        value_parser = clap::value_parser!(u64).range(30..=604_800)
    )]
    exit_delay_seconds: u64,
    /// AIT that the sponsored jobs of one network address may mint per day
    #[arg(
        long, env = "AITBC_SPONSORED_MINT_PER_ADDRESS",
        default_value_t = Limits::default().sponsored_mint_per_address_per_day
    )]
    sponsored_mint_per_address: Amount,
    /// AIT that the sponsored jobs of everybody may mint per day
    #[arg(
        long, env = "AITBC_SPONSORED_MINT_IN_TOTAL", default_value_t = Limits::default().sponsored_mint_in_total_per_day
    )]
    sponsored_mint_in_total: Amount,
    /// AIT that the jobs of a key without its own limit may mint per day
    #[arg(long, env = "AITBC_MINT_PER_KEY", default_value_t = Limits::default().mint_per_key_per_day)]
    mint_per_key: Amount,
    /// AIT that the jobs of a signed-in wallet may mint per day
    #[arg(long, env = "AITBC_MINT_PER_WALLET", default_value_t = Limits::default().mint_per_wallet_per_day)]
    mint_per_wallet: Amount,
    /// SHA-256 of a manifest: its model is the default of its kind, and no other one may have its name. May be repeated;
    /// the product's own models where absent
    #[arg(long = "pin-model", env = "AITBC_PIN_MODELS", value_delimiter = ',')]
    pinned_models: Vec<Sha256Digest>,
    /// Folder with the manifests of pinned models, as *.json
    #[arg(long, env = "AITBC_MANIFESTS", value_parser = folder)]
    manifests: Option<PathBuf>,
    /// Days for which result files of sponsored jobs are kept; jobs and receipts stay
    #[arg(
        long, env = "AITBC_SPONSORED_FILES_DAYS", default_value_t = Keeping::SPONSORED_DAYS,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    sponsored_files_days: u32,
    /// Days for which result files of jobs of a wallet, an API key or a payment are kept
    #[arg(
        long, env = "AITBC_KEY_FILES_DAYS", default_value_t = Keeping::KEYED_DAYS,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    key_files_days: u32,
    /// GiB of all result files together; beyond it the oldest of visitors are removed first, then the oldest of keys
    #[arg(
        long, env = "AITBC_FILES_MAX_GIB", default_value_t = Keeping::GIB_MAX,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    files_max_gib: u32,
    /// Free space of the disk, in MiB, below which only mints of receipts are taken: no jobs, no transactions
    #[arg(long, env = "AITBC_DISK_FLOOR_MIB", default_value_t = node::DISK_FLOOR_BYTES / MEBIBYTE)]
    disk_floor_mib: u64,
    /// Solidity compiler that verifies sources of contracts which anybody sends: a program that takes --standard-json and
    /// --version, as solc does; may be repeated, once for each version. It runs confined. Without one, only this
    /// software's own contracts have sources
    #[arg(long = "solc", env = "AITBC_SOLC", value_name = "FILE", value_delimiter = ',')]
    compilers: Vec<PathBuf>,
    /// Form of the log on stderr
    #[arg(long, env = "AITBC_LOG", value_enum, default_value_t = LogForm::Text)]
    log: LogForm,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Audits {
    Published,
    Always,
    Never,
}

impl From<Audits> for hub::audit::Draw {
    fn from(audits: Audits) -> Self {
        match audits {
            Audits::Published => Self::Published,
            Audits::Always => Self::Always,
            Audits::Never => Self::Never,
        }
    }
}

pub(super) fn run(up: Up) -> Result<()> {
    if !up.host.is_loopback() {
        bail!(
            "--host {}: `aitbc up` holds development keys, so it listens on loopback only; `aitbc serve` takes keys of your \
             own",
            up.host
        );
    }
    start(up, KeySource::Development, DEV_CHAIN_ID)
}

/// Runs a server of this chain with these keys until a signal stops it.
pub(super) fn start(up: Up, keys: KeySource, chain_id: u64) -> Result<()> {
    start_log(up.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(config(up, keys, chain_id)))
}

/// A folder that exists. Otherwise a wrong name would show only as missing pages.
fn folder(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_dir() { Ok(path) } else { Err("there is no such folder".to_owned()) }
}

/// A name that every receipt can carry, in one line.
fn hub_id(text: &str) -> Result<String, String> {
    let is_name = (1..=HUB_ID_MAX_CHARS).contains(&text.chars().count()) && !text.contains(char::is_control);
    if is_name {
        Ok(text.to_owned())
    } else {
        Err(format!("1 to {HUB_ID_MAX_CHARS} characters without control characters"))
    }
}

/// An origin letter for letter as browsers send it (RFC 6454, section 6.2): any other text would match none.
fn origin(text: &str) -> Result<String, String> {
    let uri: Option<Uri> = text.parse().ok();
    let is_origin = uri.is_some_and(|uri| match (uri.scheme_str(), uri.authority()) {
        (Some(scheme @ ("http" | "https")), Some(authority)) => {
            let named = format!("{scheme}://{authority}").to_ascii_lowercase();
            text == named && !text.contains('@')
        }
        _ => false,
    });
    if is_origin {
        Ok(text.to_owned())
    } else {
        Err("http or https and a host in lower case, with its port and without a path: https://shop.example".to_owned())
    }
}

/// Where a worker connects to: a host and its port, which a worker always names.
fn worker_address(text: &str) -> Result<String, String> {
    let authority: Option<Authority> = text.parse().ok();
    let is_address = authority.is_some_and(|authority| {
        !authority.host().is_empty() && authority.port_u16().is_some_and(|port| port > 0) && !text.contains('@')
    });
    if is_address {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("a host and its port, without a scheme and a path: hub.example:8000 or [2001:db8::1]:8000".to_owned())
    }
}

/// A heartbeat for whose blocks the other validators vote.
pub(super) fn heartbeat(text: &str) -> Result<Heartbeat, String> {
    let heartbeat = text.parse().ok().and_then(Heartbeat::every_seconds);
    heartbeat.ok_or_else(|| {
        format!("a number of seconds from {EMPTY_BLOCK_PAUSE_S} on, since validators vote for no earlier block without transactions")
    })
}

fn config(up: Up, keys: KeySource, chain_id: u64) -> Config {
    let hold_seconds = up.hold_seconds.unwrap_or(if keys.is_development() { 0 } else { DEFAULT_HOLD_SECONDS });
    // The exchange of a chain belongs to the hub that keeps the chain.
    let operates = !up.no_exchange && up.chain_from.is_empty();
    let runs_maker = keys.is_development() && operates && !up.no_market_maker;
    let market_maker = match up.market_maker {
        Some(address) => MarketMaker::At(address),
        None if runs_maker => MarketMaker::Development,
        None => MarketMaker::None,
    };
    Config {
        data: up.data,
        database_url: up.database_url,
        listen: SocketAddr::new(up.host, up.port),
        validator_listen: up.validator_listen,
        heartbeat: up.heartbeat_seconds,
        chain_from: (!up.chain_from.is_empty()).then_some(ChainFrom { urls: up.chain_from, genesis: up.genesis }),
        site_root: up.site.unwrap_or_else(|| PathBuf::from(SITE_ROOT_DEFAULT)),
        keys,
        operators: up.operators,
        hub_id: up.hub_id,
        hold_seconds,
        exchange: ExchangeConfig {
            operates,
            exit_delay_seconds: up.exit_delay_seconds,
            market_maker,
            policy: up.exchange_policy,
        },
        audits: up.audits.into(),
        controls: up.audit_controls.into(),
        chain_id,
        pins: Pins { models: up.pinned_models, manifests: up.manifests },
        limits: Limits {
            images_per_key_per_minute: up.images_per_minute,
            sponsored_per_address_per_day: up.sponsored_per_address,
            sponsored_in_total_per_day: up.sponsored_in_total,
            sponsored_mint_per_address_per_day: up.sponsored_mint_per_address,
            sponsored_mint_in_total_per_day: up.sponsored_mint_in_total,
            mint_per_key_per_day: up.mint_per_key,
            mint_per_wallet_per_day: up.mint_per_wallet,
        },
        connections: ConnectionLimits { in_total: up.connections as usize, ..ConnectionLimits::default() },
        keeping: Keeping::new(up.sponsored_files_days, up.key_files_days, up.files_max_gib),
        upkeep: hub::upkeep::UpkeepTerms::default(),
        own_origins: up.own_origins,
        worker_addresses: up.worker_addresses,
        allowed_origins: up.allowed_origins,
        behind_proxy: up.behind_proxy,
        max_database_pages: None,
        disk_floor_bytes: up.disk_floor_mib.saturating_mul(MEBIBYTE),
        compilers: up.compilers,
    }
}

async fn serve(config: Config) -> Result<()> {
    let makes_market = config.exchange.market_maker == MarketMaker::Development;
    let keys_folder = config.keys_folder();
    let (data, is_development) = (config.data.clone(), config.keys.is_development());
    let server = Server::start(config).await?;
    let address = server.address()?;
    if is_development {
        let keys = keys_folder.display();
        println!("AITBC runs at http://{address}  (dev keys in {keys}: nothing here is worth anything)");
    } else {
        println!("AITBC runs at http://{address}");
    }
    let maker = if makes_market {
        let key = keys::development_market_maker(&keys_folder)?;
        Some(RunningMaker::start(format!("http://{address}"), key)?)
    } else {
        None
    };
    let (asked, stop) = (CancellationToken::new(), CancellationToken::new());
    tokio::spawn(stop_on_signal(asked.clone())?);
    let stop_server = stop.clone();
    tokio::spawn(async move {
        asked.cancelled().await;
        // It cancels its orders at the server.
        if let Some(maker) = maker {
            maker.stop().await;
        }
        stop_server.cancel();
    });
    server.run(stop).await?;
    println!("stopped; the next start continues with {}", data.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_taken_only_as_browsers_send_it() {
        for taken in ["https://shop.example", "http://127.0.0.1:3000", "http://[::1]:8080", "http://localhost"] {
            assert_eq!(origin(taken).unwrap(), taken);
        }
        for refused in [
            "",
            "garbage",
            "*",
            "null",
            "shop.example",
            "https://",
            "https://shop.example/",
            "https://shop.example/a",
            "https://Shop.example",
            "https://me@shop.example",
            "ftp://shop.example",
            "https://shop.example?a",
        ] {
            assert!(origin(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn workers_are_told_a_host_and_a_port() {
        for taken in ["hub.example:443", "10.0.0.5:8000", "[2001:db8::1]:8000"] {
            assert_eq!(worker_address(taken).unwrap(), taken);
        }
        assert_eq!(worker_address("Hub.example:443").unwrap(), "hub.example:443");
        for refused in [
            "",
            "hub.example",
            "https://hub.example:443",
            "hub.example:443/",
            "me@hub.example:443",
            ":443",
            "hub.example:0",
        ] {
            assert!(worker_address(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_heartbeat_is_a_number_of_seconds_that_validators_vote_for() {
        assert_eq!(heartbeat("10").unwrap(), Heartbeat::every_seconds(10).unwrap());
        for refused in ["", "0", "9", "-10", "10s", "1.5"] {
            assert!(heartbeat(refused).unwrap_err().contains("from 10 on"), "{refused:?}");
        }
    }

    #[test]
    fn a_hubs_name_is_one_line_of_bounded_length() {
        for taken in ["a", "aitbc-dev-hub", "Hüb 1", &"x".repeat(HUB_ID_MAX_CHARS)] {
            assert_eq!(hub_id(taken).unwrap(), taken);
        }
        for refused in ["", "a\nb", "a\u{7}", &"x".repeat(HUB_ID_MAX_CHARS + 1)] {
            assert!(hub_id(refused).is_err(), "{refused:?}");
        }
    }
}
