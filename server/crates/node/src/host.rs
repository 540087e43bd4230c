use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy_primitives::Bytes;
use chain::{
    Chain, ChainError, CommitCertificate, Contradiction, DecidedBlock, ExecutedBlock, Keeping, SignedTransaction,
};
use consensus::{Host, MAX_GOSSIP_BYTES, MAX_GOSSIP_TRANSACTIONS};
use mempool::Lane;
use tokio::sync::oneshot;

use crate::announce::announce;
use crate::decided_file::DecidedFile;
use crate::handle::Shared;
use crate::intake::{Submission, take_all};
use crate::proposer::Proposer;

/// The pool and the chain of this node, as consensus uses them.
pub(crate) struct NodeHost {
    shared: Arc<Shared>,
    /// Absent where the node decides nothing.
    proposer: Option<Proposer>,
    file: DecidedFile,
}

impl NodeHost {
    pub(crate) fn new(shared: Arc<Shared>, proposer: Option<Proposer>, file: DecidedFile) -> Self {
        Self { shared, proposer, file }
    }

    /// When waiting transactions are due for a block; none while none is ready.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.proposer.as_ref()?.due()
    }

    /// Transactions came into the pool.
    pub(crate) fn notice_arrivals(&mut self) {
        if let Some(proposer) = &mut self.proposer {
            proposer.notice_arrivals();
        }
    }
}

impl Host for NodeHost {
    type Application = Chain;

    fn application(&self) -> &Chain {
        &self.shared.chain
    }

    fn propose(&mut self, _now_unix_s: u64) -> Result<Option<Arc<ExecutedBlock>>, ChainError> {
        match &mut self.proposer {
            Some(proposer) => proposer.propose(),
            None => Ok(None),
        }
    }

    fn propose_empty(&mut self, _now_unix_s: u64) -> Result<Arc<ExecutedBlock>, ChainError> {
        match &mut self.proposer {
            Some(proposer) => proposer.propose_empty(),
            // Who decides nothing has no heartbeat.
            None => Err(ChainError::InvalidCall("this node proposes no blocks".to_owned())),
        }
    }

    /// Waiting transactions count once they are due.
    fn has_waiting(&self) -> bool {
        self.due().is_some_and(|due| due <= Instant::now()) && self.shared.pool().has_ready(Lane::Stranger)
    }

    fn waiting(&self) -> Vec<Bytes> {
        let ready = self.shared.pool().candidates(Lane::Stranger, u64::MAX, MAX_GOSSIP_TRANSACTIONS);
        let mut bytes = 0;
        let within = ready.iter().take_while(|transaction| {
            bytes += transaction.raw().len();
            bytes <= MAX_GOSSIP_BYTES
        });
        within.map(|transaction| transaction.raw().clone()).collect()
    }

    fn take(&mut self, transactions: Vec<Bytes>) -> bool {
        let chain_id = self.shared.chain.chain_id();
        let mut submissions = Vec::new();
        for raw in transactions {
            match SignedTransaction::decode(&raw, chain_id) {
                // Nobody waits for the answer.
                Ok(transaction) => submissions.push(Submission { transaction, answer: oneshot::channel().0 }),
                Err(error) => tracing::debug!(%error, "a peer's transaction is refused"),
            }
        }
        let took = !take_all(&self.shared, submissions).is_empty();
        if took {
            self.notice_arrivals();
        }
        took
    }

    fn record(&mut self, executed: &ExecutedBlock, certificate: &CommitCertificate) {
        self.file.record(executed.block(), certificate);
    }

    fn keep(&mut self, contradiction: &Contradiction) -> Result<Keeping, ChainError> {
        self.shared.chain.keep_contradiction(contradiction)
    }

    fn committed(&mut self, executed: ExecutedBlock) {
        if let Err(error) = announce(&self.shared, executed) {
            tracing::error!(%error, "transactions that can no longer run could not be removed from disk");
        }
        if let Some(proposer) = &mut self.proposer {
            proposer.schedule_next(Duration::ZERO);
        }
    }

    fn decided_block(&self, height: u64) -> Result<Option<DecidedBlock>, ChainError> {
        self.shared.chain.snapshot()?.decided_block(height)
    }
}
