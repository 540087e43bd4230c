//! The thread of a node: intake, and the way in which its blocks are decided, take turns on it.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use consensus::{Action, Consensus, ConsensusError, Event, Now};

use crate::clock::now_unix_s;
use crate::error::NodeError;
use crate::handle::Shared;
use crate::host::NodeHost;
use crate::intake::{Importing, Intake, ToProducer, Wake};
use crate::validators::Sender;

pub(crate) struct Producer<C> {
    shared: Arc<Shared>,
    intake: Intake,
    consensus: C,
    /// The way to the other validators, where there are any.
    sender: Option<Sender>,
    /// What the monotonic clock counts from.
    started: Instant,
    /// The last time at which transactions were due and consensus was told so. Whether they go into a block then is its
    /// matter, and it is not told of the same time again.
    told_due: Option<Instant>,
}

impl<C: Consensus<Host = NodeHost>> Producer<C> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        arrivals: mpsc::Receiver<ToProducer>,
        consensus: C,
        sender: Option<Sender>,
        started: Instant,
    ) -> Self {
        let intake = Intake::new(Arc::clone(&shared), arrivals);
        Self { shared, intake, consensus, sender, started, told_due: None }
    }

    pub(crate) fn run(mut self) {
        self.handle(Event::TimePassed);
        loop {
            let deadline = self.deadline();
            match self.intake.wait_until(deadline) {
                Wake::Arrivals => self.take_arrivals(),
                Wake::Deadline => {}
                Wake::Closed => break,
            }
            if self.is_time() {
                self.handle(Event::TimePassed);
            }
            self.intake.expire();
        }
        tracing::info!("block producer stopped");
    }

    fn take_arrivals(&mut self) {
        let accepted = self.intake.take_accepted();
        if !accepted.is_empty() {
            self.consensus.host_mut().notice_arrivals();
            self.handle(Event::Transactions(accepted));
        }
        for event in self.intake.take_events() {
            self.handle(event);
        }
        for importing in self.intake.take_imports() {
            self.import(importing);
        }
    }

    fn handle(&mut self, event: Event) {
        let now = self.now();
        match self.consensus.handle(event, now) {
            Ok(actions) => {
                self.carry_out(actions);
                self.report(None);
            }
            Err(error) => {
                if !matches!(error, ConsensusError::Stopped(_)) {
                    tracing::error!(%error, "block could not be made");
                }
                self.report(Some(&error));
            }
        }
    }

    fn import(&mut self, Importing { decided, answer }: Importing) {
        let now = self.now();
        let outcome = match self.consensus.import(*decided, now) {
            Ok((is_new, actions)) => {
                self.carry_out(actions);
                Ok(is_new)
            }
            Err(ConsensusError::Chain(error)) => Err(NodeError::Chain(error)),
            Err(error) => Err(error.into()),
        };
        self.report(None);
        // An error says that nobody waits for the answer.
        let _ = answer.send(outcome);
    }

    /// Tells health checks what keeps blocks from being made, if something does.
    fn report(&self, error: Option<&ConsensusError>) {
        let lasting = self.consensus.fault().map(str::to_owned);
        self.shared.set_fault(lasting.or_else(|| error.map(ToString::to_string)));
    }

    fn carry_out(&self, actions: Vec<Action>) {
        for action in actions {
            match (action, &self.sender) {
                (Action::Broadcast(message), Some(sender)) => sender.broadcast(&message),
                (Action::Send { to, message }, Some(sender)) => sender.send(to, &message),
                (Action::Misbehaviour { height, validator, .. }, _) => {
                    tracing::error!(height, %validator, "a validator contradicted itself under its signature");
                }
                (Action::Broadcast(_) | Action::Send { .. }, None) => {}
            }
        }
    }

    /// Transactions are due that consensus was not told of, or its own time has come.
    fn is_time(&mut self) -> bool {
        if let Some(due) = self.untold_due().filter(|due| *due <= Instant::now()) {
            self.told_due = Some(due);
            return true;
        }
        self.consensus.deadline_ms().is_some_and(|deadline_ms| deadline_ms <= self.now().monotonic_ms)
    }

    fn deadline(&mut self) -> Instant {
        let due = self.untold_due();
        let of_consensus = self.consensus.deadline_ms();
        let of_consensus = of_consensus.map(|deadline_ms| self.started + Duration::from_millis(deadline_ms));
        [due, of_consensus].into_iter().flatten().fold(self.intake.next_expiry(), Instant::min)
    }

    fn untold_due(&mut self) -> Option<Instant> {
        let told = self.told_due;
        self.consensus.host_mut().due().filter(|due| Some(*due) != told)
    }

    fn now(&self) -> Now {
        let elapsed_ms = self.started.elapsed().as_millis();
        Now { monotonic_ms: u64::try_from(elapsed_ms).unwrap_or(u64::MAX), unix_s: now_unix_s() }
    }
}
