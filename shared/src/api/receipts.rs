//! Job receipts as the API serves them.

use serde::{Deserialize, Serialize};

use super::audits::{AuditView, Unaudited};
use super::jobs::MintView;
use super::payments::PlacedTransaction;
use crate::amount::Amount;
use crate::receipt::SignedReceipt;
use crate::time::{UnixMillis, UnixSeconds};

/// Where a receipt is on its way to the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SettlementState {
    /// Attested; waits for a batch.
    Pending,
    /// In a transaction that is not in a block yet.
    Submitted,
    /// Minted in a block.
    Minted,
    /// Paid in a block from the client's reservation in the escrow.
    Settled,
    /// The contract refused it for a known reason.
    Refused,
}

impl SettlementState {
    pub const ALL: [Self; 5] = [Self::Pending, Self::Submitted, Self::Minted, Self::Settled, Self::Refused];
}

/// Where the amount of a minted receipt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HoldState {
    /// The minter paid it at once.
    Paid,
    /// The minter holds it.
    Held,
    /// In a release that is not in a block yet.
    Releasing,
    /// Held before, and paid.
    Released,
    /// The attesters took it back, and it was burnt.
    Voided,
}

/// What the minter holds of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HoldView {
    pub state: HoldState,
    /// When it is due to the miner.
    pub due_at: UnixSeconds,
}

/// A receipt with its signatures and the state of its settlement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReceiptView {
    #[serde(flatten)]
    pub signed: SignedReceipt,
    pub amount: Amount,
    pub attested_at_unix_ms: UnixMillis,
    pub settlement: SettlementState,
    /// Why the contract refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    pub mint: Option<MintView>,
    /// Where the escrow paid it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<PlacedTransaction>,
    /// Absent before the mint, and where the amount was paid at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldView>,
    /// Why the hub's attester takes back what the minter holds of it: its miner was refuted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void_reason: Option<String>,
    /// The audit of the job's result. Absent where it was not drawn for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditView>,
    /// Why it could not be drawn. Absent where chance decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unaudited: Option<Unaudited>,
}
