//! One number of slots for several hubs, under every order of events.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use gpu_worker::hub::HubNumber;
use gpu_worker::hub::clock::HubClock;
use gpu_worker::hub::session::{HubIdentity, Session};
use gpu_worker::worker::budget::KEPT_FOR;
use gpu_worker::worker::hubs::{Hubs, Routed};
use gpu_worker::worker::order::{JobEvent, Order};
use gpu_worker::worker::state::{Effect, Worker};
use proptest::prelude::*;
use shared::id::LeaseId;
use shared::protocol::{Assignment, HubMessage, WorkerMessage};

use crate::hub_double::{ESCROW, MINTER, assignment};
use crate::worker_state::offer;

const SLOTS: usize = 2;
const HUBS: usize = 3;

const ID: [&str; HUBS] = ["one", "two", "three"];

/// A job by the terms of a hub. Lease ids are those of each hub alone, so two hubs may draw the same.
fn job(hub: usize, number: u128) -> Assignment {
    let mut job = assignment(number, 1);
    (job.terms.hub_id, job.terms.chain_id) = (ID[hub].into(), hub as u64);
    job
}

#[derive(Debug, Clone)]
enum Event {
    Connect(usize),
    Disconnect(usize),
    Assign(usize),
    Cancel(usize),
    /// The n-th of the orders that run ends.
    Finish(usize),
    /// So many milliseconds pass.
    Wait(u64),
    /// No room was left for what was said last of the slots.
    Lose(usize),
    Heartbeat(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let hub = || 0..HUBS;
    prop_oneof![
        2 => hub().prop_map(Event::Connect),
        1 => hub().prop_map(Event::Disconnect),
        10 => hub().prop_map(Event::Assign),
        1 => hub().prop_map(Event::Cancel),
        6 => (0..SLOTS).prop_map(Event::Finish),
        2 => (0..4_000_u64).prop_map(Event::Wait),
        1 => hub().prop_map(Event::Lose),
        2 => hub().prop_map(Event::Heartbeat),
    ]
}

/// What each hub and the devices see of the worker.
struct World {
    hubs: Hubs,
    now: Instant,
    assigned: u128,
    connected: [bool; HUBS],
    /// What each hub believes that it may fill; nothing where the word of it was lost.
    told: [Option<usize>; HUBS],
    running: Vec<Order>,
    /// Leases that were given back with a reason. A new session hears of them again.
    refused: BTreeSet<(usize, LeaseId)>,
}

impl World {
    fn new() -> Self {
        Self {
            hubs: Hubs::new(&[offer()], SLOTS, vec![Vec::new(); HUBS]),
            now: Instant::now(),
            assigned: 0,
            connected: [false; HUBS],
            told: [None; HUBS],
            running: Vec::new(),
            refused: BTreeSet::new(),
        }
    }

    fn holds(&self, hub: usize) -> usize {
        self.running.iter().filter(|order| order.hub.0 == hub && !order.is_canceled()).count()
    }

    fn see(&mut self, effects: Vec<Routed>) -> Result<(), TestCaseError> {
        for (HubNumber(hub), effect) in effects {
            match effect {
                Effect::Run(order) => {
                    prop_assert_eq!(order.hub.0, hub);
                    prop_assert_eq!(order.assignment.terms.hub_id.as_str(), ID[hub]);
                    self.running.push(*order);
                }
                Effect::Send(WorkerMessage::Slots { slots }) => {
                    prop_assert!(self.connected[hub]);
                    prop_assert!(self.told[hub] != Some(slots as usize), "it was told twice");
                    self.told[hub] = Some(slots as usize);
                }
                Effect::Send(WorkerMessage::Decline { .. }) => {
                    // The hub finds nobody to blame: with this one it holds more than it may.
                    prop_assert!(self.told[hub].is_none_or(|told| self.holds(hub) >= told));
                }
                Effect::Send(WorkerMessage::Fail { lease_id, reason, .. }) => {
                    let is_news = self.refused.insert((hub, lease_id));
                    let is_oversold = self.holds(hub) >= SLOTS;
                    prop_assert!(!is_news || is_oversold || !reason.contains("slots"), "{reason}");
                }
                Effect::Send(_) => prop_assert!(self.connected[hub]),
                Effect::Rejoin => prop_assert!(false, "nothing ends a session here"),
            }
        }
        Ok(())
    }

    fn apply(&mut self, event: &Event) -> Result<(), TestCaseError> {
        let now = self.now;
        let effects = match *event {
            Event::Connect(hub) => {
                // The registration says what is lent.
                let lent = self.hubs.of(HubNumber(hub)).map_or(0, Worker::slots_lent);
                (self.connected[hub], self.told[hub]) = (true, Some(lent));
                let identity =
                    HubIdentity { hub_id: ID[hub].into(), chain_id: hub as u64, minter: MINTER, escrow: ESCROW };
                let clock = HubClock::new(inference::clock::now(), now);
                let session = Session { hub: identity, clock, slots_told: lent as u32 };
                self.hubs.at(HubNumber(hub), now, |worker| worker.connected(session))
            }
            Event::Disconnect(hub) => {
                self.connected[hub] = false;
                self.hubs.at(HubNumber(hub), now, |worker| {
                    worker.disconnected();
                    Vec::new()
                })
            }
            Event::Assign(hub) if self.connected[hub] => {
                self.assigned += 1;
                let message = HubMessage::Assign(Box::new(job(hub, self.assigned / 2)));
                self.hubs.hub_message(HubNumber(hub), message, now)
            }
            Event::Cancel(hub) => match self.running.iter().find(|order| order.hub.0 == hub) {
                Some(order) => {
                    let lease_id = order.assignment.lease_id;
                    let message = HubMessage::Cancel { lease_id, reason: "because".into() };
                    self.hubs.hub_message(HubNumber(hub), message, now)
                }
                None => Vec::new(),
            },
            Event::Finish(which) if !self.running.is_empty() => {
                let order = self.running.remove(which % self.running.len());
                let (hub, lease_id) = order.name();
                let event = match order.is_canceled() {
                    true => JobEvent::Canceled { lease_id },
                    false => JobEvent::Finished { lease_id },
                };
                self.hubs.at(hub, now, |worker| worker.job_event(event))
            }
            Event::Wait(milliseconds) => {
                self.now += Duration::from_millis(milliseconds);
                self.hubs.look(self.now)
            }
            Event::Lose(hub) if self.connected[hub] && self.told[hub].is_some() => {
                self.told[hub] = None;
                self.hubs.not_sent(HubNumber(hub), WorkerMessage::Slots { slots: 0 });
                Vec::new()
            }
            Event::Heartbeat(hub) if self.connected[hub] => {
                self.hubs.at(HubNumber(hub), now, |worker| worker.heartbeat())
            }
            _ => Vec::new(),
        };
        self.see(effects)?;
        self.check()
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let taken: usize = (0..HUBS).map(|hub| self.holds(hub)).sum();
        prop_assert!(taken <= SLOTS, "{taken} jobs in {SLOTS} slots");
        for hub in (0..HUBS).filter(|hub| self.connected[*hub]) {
            let lent = self.hubs.of(HubNumber(hub)).unwrap().slots_lent();
            prop_assert!(self.told[hub].is_none_or(|told| told == lent), "hub {hub} does not know of a change");
            prop_assert!(lent <= SLOTS - (taken - self.holds(hub)), "a slot of another hub is offered to {hub}");
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn no_slot_is_sold_twice_and_each_hub_knows_what_it_may_fill(events in prop::collection::vec(event(), 1..150)) {
        let mut world = World::new();
        for event in &events {
            world.apply(event)?;
        }
        // What is kept for a hub is kept for a while: then every free slot is offered to all.
        world.apply(&Event::Wait(0))?;
        for _ in 0..HUBS {
            world.apply(&Event::Wait(KEPT_FOR.as_millis() as u64))?;
        }
        let taken: usize = (0..HUBS).map(|hub| world.holds(hub)).sum();
        for hub in 0..HUBS {
            let lent = world.hubs.of(HubNumber(hub)).unwrap().slots_lent();
            prop_assert!(taken == SLOTS || lent == SLOTS - (taken - world.holds(hub)));
        }
    }
}

#[test]
fn hubs_that_always_have_jobs_take_turns_in_the_one_slot_of_a_worker() {
    let now = Instant::now();
    let mut hubs = Hubs::new(&[offer()], 1, vec![Vec::new(); 2]);
    for (hub, id) in ID.iter().copied().enumerate().take(2) {
        let identity = HubIdentity { hub_id: id.into(), chain_id: hub as u64, minter: MINTER, escrow: ESCROW };
        let session = Session { hub: identity, clock: HubClock::new(inference::clock::now(), now), slots_told: 1 };
        hubs.at(HubNumber(hub), now, |worker| worker.connected(session));
    }
    let mut served = Vec::new();
    for number in 0..6_u128 {
        // The first hub is nearer, and has always a job before the other.
        for hub in 0..2 {
            let message = HubMessage::Assign(Box::new(job(hub, 2 * number + hub as u128)));
            for (_, effect) in hubs.hub_message(HubNumber(hub), message, now) {
                if let Effect::Run(order) = effect {
                    served.push(order.name());
                }
            }
        }
        let (hub, lease_id) = *served.last().unwrap();
        hubs.at(hub, now, |worker| worker.job_event(JobEvent::Finished { lease_id }));
    }
    let order: Vec<usize> = served.iter().map(|(hub, _)| hub.0).collect();
    assert_eq!(order, [0, 1, 0, 1, 0, 1]);
}
