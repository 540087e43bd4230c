//! AIT pledged for models, and models that were asked for and could not be served.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::digest::Sha256Digest;
use crate::job::JobKind;
use crate::time::UnixSeconds;

/// Claims that one answer about a bounty lists.
pub const CLAIMS_LISTED_MAX: usize = 100;

/// Names of a model that one bounty lists.
pub const MODEL_NAMES_MAX: usize = 8;

/// Models that the demand lists.
pub const UNSERVED_LISTED_MAX: usize = 100;

/// Open bounties that the demand lists.
pub const BOUNTIES_WITH_DEMAND_MAX: u32 = 100;

/// Days that the demand counts, today included.
pub const DEMAND_DAYS: u64 = 30;

/// Whether a bounty can still be earned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum BountyState {
    /// A reward is free, and the time is not over.
    Open,
    /// Every reward is claimed or paid.
    Earned,
    /// The time is over, and a reward was not earned.
    Expired,
}

impl BountyState {
    pub const ALL: [Self; 3] = [Self::Open, Self::Earned, Self::Expired];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Earned => "earned",
            Self::Expired => "expired",
        }
    }
}

/// AIT pledged for a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BountyView {
    pub id: u64,
    pub state: BountyState,
    /// SHA-256 of the model's manifest; of Ollama's models, the digest that Ollama states.
    pub model_sha256: Sha256Digest,
    /// Names under which this hub pins the model or connected miners offer it.
    pub model_names: Vec<String>,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub pledger: Address,
    /// Work that began before does not count.
    pub pledged_at_unix_s: UnixSeconds,
    /// The last second at which a receipt can be claimed for.
    pub expires_at_unix_s: UnixSeconds,
    /// Rewards in all: one for each receipt.
    pub rewards: u32,
    /// AttoAIT of one reward.
    pub reward: Amount,
    /// AttoAIT that must have been minted for the work of a receipt at least.
    pub min_work: Amount,
    /// Rewards that nobody claimed.
    pub rewards_free: u32,
    /// Rewards that are claimed and wait for the end of the hold.
    pub rewards_waiting: u32,
    pub rewards_paid: u32,
    /// Rewards that went back to the pledger.
    pub rewards_refunded: u32,
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum BountyClaimState {
    /// Not paid yet.
    Waiting,
    Paid,
    /// Its receipt was voided or rejected.
    Dropped,
}

/// A miner's claim on a reward.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BountyClaimView {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub provider: Address,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub receipt_hash: B256,
    /// From when on it is paid.
    pub due_at_unix_s: UnixSeconds,
    pub state: BountyClaimState,
}

/// A bounty with its claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BountyDetail {
    pub bounty: BountyView,
    /// Oldest first.
    pub claims: Vec<BountyClaimView>,
    /// `from` of the next page of claims; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_from: Option<u64>,
}

/// A model that was asked for and could not be served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnservedModel {
    pub kind: JobKind,
    /// As it was asked for. Nobody checked that such a model exists.
    pub model: String,
    /// Refused requests for a quote or a job; those of one network address or one API key count once a day.
    pub asked: u64,
    /// The last day, as its first second.
    pub last_day_unix_s: UnixSeconds,
}

/// What miners could serve that nobody serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DemandView {
    /// The first day that counts, as its first second.
    pub since_unix_s: UnixSeconds,
    /// What was asked for most stands first.
    pub unserved: Vec<UnservedModel>,
    /// Open bounties, newest first.
    pub bounties: Vec<BountyView>,
}
