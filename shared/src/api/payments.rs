//! What becomes of a client's money for one job.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::time::UnixSeconds;

/// Where the payment of a job from escrow stands.
///
/// ```text
/// awaiting ─► reserving ─► reserved ─► settled
///    │            │           └─► closing ─► refunded, or settled where parts of the job are paid
///    └────────────┴─► void
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// The order is stored; nothing is reserved yet, and no miner gets the job.
    Awaiting,
    /// In a transaction that is not in a block yet.
    Reserving,
    /// The most that the job may cost is set aside.
    Reserved,
    /// The job is over without a result, or without a part of it, and the transaction that gives the money back is not in a
    /// block yet.
    Closing,
    /// The miners are paid, and the rest is the client's again.
    Settled,
    /// Everything is the client's again.
    Refunded,
    /// Nothing was ever reserved.
    Void,
}

impl PaymentState {
    pub const ALL: [Self; 7] =
        [Self::Awaiting, Self::Reserving, Self::Reserved, Self::Closing, Self::Settled, Self::Refunded, Self::Void];

    /// No further change is possible.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Settled | Self::Refunded | Self::Void)
    }

    /// The money is or was set aside on the chain.
    pub const fn has_reserved(self) -> bool {
        matches!(self, Self::Reserved | Self::Closing | Self::Settled | Self::Refunded)
    }

    /// The text in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Awaiting => "awaiting",
            Self::Reserving => "reserving",
            Self::Reserved => "reserved",
            Self::Closing => "closing",
            Self::Settled => "settled",
            Self::Refunded => "refunded",
            Self::Void => "void",
        }
    }
}

/// A transaction and the block that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlacedTransaction {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub transaction_hash: B256,
    pub block_number: u64,
}

/// The payment of a job from escrow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PaymentView {
    pub state: PaymentState,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub client: Address,
    pub max_total: Amount,
    pub max_unit_price: Amount,
    /// After this and seven days more the client may take back alone what is still reserved.
    pub order_expires_at: UnixSeconds,
    /// What the miners got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<Amount>,
    /// What the escrow's fee took beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Amount>,
    /// What went back to the client's deposit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded: Option<Amount>,
    /// The reservation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve: Option<PlacedTransaction>,
    /// The payment or the refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<PlacedTransaction>,
    /// Why nothing was reserved, or why the last try failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}

/// What `GET /v1/status` says of all payments of this hub.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PaymentFigures {
    /// Payments that are not over.
    pub open: u64,
    /// Those that should have moved on and did not: for five minutes nothing was reserved, paid or refunded, though the
    /// job waits for it or is over.
    pub stuck: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_called_as_in_json() {
        for state in PaymentState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }
}
