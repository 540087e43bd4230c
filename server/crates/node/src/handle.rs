use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, mpsc};
use std::time::Duration;

use alloy_primitives::B256;
use chain::{
    Application as _, Chain, ChainError, CommitCertificate, Contradiction, IncludedTransaction, Placing, ReceivedBlock,
    SealedHeader, SignedTransaction, Snapshot, ValidatorSet,
};
use mempool::Pool;
use tokio::sync::{broadcast, oneshot};

use crate::arrivals::Arrivals;
use crate::clock::now_unix_ms;
use crate::disk::Disk;
use crate::error::NodeError;
use crate::events::CommittedBlock;
use crate::intake::{Importing, Submission, ToProducer, check_runnable};
use crate::lanes::{CallTime, Lane, Lanes};
use crate::peers::{PeerState, Peers};
use crate::standstill::Watched;
use crate::upstream::Upstream;

/// Most submissions that wait for the producer.
pub(crate) const MAX_WAITING_SUBMISSIONS: usize = 8_192;

/// Blocks a slow subscriber may lag behind before it misses some.
const BLOCK_EVENTS: usize = 1_024;

/// What becomes of transactions that the node is given.
pub(crate) enum Transactions {
    /// They go into its pool, and into blocks, which it decides alone or with others.
    Taken { alone: bool },
    /// It follows.
    Refused,
    /// It follows, and others decide.
    SentOn(Upstream),
}

/// What the handle and the producer share.
pub(crate) struct Shared {
    pub(crate) chain: Chain,
    pool: RwLock<Pool>,
    submissions: RwLock<Option<mpsc::SyncSender<ToProducer>>>,
    pub(crate) blocks: broadcast::Sender<Arc<CommittedBlock>>,
    pub(crate) arrivals: Arrivals,
    lanes: Lanes,
    pub(crate) disk: Disk,
    call_limit: Duration,
    pub(crate) peers: Peers,
    transactions: Transactions,
    pub(crate) rpc_servers: Mutex<Vec<jsonrpsee::server::ServerHandle>>,
    fault: RwLock<Option<String>>,
    pub(crate) watched: Watched,
    last_block_unix_ms: AtomicU64,
}

/// What a node's state is made with.
pub(crate) struct Opened {
    pub(crate) chain: Chain,
    pub(crate) pool: Pool,
    pub(crate) disk_floor_bytes: u64,
    pub(crate) call_limit: Duration,
    pub(crate) transactions: Transactions,
    pub(crate) watched: Watched,
}

impl Shared {
    pub(crate) fn new(opened: Opened, submissions: mpsc::SyncSender<ToProducer>) -> Result<Self, NodeError> {
        let Opened { chain, pool, disk_floor_bytes, call_limit, transactions, watched } = opened;
        Ok(Self {
            chain,
            pool: RwLock::new(pool),
            submissions: RwLock::new(Some(submissions)),
            blocks: broadcast::Sender::new(BLOCK_EVENTS),
            arrivals: Arrivals::default(),
            lanes: Lanes::start()?,
            disk: Disk::new(disk_floor_bytes),
            call_limit,
            peers: Peers::default(),
            transactions,
            rpc_servers: Mutex::default(),
            fault: RwLock::default(),
            watched,
            last_block_unix_ms: AtomicU64::new(now_unix_ms()),
        })
    }

    /// When this node took its last block, or was started.
    pub(crate) fn last_block_unix_ms(&self) -> u64 {
        self.last_block_unix_ms.load(Ordering::Relaxed)
    }

    pub(crate) fn note_block(&self) {
        self.last_block_unix_ms.store(now_unix_ms(), Ordering::Relaxed);
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
    pub(crate) lane: Lane,
}

impl NodeHandle {
    /// The same node, whose long reads run in this lane.
    #[must_use]
    pub fn in_lane(self, lane: Lane) -> Self {
        Self { lane, ..self }
    }

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
    /// hash, the transaction is on disk, here or at the node that it was sent on to, and survives a crash until it is in a
    /// block, replaced or expired.
    ///
    /// # Errors
    /// [`NodeError::Chain`], [`NodeError::Pool`] and [`NodeError::UpstreamRefused`] if it is refused,
    /// [`NodeError::Follows`] if the node takes none, [`NodeError::UpstreamAway`],
    /// [`NodeError::Busy`], [`NodeError::NotStored`] and [`NodeError::Stopped`] if it may be sent again.
    pub async fn submit_raw_transaction(&self, raw: &[u8]) -> Result<B256, NodeError> {
        self.submit_of(None, raw).await
    }

    /// The same, for a client that is counted by this name.
    pub(crate) async fn submit_of(&self, caller: Option<Arc<str>>, raw: &[u8]) -> Result<B256, NodeError> {
        self.submit_decoded(caller, SignedTransaction::decode(raw, self.chain_id())?).await
    }

    /// Takes a transaction that was decoded before; otherwise as [`NodeHandle::submit_raw_transaction`].
    ///
    /// # Errors
    /// As [`NodeHandle::submit_raw_transaction`].
    pub async fn submit(&self, transaction: SignedTransaction) -> Result<B256, NodeError> {
        self.submit_decoded(None, transaction).await
    }

    async fn submit_decoded(
        &self,
        caller: Option<Arc<str>>,
        transaction: SignedTransaction,
    ) -> Result<B256, NodeError> {
        match &self.shared.transactions {
            Transactions::Taken { .. } => {}
            Transactions::Refused => return Err(NodeError::Follows),
            Transactions::SentOn(upstream) => {
                // What this process settles is judged by those who decide: a copy that is behind must not hold it up.
                if self.lane != Lane::Settlement {
                    check_runnable(&self.shared, &self.snapshot()?, &transaction)?;
                }
                upstream.submit(self.lane, caller, transaction.raw().clone()).await?;
                return Ok(transaction.hash());
            }
        }
        let (answer, answered) = oneshot::channel();
        self.tell_producer(ToProducer::Submission(Box::new(Submission { transaction, answer })))?;
        answered.await.unwrap_or(Err(NodeError::Stopped))
    }

    /// Takes a block that others decided: checks its certificate, then its transactions, executes it and commits it. Says
    /// whether it is new; one that stands here already is no error. A block whose certificate does not hold costs no
    /// execution. One that conflicts with a block here is refused, and what its signatures prove against validators is kept.
    ///
    /// # Errors
    /// As [`chain::import`], [`NodeError::Busy`] and [`NodeError::Stopped`].
    pub async fn import(&self, received: ReceivedBlock) -> Result<bool, NodeError> {
        let certificate = received.certificate().clone();
        let outcome = self.place_and_import(received).await;
        if matches!(&outcome, Err(NodeError::Chain(ChainError::Conflict { .. }))) {
            let kept = self.keep_contradictions_of(certificate).await;
            if let Err(error) = kept {
                tracing::error!(%error, "what a conflicting block proves could not be kept");
            }
        }
        outcome
    }

    /// Keeps what the certificate of a conflicting block proves against those who decided the block here.
    async fn keep_contradictions_of(&self, certificate: CommitCertificate) -> Result<(), NodeError> {
        let shared = Arc::clone(&self.shared);
        let keep = move || {
            let Some(decided) = shared.chain.certificate_at(certificate.height)? else { return Ok(()) };
            let snapshot = shared.chain.snapshot()?;
            for found in Contradiction::claimed_between(&decided, &certificate) {
                let (height, validator) = (found.height, found.validator);
                // What is known already costs no look at a signature.
                if snapshot.keeps_contradiction_of(validator)? || !found.holds(shared.chain.chain_id()) {
                    continue;
                }
                if shared.chain.keep_contradiction(&found)?.is_new {
                    tracing::error!(height, %validator, "a validator decided two blocks of one height");
                }
            }
            Ok(())
        };
        self.shared.lanes.run(self.lane, keep).await
    }

    async fn place_and_import(&self, received: ReceivedBlock) -> Result<bool, NodeError> {
        let shared = Arc::clone(&self.shared);
        let check = move || match chain::place(&shared.chain, received.header(), received.certificate())? {
            Placing::Known => Ok(None),
            Placing::Next => Ok(Some(received.check(shared.chain.chain_id())?)),
        };
        let Some(decided) = self.shared.lanes.run(self.lane, check).await? else { return Ok(false) };
        let (answer, answered) = oneshot::channel();
        self.tell_producer(ToProducer::Import(Box::new(Importing { decided: Box::new(decided), answer })))?;
        answered.await.unwrap_or(Err(NodeError::Stopped))
    }

    fn tell_producer(&self, what: ToProducer) -> Result<(), NodeError> {
        let submissions = self.shared.submissions.read().unwrap_or_else(PoisonError::into_inner);
        let sender = submissions.as_ref().ok_or(NodeError::Stopped)?;
        sender.try_send(what).map_err(|error| match error {
            mpsc::TrySendError::Full(_) => NodeError::Busy { what: "transactions", limit: MAX_WAITING_SUBMISSIONS },
            mpsc::TrySendError::Disconnected(_) => NodeError::Stopped,
        })
    }

    /// Whether no block is decided but by this node, so that nobody has one before it.
    #[must_use]
    pub fn decides_alone(&self) -> bool {
        matches!(self.shared.transactions, Transactions::Taken { alone: true })
    }

    /// The other validators that this node speaks with; none where it decides alone or follows.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerState> {
        self.shared.peers.list()
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

    /// Why those that are connected cannot decide a block, if they cannot. Blocks are made again once more are; reads go on.
    ///
    /// # Errors
    /// A storage error.
    pub fn quorum_shortage(&self) -> Result<Option<NodeError>, NodeError> {
        let validators = self.validators()?;
        let (reached, total) = (|address| self.shared.peers.reaches(address), validators.total_power());
        let connected =
            validators.iter().filter(|member| reached(member.address)).map(|member| member.voting_power).sum();
        let is_short = !self.peers().is_empty() && !validators.is_quorum(connected);
        Ok(is_short.then_some(NodeError::TooFewConnected { connected, total }))
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

    /// Runs a long read on a thread that may block, a bounded number of each [`Lane`] at once. A read that has begun
    /// counts until it ends, also where its caller does not wait for it.
    ///
    /// # Errors
    /// What `read` returns, [`NodeError::TooManyReads`] where strangers ask for more than the node takes on, or
    /// [`NodeError::Thread`] if it panicked.
    pub async fn query<T, F>(&self, read: F) -> Result<T, NodeError>
    where
        T: Send + 'static,
        F: FnOnce(&Snapshot) -> Result<T, NodeError> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        self.shared.lanes.run(self.lane, move || read(&shared.chain.snapshot()?)).await
    }

    /// How long a simulated call of this lane computes.
    pub(crate) fn call_time(&self) -> CallTime {
        CallTime { limit: matches!(self.lane, Lane::Stranger | Lane::Wallet).then_some(self.shared.call_limit) }
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

    /// Says how many bytes are free on the disk that holds the chain. Below the node's floor only the settlement runs:
    /// strangers' transactions are refused, and those that wait stay where they are.
    pub fn tell_free_disk(&self, free_bytes: u64) {
        match self.shared.disk.tell_free(free_bytes) {
            Some(true) => tracing::error!(free_bytes, "the disk is nearly full: only the settlement runs"),
            Some(false) => tracing::info!(free_bytes, "the disk has room again: everybody's transactions are taken"),
            None => {}
        }
    }

    /// Why strangers' transactions are not taken now, if they are not; for health checks and for others that write to
    /// the same disk.
    #[must_use]
    pub fn disk_shortage(&self) -> Option<NodeError> {
        let (free_bytes, floor_bytes) = self.shared.disk.shortage()?;
        Some(NodeError::DiskLow { free_bytes, floor_bytes })
    }

    /// Why the producer cannot make blocks now, if it cannot.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        self.shared.fault.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
