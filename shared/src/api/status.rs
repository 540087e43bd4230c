//! Answers for the first page, for `GET /v1/health`, and for operators.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use super::payments::PaymentFigures;
use super::stuck::StuckView;
use crate::amount::Amount;
use crate::job::image::PictureDefaults;
use crate::time::UnixSeconds;

/// The four live figures of the first page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NetworkStatus {
    pub chain_id: u64,
    pub hub_id: String,
    /// Signs attestations and sends the mint transactions.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub attester: Address,
    /// The keys are development keys, so AIT of this chain is worth nothing.
    pub dev: bool,
    /// Of the token on chain, equal to the sum of all mints.
    pub supply: Amount,
    /// Jobs created since midnight UTC.
    pub jobs_today: u64,
    pub miners_online: u32,
    pub queue_depth: u32,
    /// Payments from escrow.
    #[serde(default)]
    pub payments: PaymentFigures,
    /// What should have moved on by itself and did not.
    #[serde(default)]
    pub stuck: StuckView,
    pub head_number: u64,
    pub head_timestamp: UnixSeconds,
    /// How far the index of the chain is, from which lists of transfers and holders are read.
    #[serde(default)]
    pub index: IndexStatus,
    /// Prompts that the installed models draw well.
    pub suggestions: Vec<String>,
    /// Words of which a prompt for the default model should name one; empty where it knows nearly everything.
    pub subjects: Vec<String>,
    /// The model that serves requests for pictures that name none.
    pub default_model: String,
    /// The model that serves requests for texts that name none; absent while no miner serves one.
    pub default_text_model: Option<String>,
    pub default_steps: u32,
    pub default_guidance: f32,
    /// The default model's setting for few steps; absent while no connected miner offers it with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_fast: Option<PictureDefaults>,
}

/// How far the index of the chain is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IndexStatus {
    /// The last block that it has; absent while it is empty.
    pub height: Option<u64>,
    /// Blocks that it lacks.
    pub behind: u64,
}

/// Answer of `GET /v1/health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// `ok` while a miner can serve and the disk has room for jobs, else `degraded`.
    pub status: String,
    /// The server's disk is nearly full: no jobs and no transactions are taken, only receipts are minted.
    pub disk_is_low: bool,
    /// Device of the fastest miner online.
    pub gpu: Option<String>,
    pub model: String,
    pub miners_online: u32,
    pub head_number: u64,
    pub version: String,
}
