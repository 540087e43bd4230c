//! What has to hold after each step.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::B256;
use chain::rules::EMPTY_BLOCK_PAUSE_S;
use chain::{Contradiction, validators_hash};
use consensus::{Message, NilOrVal, VoteType};

use super::{CHAIN_ID, Node};

/// What was seen so far.
pub(crate) struct Record {
    /// Hash and state root of each height, as the first node committed them.
    decided: BTreeMap<u64, (B256, B256)>,
    /// What each node said: a vote of each kind and a proposal in each round of each height.
    votes: BTreeMap<(usize, u64, i64, bool), NilOrVal<consensus::BlockId>>,
    proposals: BTreeMap<(usize, u64, i64), B256>,
    checked: BTreeMap<usize, usize>,
    /// Somebody wants blocks without transactions.
    pub(crate) takes_empty_blocks: bool,
    pub(crate) accused: BTreeSet<usize>,
    /// What proves accusations to the contract.
    pub(crate) contradictions: Vec<Contradiction>,
}

impl Record {
    pub(crate) fn new() -> Self {
        Self {
            decided: BTreeMap::new(),
            votes: BTreeMap::new(),
            proposals: BTreeMap::new(),
            checked: BTreeMap::new(),
            takes_empty_blocks: false,
            accused: BTreeSet::new(),
            contradictions: Vec::new(),
        }
    }

    /// Agreement, validity, equal state roots and certificates of what a node committed.
    pub(crate) fn check_step(&mut self, nodes: &[Node], index: usize, submitted: &BTreeSet<B256>) {
        let Some(engine) = &nodes[index].engine else { return };
        if nodes[index].lie.is_some() {
            return;
        }
        let fresh = engine.host().fresh();
        let checked = self.checked.entry(index).or_default();
        // A node that was started again counts anew.
        *checked = (*checked).min(fresh.len());
        for &height in &fresh[*checked..] {
            let snapshot = engine.host().chain().snapshot().unwrap();
            let block = snapshot.block_at(height).unwrap().unwrap();
            let (hash, root) = (block.header.hash(), block.header.state_root);
            let agreed = self.decided.entry(height).or_insert((hash, root));
            assert_eq!(*agreed, (hash, root), "node {index} disagrees about height {height}");
            if block.transactions.is_empty() {
                assert!(self.takes_empty_blocks, "block {height} has no transactions");
                let parent = snapshot.header_at(height - 1).unwrap().unwrap();
                let pause_s = block.header.timestamp - parent.timestamp;
                assert!(pause_s >= EMPTY_BLOCK_PAUSE_S, "block {height} without transactions came after {pause_s} s");
            }
            for transaction in &block.transactions {
                assert!(submitted.contains(&transaction.hash()), "block {height} has a transaction that nobody sent");
            }
            let certificate = snapshot.certificate_at(height).unwrap().unwrap();
            certificate.verify(CHAIN_ID, height, hash, &snapshot.validators_at(height).unwrap()).unwrap();
            let next = snapshot.validators_at(height + 1).unwrap();
            assert_eq!(block.header.extra_data.as_ref(), validators_hash(CHAIN_ID, &next).as_slice());
        }
        *checked = fresh.len();
    }

    /// A node that keeps the rules says one thing in each place, also after a crash.
    pub(crate) fn check_statement(&mut self, index: usize, message: &Message) {
        match message {
            Message::Vote(vote) => {
                let is_precommit = vote.kind == VoteType::Precommit;
                let place = (index, vote.height.0, vote.round.as_i64(), is_precommit);
                let said = self.votes.entry(place).or_insert(vote.block);
                assert_eq!(*said, vote.block, "node {index} voted twice: {place:?}");
            }
            Message::Proposal { proposal, .. } => {
                let place = (proposal.height.0, proposal.round.as_i64());
                // Proposals of others may be sent on.
                let proposer = self.proposals.len();
                let said = self.proposals.entry((index, place.0, place.1)).or_insert(proposal.block.0);
                assert_eq!(*said, proposal.block.0, "node {index} proposed twice: {place:?} ({proposer} proposals)");
            }
            _ => {}
        }
    }

    /// Nobody is accused who kept the rules.
    pub(crate) fn check_accusation(
        &mut self,
        nodes: &[Node],
        accused: usize,
        height: u64,
        contradiction: Option<Box<Contradiction>>,
    ) {
        assert!(nodes[accused].lie.is_some(), "node {accused} is accused at height {height} and kept the rules");
        self.accused.insert(accused);
        if let Some(found) = contradiction {
            assert!(found.holds(CHAIN_ID) && found.validator == nodes[accused].key.address() && found.height == height);
            self.contradictions.push(*found);
        }
    }

    pub(crate) fn decided(&self) -> &BTreeMap<u64, (B256, B256)> {
        &self.decided
    }
}
