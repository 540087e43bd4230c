//! Catching up: who is asked for decided blocks, and what is answered to those who ask.

use std::collections::BTreeMap;

use alloy_primitives::Address;

use crate::error::ConsensusError;
use crate::message::Message;
use crate::{Action, Host};

/// Most decided blocks in the answer to one request.
pub const MAX_SYNC_BLOCKS: u64 = 32;
/// The answer to one request ends with the block that reaches this many bytes.
pub const MAX_SYNC_BYTES: usize = 4 * 1024 * 1024;
/// How long an answer is waited for, in milliseconds.
const ANSWER_TIMEOUT_MS: u64 = 2_000;
/// How long a peer that did not answer is asked no more, in milliseconds.
const SILENT_PEER_PAUSE_MS: u64 = 10_000;
/// How often one peer is answered at most, in milliseconds, for each kind of answer.
const ANSWER_PAUSE_MS: u64 = 20;
/// Most peers of which something is remembered.
pub(crate) const MAX_REMEMBERED_PEERS: usize = 1_024;

/// The request that is under way.
#[derive(Clone, Copy, Debug)]
struct Asked {
    peer: Address,
    /// The last height that the answer can hold.
    last: u64,
    until_ms: u64,
    /// It has sent a block that was missing.
    has_answered: bool,
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Question {
    /// A request for blocks.
    Blocks,
    /// A message that shows that its sender is behind.
    OldMessage,
}

#[derive(Debug, Default)]
pub(crate) struct BlockSync {
    asked: Option<Asked>,
    /// The highest block that each peer claims to have.
    tips: BTreeMap<Address, u64>,
    /// Peers that did not answer, and until when they are asked no more.
    silent: BTreeMap<Address, u64>,
    next_answer_ms: BTreeMap<(Address, Question), u64>,
}

impl BlockSync {
    /// A peer claims to have the blocks up to `tip`. Asks for what is missing from `next` on, unless a request is under way.
    pub(crate) fn hear(&mut self, peer: Address, tip: u64, next: u64, now_ms: u64) -> Option<Action> {
        if self.tips.len() >= MAX_REMEMBERED_PEERS {
            self.tips.retain(|_, tip| *tip >= next);
        }
        if self.tips.len() < MAX_REMEMBERED_PEERS {
            self.tips.insert(peer, tip);
        }
        self.ask(next, now_ms)
    }

    /// `next` is missing now: asks on, if the answer is at its end.
    pub(crate) fn took(&mut self, next: u64, now_ms: u64) -> Option<Action> {
        if let Some(asked) = &mut self.asked {
            if next <= asked.last && self.tips.get(&asked.peer).is_some_and(|tip| *tip >= next) {
                // The peer is answering, so it has the whole time for the next block.
                asked.until_ms = now_ms.saturating_add(ANSWER_TIMEOUT_MS);
                asked.has_answered = true;
                return None;
            }
            self.asked = None;
        }
        self.ask(next, now_ms)
    }

    /// Gives up a request that was not answered in time, and asks another peer.
    pub(crate) fn expire(&mut self, next: u64, now_ms: u64) -> Option<Action> {
        let asked = self.asked.take_if(|asked| asked.until_ms <= now_ms)?;
        self.silent.retain(|_, until_ms| now_ms < *until_ms);
        if !asked.has_answered {
            // A peer that claims more than it gives is no better than one that is gone.
            self.tips.remove(&asked.peer);
            self.silent.insert(asked.peer, now_ms.saturating_add(SILENT_PEER_PAUSE_MS));
        }
        self.ask(next, now_ms)
    }

    pub(crate) fn deadline_ms(&self) -> Option<u64> {
        self.asked.map(|asked| asked.until_ms)
    }

    fn ask(&mut self, next: u64, now_ms: u64) -> Option<Action> {
        if self.asked.is_some() {
            return None;
        }
        let is_silent = |peer: &Address| self.silent.get(peer).is_some_and(|until_ms| now_ms < *until_ms);
        let (&peer, _) = self.tips.iter().find(|(peer, tip)| **tip >= next && !is_silent(peer))?;
        let last = next.saturating_add(MAX_SYNC_BLOCKS - 1);
        let until_ms = now_ms.saturating_add(ANSWER_TIMEOUT_MS);
        self.asked = Some(Asked { peer, last, until_ms, has_answered: false });
        Some(Action::Send { to: peer, message: Message::Request(next) })
    }

    /// Whether a peer may be answered now. Each peer is answered after a pause, so that questions cost little.
    pub(crate) fn may_answer(&mut self, peer: Address, question: Question, now_ms: u64) -> bool {
        if self.next_answer_ms.get(&(peer, question)).is_some_and(|next_ms| now_ms < *next_ms) {
            return false;
        }
        if self.next_answer_ms.len() >= MAX_REMEMBERED_PEERS {
            self.next_answer_ms.retain(|_, next_ms| now_ms < *next_ms);
        }
        self.next_answer_ms.insert((peer, question), now_ms.saturating_add(ANSWER_PAUSE_MS));
        true
    }
}

/// The decided blocks from `first` on, as far as one answer goes.
pub(crate) fn answer(host: &impl Host, to: Address, first: u64, most: u64) -> Result<Vec<Action>, ConsensusError> {
    let (mut actions, mut bytes) = (Vec::new(), 0);
    for height in first..first.saturating_add(most.min(MAX_SYNC_BLOCKS)) {
        let Some(decided) = host.decided_block(height)? else { break };
        bytes += decided.block.size_bytes();
        actions.push(Action::Send { to, message: Message::Decided(Box::new(decided.into())) });
        if bytes >= MAX_SYNC_BYTES {
            break;
        }
    }
    Ok(actions)
}
