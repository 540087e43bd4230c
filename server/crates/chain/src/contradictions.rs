//! Contradictions of validators that this node saw, for those who report them to the contract. They are no part of the chain.

use alloy_rlp::Decodable as _;
use finality::Contradiction;
use redb::{ReadableTable as _, ReadableTableMetadata as _};

use crate::chain::Chain;
use crate::error::ChainError;
use crate::store::read::Snapshot;
use crate::tables;

/// Most contradictions that a node keeps. One of a validator is enough to punish it for all that it did until then.
pub const MAX_CONTRADICTIONS: u64 = 256;

impl Chain {
    /// Keeps a contradiction, unless its validator's at this height is kept already or there are [`MAX_CONTRADICTIONS`].
    ///
    /// # Errors
    /// A storage error.
    pub fn keep_contradiction(&self, contradiction: &Contradiction) -> Result<(), ChainError> {
        let transaction = self.begin_write()?;
        {
            let mut kept = transaction.open_table(tables::CONTRADICTIONS)?;
            let key = tables::validator_height(contradiction.validator, contradiction.height);
            if kept.len()? < MAX_CONTRADICTIONS && kept.get(&key)?.is_none() {
                kept.insert(&key, alloy_rlp::encode(contradiction).as_slice())?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

impl Snapshot {
    /// The contradictions that this node saw, by validator and height.
    ///
    /// # Errors
    /// A storage error.
    pub fn contradictions(&self) -> Result<Vec<Contradiction>, ChainError> {
        let kept = self.transaction.open_table(tables::CONTRADICTIONS)?;
        let mut contradictions = Vec::new();
        for entry in kept.iter()? {
            let (key, encoded) = entry?;
            let decoded = Contradiction::decode(&mut encoded.value());
            contradictions.push(decoded.map_err(|_| ChainError::corrupt("contradiction", key.value()))?);
        }
        Ok(contradictions)
    }
}
