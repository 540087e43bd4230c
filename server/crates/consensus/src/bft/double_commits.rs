//! Finding validators that commit to two blocks in one round, in whichever order and form their commits arrive.

use alloy_primitives::Address;
use chain::{
    Application as _, CommitCertificate, CommitSignature, Contradiction, MAX_VALIDATORS, commit_digest, signer_of,
};
use malachite_types::VoteType;

use super::Bft;
use super::receive::MAX_ROUNDS_AHEAD;
use crate::commits::{commit_of, commits_of};
use crate::context::{RoundCertificate, SignedVote};
use crate::error::ConsensusError;
use crate::log::LogStorage;
use crate::{Action, Host};

/// Whether signatures were checked already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked {
    Yes,
    No,
}

impl<H: Host, S: LogStorage> Bft<H, S> {
    /// Looks at a vote that has arrived, also at one that the rules had no use for.
    pub(super) fn look_at_vote(&mut self, vote: &SignedVote) -> Result<(), ConsensusError> {
        // The rules check the signature of each vote that they keep.
        let kept = self.rules.as_ref().filter(|_| vote.height.0 == self.next_height).and_then(|rules| {
            let votes = rules.driver.votes().per_round(vote.round)?;
            votes.get_vote(VoteType::Precommit, &vote.validator).filter(|kept| kept.message == vote.message)
        });
        let (claimed, checked) = match kept {
            Some(kept) => (commit_of(kept), Checked::Yes),
            None => (commit_of(vote), Checked::No),
        };
        claimed.map_or(Ok(()), |claimed| self.look_at(&claimed, checked))
    }

    /// Looks at the votes that a round's certificate carries.
    pub(super) fn look_at_round(&mut self, certificate: &RoundCertificate) -> Result<(), ConsensusError> {
        commits_of(certificate).iter().try_for_each(|claimed| self.look_at(claimed, Checked::No))
    }

    /// Looks at commits to one block, which need not be a quorum, and tells of those who committed to another block in the same
    /// round. At the two latest heights each commit is remembered; at earlier ones there is the certificate of the block.
    pub(super) fn look_at(&mut self, claimed: &CommitCertificate, checked: Checked) -> Result<(), ConsensusError> {
        let height = claimed.height;
        if height > self.next_height || claimed.signatures.len() > MAX_VALIDATORS {
            return Ok(());
        }
        let chain_id = self.effects.check.chain_id;
        if height + 1 < self.next_height {
            let Some(decided) = self.host.application().certificate_at(height)? else { return Ok(()) };
            for found in Contradiction::between(&decided, claimed, chain_id) {
                if self.commits.is_untold(height, found.validator) {
                    self.tell(found);
                }
            }
            return Ok(());
        }
        let latest_round = if height == self.next_height { self.round() } else { self.previous_round };
        // A certificate that was verified may be of a later round than this node ever was in.
        if checked == Checked::No && claimed.round > latest_round.saturating_add(MAX_ROUNDS_AHEAD) {
            return Ok(());
        }
        let digest = commit_digest(chain_id, height, claimed.round, claimed.block_hash);
        for CommitSignature { validator, signature } in &claimed.signatures {
            let is_sound =
                |signature: &[u8]| checked == Checked::Yes || signer_of(digest, signature) == Some(*validator);
            if self.commits.is_news(claimed, *validator)
                && self.decides(*validator, height)?
                && is_sound(signature)
                && let Some(found) = self.commits.take(claimed, *validator, signature.clone())
            {
                self.tell(found);
            }
        }
        Ok(())
    }

    /// Whether `address` is a validator of one of the two latest heights.
    fn decides(&self, address: Address, height: u64) -> Result<bool, ConsensusError> {
        if height == self.next_height {
            return Ok(self.members.power_of(address).is_some());
        }
        // Nobody decides block 0.
        Ok(height > 0 && self.host.application().validators_at(height)?.power_of(address).is_some())
    }

    fn tell(&mut self, found: Contradiction) {
        self.effects.actions.push(Action::Misbehaviour {
            height: found.height,
            validator: found.validator,
            contradiction: Some(Box::new(found)),
        });
    }
}
