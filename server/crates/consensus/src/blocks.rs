use std::collections::BTreeMap;

use alloy_primitives::{Address, B256};
use chain::Block;

/// Most different blocks that are executed for one round. An honest proposer sends one.
pub(crate) const MAX_BLOCKS_OF_ROUND: usize = 2;
/// Most blocks kept for one height. Blocks of the earliest rounds make room.
pub(crate) const MAX_KEPT_BLOCKS: usize = 16;

/// A block that was proposed for the height.
#[derive(Clone, Debug)]
pub(crate) struct KeptBlock {
    pub(crate) block: Block,
    /// The round in which it was first proposed.
    pub(crate) round: u32,
    /// Who proposed it then.
    pub(crate) proposer: Address,
    pub(crate) is_valid: bool,
    /// It stands in the write-ahead log.
    pub(crate) is_logged: bool,
}

/// The blocks that were proposed for the height, by hash.
#[derive(Debug, Default)]
pub(crate) struct KeptBlocks(BTreeMap<B256, KeptBlock>);

impl KeptBlocks {
    pub(crate) fn get(&self, hash: B256) -> Option<&KeptBlock> {
        self.0.get(&hash)
    }

    pub(crate) fn get_mut(&mut self, hash: B256) -> Option<&mut KeptBlock> {
        self.0.get_mut(&hash)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether another block of `round` may be executed.
    pub(crate) fn has_room(&self, round: u32) -> bool {
        self.0.values().filter(|kept| kept.round == round).count() < MAX_BLOCKS_OF_ROUND
    }

    /// Keeps a block. `needed` is not dropped for it.
    pub(crate) fn insert(&mut self, kept: KeptBlock, needed: Option<B256>) {
        if self.0.len() >= MAX_KEPT_BLOCKS {
            let droppable = self.0.iter().filter(|(hash, _)| Some(**hash) != needed);
            if let Some(oldest) = droppable.min_by_key(|(_, kept)| kept.round).map(|(hash, _)| *hash) {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(kept.block.header.hash(), kept);
    }

    /// The block that `proposer` made for `round`.
    pub(crate) fn made_by(&self, proposer: Address, round: u32) -> Option<B256> {
        let made = self.0.iter().find(|(_, kept)| kept.proposer == proposer && kept.round == round && kept.is_valid);
        made.map(|(hash, _)| *hash)
    }
}
