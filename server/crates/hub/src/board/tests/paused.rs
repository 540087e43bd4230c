//! A paused miner gets nothing new and keeps what it has.

use shared::api::why_idle::IdleKind;

use super::*;
use crate::audit::Draw;

const MINER: Address = Address::repeat_byte(1);

fn paused(board: &mut Board) -> Vec<Effect> {
    board.take(Input::Pause { miner: MINER, pause: pause(NOW) }, NOW)
}

fn resumed(board: &mut Board) -> Vec<Effect> {
    board.take(Input::Resume { miner: MINER }, NOW)
}

#[test]
fn nothing_new_goes_to_a_paused_miner_until_it_is_resumed() {
    let mut board = board();
    board.joined(arrival(1, 1, 2), NOW);
    let lease = granted(&board.submitted(open_job(1), NOW)).remove(0);
    assert!(granted(&paused(&mut board)).is_empty());
    assert!(granted(&board.submitted(open_job(2), NOW)).is_empty(), "a slot is free, and it is paused");
    assert!(granted(&board.take(Input::Tick, NOW.plus_ms(1_000))).is_empty());
    assert!(board.lease(lease.id).is_some(), "what it has goes on");
    board.served(&lease, NOW);
    let reason = &board.why_idle(MINER).reasons[0];
    assert_eq!(reason.reason, IdleKind::Paused);
    assert!(reason.words.ends_with("gets nothing new: maintenance"), "{reason:?}");
    let explained = board.explain(JobId::from_random(2)).unwrap();
    assert_eq!(explained.miners[0].reason, "the operator of this hub paused it");
    let again = granted(&resumed(&mut board));
    assert_eq!(again.len(), 1, "what waited goes out at once");
    assert_ne!(board.why_idle(MINER).reasons[0].reason, IdleKind::Paused);
    assert!(resumed(&mut board).is_empty(), "once more is nothing");
}

#[test]
fn a_pause_outlasts_the_session_and_holds_before_the_miner_comes() {
    let mut board = board();
    board.remember_paused([(MINER, pause(NOW))]);
    let kinds = |board: &Board| board.why_idle(MINER).reasons.iter().map(|one| one.reason).collect::<Vec<_>>();
    assert_eq!(kinds(&board), [IdleKind::Paused, IdleKind::NotConnected]);
    board.submitted(open_job(1), NOW);
    assert!(granted(&board.joined(arrival(1, 1, 1), NOW)).is_empty());
    board.left(MINER, 1, NOW);
    assert!(granted(&board.joined(arrival(1, 2, 1), NOW)).is_empty(), "a new session begins paused");
    let others = granted(&board.joined(arrival(2, 3, 1), NOW));
    assert_eq!(others[0].miner, Address::repeat_byte(2));
    assert_eq!(board.pause_of(MINER), Some(&pause(NOW)));
}

#[test]
fn an_audit_that_was_drawn_for_a_miner_which_is_paused_goes_to_another_one() {
    let mut board = board().with_audits(Draw::Always);
    board.joined(arrival(2, 2, 1), NOW);
    let served = granted(&board.submitted(open_job(1), NOW)).remove(0);
    board.joined(arrival(1, 1, 1), NOW);
    paused(&mut board);
    board.joined(arrival(3, 3, 1), NOW);
    let effects = board.served(&served, NOW);
    let audits: Vec<Lease> = granted(&effects).into_iter().filter(|lease| lease.task.role.is_audit()).collect();
    assert!(audits.iter().all(|lease| lease.miner == Address::repeat_byte(3)), "{audits:?}");
    assert_eq!(audits.len(), 1);
}

#[test]
fn an_amnesty_gives_a_miner_its_name_back_and_no_more_than_it_lost() {
    let mut board = board();
    board.joined(Arrival { leases_ended: 30, faults: 10, ..arrival(1, 1, 9) }, NOW);
    let miner = Address::repeat_byte(1);
    let standing = |board: &Board| {
        let miner = board.miner(miner).unwrap();
        (miner.leases_ended, miner.faults, miner.reputation())
    };
    let before = standing(&board);
    let forgive = |faults| Input::Amnesty { struck: BTreeMap::from([(miner, faults), (Address::repeat_byte(9), 4)]) };
    board.take(forgive(4), NOW);
    let after = standing(&board);
    assert_eq!((after.0, after.1), (26, 6));
    assert!(after.2 > before.2, "{before:?} {after:?}");
    board.take(forgive(u64::MAX), NOW);
    assert_eq!((standing(&board).0, standing(&board).1), (20, 0));
}
