//! The rows of the market are what matching counts with.

use shared::amount::MicroUnits;
use shared::api::marketplace::example_work;
use shared::device::{Device, DeviceKind};
use shared::job::JobKind;

use super::*;

fn device(kind: DeviceKind, name: &str, memory_bytes: u64) -> Device {
    Device { kind, name: name.into(), cores: (kind == DeviceKind::Cpu).then_some(2), memory_bytes }
}

#[test]
fn a_row_says_what_the_board_counts_with() {
    let mut board = board();
    assert!(board.marketplace().offers.is_empty());
    let mut second = Arrival { leases_ended: 10, faults: 1, ..arrival(2, 2, 9) };
    second.capability.devices = vec![
        device(DeviceKind::Cpu, "cores", 64),
        device(DeviceKind::Gpu, "small", 8),
        device(DeviceKind::Gpu, "large", 24),
    ];
    board.joined(arrival(1, 1, 9), NOW);
    board.joined(second, NOW);
    let lease = granted(&board.submitted(open_job(1), NOW)).remove(0);
    let market = board.marketplace();
    let row = |number: u8| {
        let is_of = |offer: &&shared::api::marketplace::OfferView| offer.miner == Address::repeat_byte(number);
        market.offers.iter().find(is_of).unwrap().clone()
    };
    assert_eq!(market.offers[0].miner, Address::repeat_byte(2), "who has delivered stands first");
    let of_miner = if lease.miner == Address::repeat_byte(1) { 1 } else { 2 };
    for number in [1, 2] {
        let free = row(number).slots - u32::from(number == of_miner);
        assert_eq!(row(number).free, free, "miner {number}");
    }
    assert_eq!(row(1).slots, reputation::slots_max(0, 0), "a new miner has not all that it offers");
    assert_eq!((row(2).results, row(2).faults, row(2).reputation_per_mille), (9, 1, 910));
    assert_eq!((row(2).device.as_str(), row(2).is_gpu, row(2).memory_bytes), ("large", true, 24));
    assert_eq!((row(1).device.as_str(), row(1).is_gpu), ("", false));
    let example = example_work(JobKind::Image, 8);
    assert_eq!(row(1).example_price, Amount::from_ait(1).times(example).unwrap());
    assert_eq!((row(1).example_ms, row(1).is_measured), (example.0 / 1_000, false));
    board.take(Input::Drain { miner: Address::repeat_byte(2), session: SessionNumber(2) }, NOW);
    let market = board.marketplace();
    let drained = market.offers.iter().find(|offer| offer.is_draining).unwrap();
    assert_eq!((drained.miner, drained.free), (Address::repeat_byte(2), 0));
}

#[test]
fn a_speed_is_measured_once_a_result_held() {
    let mut board = board();
    board.joined(arrival(1, 1, 1), NOW);
    let lease = granted(&board.submitted(open_job(1), NOW)).remove(0);
    // One second of work, beside the one that every job takes.
    board.served(&lease, NOW.plus_ms(2_000));
    let row = board.marketplace().offers.remove(0);
    let MicroUnits(done) = lease.terms.units;
    assert_eq!((row.is_measured, row.micro_units_per_second), (true, done));
}
