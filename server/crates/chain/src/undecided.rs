//! Blocks that were executed and are not decided.

use std::collections::VecDeque;
use std::sync::Arc;

use alloy_primitives::B256;

use crate::application::ExecutedBlock;

/// Most blocks kept for the height that is being decided. Each round proposes one block, and few heights need a third
/// round. The oldest makes room; should it be decided all the same, it is executed once more from its bytes.
pub const MAX_UNDECIDED_BLOCKS: usize = 8;

/// The executed blocks of the height that is being decided, all on the same parent, from old to new.
#[derive(Debug, Default)]
pub(crate) struct UndecidedBlocks(VecDeque<Arc<ExecutedBlock>>);

impl UndecidedBlocks {
    pub(crate) fn insert(&mut self, executed: Arc<ExecutedBlock>) {
        if self.get(executed.hash()).is_some() {
            return;
        }
        if self.0.len() == MAX_UNDECIDED_BLOCKS {
            self.0.pop_front();
        }
        self.0.push_back(executed);
    }

    pub(crate) fn get(&self, block_hash: B256) -> Option<&Arc<ExecutedBlock>> {
        self.0.iter().find(|executed| executed.hash() == block_hash)
    }

    /// Forgets all, since their height is decided.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
