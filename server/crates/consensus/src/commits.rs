//! Commits to blocks that this validator saw, to find those who committed to two blocks in one round.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, Bytes};
use chain::{CommitCertificate, CommitSignature, Contradiction, SignedCommit};
use malachite_types::{NilOrVal, VoteType};

use crate::context::{RoundCertificate, SignedVote};

/// Most contradictions that are remembered as told. Those of the lowest heights make room.
const MAX_TOLD: usize = 1_024;

/// The first commit to a block of each validator in each round, at the height that is being decided and at the one before, whose
/// votes still arrive. The rules keep one vote of a validator, which may be the one for no block, and few of its contradictions;
/// here nothing that it says later hides a commit.
#[derive(Debug, Default)]
pub(crate) struct SeenCommits {
    first: BTreeMap<(u64, u32, Address), SignedCommit>,
    told: BTreeSet<(u64, Address)>,
}

impl SeenCommits {
    /// Whether a commit may say something new: it is the first of its validator in its round, or to another block than that.
    pub(crate) fn is_news(&self, claimed: &CommitCertificate, validator: Address) -> bool {
        let first = self.first.get(&(claimed.height, claimed.round, validator));
        !self.told.contains(&(claimed.height, validator))
            && first.is_none_or(|first| first.block_hash != claimed.block_hash)
    }

    /// Takes a commit whose signature holds. Gives what it proves together with an earlier one.
    pub(crate) fn take(
        &mut self,
        claimed: &CommitCertificate,
        validator: Address,
        signature: Bytes,
    ) -> Option<Contradiction> {
        let (height, round) = (claimed.height, claimed.round);
        let second = SignedCommit { block_hash: claimed.block_hash, signature };
        let first = self.first.entry((height, round, validator)).or_insert_with(|| second.clone()).clone();
        let is_contradiction = first.block_hash != second.block_hash && self.is_untold(height, validator);
        is_contradiction.then_some(Contradiction { validator, height, round, first, second })
    }

    /// Whether a contradiction of a validator at a height was not told before; from now on it counts as told.
    pub(crate) fn is_untold(&mut self, height: u64, validator: Address) -> bool {
        if self.told.len() >= MAX_TOLD && !self.told.contains(&(height, validator)) {
            self.told.pop_first();
        }
        self.told.insert((height, validator))
    }

    /// Forgets what was said about the heights before `height`.
    pub(crate) fn forget_before(&mut self, height: u64) {
        self.first = self.first.split_off(&(height, 0, Address::ZERO));
    }
}

/// A vote as a certificate with one signature, of which nothing is checked; `None` unless it commits to a block.
pub(crate) fn commit_of(vote: &SignedVote) -> Option<CommitCertificate> {
    let (VoteType::Precommit, NilOrVal::Val(block)) = (vote.kind, vote.block) else { return None };
    let signature = CommitSignature { validator: vote.validator.0, signature: vote.signature.into() };
    Some(CommitCertificate {
        height: vote.height.0,
        round: vote.round.as_u32()?,
        block_hash: block.0,
        signatures: vec![signature],
    })
}

/// The commits to blocks that a round's certificate carries, of which nothing is checked.
pub(crate) fn commits_of(certificate: &RoundCertificate) -> Vec<CommitCertificate> {
    let Some(round) = certificate.round.as_u32() else { return Vec::new() };
    let commits = certificate.round_signatures.iter().filter_map(|vote| {
        let (VoteType::Precommit, NilOrVal::Val(block)) = (vote.vote_type, vote.value_id) else { return None };
        let signature = CommitSignature { validator: vote.address.0, signature: vote.signature.into() };
        Some(CommitCertificate {
            height: certificate.height.0,
            round,
            block_hash: block.0,
            signatures: vec![signature],
        })
    });
    commits.collect()
}
