use std::path::PathBuf;

use alloy_primitives::{Address, B256, Bytes, U256};
use finality::{CertificateError, ProofError};
use revm::database_interface::DBErrorMarker;

use crate::transaction::TransactionError;

/// Why a block, a query or the storage underneath failed.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The database could not be read or written; a full disk shows here.
    #[error("chain database: {0}")]
    Storage(Box<redb::Error>),
    /// A stored value does not decode: the file was damaged or written by another version.
    #[error("chain database holds a damaged {what} at {key}")]
    Corrupt {
        /// The kind of value.
        what: &'static str,
        /// Its key, readable.
        key: String,
    },
    /// The data directory belongs to another chain.
    #[error("data directory was made for genesis {stored}, the configured genesis is {configured}")]
    GenesisMismatch {
        /// Hash of the genesis block in the database.
        stored: B256,
        /// Hash of the genesis block of the configuration.
        configured: B256,
    },
    /// A constructor failed while genesis was built.
    #[error("genesis contract {address} could not be constructed: {reason}")]
    GenesisConstructor {
        /// Where the contract was to live.
        address: Address,
        /// What the EVM said.
        reason: String,
    },
    /// A block does not follow from its parent by the rules.
    #[error("block {number} is invalid: {reason}")]
    InvalidBlock {
        /// Height of the refused block.
        number: u64,
        /// Which rule it breaks, with the expected and the given value.
        reason: String,
    },
    /// A block was built on a parent that is no longer the head.
    #[error("block {number} builds on {parent}, the head is {head}")]
    NotOnHead {
        /// Height of the refused block.
        number: u64,
        /// Its parent.
        parent: B256,
        /// The present head.
        head: B256,
    },
    /// Blocks before a decided block are missing.
    #[error("block {number} cannot be placed: block {missing} is missing")]
    Orphan {
        /// Height of the block.
        number: u64,
        /// The first height that is missing.
        missing: u64,
    },
    /// A certificate does not certify the block it came with.
    #[error("certificate of block {number} is invalid: {reason}")]
    InvalidCertificate {
        /// Height of the block.
        number: u64,
        /// What does not hold.
        reason: CertificateError,
    },
    /// A certificate names a block that is not kept: it was never executed here, made room for others, or its height
    /// is decided.
    #[error("block {hash} at height {number} is not among the undecided blocks")]
    NotUndecided {
        /// Height that the certificate names.
        number: u64,
        /// Hash that it names.
        hash: B256,
    },
    /// A decided block was handed over for a height where another stands.
    #[error("block {given} conflicts with {committed}, which stands at height {number}")]
    Conflict {
        /// The height.
        number: u64,
        /// Hash of the block on the chain.
        committed: B256,
        /// Hash of the refused block.
        given: B256,
    },
    /// Bytes are no decided block.
    #[error("decided block does not decode: {0}")]
    MalformedBlock(String),
    /// A validator's key did not sign.
    #[error("block {number} could not be signed")]
    Signing {
        /// Height of the block.
        number: u64,
    },
    /// The block asked for does not exist.
    #[error("block {0} is not known")]
    UnknownBlock(String),
    /// The block is not kept here: the chain began from a snapshot of a later one.
    #[error("pruned history unavailable: block {number} is not kept by this node, whose first block is {first}")]
    BlockUnavailable {
        /// The height asked for.
        number: u64,
        /// The first height that is kept.
        first: u64,
    },
    /// The state after a block is not kept any more.
    #[error(
        "historical state is not available: this node keeps states from block {first} on, block {number} was asked for"
    )]
    StateUnavailable {
        /// The height asked for.
        number: u64,
        /// The first height whose state is kept.
        first: u64,
    },
    /// A file of a snapshot could not be read or written, or the place for what is made of it.
    #[error("snapshot: {0}")]
    SnapshotFile(#[from] std::io::Error),
    /// There is a database already where a snapshot would be put.
    #[error("{} exists already; a snapshot begins a new one", .0.display())]
    SnapshotTarget(PathBuf),
    /// An import of a snapshot makes the database.
    #[error("another process makes {} of a snapshot: wait until it ends", .0.display())]
    SnapshotImporting(PathBuf),
    /// Bytes are no snapshot of a known form.
    #[error("the snapshot is damaged or of another form near byte {position}: {reason}")]
    SnapshotForm {
        /// Where the record begins that cannot be read, in bytes from the start of the file.
        position: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Something in a snapshot is not what its block commits to.
    #[error("the snapshot does not hold: {what} is {given}, and {expected} is expected")]
    SnapshotMismatch {
        /// What differs.
        what: String,
        /// What the snapshot gives.
        given: String,
        /// What it should be.
        expected: String,
    },
    /// The snapshot does not show that its block stands on the chain.
    #[error("the snapshot does not prove its block: {0}")]
    SnapshotProof(#[from] ProofError),
    /// A proof was asked for a height whose trie is no longer kept.
    #[error("state proofs are kept for the head ({head}) only, block {number} was asked for")]
    ProofUnavailable {
        /// The height asked for.
        number: u64,
        /// The height that has proofs.
        head: u64,
    },
    /// A transaction cannot be executed on this state.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// A simulated call was reverted by the contract.
    #[error("execution reverted{}", reason_suffix(.output))]
    Reverted {
        /// The ABI-encoded reason.
        output: Bytes,
    },
    /// A simulated call ended by running into a limit or an invalid instruction.
    #[error("execution halted: {0}")]
    Halted(String),
    /// A simulated call was stopped, since its time was over.
    #[error("the call was stopped: it computed for too long")]
    CallStopped,
    /// A trace was stopped, since its record is too long.
    #[error(
        "the trace was stopped: it would take more than {max_bytes} bytes; leave out stack and memory, or ask for one transaction"
    )]
    TraceTooLong {
        /// The bound.
        max_bytes: usize,
    },
    /// A simulation was stopped, since its calls pass, return and log too much.
    #[error("the simulation was stopped: its calls pass, return and log more than {max_bytes} bytes")]
    SimulationTooLong {
        /// The bound.
        max_bytes: usize,
    },
    /// A simulated block does not come after the one before it.
    #[error("block numbers have to rise: {given} comes after {previous}")]
    SimulatedNumber {
        /// Height of the block.
        given: u64,
        /// Height of the block before.
        previous: u64,
    },
    /// A simulated block is not later than the one before it.
    #[error("block times have to rise: {given} comes after {previous}")]
    SimulatedTime {
        /// Time of the block, in unix seconds.
        given: u64,
        /// Time of the block before, in unix seconds.
        previous: u64,
    },
    /// A simulated call asks for more gas than its block has left.
    #[error("block gas limit reached: {given} gas is asked for, {left} is left of the block")]
    SimulatedGas {
        /// Gas limit of the call.
        given: u64,
        /// What its block has left.
        left: u64,
    },
    /// What should record a trace is not known, or not with these options.
    #[error("the tracer cannot be used: {0}")]
    Tracer(String),
    /// The sender of a simulated call cannot pay the value it sends.
    #[error("insufficient funds for transfer: balance {balance}, value {value}")]
    InsufficientFunds {
        /// What the account has, in wei.
        balance: U256,
        /// What it would send, in wei.
        value: U256,
    },
    /// A call was refused before it ran.
    #[error("invalid call: {0}")]
    InvalidCall(String),
    /// A query would return or visit more than the node serves at once.
    #[error("{what}: the limit is {limit}, asked for {given}")]
    LimitExceeded {
        /// The bounded quantity.
        what: &'static str,
        /// The bound.
        limit: u64,
        /// What was asked.
        given: u64,
    },
}

impl ChainError {
    /// Whether the fault lies in what the caller asked for, rather than in this node.
    #[must_use]
    pub fn is_callers_fault(&self) -> bool {
        !matches!(
            self,
            Self::Storage(_)
                | Self::Corrupt { .. }
                | Self::GenesisMismatch { .. }
                | Self::GenesisConstructor { .. }
                | Self::NotOnHead { .. }
                | Self::NotUndecided { .. }
                | Self::Signing { .. }
                | Self::SnapshotFile(_)
        )
    }

    /// Whether the same call may succeed later: the storage failed, as it does on a full disk.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Storage(_))
    }

    /// Whether another process has the database open.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        matches!(self, Self::Storage(error) if matches!(**error, redb::Error::DatabaseAlreadyOpen))
    }

    pub(crate) fn corrupt(what: &'static str, key: impl core::fmt::Debug) -> Self {
        Self::Corrupt { what, key: format!("{key:?}") }
    }
}

/// The text of a Solidity `Error(string)`, as clients expect it behind "execution reverted".
fn reason_suffix(output: &Bytes) -> String {
    match revert_reason(output) {
        Some(reason) => format!(": {reason}"),
        None => String::new(),
    }
}

/// Decodes `Error(string)` (selector `0x08c379a0`) from revert data.
#[must_use]
pub fn revert_reason(output: &[u8]) -> Option<String> {
    let body = output.strip_prefix(&[0x08, 0xc3, 0x79, 0xa0])?;
    let length = usize::try_from(U256::try_from_be_slice(body.get(32..64)?)?).ok()?;
    let text = body.get(64..64usize.checked_add(length)?)?;
    Some(String::from_utf8_lossy(text).into_owned())
}

impl DBErrorMarker for ChainError {}

macro_rules! from_redb {
    ($($error:ty),+) => {
        $(impl From<$error> for ChainError {
            fn from(error: $error) -> Self {
                Self::Storage(Box::new(error.into()))
            }
        })+
    };
}

from_redb!(redb::StorageError, redb::TableError, redb::TransactionError, redb::CommitError, redb::DatabaseError);
