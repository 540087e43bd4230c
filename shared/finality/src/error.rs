use alloy_primitives::{Address, B256};

use crate::proof::MAX_PROOF_STEPS;
use crate::validators::{MAX_VALIDATORS, ValidatorSetError};

/// Why a certificate does not prove that a block was decided.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It names another height or another hash.
    #[error("it certifies block {block_hash} at height {height}")]
    OtherBlock {
        /// The height that it names.
        height: u64,
        /// The hash that it names.
        block_hash: B256,
    },
    /// More signatures than a set can have.
    #[error("it has {0} signatures, at most {MAX_VALIDATORS} are allowed")]
    TooManySignatures(usize),
    /// Somebody signed who does not decide this height.
    #[error("{0} is no validator of this height")]
    NotAValidator(Address),
    /// A validator's power would count twice.
    #[error("validator {0} signed twice")]
    RepeatedValidator(Address),
    /// A signature is malformed, has a high s value, or was made by another key or over something else.
    #[error("the signature of {0} does not hold")]
    BadSignature(Address),
    /// Those who signed do not decide.
    #[error("it has voting power {signed} of {total}, more than two thirds are needed")]
    NoQuorum {
        /// Power of those who signed.
        signed: u64,
        /// Power of all.
        total: u64,
    },
}

/// Why a proof does not show what it is for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// A header is no RLP of one.
    #[error("the header of {0} is none: {1}")]
    Header(&'static str, alloy_rlp::Error),
    /// The block that should begin the chain has a parent or a height.
    #[error("block {0} begins no chain, block 0 does")]
    NotBlockZero(u64),
    /// A block commits to other validators of the next, or to another chain id.
    #[error("block {number} commits to {committed}, and chain id and validators have the hash {computed}")]
    OtherValidators {
        /// Height of the block.
        number: u64,
        /// What its `extraData` holds.
        committed: String,
        /// The hash of what the proof says.
        computed: B256,
    },
    /// The validators make no set.
    #[error(transparent)]
    Validators(#[from] ValidatorSetError),
    /// There is no block in the proof.
    #[error("the proof has no step to a block")]
    NoSteps,
    /// There are more steps than a reader follows.
    #[error("the proof has {0} steps, at most {MAX_PROOF_STEPS} are followed")]
    TooManySteps(usize),
    /// A block does not follow the one that is said to be before it.
    #[error("block {number} does not follow the block {parent_hash}")]
    OtherParent {
        /// Height of the block.
        number: u64,
        /// Hash of what is said to be its parent.
        parent_hash: B256,
    },
    /// A step does not lead forward.
    #[error("block {number} is not after block {known}")]
    NotLater {
        /// Height of the block.
        number: u64,
        /// Height of the block of the step before.
        known: u64,
    },
    /// A block was decided, and nothing connects its validators with those who are known.
    #[error(
        "block {number} has signatures of {signed} of the power {total} that decided block {known}, more than two thirds are needed"
    )]
    Unconnected {
        /// Height of the block.
        number: u64,
        /// Height of the block of the step before.
        known: u64,
        /// Power among those who decided that one, of those who signed this one.
        signed: u64,
        /// Power of all who decided that one.
        total: u64,
    },
    /// The certificate does not show that the block was decided.
    #[error("certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// The block does not commit to this receipt at this place.
    #[error("the block does not commit to this receipt of transaction {transaction_index}: {reason}")]
    NotInBlock {
        /// The place that the proof names.
        transaction_index: u64,
        /// What differs.
        reason: String,
    },
    /// What the block commits to there is no receipt.
    #[error("the receipt of transaction {transaction_index} is none: {reason}")]
    Receipt {
        /// The place that the proof names.
        transaction_index: u64,
        /// Why.
        reason: String,
    },
}
