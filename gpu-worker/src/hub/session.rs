//! What a worker knows about the hub during a session.

use serde::{Deserialize, Serialize};
use shared::Address;
use shared::protocol::Challenge;

use super::clock::HubClock;

/// The session that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub hub: HubIdentity,
    pub clock: HubClock,
    /// Slots that the registration lent the hub.
    pub slots_told: u32,
}

/// The hub's identity from its challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubIdentity {
    pub hub_id: String,
    pub chain_id: u64,
    pub minter: Address,
    pub escrow: Address,
}

impl From<&Challenge> for HubIdentity {
    fn from(challenge: &Challenge) -> Self {
        let Challenge { hub_id, chain_id, minter, escrow, .. } = challenge;
        Self { hub_id: hub_id.clone(), chain_id: *chain_id, minter: *minter, escrow: *escrow }
    }
}
