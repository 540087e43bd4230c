//! What goes into the next block, and when it is made.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256};
use chain::rules::MAX_BLOCK_TRANSACTIONS;
use chain::{
    Application as _, ChainError, ExecutedBlock, Metering, Proposal, ProposalRequest, TransactionError, Usage,
};
use mempool::{Budget, Lane, StrangerRates};

use crate::clock::{now_unix_ms, now_unix_s};
use crate::config::BlockTiming;
use crate::handle::Shared;

/// Candidates are drawn until their gas limits exceed the block's by this factor, since few use all they ask for.
const GAS_OVERSUBSCRIPTION: u64 = 4;

/// Proposes blocks of what waits in the pool, the settlement's first and strangers' within their allowance. Without a
/// waiting transaction there is no block, unless one [without transactions](Self::propose_empty) is asked for.
pub(crate) struct Proposer {
    shared: Arc<Shared>,
    address: Address,
    timing: BlockTiming,
    strangers: Strangers,
    /// When the next block is due; none while nothing is ready.
    due: Option<Instant>,
    /// The last proposal had no room for the strangers that are ready.
    strangers_wait: bool,
}

/// What strangers may use of the blocks.
struct Strangers {
    block_gas: u64,
    gas: Budget,
    growth_bytes: Budget,
}

impl Strangers {
    fn new(rates: StrangerRates) -> Self {
        Self { block_gas: rates.block_gas, gas: Budget::new(rates.gas), growth_bytes: Budget::new(rates.growth_bytes) }
    }

    fn allowance(&mut self, now_unix_ms: u64) -> Usage {
        Usage { gas: self.gas.left(now_unix_ms).min(self.block_gas), growth_bytes: self.growth_bytes.left(now_unix_ms) }
    }

    fn spend(&mut self, used: Usage, now_unix_ms: u64) {
        self.gas.spend(used.gas, now_unix_ms);
        self.growth_bytes.spend(used.growth_bytes, now_unix_ms);
    }
}

impl Proposer {
    /// `address` is the proposer that its blocks name.
    pub(crate) fn new(shared: Arc<Shared>, address: Address, timing: BlockTiming, rates: StrangerRates) -> Self {
        let due = shared.pool().has_ready(Lane::Stranger).then(Instant::now);
        Self { shared, address, timing, strangers: Strangers::new(rates), due, strangers_wait: false }
    }

    /// When the next block is due; none while nothing is ready.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Transactions came: the first of them starts the batching window. What settles does not wait for strangers.
    pub(crate) fn notice_arrivals(&mut self) {
        let window = Instant::now() + self.timing.batching_window;
        let pool = self.shared.pool();
        self.due = match self.due {
            Some(due) if self.strangers_wait && pool.has_ready(Lane::Settlement) => Some(due.min(window)),
            None if pool.has_ready(Lane::Stranger) => Some(window),
            unchanged => unchanged,
        };
    }

    /// The pool changed by a block, or no block could be made: the next is due after `pause` where transactions are ready.
    pub(crate) fn schedule_next(&mut self, pause: Duration) {
        let pool = self.shared.pool();
        let pause = match self.strangers_wait && !pool.has_ready(Lane::Settlement) {
            true => pause.max(self.timing.strangers_pause),
            false => pause,
        };
        self.due = pool.has_ready(Lane::Stranger).then(|| Instant::now() + pause);
    }

    /// Executes a block of ready transactions; `None` if none of them can run. Where there is no block, the next is due
    /// later.
    pub(crate) fn propose(&mut self) -> Result<Option<Arc<ExecutedBlock>>, ChainError> {
        let proposed = self.execute_ready();
        match &proposed {
            // It is due until it is committed: others may decide another block first.
            Ok(Some(_)) => {}
            Ok(None) => self.schedule_next(Duration::ZERO),
            Err(_) => self.schedule_next(self.timing.retry_after_failure),
        }
        proposed
    }

    /// Executes a block without transactions.
    pub(crate) fn propose_empty(&mut self) -> Result<Arc<ExecutedBlock>, ChainError> {
        let request = ProposalRequest {
            timestamp_unix_s: now_unix_s(),
            proposer: self.address,
            candidates: Vec::new(),
            metering: Metering::UNLIMITED,
        };
        Ok(self.shared.chain.propose(request)?.executed)
    }

    fn execute_ready(&mut self) -> Result<Option<Arc<ExecutedBlock>>, ChainError> {
        let shared = Arc::clone(&self.shared);
        let (chain, now_unix_ms) = (&shared.chain, now_unix_ms());
        let allowance = match shared.disk.shortage() {
            Some(_) => Usage::default(),
            None => self.strangers.allowance(now_unix_ms),
        };
        let up_to = if allowance.growth_bytes == 0 { Lane::Settlement } else { Lane::Stranger };
        let max_gas = chain.head()?.gas_limit.saturating_mul(GAS_OVERSUBSCRIPTION);
        let (candidates, exempt) = {
            let pool = shared.pool();
            (pool.candidates(up_to, max_gas, MAX_BLOCK_TRANSACTIONS), pool.exempt().clone())
        };
        self.strangers_wait = up_to == Lane::Settlement;
        if candidates.is_empty() {
            return Ok(None);
        }
        let request = ProposalRequest {
            timestamp_unix_s: now_unix_s(),
            proposer: self.address,
            candidates,
            metering: Metering { exempt, allowance },
        };
        let Proposal { executed, refused, metered } = chain.propose(request)?;
        self.strangers.spend(metered, now_unix_ms);
        self.drop_refused(&refused)?;
        let is_empty = executed.block().transactions.is_empty();
        self.strangers_wait |= is_empty;
        Ok((!is_empty).then_some(executed))
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
