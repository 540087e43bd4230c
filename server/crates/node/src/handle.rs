use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, mpsc};
use std::time::Duration;

use alloy_primitives::B256;
use chain::{Chain, IncludedTransaction, SealedHeader, SignedTransaction, Snapshot, ValidatorSet};
use mempool::Pool;
use tokio::sync::{Semaphore, broadcast, oneshot};

use crate::arrivals::Arrivals;
use crate::error::NodeError;
use crate::events::CommittedBlock;
use crate::intake::Submission;

/// Most submissions that wait for the producer.
pub(crate) const MAX_WAITING_SUBMISSIONS: usize = 8_192;

/// Most simulated calls, log queries and proofs that run at once.
pub(crate) const MAX_CONCURRENT_QUERIES: usize = 16;

/// Blocks a slow subscriber may lag behind before it misses some.
const BLOCK_EVENTS: usize = 1_024;

/// What the handle and the producer share.
pub(crate) struct Shared {
    pub(crate) chain: Chain,
    pool: RwLock<Pool>,
    submissions: RwLock<Option<mpsc::SyncSender<Submission>>>,
    pub(crate) blocks: broadcast::Sender<Arc<CommittedBlock>>,
    pub(crate) arrivals: Arrivals,
    pub(crate) queries: Semaphore,
    pub(crate) rpc_servers: Mutex<Vec<jsonrpsee::server::ServerHandle>>,
    fault: RwLock<Option<String>>,
}

impl Shared {
    pub(crate) fn new(chain: Chain, pool: Pool, submissions: mpsc::SyncSender<Submission>) -> Self {
        Self {
            chain,
            pool: RwLock::new(pool),
            submissions: RwLock::new(Some(submissions)),
            blocks: broadcast::Sender::new(BLOCK_EVENTS),
            arrivals: Arrivals::default(),
            queries: Semaphore::new(MAX_CONCURRENT_QUERIES),
            rpc_servers: Mutex::default(),
            fault: RwLock::default(),
        }
    }

    pub(crate) fn pool(&self) -> RwLockReadGuard<'_, Pool> {
        self.pool.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn pool_mut(&self) -> RwLockWriteGuard<'_, Pool> {
        self.pool.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what keeps blocks from being made, or that nothing does.
    pub(crate) fn set_fault(&self, fault: Option<String>) {
        *self.fault.write().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// Takes no more submissions; the producer ends after those that are waiting.
    pub(crate) fn close(&self) {
        self.submissions.write().unwrap_or_else(PoisonError::into_inner).take();
        for server in self.rpc_servers.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // An error says that it has stopped already.
            let _ = server.stop();
        }
    }
}

/// The node for code in this process. Cheap to clone; every clone speaks to the same node.
#[derive(Clone)]
pub struct NodeHandle {
    pub(crate) shared: Arc<Shared>,
}

impl NodeHandle {
    /// EIP-155 chain id.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.shared.chain.chain_id()
    }

    /// Hash of block 0, which names the chain.
    #[must_use]
    pub fn genesis_hash(&self) -> B256 {
        self.shared.chain.genesis_hash()
    }

    /// Who decides the block after the head.
    ///
    /// # Errors
    /// A storage error.
    pub fn validators(&self) -> Result<Arc<ValidatorSet>, NodeError> {
        let snapshot = self.snapshot()?;
        Ok(snapshot.validators_at(snapshot.head().number + 1)?)
    }

    /// Takes a signed transaction in its EIP-2718 encoding, as `eth_sendRawTransaction` does. When this returns a
    /// hash, the transaction is on disk and survives a crash until it is in a block, replaced or expired.
    ///
    /// # Errors
    /// [`NodeError::Chain`] and [`NodeError::Pool`] if it is refused, [`NodeError::Busy`], [`NodeError::NotStored`] and
    /// [`NodeError::Stopped`] if it may be sent again.
    pub async fn submit_raw_transaction(&self, raw: &[u8]) -> Result<B256, NodeError> {
        self.submit(SignedTransaction::decode(raw, self.chain_id())?).await
    }

    /// Takes a transaction that was decoded before; otherwise as [`NodeHandle::submit_raw_transaction`].
    ///
    /// # Errors
    /// As [`NodeHandle::submit_raw_transaction`].
    pub async fn submit(&self, transaction: SignedTransaction) -> Result<B256, NodeError> {
        let (answer, answered) = oneshot::channel();
        {
            let submissions = self.shared.submissions.read().unwrap_or_else(PoisonError::into_inner);
            let sender = submissions.as_ref().ok_or(NodeError::Stopped)?;
            sender.try_send(Submission { transaction, answer }).map_err(|error| match error {
                mpsc::TrySendError::Full(_) => NodeError::Busy { what: "transactions", limit: MAX_WAITING_SUBMISSIONS },
                mpsc::TrySendError::Disconnected(_) => NodeError::Stopped,
            })?;
        }
        answered.await.unwrap_or(Err(NodeError::Stopped))
    }

    /// Blocks as they become final. A subscriber that falls far behind is told how many it missed.
    #[must_use]
    pub fn subscribe_blocks(&self) -> broadcast::Receiver<Arc<CommittedBlock>> {
        self.shared.blocks.subscribe()
    }

    /// Transactions as the pool takes them.
    #[must_use]
    pub fn subscribe_transactions(&self) -> broadcast::Receiver<Arc<SignedTransaction>> {
        self.shared.arrivals.subscribe()
    }

    /// The chain at this instant, for any number of reads that belong together. Point reads take microseconds; run
    /// long ones with [`NodeHandle::query`].
    ///
    /// # Errors
    /// A storage error.
    pub fn snapshot(&self) -> Result<Snapshot, NodeError> {
        Ok(self.shared.chain.snapshot()?)
    }

    /// The last block's header.
    ///
    /// # Errors
    /// A storage error.
    pub fn head(&self) -> Result<SealedHeader, NodeError> {
        Ok(self.snapshot()?.head().clone())
    }

    /// Runs a long read on a thread that may block, a bounded number at once.
    ///
    /// # Errors
    /// What `read` returns, or [`NodeError::Thread`] if it panicked.
    pub async fn query<T, F>(&self, read: F) -> Result<T, NodeError>
    where
        T: Send + 'static,
        F: FnOnce(&Snapshot) -> Result<T, NodeError> + Send + 'static,
    {
        let _permit = self.shared.queries.acquire().await.map_err(|_| NodeError::Stopped)?;
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || read(&shared.chain.snapshot()?))
            .await
            .map_err(|error| NodeError::Thread(error.to_string()))?
    }

    /// Waits until a transaction is in a block, at most `timeout`; `None` when the time is over.
    ///
    /// # Errors
    /// A storage error, or [`NodeError::Stopped`].
    pub async fn wait_for_transaction(
        &self,
        hash: B256,
        timeout: Duration,
    ) -> Result<Option<IncludedTransaction>, NodeError> {
        let mut blocks = self.subscribe_blocks();
        let included = async {
            loop {
                if let Some(included) = self.snapshot()?.transaction(hash)? {
                    return Ok(included);
                }
                match blocks.recv().await {
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return Err(NodeError::Stopped),
                }
            }
        };
        match tokio::time::timeout(timeout, included).await {
            Ok(result) => result.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Why the producer cannot make blocks now, if it cannot; for health checks.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        self.shared.fault.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
