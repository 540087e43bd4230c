//! What anybody needs to see for themselves that something happened on the chain, without running a node.
//!
//! ```text
//!  hash of block 0 ─► header of block 0 ─► validators ─► certificate ─► hash of block N ─► header of block N
//!                                               ▲                            │                   │ receiptsRoot
//!            validators of a later block ───────┘◄─ header of its parent ◄───┘                   ▼
//!                                              event ◄─ receipt of a transaction ◄─ Merkle proof
//! ```
//!
//! Each arrow is a hash or a signature that is computed here, so the one who hands the proof over cannot lie. The one thing
//! to know beforehand is the hash of block 0, which names the chain.
//!
//! Nothing here does I/O, and it compiles to WASM: the node decides and follows blocks by the same certificates.

mod certificate;
mod commitment;
mod contradiction;
mod error;
mod inclusion;
mod proof;
mod step;
mod validators;

pub use certificate::{CommitCertificate, CommitSignature, ValidatorKey, commit_digest, signer_of, validator_domain};
pub use commitment::validators_hash;
pub use contradiction::{Contradiction, SignedCommit};
pub use error::{CertificateError, ProofError};
pub use inclusion::{MAX_BLOCK_RECEIPTS, prove_receipt};
pub use proof::{MAX_PROOF_STEPS, ProvedBlock, ProvedChain, ReceiptProof};
pub use step::ProofStep;
pub use validators::{MAX_VALIDATORS, Validator, ValidatorSet, ValidatorSetError};
