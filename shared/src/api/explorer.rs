//! The chain as the explorer shows it: numbers as numbers, sums as [`Amount`], inputs and events decoded.

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::time::UnixSeconds;

/// A block as a row of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BlockSummary {
    pub number: u64,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub hash: B256,
    pub timestamp: UnixSeconds,
    pub transaction_count: u32,
    pub gas_used: u64,
    /// AIT minted by the block's transactions.
    pub minted: Amount,
}

/// A block, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BlockView {
    #[serde(flatten)]
    pub summary: BlockSummary,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub parent_hash: B256,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub state_root: B256,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub transactions_root: B256,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub receipts_root: B256,
    /// The authority that sealed it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub producer: Address,
    pub gas_limit: u64,
    pub size_bytes: u64,
    pub transactions: Vec<TransactionSummary>,
}

/// A transaction as a row of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TransactionSummary {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub hash: B256,
    pub block_number: u64,
    pub index: u32,
    pub timestamp: UnixSeconds,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub from: Address,
    /// Absent where the transaction creates a contract.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub to: Option<Address>,
    pub succeeded: bool,
    /// Name of the called function where its contract is known, else its selector.
    pub method: String,
    /// AIT minted by it.
    pub minted: Amount,
}

/// A transaction, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TransactionView {
    #[serde(flatten)]
    pub summary: TransactionSummary,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub block_hash: B256,
    pub nonce: u64,
    pub gas_limit: u64,
    pub gas_used: u64,
    /// EIP-2718 type: 0 legacy, 1 access list, 2 dynamic fee.
    pub transaction_type: u8,
    /// Wei of the native coin as a decimal string.
    pub value_wei: String,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub input: Bytes,
    /// The input's arguments, where the contract is known.
    pub decoded_input: Option<DecodedCall>,
    pub logs: Vec<LogView>,
    /// Why it failed, decoded, where it did.
    pub failure: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DecodedCall {
    /// `mintBatch((bytes32,address,uint256,string,uint256)[],bytes[],bytes[][])`.
    pub signature: String,
    pub arguments: Vec<DecodedValue>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DecodedValue {
    pub name: String,
    #[serde(rename = "type")]
    pub solidity_type: String,
    pub value: String,
}

/// An event that a contract emitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogView {
    pub index: u32,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub address: Address,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub topics: Vec<B256>,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub data: Bytes,
    /// Name and fields of the event, where the contract is known.
    pub decoded: Option<DecodedCall>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AddressView {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub address: Address,
    pub balance: Amount,
    /// Transactions that it sent.
    pub nonce: u64,
    /// `AIToken`, `AITokenMinter`, or absent for a plain account.
    pub contract_name: Option<String>,
    pub code_bytes: u64,
    pub is_miner: bool,
    pub transactions: Vec<TransactionSummary>,
}
