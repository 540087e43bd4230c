//! Every table of the database and every key layout. Numbers in keys are big-endian, so the order of keys is the
//! order of heights.

use alloy_primitives::{Address, B256, U256};
use redb::TableDefinition;

/// Memory the database may use to cache pages, in bytes.
pub(crate) const DATABASE_CACHE_BYTES: usize = 128 * 1024 * 1024;

/// Format of the tables below; a database of another format is refused.
pub(crate) const SCHEMA_VERSION: u64 = 3;

/// `schema` → [`SCHEMA_VERSION`]; [`FIRST_STATE`] and [`SNAPSHOT_HEIGHT`] where they are not 0.
pub(crate) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// In [`META`]: the first height whose state is kept; 0 where all are.
pub(crate) const FIRST_STATE: &str = "first_state";
/// In [`META`]: the height of the snapshot with which the chain began here; 0 where it began with block 0.
pub(crate) const SNAPSHOT_HEIGHT: &str = "snapshot_height";
/// Height → RLP of the header. The last entry is the head.
pub(crate) const HEADERS: TableDefinition<u64, &[u8]> = TableDefinition::new("headers");
/// Block hash → height.
pub(crate) const HEIGHTS: TableDefinition<&[u8; 32], u64> = TableDefinition::new("heights");
/// Height → RLP of the commit certificate; genesis has none.
pub(crate) const CERTIFICATES: TableDefinition<u64, &[u8]> = TableDefinition::new("certificates");
/// Height → RLP of the validators who decide it and the heights after it, up to the next entry.
pub(crate) const VALIDATOR_SETS: TableDefinition<u64, &[u8]> = TableDefinition::new("validator_sets");
/// Height → number of transactions in all blocks up to and including it.
pub(crate) const TRANSACTION_TOTALS: TableDefinition<u64, u64> = TableDefinition::new("transaction_totals");
/// [`Place`] → sender, then the EIP-2718 encoding.
pub(crate) const TRANSACTIONS: TableDefinition<&[u8; 12], &[u8]> = TableDefinition::new("transactions");
/// [`Place`] → RLP of the transaction receipt.
pub(crate) const RECEIPTS: TableDefinition<&[u8; 12], &[u8]> = TableDefinition::new("receipts");
/// Transaction hash → [`Place`].
pub(crate) const PLACES: TableDefinition<&[u8; 32], &[u8; 12]> = TableDefinition::new("places");
/// Address, [`Place`] → the roles the address plays in that transaction.
pub(crate) const ADDRESS_TRANSACTIONS: TableDefinition<&[u8; 32], u8> = TableDefinition::new("address_transactions");
/// Emitting address, height → nothing: the blocks in which a contract logged.
pub(crate) const LOG_ADDRESSES: TableDefinition<&[u8; 28], ()> = TableDefinition::new("log_addresses");
/// Topic at any position, height → nothing: the blocks in which a topic was logged.
pub(crate) const LOG_TOPICS: TableDefinition<&[u8; 40], ()> = TableDefinition::new("log_topics");
/// Address → RLP of the account at the head.
pub(crate) const ACCOUNTS: TableDefinition<&[u8; 20], &[u8]> = TableDefinition::new("accounts");
/// Address, slot → value at the head; no entry is 0.
pub(crate) const STORAGE: TableDefinition<&[u8; 52], &[u8; 32]> = TableDefinition::new("storage");
/// Code hash → code.
pub(crate) const CODES: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("codes");
/// Address, height → RLP of the account after that block, empty if it was removed.
pub(crate) const ACCOUNT_HISTORY: TableDefinition<&[u8; 28], &[u8]> = TableDefinition::new("account_history");
/// Address, slot, height → value after that block.
pub(crate) const STORAGE_HISTORY: TableDefinition<&[u8; 60], &[u8; 32]> = TableDefinition::new("storage_history");
/// Trie, path → RLP of the node at the head.
pub(crate) const TRIE: TableDefinition<&[u8], &[u8]> = TableDefinition::new("trie");
/// Table of a history → where its pruning goes on.
pub(crate) const PRUNING: TableDefinition<&str, &[u8]> = TableDefinition::new("pruning");
/// Place → RLP of a step from block 0 to the block of the snapshot with which the chain began.
pub(crate) const PROOF_STEPS: TableDefinition<u64, &[u8]> = TableDefinition::new("proof_steps");
/// Validator, height → RLP of a contradiction that this node saw.
pub(crate) const CONTRADICTIONS: TableDefinition<&[u8; 28], &[u8]> = TableDefinition::new("contradictions");
/// Transaction hash → arrival (unix ms), sender, EIP-2718 encoding, of a transaction waiting for its block.
pub(crate) const PENDING: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("pending");

/// The position of a transaction on the chain. The derived order is the order of execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Height of the block.
    pub height: u64,
    /// Position in the block, from 0.
    pub index: u32,
}

impl Place {
    pub(crate) const LAST: Self = Self { height: u64::MAX, index: u32::MAX };

    pub(crate) fn to_key(self) -> [u8; 12] {
        join(&[&self.height.to_be_bytes(), &self.index.to_be_bytes()])
    }

    pub(crate) fn from_key(key: &[u8; 12]) -> Self {
        let (mut height, mut index) = ([0; 8], [0; 4]);
        height.copy_from_slice(&key[..8]);
        index.copy_from_slice(&key[8..]);
        Self { height: u64::from_be_bytes(height), index: u32::from_be_bytes(index) }
    }
}

pub(crate) fn address_place(address: Address, place: Place) -> [u8; 32] {
    join(&[address.as_slice(), &place.to_key()])
}

pub(crate) fn log_address(address: Address, height: u64) -> [u8; 28] {
    join(&[address.as_slice(), &height.to_be_bytes()])
}

pub(crate) fn log_topic(topic: B256, height: u64) -> [u8; 40] {
    join(&[topic.as_slice(), &height.to_be_bytes()])
}

pub(crate) fn storage_key(address: Address, slot: U256) -> [u8; 52] {
    join(&[address.as_slice(), &slot.to_be_bytes::<32>()])
}

pub(crate) fn account_version(address: Address, height: u64) -> [u8; 28] {
    join(&[address.as_slice(), &height.to_be_bytes()])
}

pub(crate) fn validator_height(validator: Address, height: u64) -> [u8; 28] {
    join(&[validator.as_slice(), &height.to_be_bytes()])
}

/// The first and the last key that [`validator_height`] gives for a validator.
pub(crate) fn all_of_validator(validator: Address) -> ([u8; 28], [u8; 28]) {
    (validator_height(validator, 0), validator_height(validator, u64::MAX))
}

pub(crate) fn storage_version(address: Address, slot: U256, height: u64) -> [u8; 60] {
    join(&[address.as_slice(), &slot.to_be_bytes::<32>(), &height.to_be_bytes()])
}

/// The last eight bytes of a key that ends with a height.
pub(crate) fn height_of(key: &[u8]) -> u64 {
    key.last_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// Concatenates parts whose lengths add up to `N`.
fn join<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut key = [0; N];
    let mut rest = key.as_mut_slice();
    for part in parts {
        let (head, tail) = rest.split_at_mut(part.len());
        head.copy_from_slice(part);
        rest = tail;
    }
    debug_assert!(rest.is_empty(), "key parts shorter than the key");
    key
}
