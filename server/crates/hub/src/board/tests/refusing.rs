//! What a miner that refuses can cost.

use shared::job::image::{PictureDefaults, SchedulerName};
use shared::job::request::Work;

use super::*;

const SECOND_MS: u64 = 1_000;

/// Refuses every lease in `effects`, and every one that follows from it. Gives how many there were.
fn refuse_all(board: &mut Board, mut effects: Vec<Effect>, now: UnixMillis) -> usize {
    let mut refused = 0;
    loop {
        let leases = granted(&effects);
        if leases.is_empty() {
            return refused;
        }
        refused += leases.len();
        assert!(refused < 1_000, "the same miner gets the job again and again");
        effects =
            leases.into_iter().flat_map(|lease| board.failed(&lease, failure(Blame::Platform, true), now)).collect();
    }
}

#[test]
fn a_miner_that_refuses_every_lease_gets_a_job_of_a_day_seventeen_times() {
    let mut board = board();
    board.joined(arrival(1, 1, 4), NOW);
    let day_ms = 86_400 * SECOND_MS;
    let job = job_of(1, image_job("scenes"), NOW.plus_ms(day_ms));
    let id = job.id;
    let effects = board.submitted(job, NOW);
    let mut refused = refuse_all(&mut board, effects, NOW);
    assert_eq!(refused, 1, "not at once again");
    for second in 1..86_400 {
        let now = NOW.plus_ms(second * SECOND_MS);
        board.hear(Address::repeat_byte(1), 1, now);
        let effects = board.take(Input::Tick, now);
        refused += refuse_all(&mut board, effects, now);
    }
    assert_eq!(refused, 17);
    let life = &task(board.job(id).unwrap()).life;
    assert_eq!((life.state, life.faults.len()), (JobState::Queued, refused));
}

#[test]
fn a_refused_job_goes_to_another_miner_and_holds_up_nobody_behind_it() {
    let mut board = board();
    board.joined(arrival(1, 1, 1), NOW);
    let first = granted(&board.submitted(open_job(1), NOW)).remove(0);
    board.submitted(open_job(2), NOW);
    let effects = board.failed(&first, failure(Blame::Platform, true), NOW);
    let next = granted(&effects);
    assert_eq!(next.iter().map(|lease| lease.task.job_id).collect::<Vec<_>>(), [JobId::from_random(2)]);
    let other = granted(&board.joined(arrival(2, 2, 1), NOW));
    assert_eq!(
        other.iter().map(|lease| (lease.task.job_id, lease.miner)).collect::<Vec<_>>(),
        [(first.task.job_id, Address::repeat_byte(2))]
    );
}

#[test]
fn a_job_that_asks_for_more_than_its_model_offers_holds_up_none_of_the_model() {
    let mut board = board();
    let mut fast = image_job("scenes");
    let Work::Image(input) = &mut fast.work else { panic!("a picture") };
    input.scheduler = Some(SchedulerName::Fast);
    board.submitted(job_of(1, fast, UnixMillis(900_000)), NOW);
    board.submitted(open_job(2), NOW);
    let plain = arrival(1, 1, 2);
    let leases = granted(&board.joined(plain, NOW));
    assert_eq!(leases.iter().map(|lease| lease.task.job_id).collect::<Vec<_>>(), [JobId::from_random(2)]);
    let mut quick = arrival(2, 2, 1);
    quick.capability.offers[0].fast = Some(PictureDefaults { steps: 4, guidance: 1.0 });
    let leases = granted(&board.joined(quick, NOW));
    assert_eq!(leases.iter().map(|lease| lease.task.job_id).collect::<Vec<_>>(), [JobId::from_random(1)]);
}
