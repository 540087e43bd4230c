//! What fresh keys can do to jobs: hold few, delay some once, and kill none that a proven miner can serve.

use shared::amount::Amount;

use super::*;
use crate::lease::{QUIET_SHARE, quiet_max_ms};
use crate::matching::NEWCOMERS_TURN;
use crate::reputation::NEW_MINER_SLOTS;

const SECOND_MS: u64 = 1_000;

/// A fresh key that asks nothing and says that it is as fast as can be.
fn liar(number: u8) -> Arrival {
    let mut arriving = arrival(number, u64::from(number), 256);
    arriving.capability.offers[0].unit_price = Amount::ZERO;
    arriving.capability.offers[0].measured_micro_units_per_second = u64::MAX;
    arriving
}

/// It has the highest address, so it wins no tie.
fn honest(slots: u32) -> Arrival {
    Arrival { leases_ended: 100, ..arrival(0xff, 0xff, slots) }
}

fn heard(board: &mut Board, now: UnixMillis) {
    let sessions: Vec<_> = board.miners().map(|(address, miner)| (address, miner.session)).collect();
    for (address, session) in sessions {
        board.hear(address, session.0, now);
    }
}

#[test]
fn a_new_key_holds_few_jobs_and_earns_more_with_each_result() {
    let mut board = board();
    board.joined(liar(1), NOW);
    let leases: Vec<Lease> = (0..10).flat_map(|number| granted(&board.submitted(open_job(number), NOW))).collect();
    assert_eq!(leases.len(), NEW_MINER_SLOTS as usize);
    let next = granted(&board.served(&leases[0], NOW));
    assert_eq!(next.len(), 2, "the freed slot, and one more");
}

#[test]
fn any_number_of_fresh_keys_gets_no_more_than_its_share_of_the_jobs_while_a_proven_miner_is_free() {
    let mut board = board();
    board.joined(honest(1_000), NOW);
    for number in 1..=100 {
        board.joined(liar(number), NOW);
    }
    let jobs = 80;
    let leases: Vec<Lease> = (0..jobs).flat_map(|number| granted(&board.submitted(open_job(number), NOW))).collect();
    let of_liars = leases.iter().filter(|lease| lease.miner != Address::repeat_byte(0xff)).count() as u64;
    assert_eq!((leases.len() as u64, of_liars), (80, 80 / NEWCOMERS_TURN));
}

/// The attack: three fresh keys kill a job. The last try is kept for the proven miner, though it is busy.
#[test]
fn fresh_keys_alone_kill_no_job_that_a_proven_miner_can_serve() {
    let mut board = board();
    board.joined(honest(1), NOW);
    let busy = granted(&board.submitted(open_job(1), NOW)).remove(0);
    for number in 1..=3 {
        board.joined(liar(number), NOW);
    }
    let mut effects = board.submitted(open_job(2), NOW);
    for _ in 0..MAX_FAULTS - 1 {
        let lease = granted(&effects).remove(0);
        assert_ne!(lease.miner, busy.miner);
        effects = board.failed(&lease, failure(Blame::Miner, true), NOW);
    }
    assert!(granted(&effects).is_empty(), "a third fresh key got it");
    let explained = board.explain(JobId::from_random(2)).unwrap();
    assert!(explained.miners.iter().any(|miner| miner.eligible && miner.reason.contains("new here")), "{explained:?}");
    let saved = granted(&board.served(&busy, NOW));
    assert_eq!((saved[0].task.job_id, saved[0].miner), (JobId::from_random(2), busy.miner));
}

#[test]
fn a_last_try_goes_to_a_newcomer_as_soon_as_the_proven_miner_takes_nothing_new() {
    let mut board = board();
    board.joined(honest(1), NOW);
    let busy = granted(&board.submitted(open_job(1), NOW)).remove(0);
    for number in 1..=3 {
        board.joined(liar(number), NOW);
    }
    let mut effects = board.submitted(open_job(2), NOW);
    for _ in 0..MAX_FAULTS - 1 {
        effects = board.failed(&granted(&effects)[0], failure(Blame::Miner, true), NOW);
    }
    assert!(granted(&effects).is_empty(), "it is kept for the proven miner");
    let session = board.session_of(busy.miner).unwrap();
    let handed_on = granted(&board.take(Input::Drain { miner: busy.miner, session }, NOW));
    assert_eq!(handed_on[0].task.job_id, JobId::from_random(2));
    assert_ne!(handed_on[0].miner, busy.miner);
}

#[test]
fn without_a_proven_miner_newcomers_have_all_tries() {
    let mut board = board();
    for number in 1..=3 {
        board.joined(liar(number), NOW);
    }
    let mut effects = board.submitted(open_job(1), NOW);
    for _ in 0..MAX_FAULTS {
        let lease = granted(&effects).remove(0);
        effects = board.failed(&lease, failure(Blame::Miner, true), NOW);
    }
    assert!(board.job(JobId::from_random(1)).is_none());
}

/// A job that a liar holds, with a proven miner that becomes free later.
fn held_by_liar(speed: u64, ttl_ms: u64) -> (Board, Lease) {
    let mut board = board();
    let mut slow = liar(1);
    slow.capability.offers[0].measured_micro_units_per_second = speed;
    board.joined(slow, NOW);
    let lease = granted(&board.submitted(job_of(1, image_job("scenes"), NOW.plus_ms(ttl_ms)), NOW)).remove(0);
    board.joined(honest(1), NOW);
    (board, lease)
}

/// When the job went to the other miner. `works` says what the first one shows at a second, of a thousand.
fn handed_on_after_ms(speed: u64, ttl_ms: u64, works: impl Fn(u64) -> Option<u32>) -> Option<u64> {
    let (mut board, lease) = held_by_liar(speed, ttl_ms);
    for second in 1..ttl_ms / SECOND_MS {
        let now = NOW.plus_ms(second * SECOND_MS);
        heard(&mut board, now);
        if let Some(step) = works(second) {
            let progress = StepProgress { step, steps: 1_000 };
            board.shows_work(&lease, progress, None, now);
        }
        let next = granted(&board.take(Input::Tick, now));
        if let Some(next) = next.first() {
            assert_ne!(next.miner, lease.miner);
            return Some(second * SECOND_MS);
        }
    }
    None
}

#[test]
fn a_silent_miner_costs_a_part_of_the_jobs_time_whatever_speed_it_claims() {
    let ttl_ms = 900_000;
    for speed in [0, 1, 1_000, u64::MAX] {
        let after_ms = handed_on_after_ms(speed, ttl_ms, |_| None).expect("it is taken back");
        assert!(after_ms <= ttl_ms / QUIET_SHARE + SECOND_MS, "speed {speed}: {after_ms}");
    }
    let fast = handed_on_after_ms(u64::MAX, ttl_ms, |_| None).unwrap();
    assert!(fast <= quiet_max_ms(0) + SECOND_MS, "{fast}");
}

#[test]
fn the_same_step_again_and_invented_steps_buy_no_more_than_the_pace_they_claim() {
    let ttl_ms = 900_000;
    for speed in [0, 1_000, u64::MAX] {
        let same = handed_on_after_ms(speed, ttl_ms, |_| Some(1)).expect("one step is not work for ever");
        assert!(same <= ttl_ms / 2 + SECOND_MS, "speed {speed}: {same}");
        let invented = handed_on_after_ms(speed, ttl_ms, |second| u32::try_from(second.min(999)).ok());
        let invented = invented.expect("invented steps end");
        assert!(invented <= ttl_ms / 2 + SECOND_MS, "speed {speed}: {invented}");
    }
}

#[test]
fn a_miner_at_its_pace_keeps_its_job_though_others_are_free() {
    // 32 768 micro-units at 400 a second: 82 s of work, a thousandth each 82 ms.
    let works = |second: u64| u32::try_from((second * 12).min(999)).ok();
    let (mut board, lease) = held_by_liar(400, 900_000);
    for second in 1..=82 {
        let now = NOW.plus_ms(second * SECOND_MS);
        heard(&mut board, now);
        board.shows_work(&lease, StepProgress { step: works(second).unwrap(), steps: 1_000 }, None, now);
        assert!(granted(&board.take(Input::Tick, now)).is_empty(), "second {second}");
    }
    board.served(&lease, NOW.plus_ms(83 * SECOND_MS));
    assert_eq!(board.miner(lease.miner).unwrap().faults, 0);
}

#[test]
fn a_silent_miner_keeps_what_nobody_else_can_take() {
    let mut board = board();
    let mut slow = liar(1);
    slow.capability.offers[0].measured_micro_units_per_second = 100;
    board.joined(slow, NOW);
    let lease = granted(&board.submitted(open_job(1), NOW)).remove(0);
    let later = NOW.plus_ms(300 * SECOND_MS);
    heard(&mut board, later);
    assert!(!board.take(Input::Tick, later).iter().any(|effect| matches!(effect, Effect::Move { .. })));
    assert!(board.lease(lease.id).is_some());
}
