//! What messages of others do.

use alloy_primitives::Address;
use chain::rules::EMPTY_BLOCK_PAUSE_S;
use chain::{Application as _, Block, ChainError, Import, ReceivedBlock, import_received};
use malachite_consensus::{Input, ProposedValue};
use malachite_types::{Validity, ValueOrigin};

use super::Bft;
use super::double_commits::Checked;
use crate::Host;
use crate::blocks::KeptBlock;
use crate::context::{Height, PolkaCertificate, RoundCertificate, SignedProposal, SignedVote};
use crate::error::ConsensusError;
use crate::log::LogStorage;
use crate::message::Message;
use crate::sync::{Question, answer};

/// Most rounds ahead of this validator's own in which a block is executed and a commit is remembered.
pub(super) const MAX_ROUNDS_AHEAD: u32 = malachite_consensus::MAX_FUTURE_ROUND_LOOKAHEAD;

/// Which height a message is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Past,
    Present,
    Future,
}

impl<H: Host, S: LogStorage> Bft<H, S> {
    pub(super) fn receive(&mut self, from: Address, message: Message) -> Result<(), ConsensusError> {
        let next = self.next_height;
        match message {
            Message::Status(head) if head >= next => self.ask(from, head),
            Message::Status(head) if head + 1 < next => self.tell_head(from),
            Message::Status(_) => {}
            Message::Request(first) => {
                if self.sync.may_answer(from, Question::Blocks, self.now.monotonic_ms) {
                    let actions = answer(&self.host, from, first, u64::MAX)?;
                    self.effects.actions.extend(actions);
                }
            }
            Message::Decided(decided) => self.take_decided(from, *decided)?,
            Message::Transactions(transactions) => {
                if self.host.take(transactions) {
                    self.has_nothing_to_propose = false;
                }
            }
            Message::Proposal { proposal, block } => match self.place(from, proposal.height)? {
                Place::Present => self.take_proposal(proposal, *block)?,
                Place::Past | Place::Future => {}
            },
            Message::Vote(vote) => match self.place(from, vote.height)? {
                Place::Present => self.take_vote(from, vote)?,
                Place::Past => self.look_at_vote(from, &vote)?,
                Place::Future => {}
            },
            Message::Polka(certificate) => self.take_polka(from, certificate)?,
            Message::Round(certificate) => self.take_round(from, certificate)?,
        }
        Ok(())
    }

    /// Whether a message is about the height after the head. One of a later height shows that blocks are missing here, one
    /// of an earlier that its sender misses some.
    fn place(&mut self, from: Address, height: Height) -> Result<Place, ConsensusError> {
        match height.0.cmp(&self.next_height) {
            core::cmp::Ordering::Equal => Ok(Place::Present),
            core::cmp::Ordering::Greater => {
                self.ask(from, height.0 - 1);
                Ok(Place::Future)
            }
            core::cmp::Ordering::Less => {
                if self.sync.may_answer(from, Question::OldMessage, self.now.monotonic_ms) {
                    let actions = answer(&self.host, from, height.0, 1)?;
                    self.effects.actions.extend(actions);
                    self.send(from, Message::Status(self.head()));
                }
                Ok(Place::Past)
            }
        }
    }

    fn take_polka(&mut self, from: Address, certificate: PolkaCertificate) -> Result<(), ConsensusError> {
        match self.place(from, certificate.height)? {
            Place::Present => self.feed(Input::PolkaCertificate(certificate)),
            Place::Past | Place::Future => Ok(()),
        }
    }

    fn take_round(&mut self, from: Address, certificate: RoundCertificate) -> Result<(), ConsensusError> {
        let place = self.place(from, certificate.height)?;
        if place == Place::Present {
            self.feed(Input::RoundCertificate(certificate.clone()))?;
        }
        if place == Place::Future { Ok(()) } else { self.look_at_round(from, &certificate) }
    }

    fn take_vote(&mut self, from: Address, vote: SignedVote) -> Result<(), ConsensusError> {
        if self.rules.is_some() {
            self.feed(Input::Vote(vote.clone()))?;
            // The rules count a vote after checking its signature.
            let counted = self.rules.as_ref().is_some_and(|rules| rules.driver.votes().has_vote(&vote));
            if counted {
                self.heard.vote(&vote);
            }
        } else if self.members.power_of(vote.validator.0).is_some() && self.effects.check.vote_holds(&vote) {
            self.heard.vote(&vote);
            self.early.insert((vote.validator.0, vote.kind), vote.clone());
        }
        self.look_at_vote(from, &vote)
    }

    fn take_proposal(&mut self, proposal: SignedProposal, block: Block) -> Result<(), ConsensusError> {
        let hash = block.header.hash();
        let proposer = self.members.proposer(proposal.height, proposal.round).address();
        let latest = self.round().saturating_add(MAX_ROUNDS_AHEAD);
        let round = proposal.round.as_u32().unwrap_or_default();
        if hash != proposal.block.0
            || block.header.number != self.next_height
            || proposer != proposal.proposer.0
            || round > latest
            || !self.effects.check.proposal_holds(&proposal)
        {
            tracing::debug!(height = self.next_height, round, "proposal dropped");
            return Ok(());
        }
        let is_new = self.effects.blocks.get(hash).is_none();
        if is_new {
            if !self.effects.blocks.has_room(round) {
                return Ok(());
            }
            let Some(is_valid) = self.judge(&block) else { return Ok(()) };
            let needed = self.needed_block();
            let kept = KeptBlock { block, round, proposer, is_valid, is_logged: false };
            self.effects.blocks.insert(kept, needed);
        }
        if self.rules.is_none() {
            self.begin_height()?;
        }
        let value = ProposedValue {
            height: proposal.height,
            round: proposal.round,
            valid_round: proposal.valid_round,
            proposer: proposal.proposer,
            value: proposal.block,
            validity: Validity::from_bool(self.effects.blocks.get(hash).is_some_and(|kept| kept.is_valid)),
        };
        self.feed(Input::Proposal(proposal))?;
        if is_new { self.feed(Input::ProposedValue(value, ValueOrigin::Consensus)) } else { Ok(()) }
    }

    /// Executes a proposed block; `None` if the chain could not say whether it is valid.
    fn judge(&self, block: &Block) -> Option<bool> {
        // By its header alone, so that all judge alike.
        let earliest_unix_s = self.head_unix_s.saturating_add(EMPTY_BLOCK_PAUSE_S);
        if block.transactions.is_empty() && block.header.timestamp < earliest_unix_s {
            let height = block.header.number;
            tracing::warn!(height, earliest_unix_s, "proposed block has no transactions and comes too soon");
            return Some(false);
        }
        match self.host.application().validate(block.clone(), self.now.unix_s) {
            Ok(_) => Some(true),
            Err(error) if error.is_retryable() => {
                tracing::error!(%error, "proposed block could not be executed");
                None
            }
            Err(error) => {
                tracing::warn!(%error, "proposed block is invalid");
                Some(false)
            }
        }
    }

    fn take_decided(&mut self, from: Address, received: ReceivedBlock) -> Result<(), ConsensusError> {
        let (number, certificate) = (received.header().number, received.certificate().clone());
        if number > self.next_height {
            return Ok(());
        }
        if number < self.next_height {
            return self.look_at(&certificate, Checked::No { from });
        }
        match import_received(self.host.application(), received, self.effects.check.chain_id) {
            Ok(Import::Committed(executed)) => self.commit_done(*executed, &certificate),
            Ok(Import::Known) => Ok(()),
            Err(error) if error.is_retryable() => Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, height = number, "decided block refused");
                if matches!(error, ChainError::NotOnHead { .. }) && !self.has_asked_for_fork {
                    // A quorum signed it, so there are two branches. The block before it shows who decided both.
                    self.has_asked_for_fork = true;
                    self.send(from, Message::Request(self.head()));
                }
                Ok(())
            }
        }
    }

    fn ask(&mut self, peer: Address, tip: u64) {
        let asked = self.sync.hear(peer, tip, self.next_height, self.now.monotonic_ms);
        self.effects.actions.extend(asked);
    }

    fn tell_head(&mut self, peer: Address) {
        if self.sync.may_answer(peer, Question::OldMessage, self.now.monotonic_ms) {
            self.send(peer, Message::Status(self.head()));
        }
    }
}
