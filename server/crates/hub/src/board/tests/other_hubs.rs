//! Miners that serve other hubs with the same slots.

use super::*;
use crate::board::excuses::{DECLINES_IN_A_ROW_MIN, EXCUSES_IN_A_ROW_MAX};
use crate::lease::CROSSING_MAX_MS;

const MINER: Address = Address::repeat_byte(1);

/// A board with jobs enough, and one miner that history lets have all its slots.
fn busy_board(slots: u32, jobs: u128) -> (Board, Vec<Lease>) {
    let mut board = board();
    for number in 1..=jobs {
        board.submitted(open_job(number), NOW);
    }
    let leases = granted(&board.joined(Arrival { leases_ended: 100, ..arrival(1, 1, slots) }, NOW));
    (board, leases)
}

fn lend(board: &mut Board, slots: u32, now: UnixMillis) -> Vec<Effect> {
    board.take(Input::Slots { miner: MINER, session: SessionNumber(1), slots }, now)
}

fn decline(board: &mut Board, lease: &Lease, now: UnixMillis) -> Vec<Effect> {
    board.take(Input::Decline { lease_id: lease.id, miner: MINER }, now)
}

fn faults(board: &Board) -> u64 {
    board.miner(MINER).unwrap().faults
}

#[test]
fn only_slots_that_are_lent_are_filled_and_what_runs_goes_on() {
    let (mut board, leases) = busy_board(3, 5);
    assert_eq!(leases.len(), 3);
    assert!(granted(&lend(&mut board, 1, NOW)).is_empty());
    assert_eq!(board.leases_of(MINER).count(), 3, "nothing is taken back");
    for lease in &leases[..2] {
        assert!(granted(&board.served(lease, NOW)).is_empty(), "its slot works for another hub");
    }
    assert_eq!(granted(&board.served(&leases[2], NOW)).len(), 1);
    assert_eq!(granted(&lend(&mut board, 9, NOW)).len(), 1, "all that wait, and no more than it offered");
    let later = Input::Slots { miner: MINER, session: SessionNumber(7), slots: 0 };
    board.take(later, NOW);
    assert_eq!(board.miner(MINER).unwrap().slots_lent, 9, "the word of another session");
}

#[test]
fn a_lease_that_crossed_the_word_goes_back_without_blame_and_to_another_miner() {
    let (mut board, leases) = busy_board(2, 2);
    lend(&mut board, 1, NOW);
    let effects = decline(&mut board, &leases[1], NOW.plus_ms(CROSSING_MAX_MS));
    assert!(granted(&effects).is_empty());
    assert_eq!((faults(&board), board.leases_of(MINER).count()), (0, 1));
    let life = &task(board.job(leases[1].task.job_id).unwrap()).life;
    assert_eq!((life.state, life.faults[0].blame), (JobState::Queued, Blame::Platform));
    let other = granted(&board.joined(arrival(2, 2, 1), NOW));
    assert_eq!(other[0].task, leases[1].task);
    assert!(!task(board.job(leases[1].task.job_id).unwrap()).failed_by.contains(&MINER));
}

#[test]
fn what_cannot_have_crossed_is_an_excuse_like_any_other() {
    // The third excuse in a row is a fault: too old, or within what was lent.
    for (lent, age_ms) in [(0, CROSSING_MAX_MS + 1), (4, 0)] {
        let (mut board, leases) = busy_board(4, 4);
        lend(&mut board, lent, NOW);
        for (number, lease) in (1..).zip(&leases[..3]) {
            decline(&mut board, lease, NOW.plus_ms(age_ms));
            assert_eq!(faults(&board), u64::from(number > EXCUSES_IN_A_ROW_MAX), "lent {lent}, {number}");
        }
    }
}

#[test]
fn a_miner_that_declines_again_and_again_and_completes_nothing_pays_for_it() {
    let (mut board, _) = busy_board(1, 0);
    let mut declined = 0;
    for number in 1..=u128::from(DECLINES_IN_A_ROW_MIN + EXCUSES_IN_A_ROW_MAX) {
        lend(&mut board, 1, NOW);
        let leases = granted(&board.submitted(open_job(number), NOW));
        lend(&mut board, 0, NOW);
        decline(&mut board, &leases[0], NOW);
        declined += 1;
    }
    assert_eq!((declined, faults(&board)), (10, 0));
    lend(&mut board, 1, NOW);
    let leases = granted(&board.submitted(open_job(100), NOW));
    lend(&mut board, 0, NOW);
    decline(&mut board, &leases[0], NOW);
    assert_eq!(faults(&board), 1);
}

#[test]
fn another_miners_lease_is_not_to_be_declined() {
    let (mut board, leases) = busy_board(1, 1);
    let stranger = Input::Decline { lease_id: leases[0].id, miner: Address::repeat_byte(9) };
    assert!(matches!(board.apply(stranger, NOW), Err(BoardError::NotTheHolder { .. })));
    board.delivered(&leases[0], NOW);
    let late = Input::Decline { lease_id: leases[0].id, miner: MINER };
    assert!(matches!(board.apply(late, NOW), Err(BoardError::BeingVerified(_))));
}

#[test]
fn a_miner_that_comes_back_while_another_hub_has_its_slots_gets_nothing_that_it_would_decline() {
    let mut board = board();
    for number in 1..=3 {
        board.submitted(open_job(number), NOW);
    }
    let back = |session, slots_lent| Arrival { leases_ended: 100, slots_lent, ..arrival(1, session, 3) };
    assert!(granted(&board.joined(back(1, 0), NOW)).is_empty());
    assert_eq!(granted(&board.joined(back(2, 1), NOW)).len(), 1);
    assert_eq!(board.miner(MINER).unwrap().capability.slots, 3, "what it offers is another thing");
    let rest = Input::Slots { miner: MINER, session: SessionNumber(2), slots: 3 };
    assert_eq!(granted(&board.take(rest, NOW)).len(), 2);
}
