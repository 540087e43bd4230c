//! Commits to blocks that this validator saw, to find those who committed to two blocks in one round.

use std::collections::BTreeMap;

use alloy_primitives::{Address, Bytes};
use chain::{CommitCertificate, CommitSignature, Contradiction, SignedCommit};
use malachite_types::{NilOrVal, VoteType};

use crate::context::{RoundCertificate, SignedVote};

/// Most validators whose contradictions are remembered as settled. The one of the lowest height makes room.
const MAX_SETTLED: usize = 1_024;
/// Most contradictions that wait until the disk takes them, each of another validator. More are found again when they are shown again.
const MAX_UNKEPT: usize = 256;

/// The first commit to a block of each validator in each round, at the height that is being decided and at the one before, whose
/// votes still arrive. The rules keep one vote of a validator, which may be the one for no block, and few of its contradictions;
/// here nothing that it says later hides a commit.
#[derive(Debug, Default)]
pub(crate) struct SeenCommits {
    first: BTreeMap<(u64, u32, Address), SignedCommit>,
    /// Up to which height nothing more is to be found out about a validator.
    settled: BTreeMap<Address, u64>,
    /// What was found and could not be stored yet.
    unkept: BTreeMap<Address, Contradiction>,
}

impl SeenCommits {
    /// Whether a commit may say something new: it is the first of its validator in its round, or to another block than that.
    pub(crate) fn is_news(&self, claimed: &CommitCertificate, validator: Address) -> bool {
        let first = self.first.get(&(claimed.height, claimed.round, validator));
        self.is_open(claimed.height, validator) && first.is_none_or(|first| first.block_hash != claimed.block_hash)
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
        let is_contradiction = first.block_hash != second.block_hash && self.is_open(height, validator);
        is_contradiction.then_some(Contradiction { validator, height, round, first, second })
    }

    /// Whether a contradiction of a validator at a height would be of use: none is kept that is as good, none waits to be, and the
    /// chain can punish for it.
    pub(crate) fn is_open(&self, height: u64, validator: Address) -> bool {
        let is_settled = self.settled.get(&validator).is_some_and(|settled| height <= *settled);
        !is_settled && !self.unkept.contains_key(&validator)
    }

    /// Nothing more is to be found out about a validator up to a height.
    pub(crate) fn settle(&mut self, validator: Address, height: u64) {
        if self.settled.len() >= MAX_SETTLED && !self.settled.contains_key(&validator) {
            let lowest = self.settled.iter().min_by_key(|(_, height)| **height).map(|(validator, _)| *validator);
            lowest.and_then(|lowest| self.settled.remove(&lowest));
        }
        let settled = self.settled.entry(validator).or_default();
        *settled = height.max(*settled);
    }

    /// A contradiction could not be stored; it is tried again.
    pub(crate) fn put_off(&mut self, found: Contradiction) {
        if self.unkept.len() < MAX_UNKEPT {
            self.unkept.insert(found.validator, found);
        }
    }

    /// What could not be stored, to try it again.
    pub(crate) fn take_unkept(&mut self) -> Vec<Contradiction> {
        core::mem::take(&mut self.unkept).into_values().collect()
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
