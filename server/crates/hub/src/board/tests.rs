//! The board under random histories: jobs end at most once, slots are never exceeded, nothing is lost.

mod auditing;
mod auditors;
mod choice;
mod fairness;
mod history;
mod idling;
mod marketplace;
mod newcomers;
mod other_hubs;
mod paused;
mod paying;
mod refusing;
mod servable;
mod sharing;
mod waiting;
mod why_idle;

use std::sync::Arc;

use shared::amount::Amount;
use shared::api::jobs::StepProgress;
use shared::escrow::TaskCount;
use shared::job::lifecycle::{Blame, MAX_FAULTS};
use shared::job::request::ValidJob;
use shared::protocol::Piece;

use super::fixtures::{capability, image_job, text_job};
use super::*;
use crate::lease::{HEARTBEAT_BLIND_MS, RETURN_MS};

fn identity() -> HubIdentity {
    HubIdentity {
        hub_id: "test-hub".into(),
        chain_id: 24_822,
        minter: Address::repeat_byte(2),
        escrow: Address::repeat_byte(3),
        attester: Address::repeat_byte(0xa7),
    }
}

/// Without audits, which have tests of their own.
fn board() -> Board {
    Board::new(identity(), [7; 32], PinnedModels::default(), [])
        .with_audits(crate::audit::Draw::Never)
        .with_controls(crate::audit::Draw::Never)
}

fn open_job(number: u128) -> OpenJob {
    job_of(number, image_job("scenes"), UnixMillis(900_000))
}

fn job_of(number: u128, request: ValidJob, deadline: UnixMillis) -> OpenJob {
    shared_job(number, request, deadline, TaskCount::ONE)
}

fn shared_job(number: u128, request: ValidJob, deadline: UnixMillis, tasks: TaskCount) -> OpenJob {
    let (id, client) = (JobId::from_random(number), Address::repeat_byte(0xc1));
    OpenJob::new(id, number as i64, client, Arc::new(request), deadline, tasks)
}

/// A result that held, with bits that draw an audit only where every result is drawn.
fn verified(lease: &Lease) -> Input {
    let (lease_id, units) = (lease.id, lease.terms.units);
    Input::ResultVerified(VerifiedResult { lease_id, units, bits: [0xff; 32], compared: None })
}

/// The inputs by name, for those that fit.
trait Inputs {
    fn take(&mut self, input: Input, now: UnixMillis) -> Vec<Effect>;

    fn submitted(&mut self, job: OpenJob, now: UnixMillis) -> Vec<Effect> {
        self.take(Input::Submit(job), now)
    }

    fn joined(&mut self, arrival: Arrival, now: UnixMillis) -> Vec<Effect> {
        self.take(Input::Join(Box::new(arrival)), now)
    }

    fn left(&mut self, miner: Address, session: u64, now: UnixMillis) -> Vec<Effect> {
        self.take(Input::Leave { miner, session: SessionNumber(session) }, now)
    }

    fn hear(&mut self, miner: Address, session: u64, now: UnixMillis) {
        self.take(Input::Heard { miner, session: SessionNumber(session) }, now);
    }

    fn lists(&mut self, miner: Address, leases: &[LeaseId], now: UnixMillis) -> Vec<Effect> {
        self.take(Input::Heartbeat { miner, leases: leases.to_vec() }, now)
    }

    fn failed(&mut self, lease: &Lease, failure: Failure, now: UnixMillis) -> Vec<Effect> {
        self.take(Input::Fail { lease_id: lease.id, miner: lease.miner, failure }, now)
    }

    fn shows_work(&mut self, lease: &Lease, progress: StepProgress, piece: Option<Piece>, now: UnixMillis) {
        self.take(Input::Progress { lease_id: lease.id, miner: lease.miner, progress, piece }, now);
    }

    fn delivered(&mut self, lease: &Lease, now: UnixMillis) {
        self.take(Input::ResultReceived { lease_id: lease.id, miner: lease.miner }, now);
    }

    fn served(&mut self, lease: &Lease, now: UnixMillis) -> Vec<Effect> {
        self.delivered(lease, now);
        self.take(verified(lease), now)
    }
}

impl Inputs for Board {
    fn take(&mut self, input: Input, now: UnixMillis) -> Vec<Effect> {
        self.apply(input, now).unwrap()
    }
}

fn task(job: &OpenJob) -> &job::OpenTask {
    &job.tasks[&TaskRole::Serve]
}

fn arrival(number: u8, session: u64, slots: u32) -> Arrival {
    let capability = Capability { slots, ..capability("scenes", 1_000_000) };
    Arrival {
        address: Address::repeat_byte(number),
        session: SessionNumber(session),
        capability,
        slots_lent: slots,
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

const NOW: UnixMillis = UnixMillis(1_000);

fn pause(since: UnixMillis) -> MinerPause {
    MinerPause { reason: "maintenance".into(), since_unix_ms: since }
}

#[test]
fn jobs_go_out_in_order_as_slots_come_free() {
    let mut board = board();
    assert!(granted(&board.submitted(open_job(1), NOW)).is_empty());
    board.submitted(open_job(2), NOW);
    let first = granted(&board.joined(arrival(1, 1, 1), NOW));
    assert_eq!(first.iter().map(|lease| lease.task.job_id).collect::<Vec<_>>(), [JobId::from_random(1)]);
    assert_eq!(board.overlay(JobId::from_random(2), NOW).unwrap().queue_position, Some(0));
    let second = granted(&board.served(&first[0], NOW));
    assert_eq!(second[0].task.job_id, JobId::from_random(2));
}

#[test]
fn pieces_of_a_text_join_where_it_ends_and_go_with_their_lease() {
    let mut board = board();
    let job = job_of(1, text_job("scenes"), UnixMillis(900_000));
    let id = job.id;
    board.submitted(job, NOW);
    let mut arriving = arrival(1, 1, 1);
    arriving.capability.offers[0].kind = shared::job::JobKind::Text;
    arriving.capability.offers[0].unit_type = shared::unit::UnitType::Token;
    arriving.capability.offers[0].unit_price = crate::price::max_unit_price(shared::unit::UnitType::Token);
    let lease = granted(&board.joined(arriving, NOW)).remove(0);
    let done = StepProgress { step: 1, steps: 64 };
    let mut write = |at, text: &str| {
        board.shows_work(&lease, done, Some(Piece { at, text: text.into() }), NOW);
        board.job(id).unwrap().text().to_owned()
    };
    assert_eq!(write(0, "Øre"), "Øre");
    assert_eq!(write(2, "x"), "Øre", "a piece that overlaps");
    assert_eq!(write(5, "x"), "Øre", "a piece after one that was lost");
    assert_eq!(write(4, "sund"), "Øresund");
    let long = "x".repeat(shared::job::text::OUTPUT_MAX_BYTES);
    assert_eq!(write(8, &long), "Øresund", "a piece beyond the limit of a text");
    assert_eq!(write(0, "Kattegat"), "Kattegat", "the miner began anew");
    board.left(lease.miner, 1, NOW);
    assert_eq!(board.job(id).unwrap().text(), "");
}

#[test]
fn a_lost_connection_returns_its_jobs_at_once_and_blames_the_network() {
    let mut board = board();
    board.submitted(open_job(1), NOW);
    let lease = granted(&board.joined(arrival(1, 1, 1), NOW)).remove(0);
    board.left(lease.miner, 1, NOW);
    let life = &task(board.job(lease.task.job_id).unwrap()).life;
    assert_eq!((life.state, life.faults[0].blame), (JobState::Queued, Blame::Network));
    let again = granted(&board.joined(arrival(2, 2, 1), NOW));
    assert_eq!(again[0].task.job_id, lease.task.job_id);
    assert_eq!(receive(&mut board, lease.id, lease.miner), Err(BoardError::LeaseEnded(lease.id)));
}

fn receive(board: &mut Board, lease_id: LeaseId, miner: Address) -> Result<(), BoardError> {
    board.apply(Input::ResultReceived { lease_id, miner }, NOW).map(drop)
}

#[test]
fn only_the_holder_brings_a_result_and_only_once() {
    let mut board = board();
    board.submitted(open_job(1), NOW);
    let lease = granted(&board.joined(arrival(1, 1, 1), NOW)).remove(0);
    let other = Address::repeat_byte(9);
    assert!(matches!(receive(&mut board, lease.id, other), Err(BoardError::NotTheHolder { .. })));
    let verified = verified(&lease);
    let unseen = board.apply(verified.clone(), NOW).unwrap_err();
    assert!(matches!(unseen, BoardError::Transition(_)), "no result is verified before it came: {unseen}");
    receive(&mut board, lease.id, lease.miner).unwrap();
    let cancel = Input::Cancel { job_id: lease.task.job_id };
    assert_eq!(receive(&mut board, lease.id, lease.miner), Err(BoardError::BeingVerified(lease.id)));
    assert_eq!(board.apply(cancel.clone(), NOW).unwrap_err(), BoardError::BeingVerified(lease.id));
    let effects = board.take(verified.clone(), NOW);
    assert!(matches!(&effects[0], Effect::Complete { moved, .. } if moved.job == JobState::Completed), "{effects:?}");
    assert!(board.job(lease.task.job_id).is_none());
    assert_eq!(board.apply(verified, NOW).unwrap_err(), BoardError::LeaseEnded(lease.id));
    assert_eq!(board.apply(cancel, NOW).unwrap_err(), BoardError::NotOpen(lease.task.job_id));
}

#[test]
fn a_miner_that_fails_three_times_fails_the_job() {
    let mut board = board();
    board.submitted(open_job(1), NOW);
    let mut effects = board.joined(arrival(1, 1, 1), NOW);
    for _ in 0..MAX_FAULTS {
        let lease = granted(&effects).remove(0);
        effects = board.failed(&lease, failure(Blame::Miner, true), NOW);
    }
    assert!(granted(&effects).is_empty());
    let failed =
        effects.iter().any(|effect| matches!(effect, Effect::Move { moved, .. } if moved.job == JobState::Failed));
    assert!(failed && board.job(JobId::from_random(1)).is_none());
}

fn failure(blame: Blame, retryable: bool) -> Failure {
    Failure { blame, retryable, reason: "input.prompt is 1 to 255 tokens for this model, got 900".into() }
}

/// A board on which one job is held by the first of these miners; its effects and the lease.
fn held_by_first(arrivals: &[Arrival]) -> (Board, Lease) {
    let mut board = board();
    let first = arrivals.first().cloned().unwrap();
    board.joined(first, NOW);
    let lease = granted(&board.submitted(open_job(1), NOW)).remove(0);
    for arrival in &arrivals[1..] {
        board.joined(arrival.clone(), NOW);
    }
    (board, lease)
}

/// The fault that ended a job.
fn ends_failed(effects: &[Effect]) -> Vec<Blame> {
    let failed = effects.iter().find_map(|effect| match effect {
        Effect::Move { moved: Moved { life, .. }, .. } if life.state == JobState::Failed => Some(life.faults.clone()),
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
    let (mut board, lease) = held_by_first(&[arrival(1, 1, 2), arrival(2, 2, 1), arrival(3, 3, 1)]);
    let effects = board.failed(&lease, failure(Blame::Input, false), NOW);
    let second = granted(&effects).remove(0);
    assert!(second.miner != lease.miner && ends_failed(&effects).is_empty(), "{effects:?}");
    let explained = board.explain(lease.task.job_id).unwrap();
    let first = explained.miners.iter().find(|explained| explained.miner == lease.miner).unwrap();
    assert!(!first.eligible && first.reason.contains("said that it cannot serve it"), "{explained:?}");
    let effects = board.failed(&second, failure(Blame::Input, false), NOW);
    assert_eq!(ends_failed(&effects), [Blame::Input, Blame::Input]);
    assert!(granted(&effects).is_empty() && counted_faults(&effects).is_empty(), "{effects:?}");
    assert!(board.miners().all(|(_, miner)| (miner.faults, miner.leases_ended) == (0, 0)));
}

#[test]
fn a_refused_input_fails_at_once_where_nobody_else_serves_the_job() {
    let (mut board, lease) = held_by_first(&[arrival(1, 1, 1)]);
    let effects = board.failed(&lease, failure(Blame::Input, false), NOW);
    assert_eq!(ends_failed(&effects), [Blame::Input]);
    assert!(granted(&effects).is_empty() && board.job(lease.task.job_id).is_none());
    assert_eq!(board.miner(lease.miner).unwrap().faults, 0);
}

#[test]
fn a_refused_input_waits_for_a_busy_miner_and_no_longer_than_it_is_there() {
    let (mut board, lease) = held_by_first(&[arrival(1, 1, 1), arrival(2, 2, 1)]);
    let busy = granted(&board.submitted(open_job(2), NOW)).remove(0);
    let refused = failure(Blame::Input, false);
    let effects = board.failed(&lease, refused, NOW);
    assert!(granted(&effects).is_empty() && ends_failed(&effects).is_empty(), "{effects:?}");
    assert_eq!(board.job(lease.task.job_id).unwrap().state(), JobState::Queued);
    let other = board.submitted(open_job(3), NOW);
    assert_eq!(granted(&other).len(), 1, "the first miner is free for other jobs of the model");
    let effects = board.left(busy.miner, 2, NOW);
    assert_eq!(ends_failed(&effects), [Blame::Input]);
}

#[test]
fn a_refusal_that_another_miner_disproves_with_the_same_model_is_a_fault_of_its_own() {
    for (same_model, wrong) in [(true, 1), (false, 0)] {
        let mut other = arrival(2, 2, 1);
        if !same_model {
            other.capability.offers[0].manifest_sha256 = Sha256Digest::of(b"another manifest");
        }
        let (mut board, lease) = held_by_first(&[arrival(1, 1, 1), other]);
        let effects = board.failed(&lease, failure(Blame::Input, false), NOW);
        let second = granted(&effects).remove(0);
        let effects = board.served(&second, NOW);
        assert_eq!(counted_faults(&effects), vec![lease.miner; wrong]);
        let refuser = board.miner(lease.miner).unwrap();
        assert_eq!((refuser.faults, refuser.leases_ended), (wrong as u64, wrong as u64));
    }
}

#[test]
fn a_failure_that_another_try_cannot_mend_costs_one_fault_and_not_three() {
    let (mut board, lease) = held_by_first(&[arrival(1, 1, 1)]);
    let effects = board.failed(&lease, failure(Blame::Miner, false), NOW);
    assert_eq!(ends_failed(&effects), [Blame::Miner]);
    assert_eq!(board.miner(lease.miner).unwrap().faults, 1);
}

#[test]
fn after_a_restart_a_miner_keeps_what_it_names_and_the_rest_returns_without_blame() {
    let mut board = board();
    let before = {
        let mut earlier = self::board();
        earlier.submitted(open_job(1), NOW);
        granted(&earlier.joined(arrival(1, 1, 1), NOW)).remove(0)
    };
    let before = Lease { expected_ms: 116_000, deadline: NOW.plus_ms(600_000), ..before };
    let life = TaskLife::default().apply(TaskEvent::Leased { lease_id: before.id }).unwrap();
    let mut job = open_job(1);
    job.tasks.insert(TaskRole::Serve, job::OpenTask { life, ..Default::default() });
    board.take(Input::Restore { job, leases: vec![before.clone()] }, NOW);
    let mut kept = board.clone();
    let back = Arrival { leases: vec![before.id], ..arrival(1, 1, 1) };
    assert!(granted(&kept.joined(back, NOW)).is_empty());
    let later = NOW.plus_ms(RETURN_MS);
    kept.hear(before.miner, 1, later);
    assert!(!kept.take(Input::Tick, later).iter().any(|effect| matches!(effect, Effect::Move { .. })));
    board.take(Input::Tick, later);
    let life = &task(board.job(before.task.job_id).unwrap()).life;
    assert_eq!((life.state, life.faults[0].blame), (JobState::Queued, Blame::Platform));
}

#[test]
fn a_heartbeat_that_misses_a_lease_takes_it_back_but_not_one_that_crossed_it() {
    let mut board = board();
    board.submitted(open_job(1), NOW);
    let lease = granted(&board.joined(arrival(1, 1, 1), NOW)).remove(0);
    assert!(board.lists(lease.miner, &[], NOW).is_empty());
    let later = NOW.plus_ms(HEARTBEAT_BLIND_MS + 1);
    assert!(board.lists(lease.miner, &[lease.id], later).is_empty());
    let effects = board.lists(lease.miner, &[], later);
    assert!(matches!(&effects[0], Effect::Move { ended: Some(ended), .. } if ended.lease_id == lease.id));
}
