//! Deciding with others.

mod decide;
mod double_commits;
mod gossip;
mod receive;
mod replay;

use std::collections::BTreeMap;

use alloy_primitives::Address;
use chain::{Application as _, DecidedBlock, Import, import};
use malachite_consensus::{Input, Params, State, process};
use malachite_types::{LinearTimeouts, ThresholdParams, TimeoutKind, ValuePayload, VoteExtensionPolicy, VoteType};

use crate::blocks::KeptBlocks;
use crate::commits::SeenCommits;
use crate::context::{ChainContext, Height, Members, SignedVote};
use crate::effects::Effects;
use crate::error::ConsensusError;
use crate::heard::Heard;
use crate::heartbeat::Heartbeat;
use crate::log::{Log, LogStorage, check_sound};
use crate::message::Message;
use crate::old_signatures::OldSignatures;
use crate::signing::{SignatureCheck, Signer};
use crate::sync::BlockSync;
use crate::timers::Timers;
use crate::{Action, Consensus, Event, Host, Now};

/// How often peers are told of this validator's head, in milliseconds. One that was cut off learns so that it is behind.
const STATUS_INTERVAL_MS: u64 = 10_000;
/// Heights whose inputs the rules may keep for later. Only inputs of the present height are handed to them.
const QUEUED_HEIGHTS: usize = 1;
const QUEUED_INPUTS: usize = 1;

/// A validator among others.
///
/// A height begins when there is a reason: a transaction waits here, a block is proposed, or others vote. While there
/// is none, timers stand still. This is as safe as a slow network, and it keeps an idle chain silent.
pub struct Bft<H, S> {
    host: H,
    /// The rules' state of the height that is being decided; `None` until there is a reason to begin it.
    rules: Option<State<ChainContext>>,
    effects: Effects<S>,
    /// The height after the head.
    next_height: u64,
    members: Members,
    heard: Heard,
    /// Votes that came before the height began: one of each kind from each validator.
    early: BTreeMap<(Address, VoteType), SignedVote>,
    commits: SeenCommits,
    old_signatures: OldSignatures,
    /// When proofs that the disk did not take are stored again.
    keep_retry_ms: Option<u64>,
    /// The latest round of the height before, as this validator saw it.
    previous_round: u32,
    /// At this height a block of another branch came, and its sender was asked for the block before it.
    has_asked_for_fork: bool,
    sync: BlockSync,
    now: Now,
    are_timers_paused: bool,
    /// A proposal was wanted and nothing could run; new transactions or time may change that.
    has_nothing_to_propose: bool,
    commit_retry_ms: Option<u64>,
    /// Why the decided block could not be written.
    commit_fault: Option<String>,
    status_due_ms: u64,
    heartbeat: Option<Heartbeat>,
    /// The time of the head.
    head_unix_s: u64,
    /// Why this validator signs nothing more.
    stopped: Option<String>,
}

impl<H: Host, S: LogStorage> Bft<H, S> {
    /// Opens the log and says again what it holds for the height after the head. Where the log cannot be trusted, it is left as it
    /// is, and the validator has [stopped](Self::stopped).
    ///
    /// # Errors
    /// As [`Consensus::handle`].
    pub fn open(
        host: H,
        signer: Signer,
        timeouts: LinearTimeouts,
        mut storage: S,
        now: Now,
    ) -> Result<Self, ConsensusError> {
        let head = host.application().head()?;
        let next_height = head.number + 1;
        let members = members_at(&host, next_height)?;
        let (log, logged) = match check_sound(&mut storage, next_height) {
            Ok(()) => {
                let (log, entries) = Log::open(storage, next_height)?;
                (log, Ok(entries))
            }
            Err(error @ ConsensusError::DamagedLog(_)) => (Log::untouched(storage, next_height), Err(error)),
            Err(error) => return Err(error),
        };
        let check = SignatureCheck { chain_id: signer.chain_id() };
        let effects = Effects {
            signer,
            check,
            timeouts,
            timers: Timers::default(),
            log,
            blocks: KeptBlocks::default(),
            actions: Vec::new(),
            decided: None,
            wanted: None,
            is_replaying: false,
            now_ms: now.monotonic_ms,
            failure: None,
        };
        let mut opened = Self {
            host,
            rules: None,
            effects,
            next_height,
            members,
            heard: Heard::default(),
            early: BTreeMap::new(),
            commits: SeenCommits::default(),
            old_signatures: OldSignatures::default(),
            keep_retry_ms: None,
            previous_round: 0,
            has_asked_for_fork: false,
            sync: BlockSync::default(),
            now,
            are_timers_paused: true,
            has_nothing_to_propose: false,
            commit_retry_ms: None,
            commit_fault: None,
            status_due_ms: now.monotonic_ms,
            heartbeat: None,
            head_unix_s: head.timestamp,
            stopped: None,
        };
        if let Some(certificate) = opened.host.application().certificate_at(next_height - 1)? {
            opened.previous_round = certificate.round;
            opened.look_at(&certificate, double_commits::Checked::Yes)?;
        }
        match logged.and_then(|entries| opened.say_again(&entries)) {
            Ok(()) => opened.settle()?,
            Err(error @ ConsensusError::DamagedLog(_)) => {
                tracing::error!(%error, height = next_height, "this validator signs nothing");
                opened.stop(&error);
            }
            Err(error) => return Err(error),
        }
        Ok(opened)
    }

    /// The same, that also wants blocks without transactions, or none.
    #[must_use]
    pub fn with_heartbeat(self, heartbeat: Option<Heartbeat>) -> Self {
        Self { heartbeat, ..self }
    }

    /// The node's side.
    pub fn host(&self) -> &H {
        &self.host
    }

    /// The height that is decided next.
    #[must_use]
    pub fn next_height(&self) -> u64 {
        self.next_height
    }

    /// Why this validator signs nothing more, if so; for health checks.
    #[must_use]
    pub fn stopped(&self) -> Option<&str> {
        self.stopped.as_deref()
    }

    /// Whether nothing is being decided and nobody waits for this validator.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.rules.is_none() || self.are_timers_paused
    }

    fn begin_height(&mut self) -> Result<(), ConsensusError> {
        let height = Height(self.next_height);
        if self.effects.log.height() != height.0 {
            self.effects.log.begin(height.0)?;
        }
        let params = Params {
            address: self.effects.signer.address(),
            threshold_params: ThresholdParams::default(),
            value_payload: ValuePayload::ProposalAndParts,
            enabled: true,
        };
        let members = self.members.clone();
        self.rules = Some(State::new(ChainContext, height, members.clone(), params, QUEUED_HEIGHTS, QUEUED_INPUTS));
        self.feed(Input::StartHeight(height, members, false, None, VoteExtensionPolicy::Disabled))?;
        for (_, vote) in core::mem::take(&mut self.early) {
            self.feed(Input::Vote(vote))?;
        }
        Ok(())
    }

    /// Hands an input to the rules, if a height has begun.
    fn feed(&mut self, input: Input<ChainContext>) -> Result<(), ConsensusError> {
        let Some(rules) = self.rules.as_mut() else { return Ok(()) };
        let effects = &mut self.effects;
        let outcome: Result<(), malachite_consensus::Error<ChainContext>> =
            process!(input: input, state: rules, metrics: &(), with: effect => effects.perform(effect));
        if let Some(failure) = self.effects.failure.take() {
            return Err(failure);
        }
        outcome.map_err(|error| ConsensusError::Rules { height: self.next_height, reason: error.to_string() })
    }

    fn react(&mut self, event: Event) -> Result<(), ConsensusError> {
        match event {
            Event::Connected(peer) => self.send(peer, Message::Status(self.head())),
            Event::Transactions(transactions) => {
                self.has_nothing_to_propose = false;
                for part in gossip::gossip_parts(transactions) {
                    self.effects.broadcast(Message::Transactions(part));
                }
            }
            Event::TimePassed => self.let_time_pass()?,
            Event::Message { from, message } => self.receive(from, *message)?,
        }
        Ok(())
    }

    fn let_time_pass(&mut self) -> Result<(), ConsensusError> {
        let now_ms = self.now.monotonic_ms;
        self.has_nothing_to_propose = false;
        if self.status_due_ms <= now_ms {
            self.tell_status();
        }
        let asked_again = self.sync.expire(self.next_height, now_ms);
        self.effects.actions.extend(asked_again);
        if self.commit_retry_ms.is_some_and(|retry_ms| retry_ms <= now_ms) {
            self.commit_retry_ms = None;
        }
        self.keep_again();
        while !self.are_timers_paused
            && let Some(timeout) = self.effects.timers.take_due(now_ms)
        {
            self.feed(Input::TimeoutElapsed(timeout))?;
            if timeout.kind == TimeoutKind::Rebroadcast {
                self.tell_again();
            }
            self.settle()?;
        }
        Ok(())
    }

    fn tell_status(&mut self) {
        self.status_due_ms = self.now.monotonic_ms.saturating_add(STATUS_INTERVAL_MS);
        let head = self.head();
        self.effects.broadcast(Message::Status(head));
    }

    /// A height takes long: perhaps the others lack what this validator has, or have gone on without it.
    fn tell_again(&mut self) {
        let waiting = self.host.waiting();
        if !waiting.is_empty() {
            self.effects.broadcast(Message::Transactions(waiting));
        }
        self.tell_status();
    }

    /// Does what the event made possible, until nothing more can be done now.
    fn settle(&mut self) -> Result<(), ConsensusError> {
        loop {
            if self.effects.decided.is_some() {
                if self.commit_retry_ms.is_some() || !self.commit()? {
                    break;
                }
            } else if self.rules.is_none() && self.has_reason() {
                self.begin_height()?;
            } else if !self.propose()? {
                break;
            }
        }
        let is_paused = self.rules.is_some() && !self.has_reason();
        if self.are_timers_paused && !is_paused {
            self.effects.timers.restart(self.now.monotonic_ms, &self.effects.timeouts);
        }
        self.are_timers_paused = is_paused;
        Ok(())
    }

    fn stop(&mut self, error: &ConsensusError) {
        self.effects.actions.clear();
        self.stopped = Some(error.to_string());
    }

    fn is_heartbeat_due(&self) -> bool {
        self.heartbeat.is_some_and(|heartbeat| heartbeat.wait_ms(self.head_unix_s, self.now) == 0)
    }

    /// When a block without transactions is due; `None` once it is, since then the height has begun.
    fn heartbeat_deadline_ms(&self) -> Option<u64> {
        let wait_ms = self.heartbeat?.wait_ms(self.head_unix_s, self.now);
        (wait_ms > 0).then(|| self.now.monotonic_ms.saturating_add(wait_ms))
    }

    fn has_reason(&self) -> bool {
        self.host.has_waiting()
            || self.is_heartbeat_due()
            || !self.effects.blocks.is_empty()
            || self.heard.is_a_reason(&self.members, self.effects.signer.address(), self.round())
    }

    fn send(&mut self, to: Address, message: Message) {
        self.effects.actions.push(Action::Send { to, message });
    }

    fn head(&self) -> u64 {
        self.next_height - 1
    }

    fn round(&self) -> u32 {
        self.rules.as_ref().and_then(|rules| rules.round().as_u32()).unwrap_or_default()
    }
}

impl<H: Host, S: LogStorage> Bft<H, S> {
    /// Does one thing and what it made possible, and returns what is to be said.
    fn step(
        &mut self,
        now: Now,
        act: impl FnOnce(&mut Self) -> Result<(), ConsensusError>,
    ) -> Result<Vec<Action>, ConsensusError> {
        if let Some(reason) = &self.stopped {
            return Err(ConsensusError::Stopped(reason.clone()));
        }
        self.now = now;
        self.effects.now_ms = now.monotonic_ms;
        let done = act(self).and_then(|()| self.settle());
        // Nothing that was signed leaves before it would survive a crash.
        let synced = self.effects.log.sync().map_err(ConsensusError::from);
        match synced.and(done) {
            Ok(()) => Ok(core::mem::take(&mut self.effects.actions)),
            Err(error) => {
                if !error.is_retryable() {
                    self.stop(&error);
                }
                Err(error)
            }
        }
    }
}

impl<H: Host, S: LogStorage> Consensus for Bft<H, S> {
    type Host = H;

    fn handle(&mut self, event: Event, now: Now) -> Result<Vec<Action>, ConsensusError> {
        self.step(now, |bft| bft.react(event))
    }

    fn import(&mut self, decided: DecidedBlock, now: Now) -> Result<(bool, Vec<Action>), ConsensusError> {
        if let Some(reason) = &self.stopped {
            return Err(ConsensusError::Stopped(reason.clone()));
        }
        let certificate = decided.certificate.clone();
        match import(self.host.application(), decided)? {
            Import::Known => Ok((false, Vec::new())),
            Import::Committed(executed) => Ok((true, self.step(now, |bft| bft.commit_done(*executed, &certificate))?)),
        }
    }

    fn deadline_ms(&self) -> Option<u64> {
        if self.stopped.is_some() {
            return None;
        }
        let timer = if self.are_timers_paused { None } else { self.effects.timers.next_deadline_ms() };
        let others = [self.commit_retry_ms, self.keep_retry_ms, self.sync.deadline_ms(), Some(self.status_due_ms)];
        [timer, self.heartbeat_deadline_ms()].into_iter().chain(others).flatten().min()
    }

    fn fault(&self) -> Option<&str> {
        self.stopped.as_deref().or(self.commit_fault.as_deref())
    }

    fn host_mut(&mut self) -> &mut H {
        &mut self.host
    }
}

fn members_at(host: &impl Host, height: u64) -> Result<Members, ConsensusError> {
    let set = host.application().validators_at(height)?;
    Members::new(&set).ok_or_else(|| ConsensusError::TotalPower { height, given: set.total_power() })
}
