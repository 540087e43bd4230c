use alloy_primitives::{Address, B256};

use crate::block::{Block, SealedHeader};
use crate::certificate::CommitCertificate;
use crate::commitment::Commitment;
use crate::error::ChainError;
use crate::receipt::TransactionReceipt;
use crate::state::StateChanges;
use crate::transaction::{SignedTransaction, TransactionError};

/// What a proposer wants a block to be made of.
#[derive(Clone, Debug)]
pub struct BlockProposal {
    /// The block's time. Raised to the parent's where the clock went back, so time never does on the chain.
    pub timestamp_unix_s: u64,
    /// Who proposes; the block's `miner` and `COINBASE`.
    pub proposer: Address,
    /// Transactions in the order wanted. Those that cannot run are left out and reported.
    pub candidates: Vec<SignedTransaction>,
}

/// A block with everything that executing it gave, ready to be committed on its parent.
#[derive(Clone, Debug)]
pub struct ExecutedBlock {
    pub(crate) block: Block,
    pub(crate) receipts: Vec<TransactionReceipt>,
    pub(crate) changes: StateChanges,
    pub(crate) commitment: Commitment,
}

impl ExecutedBlock {
    /// The block.
    #[must_use]
    pub fn block(&self) -> &Block {
        &self.block
    }

    /// One receipt for each transaction of the block.
    #[must_use]
    pub fn receipts(&self) -> &[TransactionReceipt] {
        &self.receipts
    }
}

/// A built block and what was left out of it.
#[derive(Clone, Debug)]
pub struct BuiltBlock {
    /// The block.
    pub executed: ExecutedBlock,
    /// Candidates that can never run on this state, by hash, with the reason; the pool drops them. Candidates that
    /// only lacked room are neither here nor in the block.
    pub refused: Vec<(B256, TransactionError)>,
}

/// The boundary between deciding blocks and executing them. Whoever decides, one authority or a consensus engine,
/// drives these three calls and learns nothing of the EVM.
///
/// `build` and `validate` change nothing; only `commit` does, in one atomic write, and it is final.
pub trait Application {
    /// The block that everything builds on.
    ///
    /// # Errors
    /// [`ChainError::Storage`] and [`ChainError::Corrupt`].
    fn head(&self) -> Result<SealedHeader, ChainError>;

    /// Executes candidates on the head and makes a block of those that run.
    ///
    /// # Errors
    /// As [`Application::head`]; candidates that do not run are no error.
    fn build(&self, proposal: BlockProposal) -> Result<BuiltBlock, ChainError>;

    /// Executes somebody's block on the head and checks every field of its header.
    ///
    /// # Errors
    /// [`ChainError::InvalidBlock`] or [`ChainError::NotOnHead`] if it may not be committed.
    fn validate(&self, block: Block) -> Result<ExecutedBlock, ChainError>;

    /// Makes an executed block the head, durably.
    ///
    /// # Errors
    /// [`ChainError::NotOnHead`] if the head has moved, [`ChainError::InvalidCertificate`], or a storage error, after
    /// any of which the head is what it was.
    fn commit(&self, executed: ExecutedBlock, certificate: CommitCertificate) -> Result<SealedHeader, ChainError>;
}
