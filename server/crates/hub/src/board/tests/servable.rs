//! What cannot be served cannot be submitted.

use proptest::prelude::*;
use shared::amount::Amount;
use shared::api::unservable::{Filter, Removed};
use shared::device::{Device, DeviceKind};

use super::*;

fn with_card(number: u8, gigabytes: u64, price: u64) -> Arrival {
    let mut arriving = arrival(number, u64::from(number), 1);
    let name = "NVIDIA GeForce RTX 4090".to_owned();
    arriving.capability.devices =
        vec![Device { kind: DeviceKind::Gpu, name, cores: None, memory_bytes: gigabytes << 30 }];
    arriving.capability.offers[0].unit_price = Amount::from_atto(u128::from(price) * shared::amount::ATTO_PER_AIT / 10);
    arriving
}

#[test]
fn it_says_how_many_miners_what_removes_and_what_would_help() {
    let mut board = board();
    for number in 1..=12 {
        board.joined(with_card(number, 8, 1), NOW);
    }
    board.joined(with_card(13, 24, 10), NOW);
    board.joined(with_card(14, 24, 20), NOW);
    let mut other = arrival(15, 15, 1);
    other.capability.offers[0].model = "portraits".into();
    board.joined(other, NOW);
    let mut job = image_job("scenes");
    assert_eq!(board.can_be_served(&job), Ok(()));
    job.constraints.min_vram_gb = Some(16);
    assert_eq!(board.can_be_served(&job), Ok(()));
    let one = Amount::from_ait(1).times(job.work.units()).unwrap();
    job.constraints.max_price = Some(Amount::from_atto(one.atto() - 1));
    let refused = board.can_be_served(&job).unwrap_err();
    let counts = [(Filter::Model, 1), (Filter::GpuMemory, 12), (Filter::MaxPrice, 2)];
    assert_eq!(refused.removed, counts.map(|(filter, miners)| Removed { filter, miners }));
    let words = "0 of 15 connected miners can serve this job: 1 not serving the model, 12 with too little graphics memory, \
                 2 too dear. What would help: `constraints.max_price` of 0.032768 AIT (1 could then); or \
                 `constraints.min_vram_gb` of 8 (12 could then).";
    assert_eq!(refused.to_string(), words);
    job.constraints.max_price = Some(Amount::ZERO);
    job.constraints.min_vram_gb = Some(48);
    let refused = board.can_be_served(&job).unwrap_err();
    assert!(refused.relaxations.is_empty() && refused.nearest.len() == 2, "{refused:?}");
    assert!(refused.to_string().contains("Of the nearest one: its graphics cards have up to 8 GB"), "{refused}");
}

#[test]
fn a_busy_miner_serves_it_later_and_a_model_without_a_miner_may_wait_for_one() {
    let mut board = board();
    assert_eq!(board.can_be_served(&image_job("scenes")), Ok(()));
    board.joined(arrival(1, 1, 1), NOW);
    board.submitted(open_job(1), NOW);
    assert_eq!(board.can_be_served(&image_job("scenes")), Ok(()));
    let mut named = image_job("scenes");
    named.constraints.miners = vec![Address::repeat_byte(9)];
    let refused = board.can_be_served(&named).unwrap_err();
    assert!(refused.to_string().contains("no `constraints.miners` (1 could then)"), "{refused}");
    assert_eq!(board.can_be_served(&image_job("maps")), Ok(()));
}

#[test]
fn a_job_is_offered_by_miners_that_take_new_work_as_often_as_they_have_free_slots() {
    let mut board = board();
    let job = image_job("scenes");
    assert!(!board.is_offered(&job, 0), "nobody is here");
    board.joined(arrival(1, 1, 1), NOW);
    assert!(board.is_offered(&job, 0));
    assert!(!board.is_offered(&job, 1), "its one slot is spoken for");
    board.joined(arrival(2, 2, 1), NOW);
    assert!(board.is_offered(&job, 1) && !board.is_offered(&job, 2));
    assert!(!board.is_offered(&image_job("maps"), 0), "nobody serves it");
    let mut named = job.clone();
    named.constraints.miners = vec![Address::repeat_byte(1)];
    assert!(board.is_offered(&named, 0) && !board.is_offered(&named, 1));
    board.take(Input::Pause { miner: Address::repeat_byte(2), pause: pause(NOW) }, NOW);
    assert!(!board.is_offered(&job, 1), "a paused miner offers nothing");
    board.submitted(open_job(1), NOW);
    assert!(!board.is_offered(&job, 0), "one is busy, one is paused");
    assert!(board.can_be_served(&job).is_ok());
}

proptest! {
    /// What it advises holds: with the one change that it names, the job can be served.
    #[test]
    fn each_relaxation_that_it_names_helps(
        miners in prop::collection::vec((1..40_u64, 0..20_u64, prop_oneof![Just((100, 0)), Just((100, 50)), Just((0, 0))]), 1..20),
        vram in prop::option::of(1..40_u32), price in prop::option::of(0..70_000_u128), gpu in any::<bool>(),
        reputation in prop::option::of(1..=1_000_u16),
    ) {
        let mut board = board();
        for (number, (gigabytes, price, (leases_ended, faults))) in (1..).zip(miners.iter().copied()) {
            board.joined(Arrival { leases_ended, faults, ..with_card(number, gigabytes, price) }, NOW);
        }
        let mut job = image_job("scenes");
        job.constraints.min_vram_gb = vram;
        job.constraints.max_price = price.map(|micro| Amount::from_atto(micro * 1_000_000_000_000));
        job.constraints.gpu = gpu.then(|| "radeon".to_owned());
        job.constraints.min_reputation_per_mille = reputation;
        let Err(refused) = board.can_be_served(&job) else { return Ok(()) };
        let count: u32 = refused.removed.iter().map(|removed| removed.miners).sum();
        prop_assert_eq!(count as usize, miners.len());
        prop_assert!(!refused.nearest.is_empty());
        for relaxation in refused.relaxations {
            let mut relaxed = job.clone();
            let value = relaxation.value.map(|value| value.parse::<u128>().unwrap());
            match relaxation.field.as_str() {
                "constraints.max_price" => relaxed.constraints.max_price = value.map(Amount::from_atto),
                "constraints.min_vram_gb" => relaxed.constraints.min_vram_gb = value.map(|value| value as u32),
                "constraints.gpu" => relaxed.constraints.gpu = None,
                _ => relaxed.constraints.min_reputation_per_mille = value.map(|value| value as u16),
            }
            prop_assert_eq!(board.can_be_served(&relaxed), Ok(()));
        }
    }
}
