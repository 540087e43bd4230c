//! How many blocks a second a node takes that follows, and how soon it is ready after a restart.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use node::chain::ReceivedBlock;
use node::{Node, Role};
use serde_json::Value;

const BLOCKS: u64 = 4_000;
const SYNC_BAR: f64 = 500.0;
const READY_BAR_MS: f64 = 2_000.0;
const PATIENCE: Duration = Duration::from_secs(120);
const SENDER: u8 = 201;

pub(super) async fn measure() -> Result<Vec<Value>> {
    let (origin, copy) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let genesis = super::genesis(1)?;
    let mut config = super::config(origin.path(), genesis.clone(), Role::Alone(super::validator(0)?));
    config.timing.batching_window = Duration::ZERO;
    let node = Node::start(config)?;
    for nonce in 0..BLOCKS {
        let hash = node.handle().submit_raw_transaction(&super::transfer(SENDER, nonce)?).await?;
        node.handle().wait_for_transaction(hash, PATIENCE).await?.context("a transaction is in no block")?;
    }
    let follow = || super::config(copy.path(), genesis.clone(), Role::Follower(None));
    let follower = Node::start(follow())?;
    let head = node.handle().head()?.number;
    let mut taken = Duration::ZERO;
    for number in 1..=head {
        let decided = node.handle().snapshot()?.decided_block(number)?.context("a block is missing")?;
        let begun = Instant::now();
        follower.handle().import(ReceivedBlock::from(decided)).await?;
        taken += begun.elapsed();
    }
    tokio::task::spawn_blocking(move || node.shutdown()).await??;
    tokio::task::spawn_blocking(move || follower.shutdown()).await??;
    let begun = Instant::now();
    let follower = Node::start(follow())?;
    anyhow::ensure!(follower.handle().head()?.number == head, "the copy has lost blocks");
    let ready = begun.elapsed();
    tokio::task::spawn_blocking(move || follower.shutdown()).await??;
    Ok(vec![
        super::at_least(
            SYNC_BAR,
            "blocks of one transaction that a follower takes",
            head as f64 / taken.as_secs_f64(),
            "per s",
        ),
        super::at_most(READY_BAR_MS, "ready after a restart with 4 000 blocks", ready.as_secs_f64() * 1_000.0),
    ])
}
