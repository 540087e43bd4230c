//! What a miner costs that wins jobs and does nothing for them: it asks nothing, claims an invented speed, and holds what
//! it gets or gives it back as nobody's fault.

use shared::amount::Amount;

use super::*;
use crate::board::excuses::EXCUSES_IN_A_ROW_MAX;

fn liar(slots: u32, speed: u64) -> Arrival {
    let mut arriving = arrival(1, 1, slots);
    arriving.capability.offers[0].unit_price = Amount::ZERO;
    arriving.capability.offers[0].measured_micro_units_per_second = speed;
    arriving
}

fn faults_counted(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::CountFault { .. })).count()
}

/// The faults of the miner itself that the task knows of when its job expires.
fn faults_after_idling(speed: u64, ttl_ms: u64, works_at_ms: Option<u64>) -> usize {
    let mut board = board();
    board.joined(liar(1, speed), NOW);
    let end = NOW.plus_ms(ttl_ms);
    let lease = granted(&board.submitted(job_of(1, image_job("scenes"), end), NOW)).remove(0);
    board.hear(lease.miner, 1, end);
    if let Some(at_ms) = works_at_ms {
        board.shows_work(&lease, StepProgress { step: 1, steps: 8 }, None, NOW.plus_ms(at_ms));
    }
    let effects = board.take(Input::Tick, end);
    assert!(board.job(lease.task.job_id).is_none(), "the job ends with its time in any case");
    let is_fault = |effect: &&Effect| match effect {
        Effect::Move { ended: Some(ended), .. } => {
            ended.fault.as_ref().is_some_and(|fault| fault.blame == Blame::Miner)
        }
        _ => false,
    };
    effects.iter().filter(is_fault).count()
}

#[test]
fn a_job_that_expires_in_idle_hands_is_a_fault_however_slow_the_miner_calls_itself() {
    for speed in [0, 1, 1_000, u64::MAX] {
        assert_eq!(faults_after_idling(speed, 900_000, None), 1, "speed {speed}");
    }
}

#[test]
fn a_miner_at_work_and_one_without_the_time_are_not_at_fault() {
    assert_eq!(faults_after_idling(u64::MAX, 19_000, None), 0, "a client does not bring a fault upon a miner");
    assert_eq!(faults_after_idling(1, 900_000, Some(890_000)), 0, "it worked until the end");
}

#[test]
fn excuses_count_from_the_third_in_a_row_and_a_new_session_does_not_begin_anew() {
    for blame in [Blame::Network, Blame::Platform] {
        let mut board = board();
        for number in 1..=EXCUSES_IN_A_ROW_MAX + 2 {
            let session = SessionNumber(number.into());
            board.joined(Arrival { session, ..liar(1, u64::MAX) }, NOW);
            let lease = granted(&board.submitted(open_job(number.into()), NOW)).remove(0);
            let effects = board.failed(&lease, failure(blame, true), NOW);
            let is_too_often = number > EXCUSES_IN_A_ROW_MAX;
            assert_eq!(faults_counted(&effects), usize::from(is_too_often), "{blame:?} {number}");
            assert_eq!(board.miner(lease.miner).unwrap().faults, u64::from(is_too_often), "{blame:?} {number}");
            board.take(Input::Cancel { job_id: lease.task.job_id }, NOW);
            board.left(lease.miner, session.0, NOW);
        }
    }
}

#[test]
fn a_break_counts_once_whatever_it_costs_and_a_completed_task_ends_the_row() {
    let mut board = board();
    let miner = Address::repeat_byte(1);
    for number in 1..=3 {
        board.submitted(open_job(number), NOW);
    }
    let joins = |board: &mut Board, session| {
        let arriving = Arrival { session: SessionNumber(session), leases_ended: 1, ..liar(3, u64::MAX) };
        granted(&board.joined(arriving, NOW))
    };
    for session in 1..=2 {
        assert_eq!(joins(&mut board, session).len(), 3);
        assert_eq!(faults_counted(&board.left(miner, session, NOW)), 0, "three leases, one break");
    }
    let lease = joins(&mut board, 3).remove(0);
    board.served(&lease, NOW);
    let effects = board.left(miner, 3, NOW);
    assert_eq!(faults_counted(&effects), 0, "it completed something before");
    let ended = effects.iter().filter(|effect| matches!(effect, Effect::Move { ended: Some(_), .. }));
    assert_eq!(ended.count(), 2);
}

#[test]
fn a_lease_whose_result_the_hub_turned_away_ends_without_a_fault_of_its_miner_but_not_for_ever() {
    let mut board = board();
    for number in 1..=EXCUSES_IN_A_ROW_MAX + 2 {
        let session = SessionNumber(number.into());
        board.joined(Arrival { session, ..liar(1, u64::MAX) }, NOW);
        let lease = granted(&board.submitted(job_of(number.into(), image_job("scenes"), NOW.plus_ms(900_000)), NOW));
        let lease = lease.into_iter().next().unwrap();
        board.take(Input::ResultTurnedAway { lease_id: lease.id }, NOW);
        board.hear(lease.miner, session.0, lease.deadline);
        let effects = board.take(Input::Tick, lease.deadline);
        let blames = effects.iter().filter_map(|effect| match effect {
            Effect::Move { ended: Some(ended), .. } => ended.fault.as_ref().map(|fault| fault.blame),
            _ => None,
        });
        assert_eq!(blames.collect::<Vec<_>>(), [Blame::Platform], "{number}");
        let is_too_often = number > EXCUSES_IN_A_ROW_MAX;
        assert_eq!(faults_counted(&effects), usize::from(is_too_often), "{number}");
        assert_eq!(board.miner(lease.miner).unwrap().faults, u64::from(is_too_often), "{number}");
        board.take(Input::Cancel { job_id: lease.task.job_id }, lease.deadline);
        board.left(lease.miner, session.0, NOW);
    }
}
