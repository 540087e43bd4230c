//! The Merkle-Patricia trie of accounts and of each account's storage, kept as Ethereum defines it.
//!
//! Nodes are stored by their path rather than by their hash, so an update overwrites what it replaces and the store
//! grows with the state, not with its history. Every node has its own entry, also one short enough to be embedded in
//! its parent; only its encoding inside the parent differs.

mod proof;
mod update;

use alloy_primitives::B256;
use alloy_trie::Nibbles;

use crate::error::ChainError;

pub(crate) use proof::prove;
pub(crate) use update::{TrieChanges, update_trie};

/// The owner under which the nodes of the account trie are stored; storage tries are owned by the account's hash.
pub(crate) const ACCOUNT_TRIE: B256 = B256::ZERO;

/// Where the trie code finds the encoded node at a path.
pub(crate) trait NodeSource {
    /// The RLP encoding of the node at `key`, made by [`node_key`].
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ChainError>;
}

/// The storage key of a node: its trie's owner, then one byte for each nibble of its path.
pub(crate) fn node_key(owner: B256, path: &Nibbles) -> Vec<u8> {
    let mut key = Vec::with_capacity(32 + path.len());
    key.extend_from_slice(owner.as_slice());
    key.extend(path.iter());
    key
}
