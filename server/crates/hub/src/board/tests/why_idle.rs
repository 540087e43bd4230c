//! A miner hears why it has no job, and advice on its price that holds.

use proptest::prelude::*;
use shared::amount::{ATTO_PER_AIT, Amount};
use shared::api::why_idle::IdleKind;

use super::*;

fn kinds(board: &Board, number: u8) -> Vec<IdleKind> {
    board.why_idle(Address::repeat_byte(number)).reasons.iter().map(|reason| reason.reason).collect()
}

#[test]
fn each_reason_is_named_while_it_holds() {
    let mut board = board();
    assert_eq!(kinds(&board, 1), [IdleKind::NotConnected]);
    board.joined(arrival(1, 1, 1), NOW);
    assert_eq!(kinds(&board, 1), [IdleKind::NoJobs, IdleKind::New]);
    board.submitted(open_job(1), NOW);
    assert_eq!(kinds(&board, 1), [IdleKind::Busy, IdleKind::NoJobs, IdleKind::New]);
    board.joined(Arrival { leases_ended: 100, faults: 3, ..arrival(2, 2, 1) }, NOW);
    let mut dear = image_job("scenes");
    dear.constraints.max_price = Some(Amount::ZERO);
    board.submitted(job_of(2, dear, UnixMillis(900_000)), NOW);
    assert_eq!(kinds(&board, 2), [IdleKind::Removed, IdleKind::Faults]);
    let told = board.why_idle(Address::repeat_byte(2));
    assert_eq!((told.running, told.slots, told.models[0].waiting, told.models[0].fitting), (0, 1, 1, 0));
    assert_eq!((told.models[0].place, told.models[0].miners), (1, 2), "{told:?}");
    board.take(Input::Drain { miner: Address::repeat_byte(2), session: SessionNumber(2) }, NOW);
    assert_eq!(kinds(&board, 2)[0], IdleKind::Draining);
}

proptest! {
    #[test]
    fn at_the_price_that_it_is_told_it_gets_the_next_job(
        others in prop::collection::vec((0..=2_000_u128, 1..5_000_000_u64, 10..500_u64), 1..8), speed in 1..5_000_000_u64, leases_ended in 10..500_u64,
    ) {
        let priced = |number: u8, milli: u128, speed: u64, leases_ended: u64| {
            let mut arriving = Arrival { leases_ended, ..arrival(number, u64::from(number), 1) };
            arriving.capability.offers[0].unit_price = Amount::from_atto(milli * ATTO_PER_AIT / 1_000);
            arriving.capability.offers[0].measured_micro_units_per_second = speed;
            arriving
        };
        let mut board = board();
        for (number, (milli, speed, leases_ended)) in (1..).zip(others) {
            board.joined(priced(number, milli, speed, leases_ended), NOW);
        }
        board.joined(priced(0xee, 2_000, speed, leases_ended), NOW);
        let own = Address::repeat_byte(0xee);
        let Some(advised) = board.why_idle(own).models[0].first_up_to else { return Ok(()) };
        let mut cheaper = Arrival { session: SessionNumber(1_000), ..priced(0xee, 0, speed, leases_ended) };
        cheaper.capability.offers[0].unit_price = advised;
        board.joined(cheaper, NOW);
        prop_assert_eq!(board.why_idle(own).models[0].place, 1);
        let mut usual = image_job("scenes");
        let shared::job::request::Work::Image(input) = &mut usual.work else { panic!("a picture") };
        (input.width, input.height, input.steps) = (512, 512, 8);
        let lease = granted(&board.submitted(job_of(1, usual, UnixMillis(900_000)), NOW)).remove(0);
        prop_assert_eq!(lease.miner, own);
    }
}
