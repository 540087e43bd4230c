//! The single authority: takes submissions, makes blocks, one thing after the other on its own thread.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, mpsc};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use alloy_primitives::{Address, B256};
use chain::{
    Application as _, AuthorityKey, BlockProposal, BuiltBlock, Chain, ChainError, PendingTransaction, Snapshot,
    rules::MAX_BLOCK_TRANSACTIONS,
};
use mempool::{Pool, SenderAccount};
use tokio::sync::oneshot;

use crate::config::BlockTiming;
use crate::error::NodeError;
use crate::events::CommittedBlock;
use crate::handle::{Shared, Submission};

/// Most submissions that are stored in one write.
const MAX_SUBMISSIONS_PER_WRITE: usize = 1_024;

/// How often waiting transactions are checked for having expired.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(10);

/// Candidates are drawn until their gas limits exceed the block's by this factor, since few use all they ask for.
const GAS_OVERSUBSCRIPTION: u64 = 4;

pub(crate) struct Producer {
    shared: Arc<Shared>,
    authority: AuthorityKey,
    timing: BlockTiming,
    submissions: mpsc::Receiver<Submission>,
    /// When the next block is due; none while nothing is ready.
    due: Option<Instant>,
    next_expiry: Instant,
}

/// A stored submission that is about to be acknowledged.
struct Admitted {
    pending: PendingTransaction,
    answer: oneshot::Sender<Result<B256, NodeError>>,
}

impl Producer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        authority: AuthorityKey,
        timing: BlockTiming,
        submissions: mpsc::Receiver<Submission>,
    ) -> Self {
        let due = shared.pool().has_ready().then(Instant::now);
        Self { shared, authority, timing, submissions, due, next_expiry: Instant::now() + EXPIRY_INTERVAL }
    }

    pub(crate) fn run(mut self) {
        loop {
            let wake = self.due.map_or(self.next_expiry, |due| due.min(self.next_expiry));
            match self.submissions.recv_timeout(wake.saturating_duration_since(Instant::now())) {
                Ok(first) => self.take_submissions(first),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            let now = Instant::now();
            if self.due.is_some_and(|due| due <= now) {
                self.make_block();
            }
            if self.next_expiry <= now {
                self.expire();
            }
        }
        tracing::info!("block producer stopped");
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
        let now_unix_ms = now_unix_ms();
        for Submission { transaction, answer } in batch {
            let pending = PendingTransaction { transaction, arrival_unix_ms: now_unix_ms };
            match self.admit(&snapshot, &pending) {
                Ok(hashes) => {
                    displaced.extend(hashes);
                    admitted.push(Admitted { pending, answer });
                }
                Err(error) => reply(answer, Err(error)),
            }
        }
        self.store(admitted, &displaced);
        if self.due.is_none() && self.shared.pool().has_ready() {
            self.due = Some(Instant::now() + self.timing.batching_window);
        }
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
                    reply(answer, Ok(entry.transaction.hash()));
                    // Nobody listening is fine.
                    let _ = self.shared.arrivals.send(Arc::new(entry.transaction));
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

    fn make_block(&mut self) {
        let outcome = self.try_make_block();
        let fault = outcome.as_ref().err().map(ToString::to_string);
        let pause = match &fault {
            None => Duration::ZERO,
            Some(error) => {
                tracing::error!(%error, "block could not be made");
                self.timing.retry_after_failure
            }
        };
        *self.shared.fault.write().unwrap_or_else(PoisonError::into_inner) = fault;
        self.due = self.shared.pool().has_ready().then(|| Instant::now() + pause);
    }

    fn try_make_block(&self) -> Result<(), ChainError> {
        let chain = &self.shared.chain;
        let gas_limit = chain.head()?.gas_limit;
        let candidates =
            self.shared.pool().candidates(gas_limit.saturating_mul(GAS_OVERSUBSCRIPTION), MAX_BLOCK_TRANSACTIONS);
        if candidates.is_empty() {
            return Ok(());
        }
        let proposer = self.authority.address();
        let timestamp_unix_s = now_unix_ms() / 1_000;
        let BuiltBlock { executed, refused } = chain.build(BlockProposal { timestamp_unix_s, proposer, candidates })?;
        if !refused.is_empty() {
            let hashes: Vec<B256> = refused.iter().map(|(hash, _)| *hash).collect();
            for (hash, error) in &refused {
                tracing::warn!(transaction = %hash, %error, "waiting transaction dropped");
                self.shared.pool_mut().remove(*hash);
            }
            chain.update_pending(&[], &hashes)?;
        }
        if executed.block().transactions.is_empty() {
            return Ok(());
        }
        let committed = CommittedBlock { block: executed.block().clone(), receipts: executed.receipts().to_vec() };
        let header = &committed.block.header;
        let certificate = self.authority.certify(chain.chain_id(), header.number, header.hash())?;
        chain.commit(executed, certificate)?;
        let pointless = self.settle_pool(&committed);
        tracing::debug!(height = header.number, transactions = committed.block.transactions.len(), "block committed");
        // Nobody listening is fine.
        let _ = self.shared.blocks.send(Arc::new(committed));
        if !pointless.is_empty() {
            chain.update_pending(&[], &pointless)?;
        }
        Ok(())
    }

    /// Takes a block's transactions out of the pool, and returns others that its nonces made pointless.
    fn settle_pool(&self, committed: &CommittedBlock) -> Vec<B256> {
        let mut next: BTreeMap<Address, u64> = BTreeMap::new();
        let mut included: BTreeSet<B256> = BTreeSet::new();
        for transaction in &committed.block.transactions {
            next.insert(transaction.sender(), transaction.nonce() + 1);
            included.insert(transaction.hash());
        }
        let mut pool = self.shared.pool_mut();
        next.into_iter()
            .flat_map(|(sender, nonce)| pool.set_chain_nonce(sender, nonce))
            .filter(|hash| !included.contains(hash))
            .collect()
    }

    fn expire(&mut self) {
        self.next_expiry = Instant::now() + EXPIRY_INTERVAL;
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
    let mut pointless = Vec::new();
    for pending in chain.pending_transactions()? {
        let hash = pending.transaction.hash();
        let account = sender_account(&snapshot, pending.transaction.sender())?;
        if let Err(error) = pool.restore(pending, account) {
            tracing::warn!(transaction = %hash, %error, "stored transaction dropped");
            pointless.push(hash);
        }
    }
    if !pointless.is_empty() {
        chain.update_pending(&[], &pointless)?;
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

fn now_unix_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}
