//! Tokens as the explorer shows them, from the index of the chain. What a token's contract says of itself may be
//! anything. Amounts are whole numbers of the token's smallest unit, in decimal.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::job::JobKind;
use crate::time::UnixSeconds;
use crate::unit::UnitType;

/// An ERC-20 token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenSummary {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub address: Address,
    pub name: Option<String>,
    pub symbol: Option<String>,
    pub decimals: Option<u8>,
    pub holders: u64,
    pub transfers: u64,
}

/// A token, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenView {
    #[serde(flatten)]
    pub summary: TokenSummary,
    /// What its contract says exists; absent where it does not say.
    pub supply: Option<String>,
    /// The block of its first transfer.
    pub first_block: u64,
    pub creation: Option<CreationView>,
}

/// How a contract came to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreationView {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub creator: Address,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub transaction_hash: B256,
    pub block_number: u64,
    pub timestamp: UnixSeconds,
}

/// A transfer that a token announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TransferView {
    pub block_number: u64,
    /// Place among all events of the block.
    pub log_index: u64,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub transaction_hash: B256,
    pub timestamp: UnixSeconds,
    /// The zero address where the amount came into being.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub from: Address,
    /// The zero address where it was burnt.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub to: Address,
    pub amount: String,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub token: Address,
    pub name: Option<String>,
    pub symbol: Option<String>,
    pub decimals: Option<u8>,
}

/// Who holds a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HolderView {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub account: Address,
    pub balance: String,
    /// Millionths of the supply; absent where the contract says no supply, or less than this balance.
    pub share_per_million: Option<u32>,
}

/// What an account holds of one token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HoldingView {
    #[serde(flatten)]
    pub token: TokenSummary,
    pub balance: String,
}

/// What the charts of the explorer show: the newest days, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Charts {
    pub supply: Vec<SupplyOfDay>,
    pub jobs: Vec<JobsOfDay>,
    pub prices: Vec<PriceOfDay>,
}

/// At the end of a day of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SupplyOfDay {
    /// When the day began.
    pub day: UnixSeconds,
    pub transactions: u64,
    /// The sum of all mints so far, as the minter tells it.
    pub minted: Amount,
    /// What exists, by the token's own transfers: issued less burnt.
    pub supply: Amount,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobsOfDay {
    pub day: UnixSeconds,
    pub kind: JobKind,
    pub jobs: u64,
}

/// What a unit of work cost on average, over the newest receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PriceOfDay {
    pub day: UnixSeconds,
    pub unit_type: UnitType,
    pub unit_price: Amount,
    pub receipts: u32,
}
