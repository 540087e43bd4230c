//! `aitbc node follow`: a node that takes what others decided.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use node::Role;
use tokio_util::sync::CancellationToken;

use super::start::{Past, Place};
use crate::chain;
use crate::cli::log::start_log;
use crate::cli::signals::stop_on_signal;
use crate::follow::{self, FollowState, node_url};
use crate::network;
use crate::node_server::NodeServer;

#[derive(Debug, Args)]
pub(in crate::cli) struct Follow {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    past: Past,
    /// Node to take blocks from, as http://HOST:PORT; may be repeated, and each is asked in its turn
    #[arg(long, required = true, value_parser = node_url)]
    from: Vec<String>,
    /// The chain's genesis.json. It is copied into the folder, so that later starts need it no more
    #[arg(long)]
    genesis: Option<PathBuf>,
}

pub(super) fn run(follow: Follow) -> Result<()> {
    start_log(follow.place.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(follow))
}

async fn serve(follow: Follow) -> Result<()> {
    let Follow { place, past, from, genesis } = follow;
    let (address, data) = (place.address(), place.data);
    let shared = network::genesis_for(&data, genesis.as_deref())?;
    let mut config = chain::node_config(&data, shared, Role::Follower(None));
    config.history = past.history();
    let (opened, state) = (data.clone(), FollowState::default());
    let server =
        NodeServer::start(address, data.clone(), Some(state.clone()), move || chain::open(config, &opened)).await?;
    println!("Following {}: JSON-RPC at http://{}/rpc", from.join(", "), server.address()?);
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone())?);
    let following = tokio::spawn(follow::run(server.node(), from, follow::POLL_INTERVAL, state, stop.clone()));
    server.run(stop.clone()).await?;
    stop.cancel();
    following.await?;
    println!("stopped; the next start continues with {}", data.display());
    Ok(())
}
