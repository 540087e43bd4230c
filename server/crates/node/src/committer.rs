//! Decided blocks on their way onto the chain, and the announcement of each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::{Address, B256};
use chain::{Application as _, ChainError, CommitCertificate, ExecutedBlock};

use crate::decided_file::DecidedFile;
use crate::events::CommittedBlock;
use crate::handle::Shared;

/// Writes decided blocks, takes their transactions out of the pool, and announces them. A decided block is final
/// before it is written: should writing fail, the same block is written later, and no other takes its place.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    file: DecidedFile,
    /// The certificate of the block that is decided and not written.
    decided: Option<CommitCertificate>,
}

impl Committer {
    pub(crate) fn new(shared: Arc<Shared>, file: DecidedFile) -> Self {
        Self { shared, file, decided: None }
    }

    /// Whether a decided block is still to be written.
    pub(crate) fn has_decided(&self) -> bool {
        self.decided.is_some()
    }

    /// Takes the decision over a block that the chain keeps as undecided.
    pub(crate) fn decide(&mut self, executed: &ExecutedBlock, certificate: CommitCertificate) {
        self.file.record(executed.block(), &certificate);
        self.decided = Some(certificate);
    }

    /// Writes the decided block, if there is one, and announces it.
    pub(crate) fn commit(&mut self) -> Result<(), ChainError> {
        let Some(certificate) = &self.decided else { return Ok(()) };
        match self.shared.chain.commit(certificate) {
            Ok(executed) => {
                self.decided = None;
                self.announce(executed)
            }
            Err(error) => {
                if !error.is_retryable() {
                    self.decided = None;
                }
                Err(error)
            }
        }
    }

    fn announce(&self, executed: ExecutedBlock) -> Result<(), ChainError> {
        let (block, receipts) = executed.into_parts();
        let committed = CommittedBlock { block, receipts };
        let unusable = self.settle_pool(&committed);
        tracing::debug!(
            height = committed.block.header.number,
            transactions = committed.block.transactions.len(),
            "block committed"
        );
        // An error means that nobody listens, which is fine.
        let _ = self.shared.blocks.send(Arc::new(committed));
        if unusable.is_empty() { Ok(()) } else { self.shared.chain.update_pending(&[], &unusable) }
    }

    /// Takes a block's transactions out of the pool, and returns others whose nonces it used.
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
}
