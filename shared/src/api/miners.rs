//! Miners as everybody may see them.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::capability::Capability;
use crate::time::UnixMillis;

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
    /// Leases that ended by its own fault.
    pub faults: u64,
    /// Thousandths: `1000 − ⌊1000 × faults / (jobs_completed + faults + 1)⌋`. Completed jobs have public receipts. A
    /// fault is listed in the job in which it happened.
    pub reputation_per_mille: u16,
    /// Sum of its receipts that were minted.
    pub earned: Amount,
    /// Sum of its receipts that wait for their mint.
    pub pending: Amount,
}
