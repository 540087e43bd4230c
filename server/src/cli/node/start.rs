//! `aitbc node start`: one validator of a chain.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use node::chain::{DEFAULT_KEPT_STATES, StateHistory};
use node::{Heartbeat, Role};
use tokio_util::sync::CancellationToken;

use super::PORT_DEFAULT;
use crate::chain;
use crate::cli::log::{LogForm, start_log};
use crate::cli::signals::stop_on_signal;
use crate::cli::up::heartbeat;
use crate::keys;
use crate::network::{self, GENESIS_FILE, SharedGenesis};
use crate::node_server::NodeServer;

/// Where a node lies and listens.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// Folder of the node: genesis.json, and what the node writes
    #[arg(long, env = "AITBC_DATA")]
    pub(super) data: PathBuf,
    /// Port of JSON-RPC and REST, both under /rpc
    #[arg(long, env = "AITBC_PORT", default_value_t = PORT_DEFAULT)]
    port: u16,
    /// Address to listen on; other machines reach 0.0.0.0
    #[arg(long, env = "AITBC_HOST", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// Form of the log on stderr
    #[arg(long, env = "AITBC_LOG", value_enum, default_value_t = LogForm::Text)]
    pub(super) log: LogForm,
}

impl Place {
    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }
}

/// What a node keeps of the past.
#[derive(Debug, Args)]
pub(super) struct Past {
    /// Blocks whose states are kept, for calls and traces at old heights; blocks, receipts and logs always are
    #[arg(
        long, env = "AITBC_KEPT_STATES", default_value_t = DEFAULT_KEPT_STATES,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    kept_states: u64,
    /// Keep the states of all blocks
    #[arg(long, env = "AITBC_ARCHIVE", conflicts_with = "kept_states")]
    archive: bool,
}

impl Past {
    pub(super) fn history(&self) -> StateHistory {
        if self.archive { StateHistory::All } else { StateHistory::Last(self.kept_states) }
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Start {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    past: Past,
    /// Where other validators connect, if somewhere else than peers.json tells them to
    #[arg(long, env = "AITBC_VALIDATOR_LISTEN")]
    validator_listen: Option<SocketAddr>,
    /// File of the validator's key; keys/validator.key or keys/validator-dev.key in the folder where absent
    #[arg(long, env = "AITBC_VALIDATOR_KEY_FILE")]
    validator_key_file: Option<PathBuf>,
    /// Make a block without transactions where none was made for so many seconds; no such blocks where absent
    #[arg(long, env = "AITBC_HEARTBEAT_SECONDS", value_name = "SECONDS", value_parser = heartbeat)]
    heartbeat_seconds: Option<Heartbeat>,
}

pub(super) fn run(start: Start) -> Result<()> {
    start_log(start.place.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(start))
}

async fn serve(start: Start) -> Result<()> {
    let Start { place, past, validator_listen, validator_key_file, heartbeat_seconds } = start;
    let (address, data) = (place.address(), place.data);
    let Some(shared) = SharedGenesis::read(&data.join(GENESIS_FILE))? else {
        bail!(
            "{} holds no {GENESIS_FILE}: `aitbc node init` makes one, and every other node of the chain has it",
            data.display()
        );
    };
    let file = validator_key_file.unwrap_or_else(|| keys::validator_file(&data.join("keys")));
    let key = chain::validator_key(&keys::read(&file)?)?;
    let own = key.address();
    let role = network::role(&data, &shared.genesis, key, validator_listen)?;
    let validators = match &role {
        Role::Among(_, network) => format!("; other validators connect to {}", network.listen),
        Role::Alone(_) | Role::Follower(_) => String::new(),
    };
    let mut config = chain::node_config(&data, shared, role);
    config.history = past.history();
    config.timing.heartbeat = heartbeat_seconds;
    let opened = data.clone();
    let server = NodeServer::start(address, data.clone(), None, move || chain::open(config, &opened)).await?;
    println!("The validator {own} runs: JSON-RPC at http://{}/rpc{validators}", server.address()?);
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone())?);
    server.run(stop).await?;
    println!("stopped; the next start continues with {}", data.display());
    Ok(())
}
