//! How much of the disk a transaction takes for ever: the bytes of the keys and values that its block adds to the tables,
//! counted from above. What is overwritten in place takes nothing.

use alloy_rlp::Encodable as _;
use revm::state::{Account, EvmState};

use crate::receipt::TransactionReceipt;
use crate::roles::TransactionRoles;
use crate::rules::TRANSACTION_GAS_CAP;
use crate::transaction::SignedTransaction;

/// Header, height by hash, certificate of a single validator, count of transactions.
pub const BLOCK_GROWTH_BYTES: u64 = 1_024;

/// No transaction adds more bytes than its gas divided by this. The worst is a contract that logs without data: 1 875 gas
/// pay for the 445 bytes of a log with four topics, three of them addresses, in the receipt and in the indices.
pub const GAS_PER_GROWTH_BYTE: u64 = 4;

/// The most that one transaction adds.
pub const MAX_TRANSACTION_GROWTH_BYTES: u64 = TRANSACTION_GAS_CAP / GAS_PER_GROWTH_BYTE;

/// The database file grows by at most this factor of the bytes in its tables: pages are half full at worst, and space is
/// taken ahead.
pub const DATABASE_FILE_FACTOR: u64 = 3;

/// Trie nodes for one more account or slot: a leaf, a branch above it, at worst an extension above that, with their keys.
const TRIE_ENTRY_BYTES: u64 = 400;

/// RLP of an account at its longest.
const ACCOUNT_BYTES: u64 = 112;

const ADDRESS_BYTES: u64 = 20;
const WORD_BYTES: u64 = 32;
const HEIGHT_BYTES: u64 = 8;
const PLACE_BYTES: u64 = 12;

/// What metered transactions may use of a block, or have used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Gas.
    pub gas: u64,
    /// Bytes that the disk keeps for ever.
    pub growth_bytes: u64,
}

impl Usage {
    /// No bound but the block's own.
    pub const UNLIMITED: Self = Self { gas: u64::MAX, growth_bytes: u64::MAX };

    /// Whether a transaction that asks for so much gas may run after this was used. The last one may exceed the bytes,
    /// which only its execution tells.
    pub(crate) fn leaves_room_in(self, allowance: Self, gas_limit: u64) -> bool {
        gas_limit <= allowance.gas.saturating_sub(self.gas) && self.growth_bytes < allowance.growth_bytes
    }
}

/// What a transaction adds to the tables for good.
pub(crate) fn growth_bytes(transaction: &SignedTransaction, receipt: &TransactionReceipt, state: &EvmState) -> u64 {
    let own = PLACE_BYTES + ADDRESS_BYTES + transaction.raw().len() as u64;
    let outcome = PLACE_BYTES + receipt.length() as u64;
    let place = WORD_BYTES + PLACE_BYTES;
    let roles = TransactionRoles::of(transaction, receipt).len() as u64 * (ADDRESS_BYTES + PLACE_BYTES + 1);
    let index_of_log = |topics: usize| ADDRESS_BYTES + HEIGHT_BYTES + topics as u64 * (WORD_BYTES + HEIGHT_BYTES);
    let logs: u64 = receipt.logs.iter().map(|log| index_of_log(log.topics().len())).sum();
    let accounts: u64 = state.values().filter(|account| account.is_touched()).map(growth_of_account).sum();
    own + outcome + place + roles + logs + accounts
}

fn growth_of_account(account: &Account) -> u64 {
    let version = ADDRESS_BYTES + HEIGHT_BYTES + ACCOUNT_BYTES;
    let entry = ADDRESS_BYTES + ACCOUNT_BYTES + TRIE_ENTRY_BYTES;
    let is_new = account.is_loaded_as_not_existing() || account.is_created();
    let code = account.info.code.as_ref().filter(|_| account.is_created());
    let code = code.map_or(0, |code| WORD_BYTES + code.original_byte_slice().len() as u64);
    let slots: u64 =
        account.changed_storage_slots().map(|(_, slot)| growth_of_slot(slot.original_value.is_zero())).sum();
    version + u64::from(is_new) * entry + code + slots
}

fn growth_of_slot(is_new: bool) -> u64 {
    let version = ADDRESS_BYTES + WORD_BYTES + HEIGHT_BYTES + WORD_BYTES;
    let entry = ADDRESS_BYTES + WORD_BYTES + WORD_BYTES + TRIE_ENTRY_BYTES;
    version + u64::from(is_new) * entry
}
