//! Miners as everybody may see them.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use super::reviews::MinerReviews;
use crate::amount::Amount;
use crate::capability::Capability;
use crate::time::UnixMillis;

/// Longest reason that an operator gives for what it does.
pub const OPERATOR_REASON_MAX_CHARS: usize = 200;

/// An operator paused the miner: it keeps what it has and gets nothing new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MinerPause {
    /// Why, in the operator's words: one line of up to 200 characters.
    pub reason: String,
    pub since_unix_ms: UnixMillis,
}

/// What other miners found when they computed its results again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MinerAudits {
    /// Results that another miner confirmed.
    pub confirmed: u64,
    /// Results that two other miners refuted, its own answers to audits among them.
    pub refuted: u64,
    /// The chance, in thousandths, with which its next result of the usual worth is audited.
    pub share_per_mille: u64,
}

/// A miner's public profile: what it measured and what it did, recomputable from public receipts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MinerView {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub address: Address,
    pub online: bool,
    pub capability: Capability,
    pub first_seen_at_unix_ms: UnixMillis,
    pub last_seen_at_unix_ms: UnixMillis,
    pub jobs_running: u32,
    pub jobs_completed: u64,
    /// Leases that ended by its own fault. A result of it that was refuted counts as ten.
    pub faults: u64,
    pub audits: MinerAudits,
    /// Thousandths: `1000 − ⌊1000 × faults / (jobs_completed + faults + 1)⌋`. Completed jobs have public receipts. A
    /// fault is listed in the job in which it happened.
    pub reputation_per_mille: u16,
    /// What clients said of its work.
    pub reviews: MinerReviews,
    /// Sum of its receipts that were minted.
    pub earned: Amount,
    /// Sum of its receipts that wait for their mint.
    pub pending: Amount,
    /// What the minter holds of `earned` until it is due.
    pub held: Amount,
    /// Absent where the hub gives it work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<MinerPause>,
}
