//! What the worker has of one hub, and its decisions: pure, so that tests can try every order of events. [`super::hubs`] says
//! how many slots a hub may fill where there are several.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use shared::capability::{Capability, ModelOffer};
use shared::id::LeaseId;
use shared::job::lifecycle::Blame;
use shared::protocol::{Assignment, HubMessage, WorkerMessage};
use tokio::sync::watch;

use super::agreement::{self, Offers, Refusal};
use super::order::{JobEvent, Order};
use crate::hub::HubNumber;
use crate::hub::results::Delivered;
use crate::hub::session::Session;

/// How many ended leases are remembered, so that a repeated assignment gets no second result.
const ENDED_MAX: usize = 4_096;

/// What the shell must do.
#[derive(Debug)]
pub enum Effect {
    /// Send it in the current session.
    Send(WorkerMessage),
    /// Give it to the job runners.
    Run(Box<Order>),
    /// End the session and register anew: only a registration ends a drain.
    Rejoin,
}

#[derive(Debug)]
pub struct Worker {
    hub: HubNumber,
    offers: Offers,
    slots: usize,
    /// Of the slots, those that this hub may fill now; the others work for other hubs.
    slots_lent: usize,
    /// What the hub of this session was told of them, where that is known.
    slots_told: Option<usize>,
    session: Option<Session>,
    draining: bool,
    paused: bool,
    /// No device is left.
    has_no_device: bool,
    /// Whether the hub of this session was told that the worker drains.
    said_drain: bool,
    /// Leases that run.
    running: BTreeMap<LeaseId, Running>,
    /// Leases with a result that the hub has not acknowledged.
    finished: BTreeSet<LeaseId>,
    /// Failures and declined leases that wait for a session, or for room in it.
    unsaid: BTreeMap<LeaseId, WorkerMessage>,
    /// Those on their way to the hub. They are unsaid again where the session ends before they are sent.
    being_said: BTreeMap<LeaseId, WorkerMessage>,
    ended: EndedLeases,
}

#[derive(Debug)]
struct Running {
    cancel: watch::Sender<bool>,
    watched: watch::Sender<bool>,
}

impl Running {
    fn is_canceled(&self) -> bool {
        *self.cancel.borrow()
    }
}

/// The latest leases that ended here.
#[derive(Debug, Default)]
struct EndedLeases {
    leases: BTreeSet<LeaseId>,
    oldest_first: VecDeque<LeaseId>,
}

impl EndedLeases {
    fn insert(&mut self, lease_id: LeaseId) {
        if self.leases.insert(lease_id) {
            self.oldest_first.push_back(lease_id);
        }
        if self.oldest_first.len() > ENDED_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.leases.remove(&oldest);
        }
    }
}

fn by_name(offers: &[ModelOffer]) -> Offers {
    offers.iter().map(|offer| (offer.model.clone(), offer.clone())).collect()
}

impl Worker {
    /// `slots` is how many jobs run at once. `finished` are leases whose results were in the outbox of this hub when the
    /// worker started.
    pub fn new(hub: HubNumber, offers: &[ModelOffer], slots: usize, finished: Vec<LeaseId>) -> Self {
        Self {
            hub,
            offers: by_name(offers),
            slots,
            slots_lent: slots,
            slots_told: None,
            session: None,
            draining: false,
            paused: false,
            has_no_device: false,
            said_drain: false,
            running: BTreeMap::new(),
            finished: finished.into_iter().collect(),
            unsaid: BTreeMap::new(),
            being_said: BTreeMap::new(),
            ended: EndedLeases::default(),
        }
    }

    /// Leases that this worker still works on or has a result for.
    pub fn leases(&self) -> Vec<LeaseId> {
        let running = self.running.iter().filter(|(_, running)| !running.is_canceled()).map(|(lease_id, _)| lease_id);
        let leases: BTreeSet<_> = running.chain(&self.finished).chain(self.unsaid.keys()).copied().collect();
        leases.into_iter().collect()
    }

    /// Jobs that the runners have.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Slots that this hub's jobs fill. A canceled job leaves its slot.
    pub fn slots_taken(&self) -> usize {
        self.running.values().filter(|running| !running.is_canceled()).count()
    }

    /// Slots that this hub may fill now, with those that it fills.
    pub fn slots_lent(&self) -> usize {
        self.slots_lent
    }

    /// A session is up, and new jobs are taken.
    pub fn is_serving(&self) -> bool {
        self.session.is_some() && !(self.draining || self.paused || self.has_no_device)
    }

    /// Results that the hub has not taken yet.
    pub fn results_waiting(&self) -> usize {
        self.finished.len()
    }

    pub fn is_draining(&self) -> bool {
        self.draining
    }

    /// Draining, and no job runs any more.
    pub fn is_idle(&self) -> bool {
        self.draining && self.running.is_empty()
    }

    /// Idle, and no result waits.
    pub fn is_done(&self) -> bool {
        self.is_idle() && self.finished.is_empty()
    }

    pub fn connected(&mut self, session: Session) -> Vec<Effect> {
        self.slots_told = Some(session.slots_told as usize);
        self.session = Some(session);
        self.said_drain = false;
        let slots = self.say_slots();
        let unsaid = self.say_failures();
        slots.into_iter().chain(unsaid).chain(self.say_drain()).collect()
    }

    /// The hub may fill so many of the slots from now on.
    pub fn lend(&mut self, slots: usize) -> Option<Effect> {
        self.slots_lent = slots.min(self.slots);
        self.say_slots()
    }

    fn say_slots(&mut self) -> Option<Effect> {
        if self.slots_told == Some(self.slots_lent) {
            return None;
        }
        let effect = self.send(WorkerMessage::Slots { slots: u32::try_from(self.slots_lent).unwrap_or(u32::MAX) })?;
        self.slots_told = Some(self.slots_lent);
        Some(effect)
    }

    pub fn disconnected(&mut self) {
        self.end_session();
        self.said_drain = false;
    }

    /// Takes nothing new from here on.
    pub fn drain(&mut self) -> Vec<Effect> {
        self.draining = true;
        self.say_drain().into_iter().collect()
    }

    /// Takes nothing new until [`Self::resume`]; what runs goes on.
    pub fn pause(&mut self) -> Vec<Effect> {
        self.paused = true;
        self.say_drain().into_iter().collect()
    }

    pub fn resume(&mut self) -> Vec<Effect> {
        self.paused = false;
        self.rejoin().into_iter().collect()
    }

    /// Serves with other devices from now on: fewer, more, or none. A new registration tells the hub, and the worker
    /// keeps the leases that it names there. Without a device there is no registration: the worker takes nothing new,
    /// and ends the session once nothing would be lost with it.
    pub fn offer(&mut self, capability: Option<&Capability>) -> Vec<Effect> {
        self.has_no_device = capability.is_none();
        self.offers = by_name(capability.map_or(&[], |capability| &capability.offers));
        self.slots = capability.map_or(0, |capability| capability.slots as usize);
        self.slots_lent = self.slots;
        if self.has_no_device {
            let drain = self.say_drain();
            return drain.into_iter().chain(self.rejoin()).collect();
        }
        self.leave_session().into_iter().collect()
    }

    /// Cancels all running jobs: their results are lost.
    pub fn abort(&mut self, reason: &str) -> Vec<Effect> {
        self.draining = true;
        let wanted: Vec<LeaseId> =
            self.running.iter().filter(|(_, running)| !running.is_canceled()).map(|(lease_id, _)| *lease_id).collect();
        let mut effects = Vec::new();
        for lease_id in wanted {
            self.cancel(lease_id);
            effects.extend(self.fail(lease_id, Blame::Miner, true, reason));
        }
        effects
    }

    fn say_drain(&mut self) -> Option<Effect> {
        let is_news =
            (self.draining || self.paused || self.has_no_device) && self.session.is_some() && !self.said_drain;
        self.said_drain |= is_news;
        is_news.then_some(Effect::Send(WorkerMessage::Drain))
    }

    /// Registers anew after a pause, or ends the session without a device, once nothing would be lost with the session.
    fn rejoin(&mut self) -> Option<Effect> {
        let is_over = self.has_no_device || !(self.draining || self.paused);
        let has_nothing = self.running.is_empty() && self.finished.is_empty();
        (is_over && self.said_drain && has_nothing).then(|| self.leave_session()).flatten()
    }

    /// The next registration settles everything that happens before it.
    fn leave_session(&mut self) -> Option<Effect> {
        self.said_drain = false;
        self.end_session().map(|_| Effect::Rejoin)
    }

    fn end_session(&mut self) -> Option<Session> {
        self.unsaid.append(&mut self.being_said);
        // The next registration does not name a lease that was declined, and so the hub takes it back by itself.
        self.unsaid.retain(|_, message| !matches!(message, WorkerMessage::Decline { .. }));
        self.session.take()
    }

    /// Also says what there was no room for before.
    pub fn heartbeat(&mut self) -> Vec<Effect> {
        let heartbeat = WorkerMessage::Heartbeat { leases: self.leases() };
        let slots = self.say_slots();
        let unsaid = if self.session.is_some() { self.say_failures() } else { Vec::new() };
        slots.into_iter().chain(unsaid).chain(self.send(heartbeat)).collect()
    }

    fn say_failures(&mut self) -> Vec<Effect> {
        let unsaid = std::mem::take(&mut self.unsaid);
        let effects = unsaid.values().cloned().map(Effect::Send).collect();
        self.being_said.extend(unsaid);
        effects
    }

    /// There was no room for a message. The end of a lease, and the slots, are said later; anything else is made good by what
    /// follows it.
    pub fn not_sent(&mut self, message: WorkerMessage) {
        match &message {
            WorkerMessage::Fail { lease_id, .. } | WorkerMessage::Decline { lease_id }
                if self.being_said.remove(lease_id).is_some() =>
            {
                self.unsaid.insert(*lease_id, message);
            }
            WorkerMessage::Slots { .. } => self.slots_told = None,
            _ => {}
        }
    }

    /// The hub was told of a failure, maybe in a session that has ended since.
    pub fn failure_said(&mut self, lease_id: LeaseId) {
        self.being_said.remove(&lease_id);
        self.unsaid.remove(&lease_id);
    }

    pub fn hub_message(&mut self, message: HubMessage, now: Instant) -> Vec<Effect> {
        match message {
            HubMessage::Assign(assignment) => self.assign(*assignment, now),
            HubMessage::Cancel { lease_id, .. } => self.cancel(lease_id),
            HubMessage::Watched { lease_id, watched } => {
                if let Some(running) = self.running.get(&lease_id) {
                    running.watched.send_if_modified(|before| std::mem::replace(before, watched) != watched);
                }
                Vec::new()
            }
            // A notice is for the miner. Messages of the registration are ignored once it is over.
            HubMessage::Notice { .. }
            | HubMessage::Challenge(_)
            | HubMessage::Welcome { .. }
            | HubMessage::Refused { .. } => Vec::new(),
        }
    }

    fn assign(&mut self, assignment: Assignment, now: Instant) -> Vec<Effect> {
        let lease_id = assignment.lease_id;
        // What was lost with the session is settled by the next registration.
        let Some(session) = self.session.clone() else { return Vec::new() };
        if self.running.contains_key(&lease_id) || self.finished.contains(&lease_id) {
            return Vec::new();
        }
        match self.consider(&assignment, &session, now) {
            Ok(deadline) => {
                // A hub that assigns it again has heard of its failure.
                self.being_said.remove(&lease_id);
                let order = Order::new(self.hub, assignment, session.clock, now, deadline);
                self.running.insert(lease_id, Running { cancel: order.cancel.clone(), watched: order.watched.clone() });
                let accept = self.send(WorkerMessage::Accept { lease_id });
                accept.into_iter().chain([Effect::Run(Box::new(order))]).collect()
            }
            Err(Refusal::SlotTaken) => self.give_back(lease_id, WorkerMessage::Decline { lease_id }),
            Err(refusal) => self.fail(lease_id, Blame::Platform, true, &refusal.to_string()),
        }
    }

    fn consider(&self, assignment: &Assignment, session: &Session, now: Instant) -> Result<Instant, Refusal> {
        if self.ended.leases.contains(&assignment.lease_id) {
            return Err(Refusal::LeaseOver);
        }
        if self.draining {
            return Err(Refusal::NotServing("drains"));
        }
        if self.paused {
            return Err(Refusal::NotServing("pauses"));
        }
        if self.has_no_device {
            return Err(Refusal::NotServing("has no device left"));
        }
        let taken = self.slots_taken();
        if taken >= self.slots {
            return Err(Refusal::NoSlot { slots: self.slots });
        }
        let left = agreement::check(assignment, &self.offers, &session.hub, &session.clock, now)?;
        if taken >= self.slots_lent { Err(Refusal::SlotTaken) } else { Ok(now + left) }
    }

    fn cancel(&mut self, lease_id: LeaseId) -> Vec<Effect> {
        if let Some(running) = self.running.get(&lease_id) {
            running.cancel.send_replace(true);
        }
        Vec::new()
    }

    pub fn job_event(&mut self, event: JobEvent) -> Vec<Effect> {
        match event {
            JobEvent::Progress(progress) => self.send(WorkerMessage::Progress(progress)).into_iter().collect(),
            JobEvent::Finished { lease_id } => {
                // A fast hub may accept a result before the runner, which still writes other results, has reported it.
                if self.ended(lease_id) {
                    self.finished.insert(lease_id);
                }
                Vec::new()
            }
            JobEvent::Canceled { lease_id } => {
                self.ended(lease_id);
                self.rejoin().into_iter().collect()
            }
            JobEvent::Failed { lease_id, blame, retryable, reason } => {
                // The hub took the canceled lease back and needs no answer.
                let is_wanted = self.running.get(&lease_id).is_some_and(|running| !running.is_canceled());
                self.ended(lease_id);
                let failed = if is_wanted { self.fail(lease_id, blame, retryable, &reason) } else { Vec::new() };
                failed.into_iter().chain(self.rejoin()).collect()
            }
        }
    }

    /// The hub accepted a result or refused it permanently: the lease is over, whether the runner has reported its end
    /// or not.
    pub fn delivered(&mut self, delivered: &Delivered) -> Vec<Effect> {
        self.ended(delivered.lease_id);
        self.finished.remove(&delivered.lease_id);
        self.rejoin().into_iter().collect()
    }

    /// Returns whether it was still running.
    fn ended(&mut self, lease_id: LeaseId) -> bool {
        self.ended.insert(lease_id);
        self.running.remove(&lease_id).is_some()
    }

    fn fail(&mut self, lease_id: LeaseId, blame: Blame, retryable: bool, reason: &str) -> Vec<Effect> {
        self.give_back(lease_id, WorkerMessage::fail(lease_id, blame, retryable, reason))
    }

    fn give_back(&mut self, lease_id: LeaseId, message: WorkerMessage) -> Vec<Effect> {
        let effect = self.send(message.clone());
        let place = if effect.is_some() { &mut self.being_said } else { &mut self.unsaid };
        place.insert(lease_id, message);
        effect.into_iter().collect()
    }

    fn send(&self, message: WorkerMessage) -> Option<Effect> {
        self.session.is_some().then_some(Effect::Send(message))
    }
}
