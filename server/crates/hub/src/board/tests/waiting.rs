//! How long a miner may hold several jobs of which one waits for the other.

use shared::api::jobs::StepProgress;
use shared::job::request::Work;

use super::*;
use crate::lease::{quiet_max_ms, work_max_ms};

const SECOND_MS: u64 = 1_000;

/// Steps per second of a megapixel, of the miner of these tests.
const MICRO_UNITS_PER_SECOND: u64 = 3_000_000;

/// Three pictures of 1024² in 100 steps: 105 s of work.
fn large_job(number: u128) -> OpenJob {
    let mut job = image_job("scenes");
    let Work::Image(input) = &mut job.work else { panic!("a picture") };
    (input.count, input.width, input.height, input.steps) = (3, 1_024, 1_024, 100);
    job_of(number, job, NOW.plus_ms(3_600 * SECOND_MS))
}

fn small_job(number: u128) -> OpenJob {
    job_of(number, image_job("scenes"), NOW.plus_ms(3_600 * SECOND_MS))
}

fn miner(number: u8, slots: u32) -> Arrival {
    let mut arriving = arrival(number, u64::from(number), slots);
    arriving.capability.offers[0].measured_micro_units_per_second = MICRO_UNITS_PER_SECOND;
    arriving.leases_ended = 1_000;
    arriving
}

fn after(seconds: u64) -> UnixMillis {
    NOW.plus_ms(seconds * SECOND_MS)
}

/// Lets time pass until `until`, in which the miner is heard but shows no work. Gives when which lease was taken back.
fn wait(board: &mut Board, from: u64, until: u64) -> Vec<(u64, LeaseId, Blame)> {
    let mut ended = Vec::new();
    for second in from..=until {
        let address = Address::repeat_byte(1);
        if let Some(session) = board.session_of(address) {
            board.hear(address, session.0, after(second));
        }
        for effect in board.take(Input::Tick, after(second)) {
            if let Effect::Move { ended: Some(EndedLease { lease_id, fault: Some(fault), .. }), .. } = effect {
                ended.push((second, lease_id, fault.blame));
            }
        }
    }
    ended
}

#[test]
fn a_small_job_behind_a_large_one_waits_for_it_and_its_miner_is_not_punished() {
    let mut board = board();
    board.joined(miner(1, 4), NOW);
    let large = granted(&board.submitted(large_job(1), NOW)).remove(0);
    let small = granted(&board.submitted(small_job(2), NOW)).remove(0);
    assert!(work_max_ms(small.expected_ms) < 25 * SECOND_MS && work_max_ms(large.expected_ms) > 500 * SECOND_MS);
    assert_eq!(small.deadline, large.deadline.plus_ms(work_max_ms(small.expected_ms)));
    // A step takes four seconds, longer than any step of the measurement.
    for step in 1..=100 {
        let (from, until) = (4 * u64::from(step) - 3, 4 * u64::from(step));
        assert_eq!(wait(&mut board, from, until), []);
        let progress = StepProgress { step, steps: 100 };
        board.shows_work(&large, progress, None, after(until));
    }
    board.delivered(&large, after(400));
    assert_eq!(wait(&mut board, 401, 430), [], "the hub looks at the large one's result");
    board.take(verified(&large), after(430));
    assert_eq!(wait(&mut board, 431, 435), []);
    board.served(&small, after(435));
    let miner = board.miner(small.miner).unwrap();
    assert_eq!((miner.leases_ended, miner.faults), (1_002, 0));
}

#[test]
fn a_miner_that_takes_many_jobs_and_does_nothing_keeps_none_longer_than_one() {
    let mut board = board();
    board.joined(miner(1, 256), NOW);
    let leases: Vec<Lease> = (0..256).flat_map(|number| granted(&board.submitted(small_job(number), NOW))).collect();
    let last = leases.iter().map(|lease| lease.deadline).max().unwrap();
    assert_eq!((leases.len(), last), (256, NOW.plus_ms(3_600 * SECOND_MS)), "bounded even by its own lease");
    let one = quiet_max_ms(leases[0].expected_ms) / SECOND_MS;
    assert_eq!(wait(&mut board, 1, one), []);
    board.take(Input::Drain { miner: leases[0].miner, session: SessionNumber(1) }, NOW);
    let ended = wait(&mut board, one + 1, one + 1);
    assert_eq!(ended.len(), 256);
    assert!(ended.iter().all(|(_, _, blame)| *blame == Blame::Miner));
}

#[test]
fn one_word_of_work_buys_a_miner_the_time_of_one_job_and_not_of_all() {
    let mut board = board();
    board.joined(miner(1, 3), NOW);
    let leases: Vec<Lease> = (0..3).flat_map(|number| granted(&board.submitted(small_job(number), NOW))).collect();
    board.take(Input::Drain { miner: leases[0].miner, session: SessionNumber(1) }, NOW);
    board.shows_work(&leases[0], StepProgress { step: 1, steps: 8 }, None, after(10));
    let ended = wait(&mut board, 11, 120);
    let one = quiet_max_ms(leases[0].expected_ms) / SECOND_MS + 1;
    let when: Vec<u64> = ended.iter().map(|(second, ..)| *second).collect();
    assert_eq!(when, [one, 10 + one, 10 + one], "the first at its own end, the others with their miner's silence");
}

#[test]
fn a_lease_that_another_one_precedes_has_its_own_work_s_time_after_it() {
    assert_eq!(work_max_ms(u64::MAX), 3_600 * SECOND_MS);
    let mut board = board();
    board.joined(miner(1, 2), NOW);
    let first = granted(&board.submitted(small_job(1), NOW)).remove(0);
    board.served(&first, after(5));
    let alone = granted(&board.submitted(small_job(2), after(5))).remove(0);
    assert_eq!(alone.deadline, after(5).plus_ms(work_max_ms(alone.expected_ms)), "nothing is before it any more");
}
