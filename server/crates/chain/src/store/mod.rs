//! The database: one redb file, one atomic write for each block.

pub(crate) mod pending;
pub(crate) mod prune;
pub(crate) mod read;
mod recompute;
pub(crate) mod write;

use redb::ReadOnlyTable;

use crate::error::ChainError;
use crate::trie::NodeSource;

/// The trie nodes of the head.
pub(crate) struct StoredNodes(pub(crate) ReadOnlyTable<&'static [u8], &'static [u8]>);

impl NodeSource for StoredNodes {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ChainError> {
        Ok(self.0.get(key)?.map(|value| value.value().to_vec()))
    }
}
