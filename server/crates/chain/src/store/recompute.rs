use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_rlp::Decodable as _;
use alloy_trie::TrieAccount;
use alloy_trie::root::{state_root_unsorted, storage_root_unsorted};
use redb::{ReadableTable as _, ReadableTableMetadata as _, TableHandle as _};

use super::read::Snapshot;
use crate::error::ChainError;
use crate::tables;

impl Snapshot {
    /// The state root computed from every account and slot of the head, without any stored trie node. It must equal
    /// the head's `stateRoot`; it takes time and memory in proportion to the whole state.
    ///
    /// # Errors
    /// [`ChainError::Corrupt`] if an account's storage root does not follow from its slots, or a storage error.
    pub fn recompute_state_root(&self) -> Result<B256, ChainError> {
        let mut accounts = Vec::new();
        for entry in self.transaction.open_table(tables::ACCOUNTS)?.iter()? {
            let (key, encoded) = entry?;
            let address = Address::from(*key.value());
            let account =
                TrieAccount::decode(&mut encoded.value()).map_err(|_| ChainError::corrupt("account", address))?;
            if self.recompute_storage_root(address)? != account.storage_root {
                return Err(ChainError::corrupt("storage root", address));
            }
            accounts.push((keccak256(address), account));
        }
        Ok(state_root_unsorted(accounts))
    }

    /// The bytes of all keys and values of the database but those of waiting transactions. It takes time in proportion to
    /// the whole database.
    ///
    /// # Errors
    /// A storage error.
    pub fn stored_bytes(&self) -> Result<u64, ChainError> {
        let mut bytes = 0;
        for table in self.transaction.list_tables()? {
            if table.name() != tables::PENDING.name() {
                bytes += self.transaction.open_untyped_table(table)?.stats()?.stored_bytes();
            }
        }
        Ok(bytes)
    }

    /// How many values of accounts and slots are kept for states of the past and the present.
    ///
    /// # Errors
    /// A storage error.
    pub fn kept_versions(&self) -> Result<u64, ChainError> {
        let accounts = self.transaction.open_table(tables::ACCOUNT_HISTORY)?.len()?;
        Ok(accounts + self.transaction.open_table(tables::STORAGE_HISTORY)?.len()?)
    }

    fn recompute_storage_root(&self, address: Address) -> Result<B256, ChainError> {
        let table = self.transaction.open_table(tables::STORAGE)?;
        let (first, last) = (tables::storage_key(address, U256::ZERO), tables::storage_key(address, U256::MAX));
        let mut slots = Vec::new();
        for entry in table.range::<&[u8; 52]>(&first..=&last)? {
            let (key, value) = entry?;
            slots.push((keccak256(&key.value()[20..]), U256::from_be_bytes(*value.value())));
        }
        Ok(storage_root_unsorted(slots))
    }
}
