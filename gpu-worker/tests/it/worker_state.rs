//! The worker's decisions under every order of events: nothing is drawn twice, nothing is lost, everything is answered.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use gpu_worker::hub::HubNumber;
use gpu_worker::hub::clock::HubClock;
use gpu_worker::hub::results::Delivered;
use gpu_worker::hub::session::{HubIdentity, Session};
use gpu_worker::worker::agreement::LEASE_MAX;
use gpu_worker::worker::order::{JobEvent, Order};
use gpu_worker::worker::state::{Effect, Worker};
use proptest::prelude::*;
use shared::capability::{Capability, ModelOffer};
use shared::device::{Device, DeviceKind, Engine};
use shared::digest::Sha256Digest;
use shared::id::LeaseId;
use shared::job::JobKind;
use shared::job::lifecycle::Blame;
use shared::protocol::{Assignment, HubMessage, WorkerMessage};
use shared::time::UnixMillis;
use shared::unit::UnitType;

use crate::hub_double::{ESCROW, MINTER, assignment};

/// The hub's time when the session began; far from any machine's.
const HUB_TIME: UnixMillis = UnixMillis(4_000_000_000_000);

const SLOTS: usize = 2;

const FIRST: HubNumber = HubNumber(0);

pub(crate) fn offer() -> ModelOffer {
    ModelOffer {
        model: "test-model".into(),
        kind: JobKind::Image,
        manifest_sha256: Sha256Digest::of(b"manifest"),
        unit_type: UnitType::MegapixelStep,
        unit_price: "0.25".parse().unwrap(),
        measured_micro_units_per_second: 1,
        suggestions: Vec::new(),
        subjects: Vec::new(),
        default_steps: 2,
        default_guidance: 3.0,
        fast: None,
        image_to_image: false,
    }
}

fn session(now: Instant) -> Session {
    let hub = HubIdentity { hub_id: "double".into(), chain_id: 7, minter: MINTER, escrow: ESCROW };
    Session { hub, clock: HubClock::new(HUB_TIME, now), slots_told: SLOTS as u32 }
}

fn lease(number: u128) -> LeaseId {
    assignment(number, 1).lease_id
}

fn job(number: u128) -> Assignment {
    with_deadline(number, HUB_TIME.plus_ms(60_000))
}

fn with_deadline(number: u128, deadline_unix_ms: UnixMillis) -> Assignment {
    let mut assignment = Assignment { deadline_unix_ms, ..assignment(number, 1) };
    assignment.terms.expires_at = shared::receipt::expires_at(deadline_unix_ms);
    assignment
}

/// With one device, and so many slots.
fn capability(slots: usize) -> Capability {
    Capability {
        worker_version: "1".into(),
        engine: Engine { name: "tract".into(), version: "1".into(), provider: "CPU".into() },
        devices: vec![Device { kind: DeviceKind::Cpu, name: "A processor".into(), cores: Some(2), memory_bytes: 1 }],
        offers: vec![offer()],
        slots: slots as u32,
        hardware: None,
    }
}

type Lie = Box<dyn Fn(&mut Assignment)>;

/// What the worker says to an assignment: its reason, where it refuses.
fn refusal(effects: &[Effect]) -> Option<(LeaseId, Blame, String)> {
    match effects {
        [Effect::Send(WorkerMessage::Fail { lease_id, blame, reason, .. })] => {
            Some((*lease_id, *blame, reason.clone()))
        }
        _ => None,
    }
}

#[test]
fn an_assignment_that_lies_is_refused_with_a_word_and_the_session_goes_on() {
    let now = Instant::now();
    let mut worker = Worker::new(FIRST, &[offer()], SLOTS, Vec::new());
    worker.connected(session(now));
    let lies: Vec<(&str, Lie)> = vec![
        ("not sd-15", Box::new(|job| job.model = "sd-15".into())),
        ("the terms pay 0.000001 megapixel_step for work of", Box::new(|job| job.terms.units.0 = 1)),
        (
            "0.249999999999999999 AIT per unit, but 0.25",
            Box::new(|job| {
                job.terms.unit_price = "0.249999999999999999".parse().unwrap();
            }),
        ),
        ("hub_id other, but", Box::new(|job| job.terms.hub_id = "other".into())),
        ("chain_id 8, but the session has 7", Box::new(|job| job.terms.chain_id = 8)),
        ("contract 0x0000", Box::new(|job| job.terms.contract = shared::Address::ZERO)),
        ("the receipt would expire at", Box::new(|job| job.terms.expires_at.0 -= 1)),
        ("the deadline passed", Box::new(|job| job.deadline_unix_ms = HUB_TIME)),
        ("the deadline passed", Box::new(|job| job.deadline_unix_ms = UnixMillis(0))),
        ("s ahead, more than 86400", Box::new(|job| job.deadline_unix_ms = UnixMillis(32_503_680_000_000))),
        ("s ahead, more than", Box::new(|job| job.deadline_unix_ms = UnixMillis(u64::MAX))),
    ];
    for (number, (words, lie)) in lies.into_iter().enumerate() {
        let mut assignment = job(number as u128);
        lie(&mut assignment);
        let lease_id = assignment.lease_id;
        let effects = worker.hub_message(HubMessage::Assign(Box::new(assignment)), now);
        let (refused, blame, reason) = refusal(&effects).expect(words);
        assert_eq!((refused, blame), (lease_id, Blame::Platform));
        assert!(reason.contains(words), "{reason}");
    }
    assert_eq!(worker.leases(), []);
    let honest = worker.hub_message(HubMessage::Assign(Box::new(job(50))), now);
    assert!(matches!(honest[..], [Effect::Send(WorkerMessage::Accept { .. }), Effect::Run(_)]));
}

#[test]
fn more_than_the_slots_is_refused_and_a_canceled_lease_leaves_its_slot() {
    let now = Instant::now();
    let mut worker = Worker::new(FIRST, &[offer()], SLOTS, Vec::new());
    worker.connected(session(now));
    let mut assign = |number| worker.hub_message(HubMessage::Assign(Box::new(job(number))), now);
    assert!(refusal(&assign(1)).is_none() && refusal(&assign(2)).is_none());
    let (_, _, reason) = refusal(&assign(3)).unwrap();
    assert!(reason.contains("2 slots"), "{reason}");
    let canceled = HubMessage::Cancel { lease_id: lease(1), reason: "gone".into() };
    assert!(worker.hub_message(canceled, now).is_empty());
    assert_eq!(worker.leases(), [lease(2)]);
    let next = worker.hub_message(HubMessage::Assign(Box::new(job(4))), now);
    assert!(refusal(&next).is_none());
}

#[test]
fn the_deadline_is_the_hubs_whatever_this_machine_believes() {
    let now = Instant::now();
    let mut worker = Worker::new(FIRST, &[offer()], SLOTS, Vec::new());
    worker.connected(session(now));
    let later = now + Duration::from_secs(20);
    let effects = worker.hub_message(HubMessage::Assign(Box::new(job(1))), later);
    let [_, Effect::Run(order)] = &effects[..] else { panic!("it is not taken: {effects:?}") };
    assert_eq!(order.deadline, now + Duration::from_secs(60));
    assert_eq!(order.clock.at(later), HUB_TIME.plus_ms(20_000));
    let edge = with_deadline(2, HUB_TIME.plus_ms(LEASE_MAX.as_millis() as u64));
    let effects = worker.hub_message(HubMessage::Assign(Box::new(edge)), now);
    assert!(refusal(&effects).is_none(), "a day is not too far");
}

#[test]
fn what_failed_without_a_session_is_said_in_the_next() {
    let now = Instant::now();
    let mut worker = Worker::new(FIRST, &[offer()], SLOTS, Vec::new());
    worker.connected(session(now));
    worker.hub_message(HubMessage::Assign(Box::new(job(1))), now);
    worker.disconnected();
    let failed =
        JobEvent::Failed { lease_id: lease(1), blame: Blame::Miner, retryable: true, reason: "it crashed".into() };
    assert!(worker.job_event(failed).is_empty());
    assert_eq!(worker.leases(), [lease(1)], "the hub must leave the lease until it has heard of its end");
    let effects = worker.connected(session(now));
    assert!(matches!(&refusal(&effects), Some((id, Blame::Miner, _)) if *id == lease(1)));
    assert_eq!(worker.leases(), []);
}

#[test]
fn a_stop_answers_for_everything_that_runs() {
    let now = Instant::now();
    let mut worker = Worker::new(FIRST, &[offer()], SLOTS, Vec::new());
    worker.connected(session(now));
    for number in [1, 2] {
        worker.hub_message(HubMessage::Assign(Box::new(job(number))), now);
    }
    worker.hub_message(HubMessage::Cancel { lease_id: lease(1), reason: "gone".into() }, now);
    let effects = worker.abort("the worker was stopped");
    assert_eq!(refusal(&effects), Some((lease(2), Blame::Miner, "the worker was stopped".into())));
    assert_eq!(worker.leases(), []);
    assert!(worker.is_draining() && worker.abort("again").is_empty());
}

#[test]
fn fewer_devices_are_told_at_once_and_the_jobs_of_the_others_go_on() {
    let now = Instant::now();
    let mut worker = Worker::new(FIRST, &[offer()], SLOTS, Vec::new());
    worker.connected(session(now));
    worker.hub_message(HubMessage::Assign(Box::new(job(1))), now);
    assert!(matches!(worker.offer(Some(&capability(1)))[..], [Effect::Rejoin]));
    assert_eq!(worker.leases(), [lease(1)], "the next registration names it");
    assert!(worker.offer(Some(&capability(1))).is_empty(), "there is no session to end");
    assert!(
        worker.connected(Session { slots_told: 1, ..session(now) }).is_empty(),
        "the registration told the one slot"
    );
    let effects = worker.hub_message(HubMessage::Assign(Box::new(job(2))), now);
    assert!(refusal(&effects).unwrap().2.contains("1 slots"));
}

#[test]
fn without_a_device_it_leaves_once_it_holds_nothing() {
    let now = Instant::now();
    let mut worker = Worker::new(FIRST, &[offer()], SLOTS, vec![lease(7)]);
    worker.connected(session(now));
    assert!(matches!(worker.offer(None)[..], [Effect::Send(WorkerMessage::Drain)]));
    let effects = worker.hub_message(HubMessage::Assign(Box::new(job(1))), now);
    assert!(refusal(&effects).unwrap().2.contains("has no device left"));
    worker.failure_said(lease(1));
    let delivered = Delivered { hub: FIRST, lease_id: lease(7), job_id: None, refusal: None };
    assert!(matches!(worker.delivered(&delivered)[..], [Effect::Rejoin]));
    assert!(worker.offer(Some(&capability(2))).is_empty());
    assert!(worker.connected(session(now)).is_empty());
    let effects = worker.hub_message(HubMessage::Assign(Box::new(job(2))), now);
    assert!(refusal(&effects).is_none());
}

#[test]
fn a_result_that_the_hub_took_before_the_runner_told_of_it_leaves_nothing_behind() {
    let now = Instant::now();
    let delivered = Delivered { hub: FIRST, lease_id: lease(1), job_id: None, refusal: None };
    let finished = || JobEvent::Finished { lease_id: lease(1) };
    let mut worker = Worker::new(FIRST, &[offer()], 1, Vec::new());
    worker.connected(session(now));
    worker.hub_message(HubMessage::Assign(Box::new(job(1))), now);
    worker.pause();
    assert!(worker.resume().is_empty(), "the job still runs");
    assert!(matches!(worker.delivered(&delivered)[..], [Effect::Rejoin]));
    worker.connected(session(now));
    assert!(refusal(&worker.hub_message(HubMessage::Assign(Box::new(job(2))), now)).is_none(), "its slot is free");
    assert!(worker.job_event(finished()).is_empty());
    assert_eq!((worker.leases(), worker.results_waiting()), (vec![lease(2)], 0));
    let again = worker.hub_message(HubMessage::Assign(Box::new(job(1))), now);
    assert!(refusal(&again).unwrap().2.contains("the lease is over"));
}

#[derive(Debug, Clone)]
enum Event {
    Connect,
    Disconnect,
    Assign(u128),
    Cancel(u128),
    /// The n-th of the runner's orders fails, or ends as it was canceled.
    Fail(usize),
    /// The result of the n-th of them is in the outbox.
    Write(usize),
    /// The runner tells of the n-th result that it wrote, delivered or not.
    Tell(usize),
    Deliver(usize),
    Drain,
    Pause,
    Resume,
    /// The last device is lost.
    Lose,
    /// A device is back.
    Find,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => Just(Event::Connect),
        2 => Just(Event::Disconnect),
        8 => (0..12_u128).prop_map(Event::Assign),
        3 => (0..12_u128).prop_map(Event::Cancel),
        4 => (0..4_usize).prop_map(Event::Fail),
        6 => (0..4_usize).prop_map(Event::Write),
        4 => (0..4_usize).prop_map(Event::Tell),
        4 => (0..4_usize).prop_map(Event::Deliver),
        1 => Just(Event::Drain),
        2 => Just(Event::Pause),
        2 => Just(Event::Resume),
        2 => Just(Event::Lose),
        2 => Just(Event::Find),
    ]
}

/// The world around the worker, and what it has seen of it.
#[derive(Default)]
struct World {
    connected: bool,
    draining: bool,
    paused: bool,
    has_no_device: bool,
    /// A registration may say what has changed, whatever else goes on.
    may_register_anew: bool,
    /// The hub believes that the worker takes nothing new.
    hub_believes_drain: bool,
    /// What the runner has.
    orders: Vec<Order>,
    /// What the runner wrote and did not tell of yet.
    untold: Vec<LeaseId>,
    outbox: Vec<LeaseId>,
    drawn: BTreeSet<LeaseId>,
    finished: BTreeSet<LeaseId>,
    /// Leases whose failure the hub was told of.
    failed: BTreeMap<LeaseId, usize>,
    /// Of these, the ones that the worker does not know of yet.
    heard: Vec<LeaseId>,
    canceled: BTreeSet<LeaseId>,
}

impl World {
    fn see(&mut self, effects: Vec<Effect>) -> Result<(), TestCaseError> {
        for effect in effects {
            match effect {
                Effect::Run(order) => {
                    prop_assert!(
                        !self.draining && !self.paused && !self.has_no_device,
                        "a worker that takes nothing new took a job"
                    );
                    let lease_id = order.assignment.lease_id;
                    prop_assert!(self.drawn.insert(lease_id), "{lease_id} was drawn twice");
                    // A lease that was refused before may be taken later.
                    self.failed.remove(&lease_id);
                    self.orders.push(*order);
                }
                Effect::Rejoin => {
                    let is_over = self.has_no_device || !self.draining && !self.paused;
                    let has_nothing = self.orders.is_empty() && self.outbox.is_empty();
                    prop_assert!(self.connected);
                    let leaves = self.hub_believes_drain && is_over && has_nothing;
                    prop_assert!(self.may_register_anew || leaves, "the session held something");
                    self.connected = false;
                }
                Effect::Send(message) => {
                    prop_assert!(self.connected, "{message:?} was sent without a session");
                    self.hub_believes_drain |= message == WorkerMessage::Drain;
                    if let WorkerMessage::Fail { lease_id, .. } = message {
                        prop_assert!(!self.finished.contains(&lease_id) || !self.outbox.contains(&lease_id));
                        // It was told of an earlier refusal of the lease, and not of this one yet.
                        self.failed.remove(&lease_id);
                        *self.failed.entry(lease_id).or_default() += 1;
                        self.heard.push(lease_id);
                    }
                }
            }
        }
        Ok(())
    }

    fn apply(&mut self, worker: &mut Worker, event: &Event, now: Instant) -> Result<(), TestCaseError> {
        let effects = match event {
            Event::Connect => {
                if self.connected {
                    worker.disconnected();
                }
                self.connected = true;
                self.hub_believes_drain = false;
                let connected = worker.connected(session(now));
                self.see(connected)?;
                // As the shell does where a device was lost while the worker registered with it.
                if self.has_no_device { worker.offer(None) } else { Vec::new() }
            }
            Event::Disconnect => {
                self.connected = false;
                worker.disconnected();
                Vec::new()
            }
            Event::Assign(number) if self.connected => {
                let is_known = worker.leases().contains(&lease(*number)) || self.runs(lease(*number));
                let effects = worker.hub_message(HubMessage::Assign(Box::new(job(*number))), now);
                let is_answered = matches!(
                    effects[..],
                    [Effect::Send(WorkerMessage::Accept { .. }), Effect::Run(_)]
                        | [Effect::Send(WorkerMessage::Fail { .. })]
                );
                prop_assert_eq!(is_answered, !is_known, "{:?}", effects);
                effects
            }
            Event::Cancel(number) if self.connected => {
                let lease_id = lease(*number);
                self.canceled.insert(lease_id);
                let effects = worker.hub_message(HubMessage::Cancel { lease_id, reason: "because".into() }, now);
                let running = self.orders.iter().find(|order| order.assignment.lease_id == lease_id);
                prop_assert!(running.is_none_or(|order| *order.cancel.borrow()), "the runner was not told");
                prop_assert!(running.is_none() || !worker.leases().contains(&lease_id));
                effects
            }
            Event::Fail(which) if !self.orders.is_empty() => {
                let order = self.orders.remove(which % self.orders.len());
                let lease_id = order.assignment.lease_id;
                if *order.cancel.borrow() {
                    worker.job_event(JobEvent::Canceled { lease_id })
                } else {
                    let (blame, reason) = (Blame::Miner, "broken".to_owned());
                    worker.job_event(JobEvent::Failed { lease_id, blame, retryable: true, reason })
                }
            }
            Event::Write(which) if !self.orders.is_empty() => {
                let lease_id = self.orders.remove(which % self.orders.len()).assignment.lease_id;
                prop_assert!(self.finished.insert(lease_id), "{lease_id} has two results");
                self.outbox.push(lease_id);
                self.untold.push(lease_id);
                Vec::new()
            }
            Event::Tell(which) if !self.untold.is_empty() => {
                let lease_id = self.untold.remove(which % self.untold.len());
                worker.job_event(JobEvent::Finished { lease_id })
            }
            Event::Deliver(which) if !self.outbox.is_empty() => {
                let lease_id = self.outbox.remove(which % self.outbox.len());
                worker.delivered(&Delivered { hub: FIRST, lease_id, job_id: None, refusal: None })
            }
            Event::Drain => {
                let effects = worker.drain();
                self.draining = true;
                effects
            }
            Event::Pause => {
                self.paused = true;
                worker.pause()
            }
            Event::Resume => {
                self.paused = false;
                worker.resume()
            }
            Event::Lose => {
                self.has_no_device = true;
                worker.offer(None)
            }
            Event::Find => {
                (self.has_no_device, self.may_register_anew) = (false, true);
                worker.offer(Some(&capability(SLOTS)))
            }
            _ => Vec::new(),
        };
        self.see(effects)?;
        self.heard.drain(..).for_each(|lease_id| worker.failure_said(lease_id));
        self.may_register_anew = false;
        self.check(worker)
    }

    /// As far as the worker has heard.
    fn runs(&self, lease_id: LeaseId) -> bool {
        let is_untold = self.untold.contains(&lease_id) && self.outbox.contains(&lease_id);
        is_untold || self.orders.iter().any(|order| order.assignment.lease_id == lease_id)
    }

    /// Something of it is still to come: it runs, its result waits, or the hub has not heard of its failure.
    fn is_open(&self, lease_id: LeaseId) -> bool {
        let is_said = self.failed.contains_key(&lease_id) || self.finished.contains(&lease_id);
        self.runs(lease_id) || self.outbox.contains(&lease_id) || !is_said
    }

    fn check(&self, worker: &Worker) -> Result<(), TestCaseError> {
        let held: BTreeSet<LeaseId> = worker.leases().into_iter().collect();
        // A hub that is not told would send jobs that fail, or none at all.
        prop_assert!(
            !self.connected || self.hub_believes_drain || !(self.draining || self.paused || self.has_no_device)
        );
        let is_free = self.orders.is_empty() && self.outbox.is_empty();
        let serves = !self.draining && !self.paused && !self.has_no_device;
        prop_assert!(!(self.connected && self.has_no_device && is_free), "it stays with nothing to offer");
        prop_assert!(!(self.connected && serves && is_free && self.hub_believes_drain), "the pause never ends");
        let wanted = self.orders.iter().filter(|order| !*order.cancel.borrow());
        let wanted: BTreeSet<LeaseId> = wanted.map(|order| order.assignment.lease_id).collect();
        prop_assert!(wanted.len() <= SLOTS, "{} jobs for {SLOTS} slots", wanted.len());
        prop_assert!(wanted.is_subset(&held));
        // The hub took a canceled lease back, so its result is worth nothing.
        let is_kept = |lease_id| held.contains(lease_id) || self.canceled.contains(lease_id);
        prop_assert!(self.outbox.iter().all(is_kept));
        prop_assert!(held.iter().all(|lease_id| self.is_open(*lease_id)), "a dead lease is held: {held:?}");
        // Nothing that was taken is forgotten: it runs, waits for the hub, was failed, canceled or handed in.
        for lease_id in &self.drawn {
            let is_over = self.finished.contains(lease_id)
                || self.failed.contains_key(lease_id)
                || self.canceled.contains(lease_id);
            prop_assert!(held.contains(lease_id) || is_over, "{lease_id} is lost");
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn whatever_happens_in_whatever_order(events in prop::collection::vec(event(), 1..120)) {
        let now = Instant::now();
        let mut worker = Worker::new(FIRST, &[offer()], SLOTS, Vec::new());
        let mut world = World::default();
        for event in &events {
            world.apply(&mut worker, event, now)?;
        }
        // However it stands, a drain comes to its end.
        for event in [Event::Connect, Event::Drain] {
            world.apply(&mut worker, &event, now)?;
        }
        while !world.orders.is_empty() {
            world.apply(&mut worker, &Event::Write(0), now)?;
        }
        while !world.outbox.is_empty() {
            world.apply(&mut worker, &Event::Deliver(0), now)?;
        }
        prop_assert!(worker.is_done());
        while !world.untold.is_empty() {
            world.apply(&mut worker, &Event::Tell(0), now)?;
        }
        prop_assert!(worker.is_done());
        prop_assert_eq!(worker.leases(), []);
    }
}

fn fails(effects: &[Effect]) -> Vec<WorkerMessage> {
    let message = |effect: &Effect| match effect {
        Effect::Send(message @ WorkerMessage::Fail { .. }) => Some(message.clone()),
        _ => None,
    };
    effects.iter().filter_map(message).collect()
}

#[test]
fn a_failure_stays_unsaid_until_it_is_sent() {
    let now = Instant::now();
    let mut worker = Worker::new(FIRST, &[offer()], SLOTS, Vec::new());
    worker.connected(session(now));
    worker.hub_message(HubMessage::Assign(Box::new(job(1))), now);
    let failed = JobEvent::Failed { lease_id: lease(1), blame: Blame::Miner, retryable: false, reason: "no".into() };
    let [said] = &fails(&worker.job_event(failed))[..] else { panic!("the failure is not said") };
    // There was no room for it: the lease stays, and the next heartbeat says it.
    worker.not_sent(said.clone());
    assert_eq!(worker.leases(), [lease(1)]);
    assert_eq!(fails(&worker.heartbeat()), std::slice::from_ref(said));
    assert!(fails(&worker.heartbeat()).is_empty(), "it is said once as long as nothing is known of it");
    // The session ends before it is sent: the next one hears it.
    worker.disconnected();
    assert_eq!(worker.leases(), [lease(1)]);
    assert_eq!(fails(&worker.connected(session(now))), std::slice::from_ref(said));
    worker.failure_said(lease(1));
    worker.disconnected();
    assert!(worker.leases().is_empty());
    assert!(fails(&worker.connected(session(now))).is_empty());
}

#[test]
fn an_assignment_whose_client_pays_names_the_escrow_of_the_session_and_is_taken() {
    let now = Instant::now();
    let mut worker = Worker::new(FIRST, &[offer()], SLOTS, Vec::new());
    worker.connected(session(now));
    let mut paid = job(1);
    paid.terms.contract = ESCROW;
    let effects = worker.hub_message(HubMessage::Assign(Box::new(paid)), now);
    assert!(refusal(&effects).is_none());
}
