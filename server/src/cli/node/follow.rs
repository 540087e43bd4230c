//! `aitbc node follow`: a node that takes what others decided.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use node::Role;
use tokio_util::sync::CancellationToken;

use super::start::{Past, Place};
use crate::chain;
use crate::cli::up::{start_log, stop_on_signal};
use crate::follow::{self, FollowState};
use crate::network::{GENESIS_FILE, SharedGenesis};
use crate::node_server::NodeServer;

#[derive(Debug, Args)]
pub(in crate::cli) struct Follow {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    past: Past,
    /// Node to take blocks from, as http://HOST:PORT; may be repeated, and the first that can be followed is
    #[arg(long, required = true, value_parser = node_url)]
    from: Vec<String>,
    /// The chain's genesis.json. It is copied into the folder, so that later starts need it no more
    #[arg(long)]
    genesis: Option<PathBuf>,
}

/// The URL of a node, without a path.
fn node_url(text: &str) -> Result<String, String> {
    let uri: Option<axum::http::Uri> = text.parse().ok();
    let is_node = uri.is_some_and(|uri| {
        let is_root = uri.path_and_query().is_none_or(|path| path.as_str() == "/");
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty()) && is_root
    });
    if is_node {
        Ok(text.to_owned())
    } else {
        Err("the node's URL without a path, as http://192.0.2.1:8001".to_owned())
    }
}

pub(super) fn run(follow: Follow) -> Result<()> {
    start_log(follow.place.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(follow))
}

async fn serve(follow: Follow) -> Result<()> {
    let Follow { place, past, from, genesis } = follow;
    let (address, data) = (place.address(), place.data);
    let shared = genesis_of(&data, genesis.as_deref())?;
    let mut config = chain::node_config(&data, shared, Role::Follower);
    config.history = past.history();
    let (opened, state) = (data.clone(), FollowState::default());
    let server =
        NodeServer::start(address, data.clone(), Some(state.clone()), move || chain::open(config, &opened)).await?;
    println!("Following {}: JSON-RPC at http://{}/rpc", from.join(", "), server.address()?);
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone())?);
    let following = tokio::spawn(follow::run(server.node(), from, state, stop.clone()));
    server.run(stop.clone()).await?;
    stop.cancel();
    following.await?;
    println!("stopped; the next start continues with {}", data.display());
    Ok(())
}

/// The genesis in the folder, or the one that is given for a new folder.
pub(super) fn genesis_of(data: &Path, given: Option<&Path>) -> Result<SharedGenesis> {
    let path = data.join(GENESIS_FILE);
    let given = match given {
        Some(given) => match SharedGenesis::read(given)? {
            Some(shared) => Some(shared),
            None => bail!("there is no file {}", given.display()),
        },
        None => None,
    };
    match (SharedGenesis::read(&path)?, given) {
        (Some(kept), Some(given)) if kept != given => {
            bail!("{} is of another chain than --genesis; choose another folder for it", path.display())
        }
        (Some(kept), _) => Ok(kept),
        (None, Some(given)) => {
            std::fs::create_dir_all(data)?;
            given.write_new(&path)?;
            Ok(given)
        }
        (None, None) => bail!(
            "{} holds no {GENESIS_FILE}: give the chain's with --genesis FILE, from somebody you trust",
            data.display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::node_url;

    #[test]
    fn a_node_is_named_without_a_path() {
        for taken in ["http://127.0.0.1:8001", "https://node.example", "http://[::1]:1/"] {
            assert_eq!(node_url(taken).unwrap(), taken);
        }
        for refused in ["", "127.0.0.1:8001", "http://", "http://host/rpc", "ftp://host", "http://host:1/?a"] {
            assert!(node_url(refused).is_err(), "{refused}");
        }
    }
}
