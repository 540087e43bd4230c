//! Saying again after a crash what was said before.

use std::collections::BTreeMap;

use chain::{Application as _, Block};
use malachite_consensus::{Input, ProposedValue};

use super::Bft;
use crate::Host;
use crate::blocks::KeptBlock;
use crate::context::ChainContext;
use crate::error::ConsensusError;
use crate::log::{Entry, LogStorage};

impl<H: Host, S: LogStorage> Bft<H, S> {
    /// Says what was logged, where something was.
    pub(super) fn say_again(&mut self, entries: &[Vec<u8>]) -> Result<(), ConsensusError> {
        if entries.is_empty() { Ok(()) } else { self.replay(entries) }
    }

    fn replay(&mut self, entries: &[Vec<u8>]) -> Result<(), ConsensusError> {
        let chain_id = self.effects.check.chain_id;
        let damaged = |error: String| ConsensusError::DamagedLog(error);
        let entries: Vec<_> = entries
            .iter()
            .map(|bytes| Entry::decode(bytes, chain_id))
            .collect::<Result<_, _>>()
            .map_err(|error| damaged(error.to_string()))?;
        tracing::info!(height = self.next_height, entries = entries.len(), "consensus log is replayed");
        self.effects.is_replaying = true;
        self.begin_height()?;
        if let Some(rules) = &mut self.rules {
            rules.index_wal_entries(entries.iter().filter_map(|entry| match entry {
                Entry::Input(input) => Some(input.as_ref()),
                Entry::Block(_) => None,
            }));
        }
        let mut logged = BTreeMap::new();
        for entry in entries {
            match entry {
                Entry::Block(block) => {
                    logged.insert(block.header.hash(), block);
                }
                Entry::Input(input) => {
                    if let Input::ProposedValue(value, _) = input.as_ref()
                        && let Some(block) = logged.remove(&value.value.0)
                    {
                        self.restore_block(*block, value)?;
                    }
                    let vote = match input.as_ref() {
                        Input::Vote(vote) => Some(vote.clone()),
                        _ => None,
                    };
                    self.feed(*input)?;
                    if let Some(vote) = vote {
                        self.heard.vote(&vote);
                        self.look_at_vote(vote.validator.0, &vote)?;
                    }
                }
            }
        }
        if let Some(rules) = &mut self.rules {
            rules.reset_entries_index();
        }
        self.effects.is_replaying = false;
        Ok(())
    }

    /// Keeps a logged block again, and executes it if it was found valid.
    fn restore_block(&mut self, block: Block, value: &ProposedValue<ChainContext>) -> Result<(), ConsensusError> {
        let is_valid = value.validity.is_valid();
        if is_valid {
            // Its time was held against the clock before it was logged.
            let timestamp = block.header.timestamp;
            self.host.application().validate(block.clone(), timestamp).map_err(|error| match error.is_retryable() {
                true => ConsensusError::Chain(error),
                false => ConsensusError::DamagedLog(format!("a logged block does not execute: {error}")),
            })?;
        }
        let round = value.round.as_u32().unwrap_or_default();
        let kept = KeptBlock { block, round, proposer: value.proposer.0, is_valid, is_logged: true };
        self.effects.blocks.insert(kept, None);
        Ok(())
    }
}
