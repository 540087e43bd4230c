//! `aitbc up`: everything in one process.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, Limits, PORT_DEFAULT};
use crate::serve::Server;

/// What is logged where `RUST_LOG` does not say otherwise.
const LOG_FILTER: &str = "info,sqlx=warn,sea_orm_migration=warn";

#[derive(Debug, Args)]
pub(super) struct Up {
    /// Folder of keys, chain, database and artifacts
    #[arg(long, env = "AITBC_DATA", default_value = "data")]
    data: PathBuf,
    /// Port that answers everything
    #[arg(long, env = "AITBC_PORT", default_value_t = PORT_DEFAULT)]
    port: u16,
    /// Address to listen on; other machines reach 0.0.0.0
    #[arg(long, env = "AITBC_HOST", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// Folder of the built page bundles
    #[arg(long, env = "AITBC_SITE", default_value = "target/site")]
    site: PathBuf,
    /// Name of the hub in receipts
    #[arg(long, env = "AITBC_HUB_ID", default_value = "aitbc-dev-hub")]
    hub_id: String,
    /// Origin whose pages may call the API besides the server's own; may be repeated
    #[arg(long = "allow-origin", env = "AITBC_ALLOWED_ORIGINS", value_delimiter = ',')]
    allowed_origins: Vec<String>,
    /// A reverse proxy stands in front and names visitors in X-Forwarded-For
    #[arg(long, env = "AITBC_BEHIND_PROXY")]
    behind_proxy: bool,
    /// Pictures per minute for a key without its own limit, and for a visitor
    #[arg(long, env = "AITBC_IMAGES_PER_MINUTE", default_value_t = Limits::default().images_per_key_per_minute)]
    images_per_minute: u32,
    /// Sponsored jobs of one network address per day
    #[arg(long, env = "AITBC_SPONSORED_PER_ADDRESS", default_value_t = Limits::default().sponsored_per_address_per_day)]
    sponsored_per_address: u32,
    /// Sponsored jobs of everybody per day
    #[arg(long, env = "AITBC_SPONSORED_IN_TOTAL", default_value_t = Limits::default().sponsored_in_total_per_day)]
    sponsored_in_total: u32,
    /// Form of the log on stderr
    #[arg(long, env = "AITBC_LOG", value_enum, default_value_t = LogForm::Text)]
    log: LogForm,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogForm {
    Text,
    Json,
}

pub(super) fn run(up: Up) -> Result<()> {
    start_log(up.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(config(up)))
}

fn config(up: Up) -> Config {
    Config {
        data: up.data,
        listen: SocketAddr::new(up.host, up.port),
        site_root: up.site,
        hub_id: up.hub_id,
        limits: Limits {
            images_per_key_per_minute: up.images_per_minute,
            sponsored_per_address_per_day: up.sponsored_per_address,
            sponsored_in_total_per_day: up.sponsored_in_total,
        },
        allowed_origins: up.allowed_origins,
        behind_proxy: up.behind_proxy,
        max_database_pages: None,
    }
}

async fn serve(config: Config) -> Result<()> {
    let data = config.data.clone();
    let server = Server::start(config).await?;
    let address = server.address()?;
    println!(
        "AITBC runs at http://{address}  (dev keys in {}: nothing here is worth anything)",
        data.join("keys").display()
    );
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone())?);
    server.run(stop).await?;
    println!("stopped; the next start continues with {}", data.display());
    Ok(())
}

fn stop_on_signal(stop: CancellationToken) -> Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    })
}

fn start_log(form: LogForm) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG_FILTER));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match form {
        LogForm::Text => log.try_init(),
        LogForm::Json => log.json().with_file(true).with_line_number(true).try_init(),
    };
    if let Err(error) = started {
        eprintln!("the log does not start: {error}");
    }
}
