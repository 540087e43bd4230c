//! Finding validators that commit to two blocks in one round, in whichever order and form their commits arrive.

use alloy_primitives::{Address, B256};
use chain::{
    Application as _, CommitCertificate, CommitSignature, Contradiction, Keeping, MAX_VALIDATORS, commit_digest,
    signer_of,
};
use malachite_types::VoteType;

use super::Bft;
use super::receive::MAX_ROUNDS_AHEAD;
use crate::commits::{commit_of, commits_of};
use crate::context::{RoundCertificate, SignedVote};
use crate::error::ConsensusError;
use crate::log::LogStorage;
use crate::{Action, Host};

/// How long after a proof could not be stored it is tried again, in milliseconds.
const KEEP_RETRY_MS: u64 = 1_000;

/// Whether signatures were checked already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked {
    Yes,
    /// They were not; this peer sent them.
    No {
        from: Address,
    },
}

impl<H: Host, S: LogStorage> Bft<H, S> {
    /// Looks at a vote of `from` that has arrived, also at one that the rules had no use for.
    pub(super) fn look_at_vote(&mut self, from: Address, vote: &SignedVote) -> Result<(), ConsensusError> {
        // The rules check the signature of each vote that they keep.
        let kept = self.rules.as_ref().filter(|_| vote.height.0 == self.next_height).and_then(|rules| {
            let votes = rules.driver.votes().per_round(vote.round)?;
            votes.get_vote(VoteType::Precommit, &vote.validator).filter(|kept| kept.message == vote.message)
        });
        let (claimed, checked) = match kept {
            Some(kept) => (commit_of(kept), Checked::Yes),
            None => (commit_of(vote), Checked::No { from }),
        };
        claimed.map_or(Ok(()), |claimed| self.look_at(&claimed, checked))
    }

    /// Looks at the votes that a round's certificate of `from` carries.
    pub(super) fn look_at_round(
        &mut self,
        from: Address,
        certificate: &RoundCertificate,
    ) -> Result<(), ConsensusError> {
        commits_of(certificate).iter().try_for_each(|claimed| self.look_at(claimed, Checked::No { from }))
    }

    /// Looks at commits to one block, which need not be a quorum, and tells of those who committed to another block in the same
    /// round. At the two latest heights each commit is remembered; at earlier ones there is the certificate of the block.
    pub(super) fn look_at(&mut self, claimed: &CommitCertificate, checked: Checked) -> Result<(), ConsensusError> {
        let height = claimed.height;
        if height > self.next_height || claimed.signatures.len() > MAX_VALIDATORS {
            return Ok(());
        }
        if height + 1 < self.next_height {
            return self.look_at_old(claimed, checked);
        }
        let latest_round = if height == self.next_height { self.round() } else { self.previous_round };
        // A certificate that was verified may be of a later round than this node ever was in.
        if checked != Checked::Yes && claimed.round > latest_round.saturating_add(MAX_ROUNDS_AHEAD) {
            return Ok(());
        }
        let digest = commit_digest(self.effects.check.chain_id, height, claimed.round, claimed.block_hash);
        for CommitSignature { validator, signature } in &claimed.signatures {
            if self.commits.is_news(claimed, *validator)
                && self.decides(*validator, height)?
                && (checked == Checked::Yes || self.is_signed(digest, *validator, signature, height, checked))
                && let Some(found) = self.commits.take(claimed, *validator, signature.clone())
            {
                self.accuse(found);
            }
        }
        Ok(())
    }

    /// The same at heights of which only the certificate is left. Signatures are recovered last, and only of those who signed that
    /// certificate in the same round and of whom nothing is known yet.
    fn look_at_old(&mut self, claimed: &CommitCertificate, checked: Checked) -> Result<(), ConsensusError> {
        // There is none of a block that is not kept here.
        let Some(decided) = self.host.application().certificate_at(claimed.height)? else { return Ok(()) };
        for found in Contradiction::claimed_between(&decided, claimed) {
            let chain_id = self.effects.check.chain_id;
            if self.commits.is_open(found.height, found.validator)
                && self.may_recover(found.height, checked)
                && found.holds(chain_id)
            {
                self.accuse(found);
            }
        }
        Ok(())
    }

    fn is_signed(&mut self, digest: B256, validator: Address, signature: &[u8], height: u64, checked: Checked) -> bool {
        self.may_recover(height, checked) && signer_of(digest, signature) == Some(validator)
    }

    /// Whether one more signature may be recovered: at heights that are over each peer has a bound.
    fn may_recover(&mut self, height: u64, checked: Checked) -> bool {
        match checked {
            Checked::No { from } if height < self.next_height => self.old_signatures.take(from, self.now.monotonic_ms),
            Checked::No { .. } | Checked::Yes => true,
        }
    }

    /// Whether `address` is a validator of one of the two latest heights.
    fn decides(&self, address: Address, height: u64) -> Result<bool, ConsensusError> {
        if height == self.next_height {
            return Ok(self.members.power_of(address).is_some());
        }
        // Nobody decides block 0.
        Ok(height > 0 && self.host.application().validators_at(height)?.power_of(address).is_some())
    }

    /// Stores a contradiction, and only then lets it count as told. What the disk does not take now is tried again.
    fn accuse(&mut self, found: Contradiction) {
        let (height, validator) = (found.height, found.validator);
        match self.host.keep(&found) {
            Ok(Keeping { is_new, settled_height }) => {
                self.commits.settle(validator, settled_height);
                if is_new {
                    let contradiction = Some(Box::new(found));
                    self.effects.actions.push(Action::Misbehaviour { height, validator, contradiction });
                }
            }
            Err(error) if error.is_retryable() => {
                tracing::error!(%error, height, %validator, "the proof of a contradiction waits to be stored");
                self.commits.put_off(found);
                self.keep_retry_ms.get_or_insert(self.now.monotonic_ms.saturating_add(KEEP_RETRY_MS));
            }
            Err(error) => {
                tracing::error!(%error, height, %validator, "the proof of a contradiction cannot be stored");
                self.commits.settle(validator, height);
            }
        }
    }

    /// Tries again to store what could not be stored, once it is time.
    pub(super) fn keep_again(&mut self) {
        if self.keep_retry_ms.is_none_or(|retry_ms| self.now.monotonic_ms < retry_ms) {
            return;
        }
        self.keep_retry_ms = None;
        for found in self.commits.take_unkept() {
            self.accuse(found);
        }
    }
}
