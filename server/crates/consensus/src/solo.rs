//! Deciding alone.

use std::sync::Arc;

use chain::{
    Application as _, ChainError, CommitCertificate, DecidedBlock, ExecutedBlock, Import, ValidatorKey, import,
};

use crate::error::ConsensusError;
use crate::heartbeat::Heartbeat;
use crate::message::Message;
use crate::sync::{BlockSync, Question, answer};
use crate::{Action, Consensus, Event, Host, Now};

/// How long after a failed block the next is tried, in milliseconds.
const RETRY_MS: u64 = 1_000;

/// A validator whose own signature is a quorum. It needs no log: a block that was decided is kept until it is written, its
/// certificate leaves only afterwards, and [`Host::record`] is told of it before.
///
/// Where the chain gives others so much power that this is no quorum any more, it makes no block and says so: it has to be
/// started as one among several.
///
/// Each event makes one block at most, so that what arrives meanwhile is taken before the next.
#[derive(Debug)]
pub struct Solo<H> {
    host: H,
    key: ValidatorKey,
    chain_id: u64,
    decided: Option<CommitCertificate>,
    /// When the next block is tried, where one is to be made without another event.
    due_ms: Option<u64>,
    heartbeat: Option<Heartbeat>,
    /// When a block without transactions is due, where there are heartbeats.
    heartbeat_ms: Option<u64>,
    /// Why the last block could not be made.
    fault: Option<String>,
    sync: BlockSync,
}

impl<H: Host> Solo<H> {
    /// Takes the key of the one validator.
    #[must_use]
    pub fn new(host: H, key: ValidatorKey, chain_id: u64) -> Self {
        let (decided, due_ms, heartbeat, heartbeat_ms, fault) = (None, None, None, None, None);
        Self { host, key, chain_id, decided, due_ms, heartbeat, heartbeat_ms, fault, sync: BlockSync::default() }
    }

    /// The same, that also makes blocks without transactions, or none.
    #[must_use]
    pub fn with_heartbeat(self, heartbeat: Option<Heartbeat>) -> Self {
        Self { heartbeat, ..self }
    }

    /// The node's side.
    pub fn host(&self) -> &H {
        &self.host
    }

    /// Makes a block, if something can go into one and none failed a moment ago.
    fn make_block(&mut self, now: Now) -> Result<(), ConsensusError> {
        if self.fault.is_some() && self.due_ms.is_some_and(|due_ms| now.monotonic_ms < due_ms) {
            return Ok(());
        }
        let made = self.decide_and_commit(now)?;
        self.fault = None;
        self.due_ms = (made && self.host.has_waiting()).then_some(now.monotonic_ms);
        self.heartbeat_ms = self.heartbeat_wait_ms(now)?.map(|wait_ms| now.monotonic_ms.saturating_add(wait_ms));
        Ok(())
    }

    /// How long it takes until a block without transactions is due, in milliseconds.
    fn heartbeat_wait_ms(&self, now: Now) -> Result<Option<u64>, ConsensusError> {
        let Some(heartbeat) = self.heartbeat else { return Ok(None) };
        let last_block_unix_s = self.host.application().head()?.timestamp;
        Ok(Some(heartbeat.wait_ms(last_block_unix_s, now)))
    }

    /// The next block: of what waits, or without transactions where one is due.
    fn next_block(&mut self, now: Now) -> Result<Option<Arc<ExecutedBlock>>, ConsensusError> {
        let is_heartbeat_due = self.heartbeat_wait_ms(now)? == Some(0);
        if !self.host.has_waiting() && !is_heartbeat_due {
            return Ok(None);
        }
        self.check_decides()?;
        let made = if self.host.has_waiting() { self.host.propose(now.unix_s)? } else { None };
        Ok(match made {
            None if is_heartbeat_due => Some(self.host.propose_empty(now.unix_s)?),
            made => made,
        })
    }

    /// Decides a block and commits it, or commits the one that was decided before and could not be written. Whether one was
    /// made.
    fn decide_and_commit(&mut self, now: Now) -> Result<bool, ConsensusError> {
        if self.decided.is_none() {
            let Some(executed) = self.next_block(now)? else { return Ok(false) };
            let (height, hash) = (executed.block().header.number, executed.hash());
            let certificate = self.key.decide_alone(self.chain_id, height, hash);
            let certificate = certificate.ok_or(ChainError::Signing { number: height })?;
            self.host.record(&executed, &certificate);
            self.decided = Some(certificate);
        }
        let Some(certificate) = &self.decided else { return Ok(false) };
        match self.host.application().commit(certificate) {
            Ok(executed) => {
                self.decided = None;
                self.host.committed(executed);
                Ok(true)
            }
            Err(error) => {
                if !error.is_retryable() {
                    self.decided = None;
                }
                Err(error.into())
            }
        }
    }

    /// The chain may have taken others among its validators, or this one's place.
    fn check_decides(&self) -> Result<(), ConsensusError> {
        let height = self.head()? + 1;
        let validators = self.host.application().validators_at(height)?;
        let (power, total) = (validators.power_of(self.key.address()).unwrap_or(0), validators.total_power());
        match validators.is_quorum(power) {
            true => Ok(()),
            false => Err(ConsensusError::NotAlone { height, power, total }),
        }
    }

    fn head(&self) -> Result<u64, ConsensusError> {
        Ok(self.host.application().head()?.number)
    }

    fn react(&mut self, event: Event, now: Now) -> Result<Vec<Action>, ConsensusError> {
        let before = self.head()?;
        let mut actions = Vec::new();
        match event {
            Event::Connected(peer) => actions.push(Action::Send { to: peer, message: Message::Status(before) }),
            Event::Message { from, message } => match *message {
                Message::Request(first) if self.sync.may_answer(from, Question::Blocks, now.monotonic_ms) => {
                    actions.extend(answer(&self.host, from, first, u64::MAX)?);
                }
                Message::Transactions(transactions) => {
                    self.host.take(transactions);
                }
                _ => {}
            },
            Event::Transactions(_) | Event::TimePassed => {}
        }
        self.make_block(now)?;
        let head = self.head()?;
        if head > before {
            // Followers ask for the blocks.
            actions.push(Action::Broadcast(Message::Status(head)));
        }
        Ok(actions)
    }
}

impl<H: Host> Consensus for Solo<H> {
    type Host = H;

    fn handle(&mut self, event: Event, now: Now) -> Result<Vec<Action>, ConsensusError> {
        let outcome = self.react(event, now);
        if let Err(error) = &outcome {
            self.fault = Some(error.to_string());
            self.due_ms = Some(now.monotonic_ms.saturating_add(RETRY_MS));
        }
        outcome
    }

    fn import(&mut self, decided: DecidedBlock, _now: Now) -> Result<(bool, Vec<Action>), ConsensusError> {
        match import(self.host.application(), decided)? {
            Import::Known => Ok((false, Vec::new())),
            Import::Committed(executed) => {
                let head = executed.block().header.number;
                // The height has its block: what was decided for it here can stand no more.
                self.decided = None;
                self.host.committed(*executed);
                Ok((true, vec![Action::Broadcast(Message::Status(head))]))
            }
        }
    }

    fn deadline_ms(&self) -> Option<u64> {
        // After a failure the pause counts.
        let heartbeat_ms = self.heartbeat_ms.filter(|_| self.fault.is_none());
        [self.due_ms, heartbeat_ms].into_iter().flatten().min()
    }

    fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    fn host_mut(&mut self) -> &mut H {
        &mut self.host
    }
}
