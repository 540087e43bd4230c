//! From changed accounts and slots to the state root.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_trie::{EMPTY_ROOT_HASH, TrieAccount};

use crate::error::ChainError;
use crate::state::{StateChanges, StateReader};
use crate::trie::{ACCOUNT_TRIE, NodeSource, TrieChanges, update_trie};

/// What committing to changes gives: the root and everything to be written for it.
#[derive(Clone, Debug)]
pub(crate) struct Commitment {
    pub(crate) state_root: B256,
    /// The changed accounts with their new storage roots; `None` removes one.
    pub(crate) accounts: BTreeMap<Address, Option<TrieAccount>>,
    pub(crate) trie: TrieChanges,
}

/// Applies `changes` to the tries of the state that `parent` reads, or of nothing.
pub(crate) fn commit_to(
    parent: Option<&StateReader>,
    nodes: &impl NodeSource,
    changes: &StateChanges,
) -> Result<Commitment, ChainError> {
    let mut trie = TrieChanges::new();
    let mut accounts = BTreeMap::new();
    let mut leaves = BTreeMap::new();
    for (address, state) in &changes.accounts {
        let hashed_address = keccak256(address);
        let previous = match parent {
            Some(reader) => reader.trie_account(*address)?,
            None => None,
        };
        let previous_root = previous.map_or(EMPTY_ROOT_HASH, |account| account.storage_root);
        let account = match state {
            None if previous_root != EMPTY_ROOT_HASH => {
                // EIP-6780 lets only an account of the same transaction vanish, and that one has no stored slots.
                return Err(ChainError::corrupt("removed account with storage", address));
            }
            None => None,
            Some(state) => {
                let storage_root = match changes.storage.get(address) {
                    Some(slots) => update_trie(nodes, hashed_address, &slot_leaves(slots), &mut trie)?,
                    None => previous_root,
                };
                Some(TrieAccount::new(state.nonce, state.balance, storage_root, state.code_hash))
            }
        };
        leaves.insert(hashed_address, account.as_ref().map(alloy_rlp::encode));
        accounts.insert(*address, account);
    }
    let state_root = update_trie(nodes, ACCOUNT_TRIE, &leaves, &mut trie)?;
    Ok(Commitment { state_root, accounts, trie })
}

fn slot_leaves(slots: &BTreeMap<U256, U256>) -> BTreeMap<B256, Option<Vec<u8>>> {
    slots
        .iter()
        .map(|(slot, value)| {
            let leaf = (!value.is_zero()).then(|| alloy_rlp::encode(value));
            (keccak256(slot.to_be_bytes::<32>()), leaf)
        })
        .collect()
}
