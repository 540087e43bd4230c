//! What goes into the next block, and when it is made.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256};
use chain::rules::MAX_BLOCK_TRANSACTIONS;
use chain::{Application as _, ChainError, ExecutedBlock, Proposal, ProposalRequest, TransactionError};

use crate::clock::now_unix_s;
use crate::handle::Shared;

/// Candidates are drawn until their gas limits exceed the block's by this factor, since few use all they ask for.
const GAS_OVERSUBSCRIPTION: u64 = 4;

/// Proposes blocks of what waits in the pool. Without a waiting transaction there is no block.
pub(crate) struct Proposer {
    shared: Arc<Shared>,
    address: Address,
    batching_window: Duration,
    /// When the next block is due; none while nothing is ready.
    due: Option<Instant>,
}

impl Proposer {
    /// `address` is the proposer that its blocks name.
    pub(crate) fn new(shared: Arc<Shared>, address: Address, batching_window: Duration) -> Self {
        let due = shared.pool().has_ready().then(Instant::now);
        Self { shared, address, batching_window, due }
    }

    /// When the next block is due; none while nothing is ready.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Transactions came: the first of them starts the batching window.
    pub(crate) fn notice_arrivals(&mut self) {
        if self.due.is_none() && self.shared.pool().has_ready() {
            self.due = Some(Instant::now() + self.batching_window);
        }
    }

    /// A block was made, or could not be: the next is due after `pause` where transactions are ready.
    pub(crate) fn schedule_next(&mut self, pause: Duration) {
        self.due = self.shared.pool().has_ready().then(|| Instant::now() + pause);
    }

    /// Executes a block of ready transactions; `None` if none of them can run.
    pub(crate) fn propose(&self) -> Result<Option<Arc<ExecutedBlock>>, ChainError> {
        let chain = &self.shared.chain;
        let gas_limit = chain.head()?.gas_limit;
        let candidates =
            self.shared.pool().candidates(gas_limit.saturating_mul(GAS_OVERSUBSCRIPTION), MAX_BLOCK_TRANSACTIONS);
        if candidates.is_empty() {
            return Ok(None);
        }
        let request = ProposalRequest { timestamp_unix_s: now_unix_s(), proposer: self.address, candidates };
        let Proposal { executed, refused } = chain.propose(request)?;
        self.drop_refused(&refused)?;
        Ok((!executed.block().transactions.is_empty()).then_some(executed))
    }

    fn drop_refused(&self, refused: &[(B256, TransactionError)]) -> Result<(), ChainError> {
        if refused.is_empty() {
            return Ok(());
        }
        for (hash, error) in refused {
            tracing::warn!(transaction = %hash, %error, "waiting transaction dropped");
            self.shared.pool_mut().remove(*hash);
        }
        let hashes: Vec<B256> = refused.iter().map(|(hash, _)| *hash).collect();
        self.shared.chain.update_pending(&[], &hashes)
    }
}
