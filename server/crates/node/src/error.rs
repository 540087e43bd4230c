use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use alloy_primitives::Address;
use chain::{ChainError, TransactionError};
use consensus::ConsensusError;
use mempool::PoolError;

use crate::validator_network::MAX_PEERS;

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
    /// Strangers ask for more long reads than run at once.
    #[error("too many calls, log queries and proofs wait: {limit} run at once, try again later")]
    TooManyReads {
        /// The bound.
        limit: usize,
    },
    /// A simulated call was stopped.
    #[error("the call was stopped: it computed for {} ms, which is as long as a call may", limit.as_millis())]
    CallTime {
        /// The bound.
        limit: Duration,
    },
    /// One network address asks for too much.
    #[error(
        "requests of one network address are limited to {per_minute} units a minute, and this one takes {units}; try \
         again in {wait_seconds} s"
    )]
    CallRate {
        /// The bound.
        per_minute: u32,
        /// What the request takes of it.
        units: u32,
        /// When it may be sent again.
        wait_seconds: u64,
    },
    /// The disk is nearly full, so that only the settlement runs.
    #[error(
        "the disk of this node is nearly full: {free_bytes} bytes are free, {floor_bytes} are needed; only mints of \
         receipts are taken until then"
    )]
    DiskLow {
        /// Free bytes.
        free_bytes: u64,
        /// The bound.
        floor_bytes: u64,
    },
    /// The transaction could not be stored, so it is not accepted.
    #[error("transaction could not be stored: {0}")]
    NotStored(String),
    /// The node is shutting down.
    #[error("node is shutting down")]
    Stopped,
    /// The node only follows.
    #[error("this node follows the chain and takes no transactions: send them to a validator")]
    Follows,
    /// No node that decides can be asked to take the transaction.
    #[error("the transaction could not be sent on to a node that decides: {0}")]
    UpstreamAway(String),
    /// A node that decides refuses the transaction.
    #[error("{0}")]
    UpstreamRefused(String),
    /// The validators that are connected cannot decide a block.
    #[error(
        "validators with voting power {connected} of {total} are connected, more than two thirds are needed to make blocks"
    )]
    TooFewConnected {
        /// Power of those that are connected, with this node's own.
        connected: u64,
        /// Power of all.
        total: u64,
    },
    /// Enough validators are connected, and still nothing is decided.
    #[error("transactions or a heartbeat have waited for {waited_seconds} s, and no block was made")]
    Standstill {
        /// How long something has waited without a block.
        waited_seconds: u64,
    },
    /// The node is named as its own peer.
    #[error("{0} is this node's own address and cannot be its peer")]
    NotAPeer(Address),
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
    /// Consensus with other validators cannot begin.
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
    /// The consensus log could not be opened; another process may hold it.
    #[error("consensus log {path}: {reason}")]
    ConsensusLog {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// No connections of validators are taken.
    #[error("validators cannot connect to {address}: {reason}")]
    Listen {
        /// Where to listen.
        address: SocketAddr,
        /// What the system said.
        reason: String,
    },
    /// More peers than a chain has other validators.
    #[error("{0} validators to connect with, at most {MAX_PEERS}")]
    TooManyPeers(usize),
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
            Self::Pool(_) | Self::AlreadyKnown | Self::CallTime { .. } | Self::Follows | Self::UpstreamRefused(_) => {
                true
            }
            Self::Busy { .. }
            | Self::TooManyReads { .. }
            | Self::CallRate { .. }
            | Self::DiskLow { .. }
            | Self::NotStored(_)
            | Self::Stopped
            | Self::UpstreamAway(_)
            | Self::NoQuorum { .. }
            | Self::TooFewConnected { .. }
            | Self::Standstill { .. }
            | Self::NotAPeer(_)
            | Self::DecidedFile(_)
            | Self::Consensus(_)
            | Self::ConsensusLog { .. }
            | Self::Listen { .. }
            | Self::TooManyPeers(_)
            | Self::Thread(_) => false,
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Busy { .. }
            | Self::TooManyReads { .. }
            | Self::CallRate { .. }
            | Self::DiskLow { .. }
            | Self::UpstreamAway(_)
            | Self::NotStored(_) => true,
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
