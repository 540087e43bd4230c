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
//! a block that others decided; [`Snapshot::validators_at`] says who decides a height. Where the chain has the contract of the
//! validators, that is what the contract says after the block before, and each header commits to it.
//!
//! Invariants: a committed block is never replaced; no block is committed without the signatures of more than two thirds
//! of the voting power of its height; no transaction is executed without a valid signature; gas costs nothing, whatever
//! price a transaction offers; blocks, receipts, indices and state change together or not at all.

mod access_list;
mod application;
mod block;
mod call;
mod chain;
mod commitment;
mod contradictions;
mod decided;
mod error;
mod executor;
mod follower;
mod genesis;
mod growth;
mod history_search;
mod logs;
mod proof;
mod proof_steps;
mod receipt;
mod rlp_items;
mod roles;
pub mod rules;
mod simulate;
mod snapshot_file;
mod state;
#[cfg(test)]
mod state_tests;
mod store;
mod tables;
mod trace;
mod transaction;
mod transfers;
mod trie;
mod undecided;
mod validators;
mod watch;

pub use access_list::AccessListOutcome;
pub use application::{Application, ExecutedBlock, Exempt, Metering, Proposal, ProposalRequest};
pub use block::{Block, SealedHeader};
pub use call::{AccountOverride, Call, CallOutcome, MAX_CALL_DATA_BYTES};
pub use chain::Chain;
pub use contradictions::{Keeping, MAX_CONTRADICTIONS};
pub use decided::{DecidedBlock, ReceivedBlock};
pub use error::{ChainError, revert_reason};
pub use finality::{
    CertificateError, CommitCertificate, CommitSignature, Contradiction, MAX_VALIDATORS, ReceiptProof, SignedCommit,
    Validator, ValidatorKey, ValidatorSet, ValidatorSetError, commit_digest, signer_of, validator_domain,
    validators_hash,
};
pub use follower::{Import, Placing, import, import_received, place};
pub use genesis::{DEV_GENESIS_UNIX_S, Genesis, GenesisContract};
pub use growth::{BLOCK_GROWTH_BYTES, DATABASE_FILE_FACTOR, GAS_PER_GROWTH_BYTE, MAX_TRANSACTION_GROWTH_BYTES, Usage};
pub use history_search::Creation;
pub use logs::{LogFilter, MAX_LOG_BYTES, MAX_LOGS, MAX_READ_LOG_BYTES, MAX_TOPICS, PlacedLog};
pub use proof::{AccountProof, MAX_PROVED_SLOTS};
pub use receipt::{MAX_REVERT_DATA_BYTES, TransactionReceipt};
pub use rlp_items::check_count;
pub use roles::TransactionRoles;
pub use simulate::{
    BlockToSimulate, CallToSimulate, HeaderOverride, MAX_SIMULATED_BLOCKS, MAX_SIMULATION_BYTES, OfferedPrice,
    SimulatedBlock, SimulatedResult, Simulation,
};
pub use snapshot_file::{ExportedSnapshot, import_snapshot};
pub use state::{AccountState, StateChanges, StateReader};
pub use store::pending::PendingTransaction;
pub use store::prune::{DEFAULT_KEPT_STATES, StateHistory};
pub use store::read::{IncludedTransaction, Snapshot};
pub use tables::Place;
pub use trace::{CallFrame, GethDebugTracingOptions, GethTrace, MAX_TRACE_BYTES};
pub use transaction::{Envelope, SignedTransaction, TransactionError};
pub use undecided::MAX_UNDECIDED_BLOCKS;
pub use watch::{IsOver, never_over};
