//! Transactions on their way into the pool and onto the disk, and out again when they have waited too long.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256, Bytes};
use chain::{Chain, ChainError, DecidedBlock, PendingTransaction, SignedTransaction, Snapshot};
use consensus::Event;
use mempool::{Admission, Lane, Pool, PoolError, SenderAccount};
use tokio::sync::oneshot;

use crate::clock::now_unix_ms;
use crate::error::NodeError;
use crate::handle::Shared;
use crate::staking::staked_ait;

/// Most arrivals that are taken at once. Their transactions are stored in one write.
const MAX_ARRIVALS_AT_ONCE: usize = 1_024;

/// How often waiting transactions are checked for having expired.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(10);

/// A submitted transaction, and where its answer goes.
pub(crate) struct Submission {
    pub(crate) transaction: SignedTransaction,
    pub(crate) answer: oneshot::Sender<Result<B256, NodeError>>,
}

/// A decided block that was handed over, and where its answer goes: whether it is new.
pub(crate) struct Importing {
    pub(crate) decided: Box<DecidedBlock>,
    pub(crate) answer: oneshot::Sender<Result<bool, NodeError>>,
}

/// What comes to the producer's thread.
pub(crate) enum ToProducer {
    /// A client's transaction.
    Submission(Box<Submission>),
    /// A decided block from elsewhere.
    Import(Box<Importing>),
    /// Something from another validator.
    Validators(Event),
    /// The connections to the validators are closed, and the node stops.
    Stop,
}

/// Why waiting for submissions ended.
pub(crate) enum Wake {
    /// Some were taken, or a validator said something.
    Arrivals,
    /// The deadline passed.
    Deadline,
    /// The node is closed, and none is left.
    Closed,
}

/// Takes submissions: checks them, stores them, and only then acknowledges them.
pub(crate) struct Intake {
    shared: Arc<Shared>,
    arrivals: mpsc::Receiver<ToProducer>,
    next_expiry: Instant,
    accepted: Vec<Bytes>,
    events: Vec<Event>,
    imports: Vec<Importing>,
    stops: bool,
}

/// An admitted submission that is about to be stored and acknowledged.
struct Admitted {
    pending: PendingTransaction,
    answer: oneshot::Sender<Result<B256, NodeError>>,
}

impl Intake {
    pub(crate) fn new(shared: Arc<Shared>, arrivals: mpsc::Receiver<ToProducer>) -> Self {
        Self {
            shared,
            arrivals,
            next_expiry: Instant::now() + EXPIRY_INTERVAL,
            accepted: Vec::new(),
            events: Vec::new(),
            imports: Vec::new(),
            stops: false,
        }
    }

    /// The transactions of clients that were accepted since the last call.
    pub(crate) fn take_accepted(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.accepted)
    }

    /// What validators said since the last call.
    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The decided blocks that were handed over since the last call.
    pub(crate) fn take_imports(&mut self) -> Vec<Importing> {
        std::mem::take(&mut self.imports)
    }

    /// When to look for expired transactions next.
    pub(crate) fn next_expiry(&self) -> Instant {
        self.next_expiry
    }

    /// Waits for arrivals until `deadline`, and takes those that are there.
    pub(crate) fn wait_until(&mut self, deadline: Instant) -> Wake {
        if self.stops {
            return Wake::Closed;
        }
        match self.arrivals.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(first) => {
                self.take_arrivals(first);
                Wake::Arrivals
            }
            Err(mpsc::RecvTimeoutError::Timeout) => Wake::Deadline,
            Err(mpsc::RecvTimeoutError::Disconnected) => Wake::Closed,
        }
    }

    fn take_arrivals(&mut self, first: ToProducer) {
        let mut submissions = Vec::new();
        let mut next = Some(first);
        while let Some(arrival) = next {
            match arrival {
                ToProducer::Submission(submission) => submissions.push(*submission),
                ToProducer::Validators(event) => self.events.push(event),
                ToProducer::Import(importing) => self.imports.push(*importing),
                ToProducer::Stop => self.stops = true,
            }
            let taken = submissions.len() + self.events.len() + self.imports.len();
            next = if taken < MAX_ARRIVALS_AT_ONCE { self.arrivals.try_recv().ok() } else { None };
        }
        self.accepted.extend(take_all(&self.shared, submissions));
    }

    /// Drops transactions that have waited too long, where it is time to look.
    pub(crate) fn expire(&mut self) {
        let now = Instant::now();
        if now < self.next_expiry {
            return;
        }
        self.next_expiry = now + EXPIRY_INTERVAL;
        let expired = self.shared.pool_mut().expire(now_unix_ms());
        if expired.is_empty() {
            return;
        }
        tracing::info!(transactions = expired.len(), "waiting transactions expired");
        if let Err(error) = self.shared.chain.update_pending(&[], &expired) {
            tracing::error!(%error, "expired transactions could not be removed from disk");
        }
    }
}

/// Stores what has arrived in one write, only then acknowledges it, and returns the accepted transactions.
pub(crate) fn take_all(shared: &Shared, batch: Vec<Submission>) -> Vec<Bytes> {
    if batch.is_empty() {
        return Vec::new();
    }
    let snapshot = match shared.chain.snapshot() {
        Ok(snapshot) => snapshot,
        Err(error) => {
            refuse_all(batch, &error);
            return Vec::new();
        }
    };
    let (mut admitted, mut displaced) = (Vec::new(), Vec::new());
    let arrival_unix_ms = now_unix_ms();
    for Submission { transaction, answer } in batch {
        let pending = PendingTransaction { transaction, arrival_unix_ms };
        match admit(shared, &snapshot, &pending) {
            Ok(hashes) => {
                displaced.extend(hashes);
                admitted.push(Admitted { pending, answer });
            }
            Err(error) => reply(answer, Err(error)),
        }
    }
    store(shared, admitted, &displaced)
}

fn admit(shared: &Shared, snapshot: &Snapshot, pending: &PendingTransaction) -> Result<Vec<B256>, NodeError> {
    let transaction = &pending.transaction;
    if snapshot.place_of(transaction.hash())?.is_some() {
        return Err(NodeError::AlreadyKnown);
    }
    check_disk(shared, transaction)?;
    let account = sender_account(snapshot, transaction.sender())?;
    Ok(insert(shared, snapshot, pending, account)?.displaced)
}

/// Takes a transaction into the pool. The stake of its sender is looked up where the gas that everybody has is used up.
fn insert(
    shared: &Shared,
    snapshot: &Snapshot,
    pending: &PendingTransaction,
    account: SenderAccount,
) -> Result<Admission, PoolError> {
    let (transaction, now_unix_ms) = (&pending.transaction, pending.arrival_unix_ms);
    let sender = transaction.sender();
    let outcome = shared.pool_mut().insert(transaction.clone(), account, now_unix_ms);
    if !matches!(outcome, Err(PoolError::GasAllowance { .. }))
        || !shared.pool_mut().may_look_up_stake(sender, now_unix_ms)
    {
        return outcome;
    }
    let staked = staked_ait(snapshot, sender).unwrap_or_else(|error| {
        tracing::error!(%error, %sender, "what a sender has staked could not be read, and counts as nothing");
        0
    });
    let mut pool = shared.pool_mut();
    pool.tell_stake(sender, staked, now_unix_ms);
    pool.insert(transaction.clone(), account, now_unix_ms)
}

/// Whether a transaction that is to be sent on could run on this node's copy of the chain, as the pool would see it.
pub(crate) fn check_runnable(
    shared: &Shared,
    snapshot: &Snapshot,
    transaction: &SignedTransaction,
) -> Result<(), NodeError> {
    if snapshot.place_of(transaction.hash())?.is_some() {
        return Err(NodeError::AlreadyKnown);
    }
    let account = sender_account(snapshot, transaction.sender())?;
    Ok(shared.pool().check_account(transaction, account)?)
}

/// Below the disk's floor only what settles is stored.
fn check_disk(shared: &Shared, transaction: &SignedTransaction) -> Result<(), NodeError> {
    match shared.disk.shortage() {
        Some((free_bytes, floor_bytes)) if shared.pool().lane_of(transaction) == Lane::Stranger => {
            Err(NodeError::DiskLow { free_bytes, floor_bytes })
        }
        _ => Ok(()),
    }
}

fn store(shared: &Shared, admitted: Vec<Admitted>, displaced: &[B256]) -> Vec<Bytes> {
    if admitted.is_empty() {
        return Vec::new();
    }
    let (pending, answers): (Vec<_>, Vec<_>) = admitted.into_iter().map(|entry| (entry.pending, entry.answer)).unzip();
    if let Err(error) = shared.chain.update_pending(&pending, displaced) {
        tracing::error!(%error, transactions = pending.len(), "transactions could not be stored");
        let mut pool = shared.pool_mut();
        for (entry, answer) in pending.iter().zip(answers) {
            pool.remove(entry.transaction.hash());
            reply(answer, Err(NodeError::NotStored(error.to_string())));
        }
        return Vec::new();
    }
    let stored = pending.into_iter().zip(answers).map(|(entry, answer)| {
        let (hash, raw) = (entry.transaction.hash(), entry.transaction.raw().clone());
        // First the arrival: who sent it finds it with the next poll.
        shared.arrivals.tell(entry.transaction);
        reply(answer, Ok(hash));
        raw
    });
    stored.collect()
}

/// Puts stored transactions back into the pool, forgets those that can no longer run, and returns how many came back.
pub(crate) fn restore_pool(chain: &Chain, pool: &mut Pool) -> Result<usize, ChainError> {
    let snapshot = chain.snapshot()?;
    let mut unusable = Vec::new();
    for pending in chain.pending_transactions()? {
        let hash = pending.transaction.hash();
        let account = sender_account(&snapshot, pending.transaction.sender())?;
        if let Err(error) = pool.restore(pending, account) {
            tracing::warn!(transaction = %hash, %error, "stored transaction dropped");
            unusable.push(hash);
        }
    }
    if !unusable.is_empty() {
        chain.update_pending(&[], &unusable)?;
    }
    Ok(pool.len())
}

fn sender_account(snapshot: &Snapshot, sender: Address) -> Result<SenderAccount, ChainError> {
    let account = snapshot.state_at(snapshot.head().number)?.account(sender)?;
    Ok(account.map_or_else(SenderAccount::default, |account| SenderAccount {
        nonce: account.nonce,
        balance: account.balance,
        has_code: account.has_code(),
    }))
}

fn refuse_all(batch: Vec<Submission>, error: &ChainError) {
    for submission in batch {
        reply(submission.answer, Err(NodeError::NotStored(error.to_string())));
    }
}

/// Answers a submitter; one that no longer listens needs no answer.
fn reply(answer: oneshot::Sender<Result<B256, NodeError>>, result: Result<B256, NodeError>) {
    let _ = answer.send(result);
}
