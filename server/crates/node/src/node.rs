use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use chain::{Chain, ValidatorKey};
use mempool::Pool;

use crate::config::NodeConfig;
use crate::decided_file::DecidedFile;
use crate::error::NodeError;
use crate::handle::{MAX_WAITING_SUBMISSIONS, NodeHandle, Shared};
use crate::intake::restore_pool;
use crate::producer::Producer;

/// A running node. Dropping it stops it, as [`Node::shutdown`] does.
pub struct Node {
    handle: NodeHandle,
    producer: Option<JoinHandle<()>>,
}

impl Node {
    /// Opens the chain, commits a block that was decided before a crash, puts waiting transactions back into the pool,
    /// and begins to produce.
    ///
    /// # Errors
    /// [`NodeError::NoQuorum`] if the key cannot decide blocks alone, or whatever keeps the database from being opened.
    pub fn start(config: NodeConfig) -> Result<Self, NodeError> {
        let chain = Chain::open(&config.database, &config.genesis)?;
        let mut file = DecidedFile::open(&config.database).map_err(NodeError::DecidedFile)?;
        file.finish_commit(&chain)?;
        check_quorum(&chain, &config.validator)?;
        let mut pool = Pool::new(config.pool_limits);
        let restored = restore_pool(&chain, &mut pool)?;
        let (sender, submissions) = mpsc::sync_channel(MAX_WAITING_SUBMISSIONS);
        let shared = Arc::new(Shared::new(chain, pool, sender));
        let head = shared.chain.snapshot()?.head().clone();
        tracing::info!(
            chain_id = shared.chain.chain_id(),
            genesis = %shared.chain.genesis_hash(),
            height = head.number,
            restored_transactions = restored,
            "node started"
        );
        let producer = Producer::new(Arc::clone(&shared), config.validator, config.timing, submissions, file);
        let thread = std::thread::Builder::new()
            .name("block-producer".to_owned())
            .spawn(move || producer.run())
            .map_err(|error| NodeError::Thread(error.to_string()))?;
        Ok(Self { handle: NodeHandle { shared }, producer: Some(thread) })
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

/// A node without a network decides alone, so its key needs more than two thirds of the voting power.
fn check_quorum(chain: &Chain, key: &ValidatorKey) -> Result<(), NodeError> {
    let snapshot = chain.snapshot()?;
    let validators = snapshot.validators_at(snapshot.head().number + 1)?;
    let power = validators.power_of(key.address()).unwrap_or(0);
    if validators.is_quorum(power) {
        return Ok(());
    }
    Err(NodeError::NoQuorum { validator: key.address(), power, total: validators.total_power() })
}
