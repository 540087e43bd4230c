//! What a committed block does to the pool, and who is told of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::{Address, B256};
use chain::{ChainError, ExecutedBlock};

use crate::error::NodeError;
use crate::events::CommittedBlock;
use crate::handle::Shared;
use crate::settlers;

/// Takes a committed block's transactions out of the pool and tells everybody of the block.
pub(crate) fn announce(shared: &Shared, executed: ExecutedBlock) -> Result<(), ChainError> {
    let (block, receipts) = executed.into_parts();
    let committed = CommittedBlock { block, receipts };
    shared.note_block();
    let unusable = settle_pool(shared, &committed);
    if settlers::changed_in(&committed.receipts) {
        heed_attesters(shared);
    }
    tracing::debug!(
        height = committed.block.header.number,
        transactions = committed.block.transactions.len(),
        "block committed"
    );
    // An error means that nobody listens, which is fine.
    let _ = shared.blocks.send(Arc::new(committed));
    if unusable.is_empty() { Ok(()) } else { shared.chain.update_pending(&[], &unusable) }
}

/// Who attests no more settles no more. Where that cannot be read, it stays as it was, and the block stands.
fn heed_attesters(shared: &Shared) {
    let exempt = shared.chain.snapshot().map_err(NodeError::from).and_then(|snapshot| settlers::exempt(&snapshot));
    match exempt {
        Ok(exempt) => shared.pool_mut().set_exempt(exempt),
        Err(error) => tracing::error!(%error, "who attests receipts could not be read"),
    }
}

/// Takes a block's transactions out of the pool, and returns others whose nonces it used.
fn settle_pool(shared: &Shared, committed: &CommittedBlock) -> Vec<B256> {
    let mut next: BTreeMap<Address, u64> = BTreeMap::new();
    let mut included: BTreeSet<B256> = BTreeSet::new();
    for transaction in &committed.block.transactions {
        next.insert(transaction.sender(), transaction.nonce() + 1);
        included.insert(transaction.hash());
    }
    let mut pool = shared.pool_mut();
    next.into_iter()
        .flat_map(|(sender, nonce)| pool.set_chain_nonce(sender, nonce))
        .filter(|hash| !included.contains(hash))
        .collect()
}
