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
    /// The validator that proposed it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub producer: Address,
    pub gas_limit: u64,
    pub size_bytes: u64,
    /// The proof that it was decided; absent for block 0, which nobody decided.
    pub certificate: Option<CertificateView>,
    /// The first of `transaction_count`, up to [`TRANSACTIONS_SHOWN_MAX`]; the list of transactions has all.
    pub transactions: Vec<TransactionSummary>,
}

/// Who decided a block, and with how much weight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CertificateView {
    /// The round of its height in which it was decided.
    pub round: u32,
    /// Those who signed: together more than two thirds of `total_power`.
    pub signers: Vec<SignerView>,
    /// How many validators the height had.
    pub validator_count: u32,
    /// The voting power of all of them.
    pub total_power: u64,
}

/// A validator that signed a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignerView {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub validator: Address,
    pub voting_power: u64,
    /// r ‖ s ‖ v over the EIP-712 `Commit`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: Bytes,
}

/// A validator of the next block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidatorView {
    pub address: Address,
    /// Its weight: the base, and one for each whole AIT of stake.
    pub voting_power: u64,
    /// What the authority gave it.
    pub base_power: u64,
    /// What the validator itself has staked.
    pub own_stake: Amount,
    /// What others have staked with it.
    pub delegated_stake: Amount,
}

/// Those who decide the next block, heaviest first, and what stake earns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidatorsView {
    pub validators: Vec<ValidatorView>,
    /// Absent where the chain has no stake.
    pub rewards: Option<StakeRewardsView>,
}

/// Fees on their way to those who have staked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StakeRewardsView {
    /// What flows to them until `ends`, evenly.
    pub flowing: Amount,
    pub ends: UnixSeconds,
    /// What came since and waits to be collected.
    pub uncollected: Amount,
    /// The stake that it flows to.
    pub earning_stake: Amount,
}

/// Transactions that stand with their block.
pub const TRANSACTIONS_SHOWN_MAX: usize = 100;

/// Events that stand with their transaction. The node's `eth_getTransactionReceipt` has all.
pub const LOGS_SHOWN_MAX: usize = 100;

/// Bytes of data of one event that are shown.
pub const LOG_DATA_SHOWN_MAX_BYTES: usize = 4 << 10;

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
    /// The first of `log_count`, up to [`LOGS_SHOWN_MAX`].
    pub logs: Vec<LogView>,
    pub log_count: u32,
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

/// Calls of one transaction that an answer holds at most.
pub const CALLS_SHOWN_MAX: usize = 500;

/// What a transaction called, found by running it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CallsView {
    /// In the order in which they began: its own call, then each call inside before the next beside it. The first of
    /// `call_count`, up to [`CALLS_SHOWN_MAX`].
    pub calls: Vec<CallView>,
    pub call_count: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CallView {
    /// How many calls it is inside of; 0 is the transaction's own.
    pub depth: u32,
    /// The instruction: `CALL`, `STATICCALL`, `DELEGATECALL`, `CREATE`, ….
    pub kind: String,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub from: Address,
    /// Absent where a contract could not be made.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub to: Option<Address>,
    /// The function's name where the contract is known, else its selector.
    pub method: String,
    /// Wei of the native coin as a decimal string.
    pub value_wei: String,
    /// Gas of this call and of those inside it.
    pub gas_used: u64,
    /// Why it failed, where it did.
    pub failure: Option<String>,
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
    /// The first of `data_bytes`, up to [`LOG_DATA_SHOWN_MAX_BYTES`].
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub data: Bytes,
    pub data_bytes: u64,
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
    /// What the minter holds for it until it is due; `balance` has none of it.
    pub held: Amount,
    /// Transactions that it sent.
    pub nonce: u64,
    /// `AIToken`, `AITokenMinter`, `JobEscrow`, or absent for a plain account.
    pub contract_name: Option<String>,
    pub code_bytes: u64,
    pub is_miner: bool,
    pub transactions: Vec<TransactionSummary>,
}
