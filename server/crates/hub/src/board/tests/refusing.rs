//! What a miner that refuses can cost.

use shared::job::image::{PictureDefaults, SchedulerName};
use shared::job::request::Work;

use super::*;

const SECOND_MS: u64 = 1_000;

/// Refuses every lease in `effects`, and every one that follows from it. Gives how many there were.
fn refuse_all(board: &mut Board, mut effects: Vec<Effect>, now: UnixMillis, draw: &mut dyn FnMut() -> u128) -> usize {
    let mut refused = 0;
    loop {
        let leases = granted(&effects);
        if leases.is_empty() {
            return refused;
        }
        refused += leases.len();
        assert!(refused < 1_000, "the same miner gets the job again and again");
        effects = leases
            .into_iter()
            .flat_map(|lease| board.fail(lease.id, lease.miner, &failure(Blame::Platform, true), now, draw).unwrap())
            .collect();
    }
}

#[test]
fn a_miner_that_refuses_every_lease_gets_a_job_of_a_day_seventeen_times() {
    let (mut board, mut draw) = (board(), counter());
    board.miner_joined(arrival(1, 1, 4), NOW, &mut draw).unwrap();
    let day_ms = 86_400 * SECOND_MS;
    let job = OpenJob { deadline: NOW.plus_ms(day_ms), ..open_job(1) };
    let id = job.id;
    let effects = board.submit(job, NOW, &mut draw);
    let mut refused = refuse_all(&mut board, effects, NOW, &mut draw);
    assert_eq!(refused, 1, "not at once again");
    for second in 1..86_400 {
        let now = NOW.plus_ms(second * SECOND_MS);
        board.heard(Address::repeat_byte(1), SessionNumber(1), now);
        let effects = board.tick(now, &mut draw);
        refused += refuse_all(&mut board, effects, now, &mut draw);
    }
    assert_eq!(refused, 17);
    let job = board.job(id).unwrap();
    assert_eq!((job.life.state, job.life.faults.len()), (JobState::Queued, refused));
}

#[test]
fn a_refused_job_goes_to_another_miner_and_holds_up_nobody_behind_it() {
    let (mut board, mut draw) = (board(), counter());
    board.miner_joined(arrival(1, 1, 1), NOW, &mut draw).unwrap();
    let first = granted(&board.submit(open_job(1), NOW, &mut draw)).remove(0);
    board.submit(open_job(2), NOW, &mut draw);
    let effects = board.fail(first.id, first.miner, &failure(Blame::Platform, true), NOW, &mut draw).unwrap();
    let next = granted(&effects);
    assert_eq!(next.iter().map(|lease| lease.job_id).collect::<Vec<_>>(), [JobId::from_random(2)]);
    let other = granted(&board.miner_joined(arrival(2, 2, 1), NOW, &mut draw).unwrap());
    assert_eq!(
        other.iter().map(|lease| (lease.job_id, lease.miner)).collect::<Vec<_>>(),
        [(first.job_id, Address::repeat_byte(2))]
    );
}

#[test]
fn a_job_that_asks_for_more_than_its_model_offers_holds_up_none_of_the_model() {
    let (mut board, mut draw) = (board(), counter());
    let mut fast = image_job("scenes");
    let Work::Image(input) = &mut fast.work else { panic!("a picture") };
    input.scheduler = Some(SchedulerName::Fast);
    board.submit(OpenJob { job: Arc::new(fast), ..open_job(1) }, NOW, &mut draw);
    board.submit(open_job(2), NOW, &mut draw);
    let plain = arrival(1, 1, 2);
    let leases = granted(&board.miner_joined(plain, NOW, &mut draw).unwrap());
    assert_eq!(leases.iter().map(|lease| lease.job_id).collect::<Vec<_>>(), [JobId::from_random(2)]);
    let mut quick = arrival(2, 2, 1);
    quick.capability.offers[0].fast = Some(PictureDefaults { steps: 4, guidance: 1.0 });
    let leases = granted(&board.miner_joined(quick, NOW, &mut draw).unwrap());
    assert_eq!(leases.iter().map(|lease| lease.job_id).collect::<Vec<_>>(), [JobId::from_random(1)]);
}
