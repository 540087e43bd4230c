//! The chain: signed transactions executed by the EVM into blocks, over one database file.
//!
//! ```text
//!  SignedTransaction::decode ─► Application::build ─► ExecutedBlock ─► Application::commit ─► Snapshot
//!        (signature, bounds)      executor: EVM         commitment:        store::write:        reads, calls,
//!                                 on a StateReader      state root         one atomic write     logs, proofs
//! ```
//!
//! Nothing here knows a clock, a network or a thread: time and transactions are arguments, and the same arguments on
//! the same parent give the same block hash. [`Application`] is the boundary to whoever decides blocks.
//!
//! Invariants: a committed block is never replaced; no transaction is executed without a valid signature; gas costs
//! nothing, whatever price a transaction offers; blocks, receipts, indices and state change together or not at all.

mod application;
mod block;
mod call;
mod certificate;
mod chain;
mod commitment;
mod error;
mod executor;
mod genesis;
mod logs;
mod proof;
mod receipt;
mod roles;
pub mod rules;
mod state;
mod store;
mod transaction;
mod trie;

pub use application::{Application, BlockProposal, BuiltBlock, ExecutedBlock};
pub use block::{Block, EXTRA_DATA, SealedHeader};
pub use call::{AccountOverride, Call, CallOutcome, MAX_CALL_DATA_BYTES};
pub use certificate::{AuthorityKey, CommitCertificate, CommitSignature, commit_digest};
pub use chain::Chain;
pub use error::{ChainError, revert_reason};
pub use genesis::{DEV_GENESIS_UNIX_S, Genesis, GenesisContract};
pub use logs::{LogFilter, MAX_LOGS, MAX_TOPICS, PlacedLog};
pub use proof::{AccountProof, MAX_PROVED_SLOTS};
pub use receipt::{MAX_REVERT_DATA_BYTES, TransactionReceipt};
pub use roles::TransactionRoles;
pub use state::{AccountState, StateChanges, StateReader};
pub use store::pending::PendingTransaction;
pub use store::read::{IncludedTransaction, Snapshot};
pub use store::tables::Place;
pub use transaction::{Envelope, SignedTransaction, TransactionError};
