//! The accounts: how a block changes them, and how they read at any height.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_rlp::Decodable as _;
use alloy_trie::{KECCAK_EMPTY, TrieAccount};
use redb::{ReadOnlyTable, ReadTransaction};
use revm::bytecode::Bytecode;
use revm::database::BundleState;
use revm::state::AccountInfo;

use crate::error::ChainError;
use crate::tables;

/// The part of an account that execution sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// Transactions sent, or contracts created by a contract.
    pub nonce: u64,
    /// Wei held.
    pub balance: U256,
    /// Keccak-256 of the code.
    pub code_hash: B256,
}

impl AccountState {
    /// Whether a contract lives here.
    #[must_use]
    pub fn has_code(&self) -> bool {
        self.code_hash != KECCAK_EMPTY
    }
}

/// Everything a block changes, as values after the block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateChanges {
    /// Accounts written, or removed (`None`).
    pub accounts: BTreeMap<Address, Option<AccountState>>,
    /// Storage slots written; 0 removes a slot.
    pub storage: BTreeMap<Address, BTreeMap<U256, U256>>,
    /// New contract code by hash.
    pub codes: BTreeMap<B256, Bytes>,
}

impl StateChanges {
    pub(crate) fn from_bundle(bundle: BundleState) -> Self {
        let mut changes = Self::default();
        for (address, account) in bundle.state {
            let storage: BTreeMap<U256, U256> = account
                .storage
                .iter()
                .filter(|(_, slot)| slot.is_changed())
                .map(|(key, slot)| (*key, slot.present_value))
                .collect();
            if account.info != account.original_info || !storage.is_empty() {
                changes.accounts.insert(address, account.info.as_ref().map(account_state));
            }
            if !storage.is_empty() && account.info.is_some() {
                changes.storage.insert(address, storage);
            }
        }
        changes.codes = bundle.contracts.into_iter().map(|(hash, code)| (hash, code.original_bytes())).collect();
        changes
    }
}

pub(crate) fn account_state(info: &AccountInfo) -> AccountState {
    AccountState { nonce: info.nonce, balance: info.balance, code_hash: info.code_hash }
}

/// The accounts as they were after one block, read from one consistent snapshot of the database. The EVM executes on
/// it; it never changes.
#[derive(Debug)]
pub struct StateReader {
    accounts: AccountSource,
    storage: StorageSource,
    codes: ReadOnlyTable<&'static [u8; 32], &'static [u8]>,
    headers: ReadOnlyTable<u64, &'static [u8]>,
}

#[derive(Debug)]
enum AccountSource {
    Head(ReadOnlyTable<&'static [u8; 20], &'static [u8]>),
    Past(ReadOnlyTable<&'static [u8; 28], &'static [u8]>, u64),
}

#[derive(Debug)]
enum StorageSource {
    Head(ReadOnlyTable<&'static [u8; 52], &'static [u8; 32]>),
    Past(ReadOnlyTable<&'static [u8; 60], &'static [u8; 32]>, u64),
}

impl StateReader {
    /// The present state.
    pub(crate) fn at_head(snapshot: &ReadTransaction) -> Result<Self, ChainError> {
        Self::open(
            snapshot,
            AccountSource::Head(snapshot.open_table(tables::ACCOUNTS)?),
            StorageSource::Head(snapshot.open_table(tables::STORAGE)?),
        )
    }

    /// The state after the block `height`, from the change history.
    pub(crate) fn at_height(snapshot: &ReadTransaction, height: u64) -> Result<Self, ChainError> {
        Self::open(
            snapshot,
            AccountSource::Past(snapshot.open_table(tables::ACCOUNT_HISTORY)?, height),
            StorageSource::Past(snapshot.open_table(tables::STORAGE_HISTORY)?, height),
        )
    }

    fn open(snapshot: &ReadTransaction, accounts: AccountSource, storage: StorageSource) -> Result<Self, ChainError> {
        let codes = snapshot.open_table(tables::CODES)?;
        let headers = snapshot.open_table(tables::HEADERS)?;
        Ok(Self { accounts, storage, codes, headers })
    }

    /// The account with the root of its storage, as the state trie holds it.
    ///
    /// # Errors
    /// A storage error.
    pub fn trie_account(&self, address: Address) -> Result<Option<TrieAccount>, ChainError> {
        let encoded = match &self.accounts {
            AccountSource::Head(table) => table.get(&address.0.0)?.map(|value| value.value().to_vec()),
            AccountSource::Past(table, height) => {
                let range = tables::account_version(address, 0)..=tables::account_version(address, *height);
                let last = table.range::<&[u8; 28]>(&range.start()..=&range.end())?.next_back().transpose()?;
                last.map(|(_, value)| value.value().to_vec()).filter(|value| !value.is_empty())
            }
        };
        encoded
            .map(|bytes| {
                TrieAccount::decode(&mut bytes.as_slice()).map_err(|_| ChainError::corrupt("account", address))
            })
            .transpose()
    }

    /// The account, `None` if it was never touched or is empty.
    ///
    /// # Errors
    /// A storage error.
    pub fn account(&self, address: Address) -> Result<Option<AccountState>, ChainError> {
        Ok(self.trie_account(address)?.map(|account| AccountState {
            nonce: account.nonce,
            balance: account.balance,
            code_hash: account.code_hash,
        }))
    }

    /// The value of a storage slot, 0 where nothing was written.
    ///
    /// # Errors
    /// A storage error.
    pub fn slot(&self, address: Address, key: U256) -> Result<U256, ChainError> {
        let value = match &self.storage {
            StorageSource::Head(table) => {
                table.get(&tables::storage_key(address, key))?.map(|value| U256::from_be_bytes(*value.value()))
            }
            StorageSource::Past(table, height) => {
                let first = tables::storage_version(address, key, 0);
                let last = tables::storage_version(address, key, *height);
                let found = table.range::<&[u8; 60]>(&first..=&last)?.next_back().transpose()?;
                found.map(|(_, value)| U256::from_be_bytes(*value.value()))
            }
        };
        Ok(value.unwrap_or_default())
    }

    /// Contract code by its hash.
    ///
    /// # Errors
    /// A storage error, or [`ChainError::Corrupt`] if the code is missing.
    pub fn code(&self, code_hash: B256) -> Result<Bytes, ChainError> {
        if code_hash == KECCAK_EMPTY {
            return Ok(Bytes::new());
        }
        let code = self.codes.get(&code_hash.0)?.ok_or_else(|| ChainError::corrupt("code", code_hash))?;
        Ok(Bytes::copy_from_slice(code.value()))
    }

    /// The code at an address, empty for an account without any.
    ///
    /// # Errors
    /// A storage error.
    pub fn code_at(&self, address: Address) -> Result<Bytes, ChainError> {
        match self.account(address)? {
            Some(account) => self.code(account.code_hash),
            None => Ok(Bytes::new()),
        }
    }
}

impl revm::DatabaseRef for StateReader {
    type Error = ChainError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, ChainError> {
        Ok(self.account(address)?.map(|account| AccountInfo {
            balance: account.balance,
            nonce: account.nonce,
            code_hash: account.code_hash,
            code: None,
            ..AccountInfo::default()
        }))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, ChainError> {
        Ok(Bytecode::new_raw(self.code(code_hash)?))
    }

    fn storage_ref(&self, address: Address, index: U256) -> Result<U256, ChainError> {
        self.slot(address, index)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, ChainError> {
        let header = self.headers.get(number)?;
        Ok(header.map_or(B256::ZERO, |encoded| alloy_primitives::keccak256(encoded.value())))
    }
}
