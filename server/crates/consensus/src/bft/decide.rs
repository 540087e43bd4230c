//! Proposing a block, and writing the one that was decided.

use std::sync::Arc;

use alloy_primitives::B256;
use chain::{Application as _, Block, ChainError, CommitCertificate, ExecutedBlock};
use malachite_consensus::{Input, LocallyProposedValue};

use super::double_commits::Checked;
use super::{Bft, members_at};
use crate::Host;
use crate::blocks::KeptBlock;
use crate::context::{BlockId, Height};
use crate::error::ConsensusError;
use crate::heard::Heard;
use crate::log::LogStorage;

/// How long after a failed commit the next is tried, in milliseconds.
const COMMIT_RETRY_MS: u64 = 1_000;

impl<H: Host, S: LogStorage> Bft<H, S> {
    /// Proposes a block if it is this validator's turn; whether it did.
    pub(super) fn propose(&mut self) -> Result<bool, ConsensusError> {
        let Some(round) = self.effects.wanted else { return Ok(false) };
        let is_turn = self.rules.as_ref().is_some_and(|rules| rules.round() == round && rules.driver.step_is_propose());
        if !is_turn {
            self.effects.wanted = None;
            return Ok(false);
        }
        let own = self.effects.signer.address();
        let round_number = round.as_u32().unwrap_or_default();
        // After a crash the same block is proposed again, since its proposal may have left.
        let hash = match self.effects.blocks.made_by(own.0, round_number) {
            Some(made) => made,
            None if self.has_nothing_to_propose => return Ok(false),
            None if !self.host.has_waiting() && !self.is_heartbeat_due() => return Ok(false),
            None => match self.make_block() {
                Ok(Some(executed)) => self.keep_own(executed.block().clone(), round_number),
                Ok(None) => {
                    self.has_nothing_to_propose = true;
                    return Ok(false);
                }
                Err(error) => {
                    tracing::error!(%error, height = self.next_height, "no block could be proposed");
                    self.has_nothing_to_propose = true;
                    return Ok(false);
                }
            },
        };
        self.effects.wanted = None;
        let height = Height(self.next_height);
        self.feed(Input::Propose(LocallyProposedValue { height, round, value: BlockId(hash) }))?;
        Ok(true)
    }

    /// A block of what waits, or one without transactions where that is due.
    fn make_block(&mut self) -> Result<Option<Arc<ExecutedBlock>>, ChainError> {
        let made = if self.host.has_waiting() { self.host.propose(self.now.unix_s)? } else { None };
        match made {
            None if self.is_heartbeat_due() => self.host.propose_empty(self.now.unix_s).map(Some),
            made => Ok(made),
        }
    }

    fn keep_own(&mut self, block: Block, round: u32) -> B256 {
        let hash = block.header.hash();
        let needed = self.needed_block();
        if self.effects.blocks.get(hash).is_none() {
            let proposer = self.effects.signer.address().0;
            let kept = KeptBlock { block, round, proposer, is_valid: true, is_logged: false };
            self.effects.blocks.insert(kept, needed);
        }
        hash
    }

    /// The block that a quorum has prevoted for, which may be proposed again in any later round.
    pub(super) fn needed_block(&self) -> Option<B256> {
        self.rules.as_ref()?.driver.valid_value().map(|valid| valid.value.0)
    }

    /// Writes the decided block; whether it stands on the chain now.
    pub(super) fn commit(&mut self) -> Result<bool, ConsensusError> {
        let Some(certificate) = self.effects.decided.clone() else { return Ok(false) };
        match self.commit_executed(&certificate) {
            Ok(executed) => {
                self.commit_done(executed, &certificate)?;
                Ok(true)
            }
            Err(ChainError::NotUndecided { .. }) => {
                // It made room for others. Those who have it hear this validator's height, and send it.
                tracing::warn!(height = certificate.height, "the decided block is no longer kept here");
                self.effects.decided = None;
                Ok(false)
            }
            Err(error) if error.is_retryable() => {
                tracing::error!(%error, height = certificate.height, "decided block could not be written");
                self.commit_retry_ms = Some(self.now.monotonic_ms.saturating_add(COMMIT_RETRY_MS));
                self.commit_fault = Some(error.to_string());
                Ok(false)
            }
            Err(error) => {
                Err(ConsensusError::Rules { height: certificate.height, reason: format!("decided block: {error}") })
            }
        }
    }

    fn commit_executed(&self, certificate: &CommitCertificate) -> Result<ExecutedBlock, ChainError> {
        let application = self.host.application();
        match (application.commit(certificate), self.effects.blocks.get(certificate.block_hash)) {
            // The chain keeps few undecided blocks, so it may have to execute this one again.
            (Err(ChainError::NotUndecided { .. }), Some(kept)) => {
                application.validate(kept.block.clone(), kept.block.header.timestamp)?;
                application.commit(certificate)
            }
            (outcome, _) => outcome,
        }
    }

    /// A block was committed: everything about its height is over.
    pub(super) fn commit_done(
        &mut self,
        executed: ExecutedBlock,
        certificate: &CommitCertificate,
    ) -> Result<(), ConsensusError> {
        self.head_unix_s = executed.block().header.timestamp;
        self.host.committed(executed);
        self.previous_round = self.round().max(certificate.round);
        self.look_at(certificate, Checked::Yes)?;
        self.commits.forget_before(self.next_height);
        self.has_asked_for_fork = false;
        self.rules = None;
        self.effects.timers.clear();
        self.effects.blocks.clear();
        self.effects.decided = None;
        self.effects.wanted = None;
        self.heard = Heard::default();
        self.early.clear();
        self.commit_retry_ms = None;
        self.commit_fault = None;
        self.has_nothing_to_propose = false;
        self.next_height += 1;
        self.members = members_at(&self.host, self.next_height)?;
        let asked_on = self.sync.took(self.next_height, self.now.monotonic_ms);
        self.effects.actions.extend(asked_on);
        Ok(())
    }
}
