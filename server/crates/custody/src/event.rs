//! What the audit log says, entry by entry. No event holds a key, a password or a code.

use serde::{Deserialize, Serialize};
use shared::digest::Sha256Digest;
use shared::time::UnixMillis;
use shared::{Address, B256, Bytes};

use crate::action::{Action, Movement};
use crate::asset::Units;
use crate::attempts::Attempts;
use crate::policy::{Policy, Spent};
use crate::recovery::RecoveryHash;
use crate::sealed::Sealed;
use crate::totp::Step;

/// How a wallet came to the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Created,
    Imported,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockReason {
    Asked,
    Idle,
    Stopped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignedKind {
    Message,
    TypedData,
    Transaction,
}

/// The second factor that was given: it counts no other time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeUse {
    Totp { step: Step },
    Recovery { hash: RecoveryHash },
}

/// The second factor of a wallet, at rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondFactor {
    /// Opens with the wallet's own key only.
    pub secret: Sealed,
    /// Those that were not used.
    pub recovery: Vec<RecoveryHash>,
    /// The step of the code that confirmed it, or of the last one that counted.
    pub last_used: Step,
}

/// What a signature moved, as the limits count it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub movements: Vec<Movement>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fee: Units,
}

fn is_zero(units: &Units) -> bool {
    *units == Units::ZERO
}

impl From<&Action> for Moved {
    fn from(action: &Action) -> Self {
        Self { movements: action.movements.clone(), fee: action.fee }
    }
}

/// A transaction that the daemon signed and sends until a block contains it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedPayment {
    /// The request's `Idempotency-Key`.
    pub key: String,
    pub request: Sha256Digest,
    pub nonce: u64,
    pub hash: B256,
    pub raw: Bytes,
    #[serde(flatten)]
    pub moved: Moved,
}

/// The transaction that takes the nonce of a payment and moves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    pub hash: B256,
    pub raw: Bytes,
    /// The most that its gas costs, of the chain's own coin.
    pub fee: Units,
}

/// What became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is sent until a block contains it, or its cancellation where it has one.
    Waiting,
    Settled {
        block_number: u64,
        succeeded: bool,
    },
    /// Another transaction took its nonce.
    Replaced,
    /// It moves nothing ever: this block contains its cancellation, or it never left.
    Canceled {
        block_number: Option<u64>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    pub from: Address,
    pub at: UnixMillis,
    pub signed: SignedPayment,
    pub cancellation: Option<Cancellation>,
    pub outcome: Outcome,
}

/// One part of what the segments before a segment amount to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carried {
    Policy { address: Address, policy: Policy },
    SecondFactor { address: Address, factor: SecondFactor },
    Spent { address: Address, spent: Spent },
    Attempts { address: Address, codes: Attempts, passwords: Attempts },
    Payment(Box<Payment>),
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    Started {
        chain_id: u64,
    },
    WalletAdded {
        name: String,
        address: Address,
        origin: Origin,
    },
    Unlocked {
        address: Address,
    },
    UnlockRefused {
        address: Address,
    },
    Locked {
        address: Address,
        reason: LockReason,
    },
    PolicySet {
        address: Address,
        policy: Policy,
        code: Option<CodeUse>,
    },
    SecondFactorSet {
        address: Address,
        factor: SecondFactor,
    },
    SecondFactorRemoved {
        address: Address,
        code: CodeUse,
    },
    CodeRefused {
        address: Address,
    },
    /// A code that allowed something which has no entry of its own.
    CodeUsed {
        address: Address,
        code: CodeUse,
    },
    /// Something was not signed, and why.
    Refused {
        address: Address,
        reason: String,
    },
    Signed {
        address: Address,
        what: SignedKind,
        /// Of a message or typed data what was signed, of a transaction its hash.
        digest: B256,
        #[serde(flatten)]
        moved: Moved,
        code: Option<CodeUse>,
    },
    /// Stands in the log before the transaction leaves.
    Payment {
        address: Address,
        payment: SignedPayment,
        code: Option<CodeUse>,
    },
    /// A block contains the payment. Nothing changes that any more.
    Settled {
        hash: B256,
        block_number: u64,
        succeeded: bool,
    },
    /// Another transaction took the payment's nonce: it never moves anything.
    Replaced {
        hash: B256,
    },
    /// A payment is to move nothing any more. Stands in the log before the cancellation leaves.
    Canceling {
        address: Address,
        /// Of the payment.
        hash: B256,
        cancellation: Cancellation,
    },
    /// The payment with this hash moves nothing ever: a block contains its cancellation, or it never left.
    Canceled {
        hash: B256,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        block_number: Option<u64>,
    },
    /// A segment of the log begins. So many lines follow that say what the ones before amount to.
    SegmentBegan {
        segment: u32,
        lines: u32,
    },
    /// One of these lines.
    Carried {
        state: Carried,
    },
}
