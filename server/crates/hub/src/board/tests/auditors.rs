//! Which miner audits, and what becomes of an audit that its miner does not begin or does not work on.

use shared::job::request::Work;

use super::auditing::{answer, auditing, opened, served_by_first};
use super::*;
use crate::audit::BEGIN_MAX_MS;
use crate::board::auditors::LOOKED_AT;
use crate::lease::audit_pace_max_ms;

const HOUR_MS: u64 = 3_600_000;

fn miner(number: u8) -> Address {
    Address::repeat_byte(number)
}

/// Time passes, and every miner is heard.
fn tick(board: &mut Board, at: UnixMillis) -> Vec<Effect> {
    let sessions: Vec<(Address, u64)> = board.miners().map(|(address, miner)| (address, miner.session.0)).collect();
    sessions.into_iter().for_each(|(address, session)| board.hear(address, session, at));
    board.take(Input::Tick, at)
}

/// A miner that is busy for about an hour with what its machine does not do faster.
fn busy(board: &mut Board, number: u8) -> Lease {
    busy_with(board, arrival(number, number.into(), 1), 3)
}

/// With so many large pictures.
fn busy_with(board: &mut Board, mut arriving: Arrival, pictures: u32) -> Lease {
    let address = arriving.address;
    arriving.capability.offers[0].measured_micro_units_per_second = 100_000;
    board.joined(arriving, NOW);
    let mut request = image_job("scenes");
    let Work::Image(input) = &mut request.work else { panic!("a picture") };
    (input.count, input.width, input.height, input.steps) = (pictures, 1_024, 1_024, 100);
    request.constraints.miners = vec![address];
    let job = job_of(1_000 + u128::from(address.0[0]), request, NOW.plus_ms(10 * HOUR_MS));
    let lease = granted(&board.submitted(job, NOW));
    assert!(lease[0].deadline.since_ms(NOW) > BEGIN_MAX_MS);
    lease[0].clone()
}

/// A job of miner 1 whose audit waits for a miner that is busy, as all these are.
fn waits_for_one_of(numbers: std::ops::RangeInclusive<u8>) -> (Board, Task, Vec<Lease>) {
    let mut board = auditing();
    board.joined(arrival(1, 1, 1), NOW);
    let served = granted(&board.submitted(open_job(1), NOW)).remove(0);
    let leases = numbers.map(|number| busy(&mut board, number)).collect();
    let effects = answer(&mut board, &served, 5, None, NOW);
    assert!(opened(&effects).is_some() && granted(&effects).is_empty());
    (board, Task { role: TaskRole::Audit, ..served.task }, leases)
}

#[test]
fn an_audit_that_its_miner_does_not_begin_goes_to_another_one_after_so_long() {
    let (mut board, audit, leases) = waits_for_one_of(2..=3);
    let first = board.audits.auditor_of(audit).unwrap();
    let other = leases.iter().find(|lease| lease.miner != first).unwrap();
    let effects = board.take(Input::Cancel { job_id: other.task.job_id }, NOW);
    assert!(granted(&effects).is_empty(), "it is the first one's");
    assert!(granted(&tick(&mut board, NOW.plus_ms(BEGIN_MAX_MS - 1))).is_empty());
    let next = granted(&tick(&mut board, NOW.plus_ms(BEGIN_MAX_MS)));
    assert_eq!((next[0].task, next[0].miner), (audit, other.miner));
    assert_eq!((next.len(), board.miner(first).unwrap().faults), (1, 0), "a busy miner is not at fault");
}

#[test]
fn another_hub_that_has_an_auditors_slots_neither_ends_an_audit_nor_chooses_who_makes_it() {
    let mut board = auditing();
    board.joined(arrival(1, 1, 1), NOW);
    let served = granted(&board.submitted(open_job(1), NOW)).remove(0);
    board.joined(arrival(2, 2, 1), NOW);
    let slots = |slots| Input::Slots { miner: miner(2), session: SessionNumber(2), slots };
    board.take(slots(0), NOW);
    let effects = answer(&mut board, &served, 5, None, NOW);
    let audit = Task { role: TaskRole::Audit, ..served.task };
    assert!(opened(&effects).is_some() && granted(&effects).is_empty());
    assert_eq!(board.audits.auditor_of(audit), Some(miner(2)), "it waits for the slot");
    assert_eq!(granted(&board.take(slots(1), NOW)).iter().map(|lease| lease.task).collect::<Vec<_>>(), [audit]);
}

#[test]
fn an_audit_that_nobody_has_time_for_goes_round_and_does_not_end() {
    let (mut board, audit, leases) = waits_for_one_of(2..=2);
    for turn in 1..3 {
        board.pass_on_unbegun(NOW.plus_ms(turn * BEGIN_MAX_MS));
        assert!(board.draw_auditors(NOW.plus_ms(turn * BEGIN_MAX_MS)).is_empty());
        assert_eq!(board.audits.auditor_of(audit), Some(miner(2)), "there is no other");
    }
    let effects = board.take(Input::Cancel { job_id: leases[0].task.job_id }, NOW);
    assert_eq!(granted(&effects).iter().map(|lease| lease.task).collect::<Vec<_>>(), [audit]);
    // Of three, each has it once before one has it again.
    let (mut board, audit, _) = waits_for_one_of(2..=4);
    let mut had = BTreeSet::from([board.audits.auditor_of(audit).unwrap()]);
    for turn in 1..3 {
        board.pass_on_unbegun(NOW.plus_ms(turn * BEGIN_MAX_MS));
        board.draw_auditors(NOW.plus_ms(turn * BEGIN_MAX_MS));
        assert!(had.insert(board.audits.auditor_of(audit).unwrap()), "{had:?}");
    }
}

#[test]
fn a_miner_that_connects_anew_again_and_again_keeps_no_audit_that_it_did_not_begin() {
    const EVERY_MS: u64 = 50_000;
    let (mut board, audit, leases) = waits_for_one_of(2..=3);
    let first = board.audits.auditor_of(audit).unwrap();
    let own = leases.iter().find(|lease| lease.miner == first).unwrap();
    let connects = |board: &mut Board, turn: u64| {
        let arriving = arrival(first.0[0], 10 + turn, 1);
        let effects = board.joined(Arrival { leases: vec![own.id], ..arriving }, NOW.plus_ms(turn * EVERY_MS));
        assert!(granted(&effects).is_empty(), "both are busy");
    };
    let other = leases.iter().find(|lease| lease.miner != first).unwrap();
    connects(&mut board, 1);
    assert_eq!(board.audits.auditor_of(audit), Some(other.miner), "it goes to the one that stayed");
    for turn in 2..=4 {
        connects(&mut board, turn);
        assert_eq!(board.audits.auditor_of(audit), Some(other.miner), "turn {turn}");
    }
    // It waited all the time, so it goes before jobs as soon as its miner has a slot.
    let begun = granted(&board.take(Input::Cancel { job_id: other.task.job_id }, NOW.plus_ms(5 * EVERY_MS)));
    assert_eq!(begun.iter().map(|lease| (lease.task, lease.miner)).collect::<Vec<_>>(), [(audit, other.miner)]);

    // Where there is no other, it comes back to the same one, and counts from when it began to wait.
    let (mut board, audit, leases) = waits_for_one_of(2..=2);
    let since = |board: &Board| board.audits.waiting_since(audit);
    for turn in 1..=3 {
        let arriving = Arrival { leases: vec![leases[0].id], ..arrival(2, 10 + turn, 1) };
        board.joined(arriving, NOW.plus_ms(turn * EVERY_MS));
        assert_eq!((board.audits.auditor_of(audit), since(&board)), (Some(miner(2)), Some(NOW)));
    }
}

#[test]
fn an_audit_that_its_miner_does_not_begin_does_not_go_to_a_new_key_because_that_is_idle() {
    use crate::reputation::JUDGE_RESULTS;
    let mut board = auditing();
    board.joined(arrival(1, 1, 1), NOW);
    let served = granted(&board.submitted(open_job(1), NOW)).remove(0);
    busy(&mut board, 2);
    board.miners.get_mut(&miner(2)).unwrap().leases_ended = JUDGE_RESULTS;
    for number in 3..=9 {
        board.joined(arrival(number, number.into(), 1), NOW);
    }
    assert!(granted(&answer(&mut board, &served, 5, None, NOW)).is_empty());
    let audit = Task { role: TaskRole::Audit, ..served.task };
    for turn in 1..=3 {
        board.pass_on_unbegun(NOW.plus_ms(turn * BEGIN_MAX_MS));
        assert!(board.draw_auditors(NOW.plus_ms(turn * BEGIN_MAX_MS)).is_empty());
        assert_eq!(board.audits.auditor_of(audit), Some(miner(2)));
    }
}

/// Two audits are drawn by these bits for two miners, of which one begins. Where that is so: the board, and what waits for whom.
fn waits_for_a_place(bits: u8) -> Option<(Board, Task, Address)> {
    let mut board = auditing();
    board.joined(arrival(1, 1, 2), NOW);
    let served: Vec<Lease> = (1..=2).map(|number| granted(&board.submitted(open_job(number), NOW)).remove(0)).collect();
    for number in 2..=5 {
        board.joined(arrival(number, number.into(), 1), NOW);
    }
    let begun =
        served.iter().zip(bits..).flat_map(|(lease, bits)| granted(&answer(&mut board, lease, bits, None, NOW)));
    assert_eq!(begun.count(), 1, "one runs at once among so few miners");
    let audits = served.iter().map(|lease| Task { role: TaskRole::Audit, ..lease.task });
    let (task, auditor) = audits.filter_map(|task| Some((task, board.audits.auditor_of(task)?))).next()?;
    board.can_begin_audit(auditor).then_some((board, task, auditor))
}

#[test]
fn a_miner_that_could_begin_keeps_an_audit_that_waits_for_its_place() {
    let (mut board, audit, auditor) = (0..50).find_map(waits_for_a_place).unwrap();
    for turn in 1..=2 {
        let later = NOW.plus_ms(turn * BEGIN_MAX_MS);
        board.pass_on_unbegun(later);
        assert!(board.draw_auditors(later).is_empty());
        assert_eq!((board.audits.auditor_of(audit), board.audits.passed_by(audit).len()), (Some(auditor), 0));
    }
}

#[test]
fn to_draw_for_many_audits_at_once_is_one_look_at_each_miner() {
    const AUDITS: u128 = 60;
    let (before, served, _) = served_by_first(2);
    let audit = before.audit(served.task).unwrap().clone();
    let mut board = auditing();
    for number in 1..=AUDITS {
        let mut job = open_job(number);
        let life = TaskLife { state: JobState::Completed, lease_id: Some(served.id), faults: vec![] };
        job.tasks.insert(TaskRole::Serve, job::OpenTask { life, ..Default::default() });
        job.tasks.insert(TaskRole::Audit, job::OpenTask::default());
        let bits = Sha256Digest::of(&number.to_be_bytes()).0.0;
        let job = job.audited(TaskRole::Serve, OpenAudit { bits, ..audit.clone() });
        board.take(Input::Restore { job, leases: vec![] }, NOW);
    }
    for number in 1..=40 {
        board.joined(arrival(number, number.into(), 1), NOW);
    }
    LOOKED_AT.set(0);
    let begun = granted(&tick(&mut board, NOW.plus_ms(RETURN_MS)));
    assert_eq!(LOOKED_AT.get(), 40, "each miner once, and not once for each of {AUDITS} audits");
    let drawn: Vec<Address> = (1..=AUDITS)
        .map(|number| Task { job_id: JobId::from_random(number), role: TaskRole::Audit })
        .filter_map(|task| board.audits.auditor_of(task))
        .chain(begun.iter().map(|lease| lease.miner))
        .collect();
    assert_eq!(drawn.len() as u128, AUDITS);
    assert!(drawn.iter().all(|address| *address != served.miner), "nobody audits itself");
    assert!(drawn.iter().collect::<BTreeSet<_>>().len() > 20, "each by bits of its own");
}

/// The auditor has another job beside its audit and shows work on that one alone.
fn audit_beside_a_job(miners: u8) -> (Board, Lease, Lease) {
    let mut board = auditing();
    board.joined(arrival(1, 1, 1), NOW);
    let served = granted(&board.submitted(open_job(1), NOW)).remove(0);
    for number in 2..=miners {
        board.joined(arrival(number, number.into(), 2), NOW);
    }
    let audit = granted(&answer(&mut board, &served, 5, None, NOW)).remove(0);
    let mut request = image_job("scenes");
    request.constraints.miners = vec![audit.miner];
    let job = granted(&board.submitted(job_of(2, request, NOW.plus_ms(10 * HOUR_MS)), NOW)).remove(0);
    (board, audit, job)
}

fn shows(board: &mut Board, lease: &Lease, step: u32, at: UnixMillis) {
    board.shows_work(lease, StepProgress { step, steps: 8 }, None, at);
}

#[test]
fn an_auditor_that_shows_nothing_of_its_audit_loses_it_whatever_else_it_does() {
    let (mut board, audit, job) = audit_beside_a_job(3);
    let late = NOW.plus_ms(audit_pace_max_ms(audit.expected_ms + job.expected_ms, 0));
    shows(&mut board, &job, 1, NOW.plus_ms(10_000));
    assert!(granted(&tick(&mut board, UnixMillis(late.0 - 1))).is_empty());
    let next = granted(&tick(&mut board, late));
    assert_eq!(next.iter().map(|lease| lease.task).collect::<Vec<_>>(), [audit.task]);
    assert!(next[0].miner != audit.miner && next[0].miner != miner(1));
    assert_eq!(board.miner(audit.miner).unwrap().faults, 0, "it worked meanwhile");

    let (mut board, audit, job) = audit_beside_a_job(3);
    shows(&mut board, &job, 1, NOW.plus_ms(10_000));
    shows(&mut board, &audit, 8, NOW.plus_ms(10_000));
    assert!(granted(&tick(&mut board, late)).is_empty(), "it worked on it");
    assert!(board.lease(audit.id).is_some());
}

#[test]
fn an_auditor_that_shows_nothing_at_all_is_at_fault() {
    let (mut board, _, effects) = served_by_first(3);
    let audit = granted(&effects).remove(0);
    let late = NOW.plus_ms(audit_pace_max_ms(audit.expected_ms, 0));
    assert!(late < audit.deadline, "sooner than its lease would end by itself");
    let next = granted(&tick(&mut board, late));
    assert!(next.len() == 1 && next[0].task == audit.task && next[0].miner != audit.miner);
    assert_eq!(board.miner(audit.miner).unwrap().faults, 1);
}

/// Two miners with two slots each have a long job before one of them gets an audit. The board, the audit and that one's job.
fn audit_behind_a_job() -> (Board, Lease, Lease) {
    let mut board = auditing();
    board.joined(arrival(1, 1, 1), NOW);
    let served = granted(&board.submitted(open_job(1), NOW)).remove(0);
    let jobs: Vec<Lease> = (2..=3).map(|number| busy_with(&mut board, arrival(number, number.into(), 2), 1)).collect();
    let audit = granted(&answer(&mut board, &served, 5, None, NOW)).remove(0);
    let (own, others): (Vec<Lease>, Vec<Lease>) = jobs.into_iter().partition(|job| job.miner == audit.miner);
    for other in others {
        board.take(Input::Cancel { job_id: other.task.job_id }, NOW);
    }
    let job = own[0].clone();
    assert!((60_000..HOUR_MS / 3).contains(&job.expected_ms) && audit.expected_ms < 1_000, "{job:?} {audit:?}");
    (board, audit, job)
}

#[test]
fn an_auditor_that_makes_first_what_it_had_first_keeps_its_audit() {
    let (mut board, audit, job) = audit_behind_a_job();
    let other = if audit.miner == miner(2) { miner(3) } else { miner(2) };
    let done = NOW.plus_ms(job.expected_ms + job.expected_ms / 2);
    shows(&mut board, &job, 4, NOW.plus_ms(job.expected_ms));
    assert!(granted(&tick(&mut board, NOW.plus_ms(job.expected_ms))).is_empty(), "it waits for the job");
    shows(&mut board, &job, 8, done);
    assert!(granted(&board.take(Input::Cancel { job_id: job.task.job_id }, done)).is_empty());
    let late = done.plus_ms(audit_pace_max_ms(audit.expected_ms, 0));
    assert!(granted(&tick(&mut board, UnixMillis(late.0 - 1))).is_empty(), "its time begins with the job's end");
    assert_eq!((board.lease(audit.id).is_some(), board.miner(audit.miner).unwrap().faults), (true, 0));
    let next = granted(&tick(&mut board, late));
    assert_eq!(next.iter().map(|lease| (lease.task, lease.miner)).collect::<Vec<_>>(), [(audit.task, other)]);
}

#[test]
fn what_an_auditor_gets_later_gives_it_no_more_time() {
    let (mut board, audit, later) = audit_beside_a_job(3);
    let until = NOW.plus_ms(audit_pace_max_ms(audit.expected_ms, 0));
    shows(&mut board, &later, 1, UnixMillis(until.0 - 1));
    board.take(Input::Cancel { job_id: later.task.job_id }, UnixMillis(until.0 - 1));
    assert_eq!(board.miner(audit.miner).unwrap().faults, 0);
    assert_eq!(granted(&tick(&mut board, until)).iter().map(|lease| lease.task).collect::<Vec<_>>(), [audit.task]);
}

#[test]
fn an_auditor_that_worked_on_something_else_lately_loses_an_audit_without_a_fault() {
    let (mut board, audit, job) = audit_behind_a_job();
    let late = NOW.plus_ms(audit_pace_max_ms(audit.expected_ms + job.expected_ms, 0));
    let quiet_ms = crate::lease::fair_ms(audit.expected_ms) + 1_000;
    shows(&mut board, &job, 1, UnixMillis(late.0 - quiet_ms));
    assert!(granted(&tick(&mut board, UnixMillis(late.0 - 1))).is_empty());
    let next = granted(&tick(&mut board, late));
    assert!(next.len() == 1 && next[0].task == audit.task && next[0].miner != audit.miner);
    assert_eq!(board.miner(audit.miner).unwrap().faults, 0, "its job may take as long without a sign of work");
    assert!(board.lease(job.id).is_some());
}

#[test]
fn an_audit_from_before_a_restart_counts_from_when_its_miner_came_back() {
    let (before, audit, _) = audit_behind_a_job();
    let served = before.job(audit.task.job_id).unwrap();
    let [stored, open] = [TaskRole::Serve, TaskRole::Audit].map(|role| served.tasks[&role].life.clone());
    let opened = before.audit(Task { role: TaskRole::Serve, ..audit.task }).unwrap().clone();
    let audit = Lease { expected_ms: 60_000, deadline: NOW.plus_ms(HOUR_MS), ..audit };
    let mut board = auditing();
    let mut job = open_job(1);
    for (role, life) in [(TaskRole::Serve, stored), (TaskRole::Audit, open)] {
        job.tasks.insert(role, job::OpenTask { life, ..Default::default() });
    }
    let (restarted, back) = (NOW.plus_ms(600_000), NOW.plus_ms(605_000));
    let job = job.audited(TaskRole::Serve, opened);
    board.take(Input::Restore { job, leases: vec![audit.clone()] }, restarted);
    let other = if audit.miner == miner(2) { 3 } else { 2 };
    board.joined(arrival(other, 1, 1), restarted);
    let returns = |session| Arrival { address: audit.miner, leases: vec![audit.id], ..arrival(2, session, 1) };
    board.joined(returns(2), back);
    let pace_ms = audit_pace_max_ms(60_000, 0);
    assert!(granted(&tick(&mut board, back.plus_ms(pace_ms - 1))).is_empty());
    assert_eq!((board.lease(audit.id).is_some(), board.miner(audit.miner).unwrap().faults), (true, 0));
    // Once more, by another session.
    let again = back.plus_ms(pace_ms - 1);
    board.joined(returns(3), again);
    assert!(granted(&tick(&mut board, again.plus_ms(pace_ms - 1))).is_empty());
    let next = granted(&tick(&mut board, again.plus_ms(pace_ms)));
    assert_eq!(next.iter().map(|lease| (lease.task, lease.miner)).collect::<Vec<_>>(), [(audit.task, miner(other))]);
}

#[test]
fn an_audit_whose_result_the_hub_did_not_take_is_not_taken_from_its_miner() {
    for is_received in [true, false] {
        let (mut board, audit, job) = audit_behind_a_job();
        board.take(Input::Cancel { job_id: job.task.job_id }, NOW);
        shows(&mut board, &audit, 1, NOW.plus_ms(1_000));
        if is_received {
            board.delivered(&audit, NOW.plus_ms(2_000));
            board.take(Input::ResultUnchecked { lease_id: audit.id }, NOW.plus_ms(2_000));
        } else {
            board.take(Input::ResultTurnedAway { lease_id: audit.id }, NOW.plus_ms(2_000));
        }
        let late = NOW.plus_ms(audit_pace_max_ms(audit.expected_ms, 0));
        assert!(late < audit.deadline);
        assert!(granted(&tick(&mut board, late)).is_empty(), "received: {is_received}");
        assert!(board.lease(audit.id).is_some());
    }
}

#[test]
fn where_nobody_else_can_audit_a_slow_auditor_goes_on_and_another_audit_has_its_place() {
    let (mut board, audit, job) = audit_beside_a_job(2);
    let effects = answer(&mut board, &job, 5, None, NOW.plus_ms(10_000));
    assert!(opened(&effects).is_some() && granted(&effects).is_empty(), "one audit runs at once");
    let late = NOW.plus_ms(audit_pace_max_ms(audit.expected_ms, 0));
    shows(&mut board, &audit, 1, NOW.plus_ms(15_000));
    assert!(granted(&tick(&mut board, UnixMillis(late.0 - 1))).is_empty());
    let next = granted(&tick(&mut board, late));
    let other = Task { role: TaskRole::Audit, ..job.task };
    assert_eq!(next.iter().map(|lease| (lease.task, lease.miner)).collect::<Vec<_>>(), [(other, miner(1))]);
    assert_eq!(board.lease(audit.id).map(|lease| lease.miner), Some(miner(2)));
    assert_eq!(board.miner(miner(2)).unwrap().faults, 0);
}

#[test]
fn quotes_plans_and_estimates_count_a_miner_that_waits_for_its_audits_as_what_it_is() {
    let mut board = auditing();
    let with_price = |number: u8, slots, unit_price| {
        let mut arriving = Arrival { leases_ended: 15, ..arrival(number, number.into(), slots) };
        arriving.capability.offers[0].unit_price = unit_price;
        arriving
    };
    board.joined(with_price(1, 3, Amount::ZERO), NOW);
    let leases: Vec<Lease> = (1..=3).map(|number| granted(&board.submitted(open_job(number), NOW)).remove(0)).collect();
    for number in 2..=3 {
        board.joined(with_price(number, 1, Amount::from_ait(1)), NOW);
    }
    let mut pictures = image_job("scenes");
    let Work::Image(input) = &mut pictures.work else { panic!("pictures") };
    (input.count, input.width, input.height, input.steps) = (16, 256, 256, 16);
    let model = crate::catalog::ModelKey::of(&pictures);
    let slots = |board: &Board| board.fleet.pace(&model, None).unwrap().1;
    assert_eq!(board.quote(&pictures, NOW).unwrap().unit_price, Amount::ZERO);
    assert_eq!((board.plan(&pictures, None, NOW).tasks.get(), slots(&board)), (3, 5));
    for lease in &leases[..2] {
        answer(&mut board, lease, 5, None, NOW);
    }
    let one = board.miner(miner(1)).unwrap();
    assert!(board.awaits_audits(miner(1), one) && board.jobs_running_at(miner(1)) == 1);
    let quoted = board.quote(&pictures, NOW).unwrap();
    assert_eq!((quoted.unit_price, quoted.miners), (Amount::from_ait(1), 3), "it serves for less later");
    assert_eq!((board.plan(&pictures, None, NOW).tasks.get(), slots(&board)), (2, 2));
    let offers = board.marketplace().offers;
    let free: Vec<(Address, u32)> = offers.iter().map(|offer| (offer.miner, offer.free)).collect();
    assert!(free.contains(&(miner(1), 0)), "{free:?}");
    pictures.constraints.miners = vec![miner(1)];
    let alone = board.quote(&pictures, NOW).unwrap();
    assert_eq!((alone.unit_price, alone.miners), (Amount::ZERO, 1), "where there is no other it sets the price");
}

#[test]
fn who_declines_an_audit_gets_it_again_after_all_others_only() {
    let (mut board, _, effects) = served_by_first(3);
    let first = granted(&effects).remove(0);
    let lend = |board: &mut Board, lease: &Lease, slots| {
        let session = board.miner(lease.miner).unwrap().session;
        board.take(Input::Slots { miner: lease.miner, session, slots }, NOW)
    };
    let decline = |board: &mut Board, lease: &Lease| {
        lend(board, lease, 0);
        granted(&board.take(Input::Decline { lease_id: lease.id, miner: lease.miner }, NOW))
    };
    let second = decline(&mut board, &first).remove(0);
    assert_eq!(second.task, first.task);
    assert_ne!(second.miner, first.miner, "another one is asked");
    assert!(granted(&lend(&mut board, &first, 1)).is_empty(), "it is the other one's");
    let third = decline(&mut board, &second).remove(0);
    assert_eq!((third.task, third.miner), (first.task, first.miner), "before nobody is, the first is asked again");
    assert_eq!((board.miner(first.miner).unwrap().faults, board.miner(second.miner).unwrap().faults), (0, 0));
}
