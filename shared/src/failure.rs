//! The failure record: what the hub signs about a job that ended without a result.
//!
//! Its canonical form is RFC 8785 JSON and `failure_hash` is keccak256 of those bytes, as for receipts. The record is
//! public. It holds the sealed prompt, never the prompt; and of a private job the words of miners only sealed, since they
//! may repeat what the client wrote.

use alloy_primitives::{Address, B256, Bytes, FixedBytes, U256, keccak256};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::amount::{Amount, MicroUnits};
#[cfg(feature = "signing")]
use crate::canonical::{CanonicalError, canonical_json};
use crate::commitment::{Commitment, Salt};
use crate::digest::Sha256Digest;
use crate::id::JobId;
use crate::job::JobKind;
use crate::job::lifecycle::{Blame, JobState};
use crate::job::request::PaymentMode;
use crate::job::task::TaskRole;
use crate::time::UnixSeconds;
use crate::typed_data::{SigningDomain, TypedData};
use crate::unit::UnitType;

/// Tries that a record names, the last ones.
pub const TRIES_MAX: usize = 20;

/// The version of the format, which every record states.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FailureVersion;

impl FailureVersion {
    pub const NUMBER: u32 = 1;
}

impl Serialize for FailureVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(Self::NUMBER)
    }
}

impl<'de> Deserialize<'de> for FailureVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            Self::NUMBER => Ok(Self),
            other => Err(de::Error::custom(format!("a failure's version is {}, got {other}", Self::NUMBER))),
        }
    }
}

/// How a job ended without a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FailureEnd {
    /// Tries failed too often, nobody was left to ask, or nothing could be reserved to pay for it.
    Failed,
    /// Its client did not want it any more.
    Canceled,
    /// Its time was over.
    Expired,
}

impl FailureEnd {
    /// `None` for a job that goes on or has its result.
    pub const fn of(state: JobState) -> Option<Self> {
        match state {
            JobState::Failed => Some(Self::Failed),
            JobState::Canceled => Some(Self::Canceled),
            JobState::Expired => Some(Self::Expired),
            JobState::Queued | JobState::Running | JobState::Verifying | JobState::Completed => None,
        }
    }

    /// The text in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
        }
    }
}

/// How far a job came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FailureStage {
    /// What pays for it was never reserved.
    Payment,
    /// No miner ever had it.
    Queue,
    /// A miner worked on it.
    Work,
    /// The hub has looked at a result of it.
    Verification,
}

/// One lease of the job, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FailedTry {
    pub task_role: TaskRole,
    /// Absent where the hub has no record of the lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub miner: Option<Address>,
    /// Whose fault it was; absent where it was nobody's, as when the client cancels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blame: Option<Blame>,
    /// Why, in the words of the hub or of the miner. Absent for a private job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same words sealed by the job's salt, for a private job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_commitment: Option<Commitment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_at: Option<UnixSeconds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<UnixSeconds>,
}

impl FailedTry {
    /// A try of which no more is known than its task.
    pub const fn of(task_role: TaskRole) -> Self {
        Self {
            task_role,
            miner: None,
            blame: None,
            reason: None,
            reason_commitment: None,
            granted_at: None,
            ended_at: None,
        }
    }

    /// Writes down why, openly or sealed.
    #[must_use]
    pub fn because(self, words: &str, is_public: bool, salt: Salt) -> Self {
        let sealed = || salt.commit_reason(Sha256Digest::of(words.as_bytes()));
        match is_public {
            true => Self { reason: Some(words.to_owned()), ..self },
            false => Self { reason_commitment: Some(sealed()), ..self },
        }
    }
}

/// Why the job ended, in the hub's own words. `refusal` is what the chain said to its payment. Of the job's parts, so many
/// of so many were served: those the client keeps.
pub fn reason_in_words(
    end: FailureEnd,
    stage: FailureStage,
    failed_tries: usize,
    refusal: Option<&str>,
    (served, parts): (usize, usize),
) -> String {
    let words = end_in_words(end, stage, failed_tries, refusal);
    if served == 0 { words } else { format!("{served} of its {parts} parts were served; of the rest: {words}") }
}

fn end_in_words(end: FailureEnd, stage: FailureStage, failed_tries: usize, refusal: Option<&str>) -> String {
    let words = match (end, stage, failed_tries) {
        (FailureEnd::Canceled, ..) => "the client canceled it",
        (FailureEnd::Expired, FailureStage::Payment, _) => "its time was over before its payment was reserved",
        (FailureEnd::Expired, FailureStage::Queue, _) => "its time was over before a miner took it",
        (FailureEnd::Expired, ..) => "its time was over before it had a result",
        (FailureEnd::Failed, FailureStage::Payment, _) => match refusal {
            Some(refusal) => return format!("its payment could not be reserved: {refusal}"),
            None => "its payment could not be reserved",
        },
        (FailureEnd::Failed, _, 0) => "no miner was left that could serve it",
        (FailureEnd::Failed, _, 1) => "its one try failed, and no other miner was left that could serve it",
        (FailureEnd::Failed, _, tries) => return format!("its {tries} tries failed"),
    };
    words.to_owned()
}

/// What the hub knows of a job that ended without a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct JobFailure {
    #[cfg_attr(feature = "openapi", schema(value_type = u32))]
    pub version: FailureVersion,
    pub job_id: JobId,
    /// The account that asked for the job; the hub's own address for a sponsored job.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub client: Address,
    /// Whose key signs it: the one that attests receipts.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub hub: Address,
    pub hub_id: String,
    pub chain_id: u64,
    pub work: JobKind,
    pub model: String,
    /// What was asked for, sealed as in a receipt.
    pub prompt_commitment: Commitment,
    /// The most that a receipt could have claimed.
    pub units_max: MicroUnits,
    pub unit_type: UnitType,
    pub payment: PaymentMode,
    /// The most that the job could cost: what was reserved or was to be, else the client's own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_total: Option<Amount>,
    /// The quoted price of a whole unit, where the client paid for the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unit_price: Option<Amount>,
    /// The EIP-712 digest of the client's order, where it paid for the job. The escrow's events tell of its refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub order_digest: Option<B256>,
    pub end: FailureEnd,
    pub stage: FailureStage,
    /// Why, in the hub's own words.
    pub reason: String,
    /// The last [`TRIES_MAX`], oldest first.
    pub tries: Vec<FailedTry>,
    /// How many there were.
    pub tries_in_all: u64,
    pub created_at: UnixSeconds,
    pub ended_at: UnixSeconds,
}

impl JobFailure {
    /// The RFC 8785 form whose hash is signed.
    #[cfg(feature = "signing")]
    pub fn canonical_json(&self) -> Result<String, CanonicalError> {
        canonical_json(self)
    }

    /// keccak256 of the canonical bytes.
    #[cfg(feature = "signing")]
    pub fn hash(&self) -> Result<B256, CanonicalError> {
        Ok(keccak256(self.canonical_json()?))
    }

    /// The part that is signed.
    #[cfg(feature = "signing")]
    pub fn claim(&self) -> Result<FailureClaim, CanonicalError> {
        let Self { job_id, client, end, ended_at, .. } = *self;
        Ok(FailureClaim { failure_hash: self.hash()?, job_id, client, end, ended_at })
    }

    /// Where the signature counts. No contract checks it.
    pub const fn domain(&self) -> SigningDomain {
        SigningDomain::of_chain(self.chain_id)
    }
}

/// The part of a failure that the hub signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureClaim {
    pub failure_hash: B256,
    pub job_id: JobId,
    pub client: Address,
    pub end: FailureEnd,
    pub ended_at: UnixSeconds,
}

impl TypedData for FailureClaim {
    const TYPE: &'static str = "JobFailure(bytes32 failureHash,bytes16 jobId,address client,string end,uint64 endedAt)";

    fn encode_data(&self) -> Vec<B256> {
        vec![
            self.failure_hash,
            B256::right_padding_from(FixedBytes::<16>::from(self.job_id.to_be_bytes()).as_slice()),
            self.client.into_word(),
            keccak256(self.end.as_str()),
            U256::from(self.ended_at.0).into(),
        ]
    }
}

/// A failure with the hub's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedFailure {
    pub failure: JobFailure,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub failure_hash: B256,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub hub_signature: Bytes,
}

/// What is wrong with a signed failure.
#[cfg(feature = "signing")]
#[derive(Debug, thiserror::Error)]
pub enum FailureVerifyError {
    #[error(transparent)]
    Failure(#[from] CanonicalError),
    #[error("failure_hash is {stated}, but the canonical failure hashes to {computed}")]
    Hash { stated: B256, computed: B256 },
    #[error("hub_signature: {0}")]
    Signature(#[from] crate::signing::SignatureError),
    #[error("the failure is signed by {signer}, but names the hub {hub}")]
    NotTheHub { signer: Address, hub: Address },
}

#[cfg(feature = "signing")]
impl SignedFailure {
    /// Signs a record.
    ///
    /// # Errors
    /// A record without a canonical form.
    pub fn seal(failure: JobFailure, key: &crate::signing::PrivateKey) -> Result<Self, FailureVerifyError> {
        let claim = failure.claim()?;
        let hub_signature = key.sign(&claim, &failure.domain())?;
        Ok(Self { failure_hash: claim.failure_hash, hub_signature, failure })
    }

    /// Checks hash and signature. Which hub can be trusted is for the caller to know.
    pub fn verify(&self) -> Result<(), FailureVerifyError> {
        let claim = self.failure.claim()?;
        if claim.failure_hash != self.failure_hash {
            return Err(FailureVerifyError::Hash { stated: self.failure_hash, computed: claim.failure_hash });
        }
        let signer = crate::signing::recover(&claim, &self.failure.domain(), &self.hub_signature)?;
        let hub = self.failure.hub;
        if signer == hub { Ok(()) } else { Err(FailureVerifyError::NotTheHub { signer, hub }) }
    }
}
