//! `aitbc up`: everything in one process.

use std::io::IsTerminal;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Result, bail};
use axum::http::Uri;
use clap::{Args, ValueEnum};
use store::DatabaseUrl;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, DEVELOPMENT_HUB_ID, Limits, PORT_DEFAULT, SITE_ROOT_DEFAULT};
use crate::keys::KeySource;
use crate::serve::Server;

/// What is logged where `RUST_LOG` does not say otherwise.
const LOG_FILTER: &str = "info,sqlx=warn,sea_orm_migration=warn";

/// Longest name of a hub.
const HUB_ID_MAX_CHARS: usize = 100;

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
    /// Folder of the built page bundles; target/site where absent, and no pages where nothing was built there
    #[arg(long, env = "AITBC_SITE", value_parser = folder)]
    site: Option<PathBuf>,
    /// Name of the hub in receipts
    #[arg(long, env = "AITBC_HUB_ID", default_value = DEVELOPMENT_HUB_ID, value_parser = hub_id)]
    pub(super) hub_id: String,
    /// Origin whose pages may call the API besides the server's own; may be repeated
    #[arg(long = "allow-origin", env = "AITBC_ALLOWED_ORIGINS", value_delimiter = ',', value_parser = origin)]
    allowed_origins: Vec<String>,
    /// A reverse proxy stands in front and names visitors in X-Forwarded-For
    #[arg(long, env = "AITBC_BEHIND_PROXY")]
    behind_proxy: bool,
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
    if !up.host.is_loopback() {
        bail!(
            "--host {}: `aitbc up` holds development keys, so it listens on loopback only; `aitbc serve` takes keys of your \
             own",
            up.host
        );
    }
    start(up, KeySource::Development)
}

/// Runs a server with these keys until a signal stops it.
pub(super) fn start(up: Up, keys: KeySource) -> Result<()> {
    start_log(up.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(config(up, keys)))
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

fn config(up: Up, keys: KeySource) -> Config {
    Config {
        data: up.data,
        database_url: up.database_url,
        listen: SocketAddr::new(up.host, up.port),
        site_root: up.site.unwrap_or_else(|| PathBuf::from(SITE_ROOT_DEFAULT)),
        keys,
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
    let (data, is_development) = (config.data.clone(), config.keys.is_development());
    let server = Server::start(config).await?;
    let address = server.address()?;
    if is_development {
        let keys = data.join("keys");
        println!("AITBC runs at http://{address}  (dev keys in {}: nothing here is worth anything)", keys.display());
    } else {
        println!("AITBC runs at http://{address}");
    }
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
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let ansi = std::io::stderr().is_terminal() && !no_color;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi);
    let started = match form {
        LogForm::Text => log.try_init(),
        LogForm::Json => log.json().with_file(true).with_line_number(true).try_init(),
    };
    if let Err(error) = started {
        eprintln!("the log does not start: {error}");
    }
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
    fn a_hubs_name_is_one_line_of_bounded_length() {
        for taken in ["a", "aitbc-dev-hub", "Hüb 1", &"x".repeat(HUB_ID_MAX_CHARS)] {
            assert_eq!(hub_id(taken).unwrap(), taken);
        }
        for refused in ["", "a\nb", "a\u{7}", &"x".repeat(HUB_ID_MAX_CHARS + 1)] {
            assert!(hub_id(refused).is_err(), "{refused:?}");
        }
    }
}
