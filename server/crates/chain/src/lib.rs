//! The chain: signed transactions executed by the EVM into blocks, over one database file.
//!
//! ```text
//!  SignedTransaction::decode ─► propose ──┐
//!        (signature, bounds)              ├─► undecided blocks ─► commit ─► Snapshot
//!                  Block ─► validate ─────┘    by hash, each      by certificate:  reads, calls,
//!                  (executes again)            executed once      one atomic write logs, proofs
//! ```
//!
//! Nothing here knows a clock, a network or a thread: time and transactions are arguments, and the same arguments on
//! the same parent give the same block hash. [`Application`] is what the code that decides blocks calls; [`import`] takes
//! a block that others decided; [`Snapshot::validators_at`] says who decides a height.
//!
//! Invariants: a committed block is never replaced; no block is committed without the signatures of more than two thirds
//! of the voting power of its height; no transaction is executed without a valid signature; gas costs nothing, whatever
//! price a transaction offers; blocks, receipts, indices and state change together or not at all.

mod application;
mod block;
mod call;
mod certificate;
mod chain;
mod commitment;
mod decided;
mod error;
mod executor;
mod follower;
mod genesis;
mod logs;
mod proof;
mod receipt;
mod roles;
pub mod rules;
mod state;
mod store;
mod tables;
mod transaction;
mod trie;
mod undecided;
mod validators;

pub use application::{Application, ExecutedBlock, Proposal, ProposalRequest};
pub use block::{Block, EXTRA_DATA, SealedHeader};
pub use call::{AccountOverride, Call, CallOutcome, MAX_CALL_DATA_BYTES};
pub use certificate::{CommitCertificate, CommitSignature, ValidatorKey, commit_digest};
pub use chain::Chain;
pub use decided::DecidedBlock;
pub use error::{CertificateError, ChainError, revert_reason};
pub use follower::{Import, import};
pub use genesis::{DEV_GENESIS_UNIX_S, Genesis, GenesisContract};
pub use logs::{LogFilter, MAX_LOGS, MAX_TOPICS, PlacedLog};
pub use proof::{AccountProof, MAX_PROVED_SLOTS};
pub use receipt::{MAX_REVERT_DATA_BYTES, TransactionReceipt};
pub use roles::TransactionRoles;
pub use state::{AccountState, StateChanges, StateReader};
pub use store::pending::PendingTransaction;
pub use store::read::{IncludedTransaction, Snapshot};
pub use tables::Place;
pub use transaction::{Envelope, SignedTransaction, TransactionError};
pub use undecided::MAX_UNDECIDED_BLOCKS;
pub use validators::{MAX_VALIDATORS, Validator, ValidatorSet, ValidatorSetError};
