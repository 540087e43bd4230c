//! The hub's transparency log as the API serves it.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use super::payments::PlacedTransaction;
use crate::amount::Amount;
use crate::failure::SignedFailure;

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogLeaf {
    pub index: u64,
    /// The bytes of the leaf: the RFC 8785 form of a [`crate::log::LogEntry`].
    pub leaf: String,
    /// What the kept tree has for it: SHA-256 of 0x00 and the bytes.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub leaf_hash: B256,
}

/// Answer of `GET /v1/log/entries`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogSlice {
    /// In their order.
    pub entries: Vec<LogLeaf>,
    /// Entries of the whole log.
    pub size: u64,
}

/// Answer of `GET /v1/log/proof/inclusion` (RFC 9162, 2.1.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InclusionProof {
    pub index: u64,
    /// Of the log in which the entry is shown to be.
    pub size: u64,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub leaf_hash: B256,
    /// Of the log of this size.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub root: B256,
    /// From the leaf upwards.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub proof: Vec<B256>,
}

/// Answer of `GET /v1/log/proof/consistency` (RFC 9162, 2.1.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConsistencyProof {
    pub from: u64,
    pub to: u64,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub from_root: B256,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub to_root: B256,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub proof: Vec<B256>,
}

/// The record of a job that ended without a result, and what came after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailureView {
    #[serde(flatten)]
    pub signed: SignedFailure,
    /// Where it stands in the log.
    pub log_index: u64,
    /// Where the client got back what was reserved; absent while nothing was, or where nothing was reserved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<RefundView>,
}

/// What a client got back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefundView {
    pub amount: Amount,
    pub transaction: PlacedTransaction,
    /// Where it stands in the log.
    pub log_index: u64,
}
