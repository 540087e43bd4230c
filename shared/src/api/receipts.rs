//! Job receipts as the API serves them.

use serde::{Deserialize, Serialize};

use super::jobs::MintView;
use crate::amount::Amount;
use crate::receipt::SignedReceipt;
use crate::time::UnixMillis;

/// Where a receipt is on its way to the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SettlementState {
    /// Attested; waits for a batch.
    Pending,
    /// In a mint transaction that is not in a block yet.
    Submitted,
    /// Minted in a block.
    Minted,
    /// The minter refused it for a known reason.
    Refused,
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
    /// Why the minter refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    pub mint: Option<MintView>,
}
