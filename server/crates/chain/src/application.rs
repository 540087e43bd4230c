use std::collections::BTreeSet;
use std::sync::Arc;

use alloy_primitives::{Address, B256};
use finality::{CommitCertificate, ValidatorSet};

use crate::block::{Block, SealedHeader};
use crate::commitment::Commitment;
use crate::error::ChainError;
use crate::growth::Usage;
use crate::receipt::TransactionReceipt;
use crate::state::StateChanges;
use crate::transaction::{SignedTransaction, TransactionError};

/// The transactions and header values that a proposer asks for.
#[derive(Clone, Debug)]
pub struct ProposalRequest {
    /// The block's time. Raised to the parent's where the clock went back, so time never does on the chain.
    pub timestamp_unix_s: u64,
    /// Who proposes; the block's `miner` and `COINBASE`.
    pub proposer: Address,
    /// Transactions in the order wanted. Those that cannot run are left out and reported.
    pub candidates: Vec<SignedTransaction>,
    /// How much of the block the candidates may use.
    pub metering: Metering,
}

/// How much of a proposed block senders may use together. It is the proposer's choice and no rule of the chain, so a
/// block that uses more is as valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metering {
    /// What has the whole block.
    pub exempt: Exempt,
    /// What all others may use together. A candidate that asks for more gas than is left waits. The bytes that it adds to
    /// the disk are known only after it ran, so the last one may exceed them.
    pub allowance: Usage,
}

impl Metering {
    /// No bound but the block's own.
    pub const UNLIMITED: Self = Self { exempt: Exempt::NOTHING, allowance: Usage::UNLIMITED };
}

/// What settles for everybody, and is bounded by nothing but the block: calls of these contracts by these senders.
/// Whatever else such a sender sends is a stranger's, so that its key, once it is stolen, opens nothing more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exempt {
    /// Who settles.
    pub senders: BTreeSet<Address>,
    /// What is called for it.
    pub contracts: BTreeSet<Address>,
}

impl Exempt {
    /// Everything is metered.
    pub const NOTHING: Self = Self { senders: BTreeSet::new(), contracts: BTreeSet::new() };

    /// Whether a transaction settles for everybody.
    #[must_use]
    pub fn covers(&self, transaction: &SignedTransaction) -> bool {
        let calls = transaction.to().is_some_and(|contract| self.contracts.contains(&contract));
        calls && self.senders.contains(&transaction.sender())
    }
}

/// A block with everything that executing it gave.
#[derive(Clone, Debug)]
pub struct ExecutedBlock {
    pub(crate) block: Block,
    pub(crate) receipts: Vec<TransactionReceipt>,
    pub(crate) changes: StateChanges,
    pub(crate) commitment: Commitment,
    /// Those who decide from the next block on, where they are others than those who decide this one.
    pub(crate) next_validators: Option<ValidatorSet>,
}

impl ExecutedBlock {
    /// The block's hash.
    #[must_use]
    pub fn hash(&self) -> B256 {
        self.block.header.hash()
    }

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

    /// Those who decide from the next block on, where this block changes them; for block 0, those who decide the first.
    #[must_use]
    pub fn next_validators(&self) -> Option<&ValidatorSet> {
        self.next_validators.as_ref()
    }

    /// The block and its receipts, by value.
    #[must_use]
    pub fn into_parts(self) -> (Block, Vec<TransactionReceipt>) {
        (self.block, self.receipts)
    }
}

/// A proposed block and what was left out of it.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The block.
    pub executed: Arc<ExecutedBlock>,
    /// Candidates that can never run on this state, by hash, with the reason; the pool drops them. Candidates that
    /// only lacked room are neither here nor in the block.
    pub refused: Vec<(B256, TransactionError)>,
    /// What the metered candidates used.
    pub metered: Usage,
}

/// The boundary between deciding blocks and executing them. The code that decides, for one validator or as a consensus
/// engine of many, makes these calls and learns nothing of the EVM:
///
/// | what happens while a height is decided | call |
/// |---|---|
/// | it is this node's turn to propose | [`propose`](Application::propose) |
/// | another validator's block came | [`validate`](Application::validate) |
/// | a quorum has signed a block | [`commit`](Application::commit) |
/// | the next height begins | [`validators_at`](Application::validators_at) |
/// | a decided block came from a peer or from disk | [`import`](crate::import) |
///
/// `propose` and `validate` change nothing on disk. They keep what they executed, by hash, until the height is
/// decided; so a block is executed once. Only `commit` writes, in one atomic write, and it is final.
pub trait Application {
    /// The block that everything builds on.
    ///
    /// # Errors
    /// [`ChainError::Storage`] and [`ChainError::Corrupt`].
    fn head(&self) -> Result<SealedHeader, ChainError>;

    /// The hash of the block at `height`; `None` above the head.
    ///
    /// # Errors
    /// As [`Application::head`].
    fn block_hash_at(&self, height: u64) -> Result<Option<B256>, ChainError>;

    /// The proof that the block at `height` was decided; `None` for block 0 and above the head.
    ///
    /// # Errors
    /// As [`Application::head`].
    fn certificate_at(&self, height: u64) -> Result<Option<CommitCertificate>, ChainError>;

    /// Who decides the block at `height`, which is known up to the block after the head.
    ///
    /// # Errors
    /// [`ChainError::UnknownBlock`] for another height.
    fn validators_at(&self, height: u64) -> Result<Arc<ValidatorSet>, ChainError>;

    /// Checks that a certificate proves the block `block_hash` at `height` decided.
    ///
    /// # Errors
    /// [`ChainError::InvalidCertificate`], and as [`Application::validators_at`].
    fn check_certificate(
        &self,
        certificate: &CommitCertificate,
        height: u64,
        block_hash: B256,
    ) -> Result<(), ChainError>;

    /// Executes candidates on the head and makes a block of those that run.
    ///
    /// # Errors
    /// As [`Application::head`]; candidates that do not run are no error.
    fn propose(&self, request: ProposalRequest) -> Result<Proposal, ChainError>;

    /// Executes a block on the head and checks every field of its header. `now_unix_s` bounds the block's time from
    /// above, by [`MAX_BLOCK_TIME_AHEAD_S`](crate::rules::MAX_BLOCK_TIME_AHEAD_S).
    ///
    /// # Errors
    /// [`ChainError::InvalidBlock`] or [`ChainError::NotOnHead`] if it may not be committed.
    fn validate(&self, block: Block, now_unix_s: u64) -> Result<Arc<ExecutedBlock>, ChainError>;

    /// Makes the block that a certificate names the head, durably. It must have been proposed or validated here.
    ///
    /// # Errors
    /// [`ChainError::NotUndecided`] if no such block is kept, [`ChainError::InvalidCertificate`], or a storage error,
    /// after any of which the head is what it was and the call may be repeated.
    fn commit(&self, certificate: &CommitCertificate) -> Result<ExecutedBlock, ChainError>;
}
