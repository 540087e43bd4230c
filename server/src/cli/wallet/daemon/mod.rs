//! `aitbc wallet daemon`: keeps wallets of this machine unlocked, and signs for programs that have its token, within a policy for
//! each wallet.
//!
//! ```text
//! guard (host, no browser, token) ─▶ routes ─▶ plan (what is signed, its sheet) ─▶ signing, payments ─▶ log on the disk ─▶ answer
//! ```
//! The rules are those of the crate `custody`; the log is the only thing that is stored beside the keystore files.

mod cancel;
mod error;
mod guard;
mod home;
mod log_file;
mod payments;
mod plan;
mod requests;
mod routes;
mod second_factor;
mod segments;
mod signer;
mod signing;
mod tickets;
mod wallets;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use clap::{Args, Subcommand};
use custody::event::{Event, LockReason};
use custody::idle;
use custody::segment::FIRST;
use serde_json::json;
use shared::B256;
use shared::chain::DEV_CHAIN_ID;
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::ask::Password;
use super::folder::{Folder, WalletName};
use super::node::Node;
use crate::cli::client::print_json;
use crate::cli::log::{LogForm, start_log};
use crate::cli::signals::stop_on_signal;
use crate::config::{ConnectionLimits, DRAIN};
use crate::connections::{self, Places};
use guard::Guard;
use home::Home;
use log_file::LogWriter;
use segments::{not_read, replay, verify};
use signer::{Config, Signer};

/// Where the daemon listens, on this machine alone.
const PORT_DEFAULT: u16 = 18_002;

/// Most connections. Programs of one machine share them.
const CONNECTIONS_MAX: usize = 256;

/// So many bytes of the audit log lie in one file, beside what its beginning repeats.
const SEGMENT_BYTES_DEFAULT: u64 = 64 << 20;
const SEGMENT_BYTES_MIN: u64 = 1 << 10;
const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// How often keys that nobody uses are looked for, and how often payments that wait.
const IDLE_LOOK: Duration = Duration::from_millis(500);
const PAYMENTS_LOOK: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct Daemon {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    start: Start,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Checks that nobody changed the audit log
    Verify(Verify),
}

#[derive(Debug, Args)]
struct Verify {
    /// The last hash that you noted down: without it, a log whose end was cut off looks whole
    #[arg(long, value_name = "HASH")]
    head: Option<B256>,
    /// Where older segments of the log were moved to
    #[arg(long, value_name = "FOLDER")]
    archive: Vec<PathBuf>,
    #[command(flatten)]
    folder: Folder,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Start {
    /// Port on 127.0.0.1; nothing else is listened on
    #[arg(long, default_value_t = PORT_DEFAULT)]
    port: u16,
    /// EIP-155 id of the chain that is signed for
    #[arg(long, default_value_t = DEV_CHAIN_ID)]
    chain_id: u64,
    /// Locks a wallet that was not used for so long
    #[arg(long, value_name = "SECONDS", default_value_t = idle::DEFAULT_SECONDS, value_parser = clap::value_parser!(u64).range(1..=idle::MAX_SECONDS))]
    lock_after: u64,
    /// Wallet to unlock at the start; the terminal asks for its password, or --password-file has it
    #[arg(long, value_name = "NAME")]
    unlock: Vec<WalletName>,
    #[command(flatten)]
    password: Password,
    /// Begins another file of the audit log after so many bytes
    #[arg(long, value_name = "BYTES", default_value_t = SEGMENT_BYTES_DEFAULT, value_parser = clap::value_parser!(u64).range(SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX))]
    segment_bytes: u64,
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    node: Node,
}

pub(super) fn run(daemon: Daemon) -> Result<()> {
    match daemon.command {
        Some(Command::Verify(options)) => check_log(&options),
        None => start(daemon.start),
    }
}

fn check_log(options: &Verify) -> Result<()> {
    let mut folders = options.archive.clone();
    folders.push(home::log_folder(&options.folder)?);
    let verified = verify(&folders)?;
    let head = verified.replay.head;
    if let Some(expected) = options.head {
        head.expect(expected)?;
    }
    if options.json {
        return print_json(&json!({
            "entries": head.entries,
            "head": head.hash,
            "first_entry": verified.first_entry,
            "first_segment": verified.first_segment,
            "last_segment": verified.replay.segment,
        }));
    }
    println!("{} entries, each names the hash of the one before; the last hash is {}", head.entries, head.hash);
    if verified.first_segment > FIRST {
        eprintln!(
            "Entries 0 to {} are in segments before {}, which are not here: name their folder with `--archive`.",
            verified.first_entry.saturating_sub(1),
            verified.first_segment
        );
    }
    if options.head.is_none() {
        eprintln!("Note it down: `--head` finds a log whose end was cut off.");
    }
    Ok(())
}

fn start(start: Start) -> Result<()> {
    start_log(LogForm::Text);
    let ask = |name: &WalletName| start.password.of(&name.to_string()).map(|password| (name.clone(), password));
    let passwords: Vec<(WalletName, Zeroizing<String>)> = start.unlock.iter().map(ask).collect::<Result<_>>()?;
    let home = Home::open(&start.folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(start, &home, passwords))
}

async fn serve(start: Start, home: &Home, passwords: Vec<(WalletName, Zeroizing<String>)>) -> Result<()> {
    // The port first, so that nothing is unlocked for a daemon that cannot be reached.
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, start.port))).await;
    let listener = listener.with_context(|| format!("cannot listen on 127.0.0.1:{}", start.port))?;
    let address = listener.local_addr()?;
    let guard = Arc::new(Guard::new(home.token()?, address));
    let stop = CancellationToken::new();
    let log_failed = CancellationToken::new();
    if let Some(told) = not_read(home.log_folder()) {
        eprintln!("{told}");
    }
    let replayed = replay(home.log_folder())?;
    let log = LogWriter::start(home.log_folder(), &replayed, log_failed.clone())?;
    let Start { chain_id, lock_after, segment_bytes, folder, node, .. } = start;
    let config = Config { folder, node, chain_id, lock_after_seconds: lock_after, segment_bytes };
    let signer = Arc::new(Signer::new(config, replayed, log));
    signer.note(&Event::Started { chain_id }).map_err(|error| anyhow!("{error}"))?;
    for (name, password) in passwords {
        signer.unlock(&name, password).await.map_err(|error| anyhow!("{name}: {error}"))?;
    }
    tokio::spawn(stop_on_signal(stop.clone())?);
    println!("The wallet daemon listens on http://{address}; its token is in {}", home.token_file().display());
    let limits =
        ConnectionLimits { in_total: CONNECTIONS_MAX, per_address: CONNECTIONS_MAX, ..ConnectionLimits::default() };
    let router = routes::router(Arc::clone(&signer), guard);
    let mut serving = tokio::spawn(connections::serve(listener, router, Places::new(limits, false), stop.clone()));
    let looking = tokio::spawn(look_after(Arc::clone(&signer), stop.clone()));
    tokio::select! {
        () = log_failed.cancelled() => {}
        _ = &mut serving => {}
    }
    let has_failed = log_failed.is_cancelled();
    stop.cancel();
    if !serving.is_finished() && tokio::time::timeout(DRAIN, &mut serving).await.is_err() {
        serving.abort();
    }
    // It ends by itself; that it panicked would have been logged.
    let _ = looking.await;
    let locked = signer.lock(None, LockReason::Stopped).map_err(|error| anyhow!("{error}"))?;
    locked.wait().await.map_err(|error| anyhow!("{error}"))?;
    if has_failed { Err(anyhow!("the audit log cannot be written")) } else { Ok(()) }
}

/// Locks what is idle, and sends the payments that wait.
async fn look_after(signer: Arc<Signer>, stop: CancellationToken) {
    let (mut idle, mut payments) = (interval(IDLE_LOOK), interval(PAYMENTS_LOOK));
    idle.set_missed_tick_behavior(MissedTickBehavior::Delay);
    payments.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut settling = tokio::spawn(std::future::ready(()));
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = idle.tick() => {
                if let Err(error) = signer.lock_idle() {
                    tracing::error!(%error, "a wallet was not locked");
                }
            }
            // A node that answers slowly must not keep a key unlocked.
            _ = payments.tick(), if settling.is_finished() => {
                let signer = Arc::clone(&signer);
                settling = tokio::spawn(async move {
                    if let Err(error) = signer.settle().await {
                        tracing::warn!(%error, "the payments that wait were not looked after");
                    }
                });
            }
        }
    }
    settling.abort();
}
