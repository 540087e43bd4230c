use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use alloy_primitives::Address;
use chain::{Chain, ValidatorKey, ValidatorSet};
use consensus::{Bft, Consensus, FileStorage, Follower, Now, Signer, Solo, check_silent, default_timeouts};
use mempool::Pool;

use crate::clock::now_unix_s;
use crate::config::{BlockTiming, NodeConfig, Role};
use crate::decided_file::DecidedFile;
use crate::error::NodeError;
use crate::handle::{MAX_WAITING_SUBMISSIONS, NodeHandle, Opened, Shared, Transactions};
use crate::host::NodeHost;
use crate::intake::restore_pool;
use crate::lanes::Lane;
use crate::producer::Producer;
use crate::proposer::Proposer;
use crate::settlers;
use crate::standstill::Watched;
use crate::validator_network::{MAX_PEERS, Peer};
use crate::validators::{Connections, Identity};

/// A running node. Dropping it stops it, as [`Node::shutdown`] does.
pub struct Node {
    handle: NodeHandle,
    producer: Option<JoinHandle<()>>,
    connections: Option<Connections>,
}

impl Node {
    /// Opens the chain, commits a block that was decided before a crash, puts waiting transactions back into the pool,
    /// and begins to do what its role says.
    ///
    /// # Errors
    /// [`NodeError::NoQuorum`] if the key cannot decide blocks alone, [`NodeError::Consensus`] if it spoke among others about the
    /// block that it would decide alone, [`NodeError::NotAPeer`] if the node is its own peer, or whatever keeps files or ports from being opened.
    pub fn start(config: NodeConfig) -> Result<Self, NodeError> {
        let chain = Chain::open(&config.database, &config.genesis)?.keeping(config.history);
        let mut file = DecidedFile::open(&config.database).map_err(NodeError::DecidedFile)?;
        file.finish_commit(&chain)?;
        check_role(&chain, &config.role)?;
        let mut pool = Pool::new(config.pool_limits);
        pool.set_exempt(settlers::exempt(&chain.snapshot()?)?);
        let restored = restore_pool(&chain, &mut pool)?;
        let (sender, arrivals) = mpsc::sync_channel(MAX_WAITING_SUBMISSIONS);
        let transactions = match &config.role {
            Role::Alone(_) => Transactions::Taken { alone: true },
            Role::Among(..) => Transactions::Taken { alone: false },
            Role::Follower(None) => Transactions::Refused,
            Role::Follower(Some(upstream)) => Transactions::SentOn(upstream.clone()),
        };
        let (disk_floor_bytes, call_limit) = (config.disk_floor_bytes, config.stranger_call_time);
        let watched = Watched::of(config.timing);
        let opened = Opened { chain, pool, disk_floor_bytes, call_limit, transactions, watched };
        let shared = Arc::new(Shared::new(opened, sender.clone())?);
        tracing::info!(
            chain_id = shared.chain.chain_id(),
            genesis = %shared.chain.genesis_hash(),
            height = shared.chain.snapshot()?.head().number,
            restored_transactions = restored,
            "node started"
        );
        let host = |address: Option<Address>, timing: BlockTiming| {
            let proposer =
                address.map(|address| Proposer::new(Arc::clone(&shared), address, timing, config.stranger_rates));
            NodeHost::new(Arc::clone(&shared), proposer, file)
        };
        let (chain_id, started) = (shared.chain.chain_id(), Instant::now());
        let mut connections = None;
        // Where there are no connections, only the handle keeps the channel open, so that closing it ends the producer.
        let producer = match config.role {
            Role::Alone(key) => {
                drop(sender);
                check_consensus_log(&shared.chain, &config.database)?;
                let solo = Solo::new(host(Some(key.address()), config.timing), key, chain_id);
                let solo = solo.with_heartbeat(config.timing.heartbeat);
                spawn(Producer::new(Arc::clone(&shared), arrivals, solo, None, started))?
            }
            Role::Among(key, network) => {
                let timing = BlockTiming { batching_window: Duration::ZERO, ..config.timing };
                let bft = open_consensus(host(Some(key.address()), timing), &key, chain_id, &config.database)?;
                let bft = bft.with_heartbeat(timing.heartbeat);
                let identity = Identity { key, chain_id, genesis_hash: shared.chain.genesis_hash() };
                let opened = Connections::open(identity, Arc::clone(&shared), &network, sender)?;
                let way = Some(connections.insert(opened).sender());
                spawn(Producer::new(Arc::clone(&shared), arrivals, bft, way, started))?
            }
            Role::Follower(_) => {
                drop(sender);
                let follower = Follower::new(host(None, config.timing));
                spawn(Producer::new(Arc::clone(&shared), arrivals, follower, None, started))?
            }
        };
        let handle = NodeHandle { shared, lane: Lane::Page };
        Ok(Self { handle, producer: Some(producer), connections })
    }

    /// The way to this node.
    #[must_use]
    pub fn handle(&self) -> NodeHandle {
        self.handle.clone()
    }

    /// Takes no more transactions, ends subscriptions, finishes what is under way, and returns. It blocks for at most
    /// a block; call it where blocking is allowed.
    ///
    /// # Errors
    /// [`NodeError::Thread`] if the producer had ended abnormally.
    pub fn shutdown(mut self) -> Result<(), NodeError> {
        self.stop()
    }

    fn stop(&mut self) -> Result<(), NodeError> {
        self.handle.shared.close();
        // Ends the connections, and then the producer.
        self.connections.take();
        match self.producer.take() {
            Some(thread) => thread.join().map_err(|_| NodeError::Thread("the block producer panicked".to_owned())),
            None => Ok(()),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::error!(%error, "node did not stop cleanly");
        }
    }
}

fn open_consensus(
    host: NodeHost,
    key: &ValidatorKey,
    chain_id: u64,
    database: &Path,
) -> Result<Bft<NodeHost, FileStorage>, NodeError> {
    let path = database.with_extension("consensus");
    let storage =
        FileStorage::open(&path).map_err(|error| NodeError::ConsensusLog { path, reason: error.to_string() })?;
    let now = Now { monotonic_ms: 0, unix_s: now_unix_s() };
    Ok(Bft::open(host, Signer::new(key.clone(), chain_id), default_timeouts(), storage, now)?)
}

/// A key that spoke among others about the next height decides it among them.
fn check_consensus_log(chain: &Chain, database: &Path) -> Result<(), NodeError> {
    let path = database.with_extension("consensus");
    if !path.exists() {
        return Ok(());
    }
    let storage =
        FileStorage::open(&path).map_err(|error| NodeError::ConsensusLog { path, reason: error.to_string() })?;
    Ok(check_silent(storage, chain.snapshot()?.head().number + 1)?)
}

fn spawn(producer: Producer<impl Consensus<Host = NodeHost> + Send + 'static>) -> Result<JoinHandle<()>, NodeError> {
    std::thread::Builder::new()
        .name("block-producer".to_owned())
        .spawn(move || producer.run())
        .map_err(|error| NodeError::Thread(error.to_string()))
}

/// A node without a network decides alone, so its key needs more than two thirds of the voting power. One with a network
/// may be a validator later, or have been one, and so may its peers.
fn check_role(chain: &Chain, role: &Role) -> Result<(), NodeError> {
    let snapshot = chain.snapshot()?;
    let validators = snapshot.validators_at(snapshot.head().number + 1)?;
    match role {
        Role::Alone(key) => {
            let power = validators.power_of(key.address()).unwrap_or(0);
            match validators.is_quorum(power) {
                true => Ok(()),
                false => Err(NodeError::NoQuorum { validator: key.address(), power, total: validators.total_power() }),
            }
        }
        Role::Among(key, network) => {
            if network.peers.len() > MAX_PEERS {
                return Err(NodeError::TooManyPeers(network.peers.len()));
            }
            if network.peers.iter().any(|peer| peer.address == key.address()) {
                return Err(NodeError::NotAPeer(key.address()));
            }
            tell_strangers(&validators, key.address(), &network.peers);
            Ok(())
        }
        Role::Follower(_) => Ok(()),
    }
}

/// Says what does not fit the validators of the next block: it is right before a validator is admitted and after it left, and else
/// a mistake.
fn tell_strangers(validators: &ValidatorSet, own: Address, peers: &[Peer]) {
    if validators.power_of(own).is_none() {
        tracing::warn!(address = %own, "this node is no validator now: it takes part once it is admitted");
    }
    for member in validators.iter().map(|member| member.address) {
        if member != own && peers.iter().all(|peer| peer.address != member) {
            tracing::warn!(validator = %member, "nobody said where this validator is reached");
        }
    }
}
