//! The chain as its index has it: what a block brought, and the rows that lists give back.

use shared::amount::Amount;
use shared::time::UnixSeconds;
use shared::{Address, B256, U256};

/// Longest name and symbol of a token that are kept, in characters.
pub const TOKEN_NAME_MAX_CHARS: usize = 64;
pub const TOKEN_SYMBOL_MAX_CHARS: usize = 16;

/// The last block that the index has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexPosition {
    pub height: u64,
    pub hash: B256,
}

/// What one block brings to the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedBlock {
    pub number: u64,
    pub hash: B256,
    pub at: UnixSeconds,
    pub producer: Address,
    pub gas_used: u64,
    /// AIT that the minter says it minted.
    pub minted: Amount,
    /// AIT that the token says came into being, and what was burnt.
    pub issued: Amount,
    pub burnt: Amount,
    pub transactions: Vec<IndexedTransaction>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedTransaction {
    pub hash: B256,
    /// Its place in the block.
    pub position: u32,
    pub from: Address,
    /// Absent where it creates a contract.
    pub to: Option<Address>,
    pub created: Option<Address>,
    pub succeeded: bool,
    /// The first four bytes of its input: which function it calls.
    pub selector: Option<[u8; 4]>,
    pub nonce: u64,
    pub gas_used: u64,
    pub value_wei: U256,
    pub minted: Amount,
    pub transfers: Vec<IndexedTransfer>,
}

/// A transfer that a token announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexedTransfer {
    /// Place among all events of the block.
    pub log_index: u64,
    pub token: Address,
    pub from: Address,
    pub to: Address,
    pub amount: U256,
}

/// A transaction with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionRow {
    pub block_number: u64,
    pub at: UnixSeconds,
    /// Without its transfers.
    pub transaction: IndexedTransaction,
}

/// A transfer with its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferRow {
    pub block_number: u64,
    pub at: UnixSeconds,
    pub transaction_hash: B256,
    pub transfer: IndexedTransfer,
}

/// A token, and what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    pub address: Address,
    pub first_block: u64,
    pub name: Option<String>,
    pub symbol: Option<String>,
    pub decimals: Option<u8>,
    /// Accounts that hold more than nothing.
    pub holders: u64,
    pub transfers: u64,
}

/// An account and what it holds of one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HolderRow {
    pub token: Address,
    pub account: Address,
    /// Received less sent, modulo 2^256.
    pub balance: U256,
}

/// A contract that a transaction made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContractRow {
    pub address: Address,
    pub creator: Address,
    pub transaction_hash: B256,
    pub block_number: u64,
    pub at: UnixSeconds,
}

/// One day of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayRow {
    /// Days since 1970-01-01.
    pub day: u64,
    pub transactions: u64,
    pub minted: Amount,
    pub issued: Amount,
    pub burnt: Amount,
}

/// A place among transactions (block, position) or transfers (block, log index).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct IndexPlace {
    pub block_number: u64,
    pub within: u64,
}

/// More than this is less than nothing: a token whose transfers do not add up.
pub const BALANCE_MAX: U256 = U256::from_limbs([u64::MAX, u64::MAX, u64::MAX, u64::MAX >> 1]);

/// Whether an account with this balance is a holder.
pub fn is_held(balance: U256) -> bool {
    !balance.is_zero() && balance <= BALANCE_MAX
}
