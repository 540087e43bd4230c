use alloy_primitives::Address;
use chain::{ChainError, TransactionError};
use mempool::PoolError;

/// Why the node did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The chain refused, or its storage failed.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The pool refused the transaction.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The transaction was known before: it stands on the chain or waits for a block.
    #[error("already known")]
    AlreadyKnown,
    /// More requests wait than the node takes on.
    #[error("node is busy: {what} waiting, the limit is {limit}")]
    Busy {
        /// What waits.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// The transaction could not be stored, so it is not accepted.
    #[error("transaction could not be stored: {0}")]
    NotStored(String),
    /// The node is shutting down.
    #[error("node is shutting down")]
    Stopped,
    /// The key decides no block alone.
    #[error("validator {validator} has voting power {power} of {total}, more than two thirds are needed")]
    NoQuorum {
        /// Address of the key.
        validator: Address,
        /// Its power; 0 if it is no validator.
        power: u64,
        /// The power of all validators.
        total: u64,
    },
    /// The file beside the database could not be opened.
    #[error("decided block's file: {0}")]
    DecidedFile(std::io::Error),
    /// A thread of the node could not be started or ended abnormally.
    #[error("node thread: {0}")]
    Thread(String),
}

impl NodeError {
    /// Whether the fault lies in what the caller asked for, rather than in this node.
    #[must_use]
    pub fn is_callers_fault(&self) -> bool {
        match self {
            Self::Chain(error) => error.is_callers_fault(),
            Self::Pool(_) | Self::AlreadyKnown => true,
            Self::Busy { .. }
            | Self::NotStored(_)
            | Self::Stopped
            | Self::NoQuorum { .. }
            | Self::DecidedFile(_)
            | Self::Thread(_) => false,
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::NotStored(_) => true,
            Self::Pool(error) => error.is_retryable(),
            _ => false,
        }
    }
}

impl From<TransactionError> for NodeError {
    fn from(error: TransactionError) -> Self {
        Self::Chain(ChainError::Transaction(error))
    }
}
