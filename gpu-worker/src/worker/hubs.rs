//! All hubs that the worker serves, with one number of slots for all of them. Pure; the caller reads the clock.

use std::time::Instant;

use shared::capability::{Capability, ModelOffer};
use shared::id::LeaseId;
use shared::protocol::{HubMessage, WorkerMessage};

use super::budget::{Budget, Share};
use super::state::{Effect, Worker};
use crate::hub::HubNumber;

/// Something to do, and the hub that it concerns.
pub type Routed = (HubNumber, Effect);

#[derive(Debug)]
pub struct Hubs {
    workers: Vec<Worker>,
    budget: Budget,
}

impl Hubs {
    /// `slots` is how many jobs run at once. `finished` are the leases with a result in each hub's outbox.
    pub fn new(offers: &[ModelOffer], slots: usize, finished: Vec<Vec<LeaseId>>) -> Self {
        let budget = Budget::new(slots, finished.len());
        let worker = |(number, finished)| Worker::new(HubNumber(number), offers, slots, finished);
        Self { workers: finished.into_iter().enumerate().map(worker).collect(), budget }
    }

    /// What the worker has of one hub.
    pub fn of(&self, hub: HubNumber) -> Option<&Worker> {
        self.workers.get(hub.0)
    }

    /// Jobs that the runners have.
    pub fn running(&self) -> usize {
        self.workers.iter().map(Worker::running).sum()
    }

    pub fn is_draining(&self) -> bool {
        self.workers.iter().any(Worker::is_draining)
    }

    /// Draining, and no job runs any more.
    pub fn is_idle(&self) -> bool {
        self.workers.iter().all(Worker::is_idle)
    }

    /// Idle, and no result waits.
    pub fn is_done(&self) -> bool {
        self.workers.iter().all(Worker::is_done)
    }

    /// Something happened with one hub. What it means for the slots of the others follows.
    pub fn at(&mut self, hub: HubNumber, now: Instant, act: impl FnOnce(&mut Worker) -> Vec<Effect>) -> Vec<Routed> {
        let effects = self.workers.get_mut(hub.0).map_or_else(Vec::new, act);
        let slots = self.lend(now);
        effects.into_iter().map(|effect| (hub, effect)).chain(slots).collect()
    }

    /// Something happened that concerns every hub.
    pub fn each(&mut self, now: Instant, mut act: impl FnMut(&mut Worker) -> Vec<Effect>) -> Vec<Routed> {
        let mut effects = Vec::new();
        for (number, worker) in self.workers.iter_mut().enumerate() {
            effects.extend(act(worker).into_iter().map(|effect| (HubNumber(number), effect)));
        }
        effects.extend(self.lend(now));
        effects
    }

    pub fn hub_message(&mut self, hub: HubNumber, message: HubMessage, now: Instant) -> Vec<Routed> {
        let Some(worker) = self.workers.get_mut(hub.0) else { return Vec::new() };
        let effects = worker.hub_message(message, now);
        if matches!(effects[..], [Effect::Send(WorkerMessage::Decline { .. })]) {
            self.budget.turned_away(hub.0);
        }
        self.at(hub, now, |_| effects)
    }

    /// There was no room for a message to the hub.
    pub fn not_sent(&mut self, hub: HubNumber, message: WorkerMessage) {
        if let Some(worker) = self.workers.get_mut(hub.0) {
            worker.not_sent(message);
        }
    }

    /// Serves with other devices from now on: fewer, more, or none.
    pub fn offer(&mut self, capability: Option<&Capability>, now: Instant) -> Vec<Routed> {
        self.budget.resize(capability.map_or(0, |capability| capability.slots as usize));
        self.each(now, |worker| worker.offer(capability))
    }

    /// A slot that was kept for a hub may be free for all.
    pub fn look(&mut self, now: Instant) -> Vec<Routed> {
        self.lend(now)
    }

    /// When to [look](Self::look), whatever happens before.
    pub fn look_again_at(&self) -> Option<Instant> {
        self.budget.look_again_at()
    }

    fn lend(&mut self, now: Instant) -> Vec<Routed> {
        let share = |worker: &Worker| Share { taken: worker.slots_taken(), is_serving: worker.is_serving() };
        let lent = self.budget.lend(self.workers.iter().map(share).collect(), now);
        let of_hub = self.workers.iter_mut().zip(lent).enumerate();
        of_hub.filter_map(|(number, (worker, slots))| Some((HubNumber(number), worker.lend(slots)?))).collect()
    }
}
