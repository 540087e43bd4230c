//! Why a miner has no job, and what would help.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use super::unservable::Removed;
use crate::amount::Amount;
use crate::job::JobKind;
use crate::unit::UnitType;

/// Reasons that one answer gives at most.
pub const REASONS_MAX: usize = 8;

/// Answer of `GET /v1/miners/{address}/why-idle`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WhyIdle {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub address: Address,
    /// Leases that it holds, and how many it may hold.
    pub running: u32,
    pub slots: u32,
    /// The weightiest first.
    pub reasons: Vec<IdleReason>,
    /// Each model that it offers.
    pub models: Vec<ModelDemand>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IdleReason {
    pub reason: IdleKind,
    pub words: String,
    /// What its operator can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum IdleKind {
    NotConnected,
    Draining,
    /// The hub's operator paused it.
    Paused,
    /// It is not idle: all its slots are busy.
    Busy,
    /// No job waits for its models.
    NoJobs,
    /// Jobs wait, and their filters remove it.
    Removed,
    /// It has too few results yet to be preferred.
    New,
    /// Its faults count against it.
    Faults,
}

/// What waits for a model of a miner, and where the miner stands among those that serve it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelDemand {
    pub model: String,
    pub kind: JobKind,
    /// Tasks that wait for the model.
    pub waiting: u32,
    /// How many of them were looked at, and how many of those the miner fits.
    pub looked_at: u32,
    pub fitting: u32,
    /// What removed it from the others.
    pub removed: Vec<Removed>,
    /// Its place, from 1, among the connected miners of the model by the score of a usual job, and how many there are.
    pub place: u32,
    pub miners: u32,
    pub unit_type: UnitType,
    pub unit_price: Amount,
    /// Up to this price, it would be the first. Absent where no price makes it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_up_to: Option<Amount>,
    pub words: String,
}
