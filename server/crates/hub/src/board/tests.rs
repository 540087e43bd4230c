//! The board under every history: jobs end at most once, slots are never oversold, nothing is lost.

mod refusing;
mod waiting;

use std::collections::BTreeMap;

use proptest::prelude::*;
use shared::capability::Capability;
use shared::job::lifecycle::{Blame, MAX_FAULTS};
use shared::protocol::Piece;

use super::fixtures::{capability, image_job, text_job};
use super::*;
use crate::lease::{HEARTBEAT_BLIND_MS, REUNION_MS};

fn board() -> Board {
    Board::new(HubIdentity { hub_id: "test-hub".into(), chain_id: 24_822, minter: Address::repeat_byte(2) })
}

fn open_job(number: u128) -> OpenJob {
    OpenJob {
        id: JobId::from_random(number),
        seq: number as i64,
        client: Address::repeat_byte(0xc1),
        job: Arc::new(image_job("scenes")),
        life: Lifecycle::default(),
        deadline: UnixMillis(900_000),
        progress: None,
        text: String::new(),
        failed_by: vec![],
        given_up_by: vec![],
    }
}

fn arrival(number: u8, session: u64, slots: u32) -> Arrival {
    let capability = Capability { slots, ..capability("scenes", 1_000_000) };
    Arrival {
        address: Address::repeat_byte(number),
        session: SessionNumber(session),
        capability,
        leases: vec![],
        leases_ended: 0,
        faults: 0,
    }
}

fn granted(effects: &[Effect]) -> Vec<Lease> {
    let leases = effects.iter().filter_map(|effect| match effect {
        Effect::Grant { lease, .. } => Some(lease.clone()),
        _ => None,
    });
    leases.collect()
}

fn counter() -> impl FnMut() -> u128 {
    let mut next = 0;
    move || {
        next += 1;
        next
    }
}

const NOW: UnixMillis = UnixMillis(1_000);

#[test]
fn jobs_go_out_in_order_as_slots_come_free() {
    let (mut board, mut draw) = (board(), counter());
    assert!(granted(&board.submit(open_job(1), NOW, &mut draw)).is_empty());
    board.submit(open_job(2), NOW, &mut draw);
    let first = granted(&board.miner_joined(arrival(1, 1, 1), NOW, &mut draw).unwrap());
    assert_eq!(first.iter().map(|lease| lease.job_id).collect::<Vec<_>>(), [JobId::from_random(1)]);
    assert_eq!(board.overlay(JobId::from_random(2), NOW).unwrap().queue_position, Some(0));
    board.result_received(first[0].id, first[0].miner).unwrap();
    let second = granted(&board.verified(first[0].id, NOW, &mut draw));
    assert_eq!(second[0].job_id, JobId::from_random(2));
}

#[test]
fn pieces_of_a_text_join_where_it_ends_and_go_with_their_lease() {
    let (mut board, mut draw) = (board(), counter());
    let job = OpenJob { job: Arc::new(text_job("scenes")), ..open_job(1) };
    let id = job.id;
    board.submit(job, NOW, &mut draw);
    let mut arriving = arrival(1, 1, 1);
    arriving.capability.offers[0].kind = shared::job::JobKind::Text;
    arriving.capability.offers[0].unit_type = shared::receipt::UnitType::Token;
    let lease = granted(&board.miner_joined(arriving, NOW, &mut draw).unwrap()).remove(0);
    let done = StepProgress { step: 1, steps: 64 };
    let mut write = |at, text: &str| {
        let piece = Piece { at, text: text.into() };
        board.progress(lease.id, lease.miner, done, Some(&piece), NOW).unwrap();
        board.job(id).unwrap().text.clone()
    };
    assert_eq!(write(0, "Øre"), "Øre");
    assert_eq!(write(2, "x"), "Øre", "a piece that overlaps");
    assert_eq!(write(5, "x"), "Øre", "a piece after one that was lost");
    assert_eq!(write(4, "sund"), "Øresund");
    let long = "x".repeat(shared::job::text::OUTPUT_MAX_BYTES);
    assert_eq!(write(8, &long), "Øresund", "a piece beyond the limit of a text");
    assert_eq!(write(0, "Kattegat"), "Kattegat", "the miner began anew");
    board.miner_left(lease.miner, SessionNumber(1), NOW, &mut draw);
    assert_eq!(board.job(id).unwrap().text, "");
}

#[test]
fn a_lost_connection_returns_its_jobs_at_once_and_blames_the_network() {
    let (mut board, mut draw) = (board(), counter());
    board.submit(open_job(1), NOW, &mut draw);
    let lease = granted(&board.miner_joined(arrival(1, 1, 1), NOW, &mut draw).unwrap()).remove(0);
    board.miner_left(lease.miner, SessionNumber(1), NOW, &mut draw);
    let job = board.job(lease.job_id).unwrap();
    assert_eq!((job.life.state, job.life.faults[0].blame), (JobState::Queued, Blame::Network));
    let again = granted(&board.miner_joined(arrival(2, 2, 1), NOW, &mut draw).unwrap());
    assert_eq!(again[0].job_id, lease.job_id);
    assert_eq!(board.result_received(lease.id, lease.miner).unwrap_err(), BoardError::NoSuchLease(lease.id));
}

#[test]
fn only_the_holder_brings_a_result_and_only_once() {
    let (mut board, mut draw) = (board(), counter());
    board.submit(open_job(1), NOW, &mut draw);
    let lease = granted(&board.miner_joined(arrival(1, 1, 1), NOW, &mut draw).unwrap()).remove(0);
    let other = Address::repeat_byte(9);
    assert!(matches!(board.result_received(lease.id, other), Err(BoardError::NotTheHolder { .. })));
    board.result_received(lease.id, lease.miner).unwrap();
    assert_eq!(board.result_received(lease.id, lease.miner).unwrap_err(), BoardError::BeingVerified);
    assert_eq!(board.cancel(lease.job_id, NOW, &mut draw).unwrap_err(), BoardError::BeingVerified);
    board.verified(lease.id, NOW, &mut draw);
    assert!(board.job(lease.job_id).is_none());
    assert_eq!(board.cancel(lease.job_id, NOW, &mut draw).unwrap_err(), BoardError::NotOpen);
}

#[test]
fn a_miner_that_fails_three_times_fails_the_job() {
    let (mut board, mut draw) = (board(), counter());
    board.submit(open_job(1), NOW, &mut draw);
    let mut effects = board.miner_joined(arrival(1, 1, 1), NOW, &mut draw).unwrap();
    for _ in 0..MAX_FAULTS {
        let lease = granted(&effects).remove(0);
        effects = board.fail(lease.id, lease.miner, &failure(Blame::Miner, true), NOW, &mut draw).unwrap();
    }
    assert!(granted(&effects).is_empty());
    let failed =
        effects.iter().any(|effect| matches!(effect, Effect::Move { life, .. } if life.state == JobState::Failed));
    assert!(failed && board.job(JobId::from_random(1)).is_none());
}

fn failure(blame: Blame, retryable: bool) -> Failure {
    Failure { blame, retryable, reason: "input.prompt is 1 to 255 tokens for this model, got 900".into() }
}

/// A board on which one job is held by the first of these miners; its effects and the lease.
fn held_by_first(arrivals: &[Arrival], draw: &mut dyn FnMut() -> u128) -> (Board, Lease) {
    let mut board = board();
    let first = arrivals.first().cloned().unwrap();
    board.miner_joined(first, NOW, draw).unwrap();
    let lease = granted(&board.submit(open_job(1), NOW, draw)).remove(0);
    for arrival in &arrivals[1..] {
        board.miner_joined(arrival.clone(), NOW, draw).unwrap();
    }
    (board, lease)
}

/// The fault that ended a job.
fn ends_failed(effects: &[Effect]) -> Vec<Blame> {
    let failed = effects.iter().find_map(|effect| match effect {
        Effect::Move { life, .. } if life.state == JobState::Failed => Some(life.faults.clone()),
        _ => None,
    });
    failed.unwrap_or_default().into_iter().map(|fault| fault.blame).collect()
}

fn counted_faults(effects: &[Effect]) -> Vec<Address> {
    let counted = effects.iter().filter_map(|effect| match effect {
        Effect::CountFault { miner, .. } => Some(*miner),
        _ => None,
    });
    counted.collect()
}

#[test]
fn a_refused_input_goes_to_one_other_miner_and_then_fails_without_a_fault_of_either() {
    let mut draw = counter();
    let (mut board, lease) = held_by_first(&[arrival(1, 1, 2), arrival(2, 2, 1), arrival(3, 3, 1)], &mut draw);
    let effects = board.fail(lease.id, lease.miner, &failure(Blame::Input, false), NOW, &mut draw).unwrap();
    let second = granted(&effects).remove(0);
    assert!(second.miner != lease.miner && ends_failed(&effects).is_empty(), "{effects:?}");
    let explained = board.explain(lease.job_id).unwrap();
    let first = explained.miners.iter().find(|explained| explained.miner == lease.miner).unwrap();
    assert!(!first.eligible && first.reason.contains("said that it cannot serve it"), "{explained:?}");
    let effects = board.fail(second.id, second.miner, &failure(Blame::Input, false), NOW, &mut draw).unwrap();
    assert_eq!(ends_failed(&effects), [Blame::Input, Blame::Input]);
    assert!(granted(&effects).is_empty() && counted_faults(&effects).is_empty(), "{effects:?}");
    assert!(board.miners().all(|(_, miner)| (miner.faults, miner.leases_ended) == (0, 0)));
}

#[test]
fn a_refused_input_fails_at_once_where_nobody_else_serves_the_job() {
    let mut draw = counter();
    let (mut board, lease) = held_by_first(&[arrival(1, 1, 1)], &mut draw);
    let effects = board.fail(lease.id, lease.miner, &failure(Blame::Input, false), NOW, &mut draw).unwrap();
    assert_eq!(ends_failed(&effects), [Blame::Input]);
    assert!(granted(&effects).is_empty() && board.job(lease.job_id).is_none());
    assert_eq!(board.miner(lease.miner).unwrap().faults, 0);
}

#[test]
fn a_refused_input_waits_for_a_busy_miner_and_no_longer_than_it_is_there() {
    let mut draw = counter();
    let (mut board, lease) = held_by_first(&[arrival(1, 1, 1), arrival(2, 2, 1)], &mut draw);
    let busy = granted(&board.submit(open_job(2), NOW, &mut draw)).remove(0);
    let refused = failure(Blame::Input, false);
    let effects = board.fail(lease.id, lease.miner, &refused, NOW, &mut draw).unwrap();
    assert!(granted(&effects).is_empty() && ends_failed(&effects).is_empty(), "{effects:?}");
    assert_eq!(board.job(lease.job_id).unwrap().life.state, JobState::Queued);
    let other = board.submit(open_job(3), NOW, &mut draw);
    assert_eq!(granted(&other).len(), 1, "the first miner is free for other jobs of the model");
    let effects = board.miner_left(busy.miner, SessionNumber(2), NOW, &mut draw);
    assert_eq!(ends_failed(&effects), [Blame::Input]);
}

#[test]
fn a_refusal_that_another_miner_disproves_with_the_same_model_is_a_fault_of_its_own() {
    for (same_model, wrong) in [(true, 1), (false, 0)] {
        let mut draw = counter();
        let mut other = arrival(2, 2, 1);
        if !same_model {
            other.capability.offers[0].manifest_sha256 = Sha256Digest::of(b"another manifest");
        }
        let (mut board, lease) = held_by_first(&[arrival(1, 1, 1), other], &mut draw);
        let effects = board.fail(lease.id, lease.miner, &failure(Blame::Input, false), NOW, &mut draw).unwrap();
        let second = granted(&effects).remove(0);
        board.result_received(second.id, second.miner).unwrap();
        let effects = board.verified(second.id, NOW, &mut draw);
        assert_eq!(counted_faults(&effects), vec![lease.miner; wrong]);
        let refuser = board.miner(lease.miner).unwrap();
        assert_eq!((refuser.faults, refuser.leases_ended), (wrong as u64, wrong as u64));
    }
}

#[test]
fn a_failure_that_another_try_cannot_mend_costs_one_fault_and_not_three() {
    let mut draw = counter();
    let (mut board, lease) = held_by_first(&[arrival(1, 1, 1)], &mut draw);
    let effects = board.fail(lease.id, lease.miner, &failure(Blame::Miner, false), NOW, &mut draw).unwrap();
    assert_eq!(ends_failed(&effects), [Blame::Miner]);
    assert_eq!(board.miner(lease.miner).unwrap().faults, 1);
}

#[test]
fn after_a_restart_a_miner_keeps_what_it_names_and_the_rest_returns_without_blame() {
    let (mut board, mut draw) = (board(), counter());
    let before = {
        let mut earlier = self::board();
        earlier.submit(open_job(1), NOW, &mut draw);
        granted(&earlier.miner_joined(arrival(1, 1, 1), NOW, &mut draw).unwrap()).remove(0)
    };
    let before = Lease { work_max_ms: 600_000, deadline: NOW.plus_ms(600_000), ..before };
    let life = Lifecycle::default().apply(JobEvent::Leased { lease_id: before.id }).unwrap();
    board.restore(OpenJob { life, ..open_job(1) }, Some(before.clone()), NOW);
    let back = Arrival { leases: vec![before.id], ..arrival(1, 1, 1) };
    let mut kept = Board { jobs: board.jobs.clone(), ..self::board() };
    kept.leases = board.leases.clone();
    kept.held = board.held.clone();
    assert!(granted(&kept.miner_joined(back, NOW, &mut draw).unwrap()).is_empty());
    let later = NOW.plus_ms(REUNION_MS);
    kept.heard(before.miner, SessionNumber(1), later);
    assert!(!kept.tick(later, &mut draw).iter().any(|effect| matches!(effect, Effect::Move { .. })));
    board.tick(later, &mut draw);
    let job = board.job(before.job_id).unwrap();
    assert_eq!((job.life.state, job.life.faults[0].blame), (JobState::Queued, Blame::Platform));
}

#[test]
fn a_heartbeat_that_misses_a_lease_takes_it_back_but_not_one_that_crossed_it() {
    let (mut board, mut draw) = (board(), counter());
    board.submit(open_job(1), NOW, &mut draw);
    let lease = granted(&board.miner_joined(arrival(1, 1, 1), NOW, &mut draw).unwrap()).remove(0);
    assert!(board.heartbeat(lease.miner, &[], NOW, &mut draw).is_empty());
    let later = NOW.plus_ms(HEARTBEAT_BLIND_MS + 1);
    assert!(board.heartbeat(lease.miner, &[lease.id], later, &mut draw).is_empty());
    let effects = board.heartbeat(lease.miner, &[], later, &mut draw);
    assert!(matches!(&effects[0], Effect::Move { ended: Some(ended), .. } if ended.lease_id == lease.id));
}

#[derive(Debug, Clone)]
enum Step {
    Submit,
    Join(u8),
    Leave(u8),
    Result(usize),
    Verified(usize),
    Refuted(usize),
    Failed(usize, Blame, bool),
    Unverified(usize),
    Cancel(usize),
    Wait(u64),
}

fn any_blame() -> impl Strategy<Value = Blame> {
    prop_oneof![Just(Blame::Miner), Just(Blame::Platform), Just(Blame::Input)]
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Submit),
        2 => (0..4_u8).prop_map(Step::Join),
        1 => (0..4_u8).prop_map(Step::Leave),
        3 => (0..8_usize).prop_map(Step::Result),
        3 => (0..8_usize).prop_map(Step::Verified),
        1 => (0..8_usize).prop_map(Step::Refuted),
        2 => (0..8_usize, any_blame(), any::<bool>()).prop_map(|(index, blame, retryable)| {
            Step::Failed(index, blame, retryable)
        }),
        1 => (0..8_usize).prop_map(Step::Unverified),
        1 => (0..8_usize).prop_map(Step::Cancel),
        1 => (0..60_000_u64).prop_map(Step::Wait),
    ]
}

/// A board with what the outside saw of it.
struct World {
    board: Board,
    now: UnixMillis,
    submitted: u128,
    session: u64,
    ends: BTreeMap<JobId, u32>,
}

impl World {
    fn see(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Move { job_id, life, .. } = effect
                && life.state.is_terminal()
            {
                *self.ends.entry(job_id).or_default() += 1;
            }
        }
    }

    fn lease(&self, index: usize) -> Option<Lease> {
        self.board.leases.values().nth(index).cloned()
    }

    fn take(&mut self, step: Step, draw: &mut dyn FnMut() -> u128) {
        let now = self.now;
        let effects = match step {
            Step::Submit => {
                self.submitted += 1;
                let deadline = now.plus_ms(120_000);
                self.board.submit(OpenJob { deadline, ..open_job(self.submitted) }, now, draw)
            }
            Step::Join(number) => {
                self.session += 1;
                let slots = u32::from(number % 3);
                self.board.miner_joined(arrival(number, self.session, slots), now, draw).unwrap()
            }
            Step::Leave(number) => {
                let address = Address::repeat_byte(number);
                let session = self.board.session_of(address).unwrap_or(SessionNumber(0));
                self.board.miner_left(address, session, now, draw)
            }
            Step::Result(index) => self
                .lease(index)
                .map(|lease| self.board.result_received(lease.id, lease.miner).unwrap_or_default())
                .unwrap_or_default(),
            Step::Verified(index) => {
                let Some(lease) = self.lease(index).filter(|lease| self.is_verifying(lease)) else { return };
                *self.ends.entry(lease.job_id).or_default() += 1;
                self.board.verified(lease.id, now, draw)
            }
            Step::Refuted(index) => {
                let Some(lease) = self.lease(index).filter(|lease| self.is_verifying(lease)) else { return };
                self.board.refuted(lease.id, "blank", now, draw)
            }
            Step::Failed(index, blame, retryable) => {
                let Some(lease) = self.lease(index).filter(|lease| !self.is_verifying(lease)) else { return };
                let faults = |board: &Board| board.miner(lease.miner).map_or(0, |miner| miner.faults);
                let before = faults(&self.board);
                let failed = self.board.fail(lease.id, lease.miner, &failure(blame, retryable), now, draw).unwrap();
                let is_connected = self.board.miner(lease.miner).is_some();
                let counts = u64::from(blame == Blame::Miner && is_connected);
                assert_eq!(faults(&self.board), before + counts, "a miner pays for its own faults alone");
                failed
            }
            Step::Unverified(index) => {
                let Some(lease) = self.lease(index).filter(|lease| self.is_verifying(lease)) else { return };
                self.board.unverified(lease.id)
            }
            Step::Cancel(index) => {
                let job_id = self.board.jobs.keys().nth(index).copied();
                job_id.map(|id| self.board.cancel(id, now, draw).unwrap_or_default()).unwrap_or_default()
            }
            Step::Wait(milliseconds) => {
                self.now = now.plus_ms(milliseconds);
                self.board.tick(self.now, draw)
            }
        };
        self.see(effects);
    }

    fn is_verifying(&self, lease: &Lease) -> bool {
        self.board.jobs[&lease.job_id].life.state == JobState::Verifying
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let board = &self.board;
        let ended: u32 = self.ends.values().sum();
        prop_assert!(self.ends.values().all(|count| *count == 1), "a job ended twice: {:?}", self.ends);
        prop_assert_eq!(u128::from(ended) + board.jobs.len() as u128, self.submitted, "a job was lost");
        for (address, miner) in &board.miners {
            let held = board.held.get(address).map_or(0, BTreeSet::len);
            let late = board.held.get(address).into_iter().flatten().filter(|id| self.is_verifying(&board.leases[id]));
            prop_assert!(held <= miner.capability.slots as usize + late.count(), "{address} is oversold");
        }
        for job in board.jobs.values() {
            let waits = board.queue.get(&job.seq) == Some(&job.id);
            prop_assert_eq!(waits, job.life.state == JobState::Queued);
            let held =
                job.life.lease_id.is_some_and(|id| board.leases.get(&id).is_some_and(|lease| lease.job_id == job.id));
            prop_assert_eq!(held, !waits);
            let gave_up = |miner: &Address| job.given_up_by.iter().any(|given_up| given_up.miner == *miner);
            let holder = job.life.lease_id.and_then(|id| board.leases.get(&id)).map(|lease| lease.miner);
            prop_assert!(!holder.is_some_and(|miner| gave_up(&miner)), "it went back to a miner that gave it up");
        }
        let held: usize = board.held.values().map(BTreeSet::len).sum();
        prop_assert_eq!(held, board.leases.len());
        Ok(())
    }
}

proptest! {
    #[test]
    fn every_history_keeps_every_job_exactly_once(steps in prop::collection::vec(any_step(), 0..120)) {
        let mut world = World { board: board(), now: NOW, submitted: 0, session: 0, ends: BTreeMap::new() };
        let mut draw = counter();
        for step in steps {
            world.take(step, &mut draw);
            world.check()?;
        }
    }
}
