//! Transactions on their way into the pool and onto the disk, and out again when they have waited too long.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256};
use chain::{Chain, ChainError, PendingTransaction, SignedTransaction, Snapshot};
use mempool::{Pool, SenderAccount};
use tokio::sync::oneshot;

use crate::clock::now_unix_ms;
use crate::error::NodeError;
use crate::handle::Shared;

/// Most submissions that are stored in one write.
const MAX_SUBMISSIONS_PER_WRITE: usize = 1_024;

/// How often waiting transactions are checked for having expired.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(10);

/// A submitted transaction, and where its answer goes.
pub(crate) struct Submission {
    pub(crate) transaction: SignedTransaction,
    pub(crate) answer: oneshot::Sender<Result<B256, NodeError>>,
}

/// Why waiting for submissions ended.
pub(crate) enum Wake {
    /// Some were taken.
    Arrivals,
    /// The deadline passed.
    Deadline,
    /// The node is closed, and none is left.
    Closed,
}

/// Takes submissions: checks them, stores them, and only then acknowledges them.
pub(crate) struct Intake {
    shared: Arc<Shared>,
    submissions: mpsc::Receiver<Submission>,
    next_expiry: Instant,
}

/// An admitted submission that is about to be stored and acknowledged.
struct Admitted {
    pending: PendingTransaction,
    answer: oneshot::Sender<Result<B256, NodeError>>,
}

impl Intake {
    pub(crate) fn new(shared: Arc<Shared>, submissions: mpsc::Receiver<Submission>) -> Self {
        Self { shared, submissions, next_expiry: Instant::now() + EXPIRY_INTERVAL }
    }

    /// When to look for expired transactions next.
    pub(crate) fn next_expiry(&self) -> Instant {
        self.next_expiry
    }

    /// Waits for submissions until `deadline`, and takes those that are there.
    pub(crate) fn wait_until(&mut self, deadline: Instant) -> Wake {
        match self.submissions.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(first) => {
                self.take_submissions(first);
                Wake::Arrivals
            }
            Err(mpsc::RecvTimeoutError::Timeout) => Wake::Deadline,
            Err(mpsc::RecvTimeoutError::Disconnected) => Wake::Closed,
        }
    }

    /// Stores what has arrived in one write, and only then acknowledges it.
    fn take_submissions(&mut self, first: Submission) {
        let mut batch = vec![first];
        while batch.len() < MAX_SUBMISSIONS_PER_WRITE {
            match self.submissions.try_recv() {
                Ok(submission) => batch.push(submission),
                Err(_) => break,
            }
        }
        let snapshot = match self.shared.chain.snapshot() {
            Ok(snapshot) => snapshot,
            Err(error) => return refuse_all(batch, &error),
        };
        let (mut admitted, mut displaced) = (Vec::new(), Vec::new());
        let arrival_unix_ms = now_unix_ms();
        for Submission { transaction, answer } in batch {
            let pending = PendingTransaction { transaction, arrival_unix_ms };
            match self.admit(&snapshot, &pending) {
                Ok(hashes) => {
                    displaced.extend(hashes);
                    admitted.push(Admitted { pending, answer });
                }
                Err(error) => reply(answer, Err(error)),
            }
        }
        self.store(admitted, &displaced);
    }

    fn admit(&self, snapshot: &Snapshot, pending: &PendingTransaction) -> Result<Vec<B256>, NodeError> {
        let transaction = &pending.transaction;
        if snapshot.place_of(transaction.hash())?.is_some() {
            return Err(NodeError::AlreadyKnown);
        }
        let account = sender_account(snapshot, transaction.sender())?;
        let admission = self.shared.pool_mut().insert(transaction.clone(), account, pending.arrival_unix_ms)?;
        Ok(admission.displaced)
    }

    fn store(&self, admitted: Vec<Admitted>, displaced: &[B256]) {
        if admitted.is_empty() {
            return;
        }
        let (pending, answers): (Vec<_>, Vec<_>) =
            admitted.into_iter().map(|entry| (entry.pending, entry.answer)).unzip();
        match self.shared.chain.update_pending(&pending, displaced) {
            Ok(()) => {
                for (entry, answer) in pending.into_iter().zip(answers) {
                    let hash = entry.transaction.hash();
                    // First the arrival: who sent it finds it with the next poll.
                    self.shared.arrivals.tell(entry.transaction);
                    reply(answer, Ok(hash));
                }
            }
            Err(error) => {
                tracing::error!(%error, transactions = pending.len(), "transactions could not be stored");
                let mut pool = self.shared.pool_mut();
                for (entry, answer) in pending.iter().zip(answers) {
                    pool.remove(entry.transaction.hash());
                    reply(answer, Err(NodeError::NotStored(error.to_string())));
                }
            }
        }
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
