//! Seeds: random faults, and after each step everything that must hold.

use alloy_primitives::B256;
use std::collections::BTreeMap;

use consensus::{Consensus as _, ConsensusError, Event};

use crate::world::{FAIR, FOUL, LIES, Lie, World};

const SECOND_MS: u64 = 1_000;
/// How long everything may take after the last fault.
const PATIENCE_MS: u64 = 180 * SECOND_MS;
/// How many seeds a test runs, unless `AITBC_CONSENSUS_SEEDS` says otherwise.
const SEEDS: u64 = 4;

/// Runs seeds and names the one that failed. `AITBC_CONSENSUS_SEED` repeats one.
fn with_seeds(run: impl Fn(u64)) {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let seeds = match number("AITBC_CONSENSUS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("AITBC_CONSENSUS_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(seed)));
        if let Err(panic) = outcome {
            eprintln!("repeat with AITBC_CONSENSUS_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

/// Clients bring transactions to nodes that run, at random.
fn bring(world: &mut World) {
    let ready: Vec<usize> = world.honest().filter(|index| world.is_up(*index)).collect();
    for _ in 0..world.random.between(0, 2) {
        let index = ready[world.random.below(ready.len())];
        let sender = 1 + world.random.below(4) as u8;
        world.submit(index, sender);
    }
}

/// All faults end; every acknowledged transaction has to be on every chain.
fn recover(world: &mut World) {
    world.weather = FAIR;
    world.heal();
    for index in 0..world.nodes.len() {
        if !world.is_up(index) {
            world.start(index);
        }
    }
    let honest: Vec<usize> = world.honest().collect();
    let recovered = world.run_until(PATIENCE_MS, |world| honest.iter().all(|index| world.has_all(*index)));
    let heads: Vec<u64> = honest.iter().map(|index| world.head(*index)).collect();
    assert!(recovered, "not every acknowledged transaction is on every chain: heads {heads:?}");
    assert!(heads.windows(2).all(|pair| pair[0] == pair[1]), "heads differ: {heads:?}");
}

/// Crashes, cuts and foul weather, at most one node down at a time.
fn trouble(seed: u64) -> BTreeMap<u64, (B256, B256)> {
    let mut world = World::new(seed, &[1, 1, 1, 1]);
    world.weather = FOUL;
    for _ in 0..12 {
        bring(&mut world);
        let victim = world.random.below(4);
        match world.random.below(6) {
            0 | 1 => {
                let down: Vec<usize> = (0..4).filter(|index| !world.is_up(*index)).collect();
                match down.first() {
                    Some(index) => world.start(*index),
                    None => world.crash(victim),
                }
            }
            2 => {
                let groups: Vec<u8> = (0..4).map(|index| u8::from(index == victim)).collect();
                world.partition(&groups);
            }
            3 => world.partition(&[0, 0, 1, 1]),
            4 => world.heal(),
            _ => {}
        }
        let pause_ms = world.random.between(10, 4 * SECOND_MS);
        world.run_for(pause_ms);
    }
    recover(&mut world);
    assert!(world.head(0) >= 1, "nothing was decided");
    world.record.decided().clone()
}

#[test]
fn crashes_cuts_and_lost_messages_break_nothing() {
    with_seeds(|seed| {
        trouble(seed);
    });
}

#[test]
fn a_seed_repeats_every_block() {
    assert_eq!(trouble(3), trouble(3));
}

#[test]
fn one_validator_that_lies_breaks_nothing() {
    for lie in LIES {
        with_seeds(|seed| {
            let mut world = World::new(seed, &[1, 1, 1, 1]);
            world.nodes[3].lie = Some(lie);
            world.weather = if seed % 2 == 0 { FAIR } else { FOUL };
            for _ in 0..8 {
                bring(&mut world);
                let pause_ms = world.random.between(10, 3 * SECOND_MS);
                world.run_for(pause_ms);
            }
            recover(&mut world);
            if lie == Lie::DoubleVotes && world.head(0) > 2 && seed % 2 == 0 {
                assert!(world.record.accused.contains(&3), "nobody noticed the double votes");
            }
            if lie == Lie::HiddenCommits && world.head(0) > 2 {
                assert!(!world.record.contradictions.is_empty(), "nobody can prove the double commits");
            }
        });
    }
}

#[test]
fn two_of_four_stop_and_go_on_when_a_third_returns() {
    with_seeds(|seed| {
        let mut world = World::new(seed, &[1, 1, 1, 1]);
        world.submit(0, 1);
        assert!(world.run_until(10 * SECOND_MS, |world| (0..4).all(|index| world.has_all(index))));
        world.crash(2);
        world.crash(3);
        let head = world.head(0);
        world.submit(0, 1);
        world.submit(1, 2);
        world.run_for(60 * SECOND_MS);
        assert_eq!((world.head(0), world.head(1)), (head, head), "two of four decided");
        world.start(3);
        let resumed = world.run_until(PATIENCE_MS, |world| [0, 1, 3].iter().all(|index| world.has_all(*index)));
        assert!(resumed, "three of four did not go on");
        world.start(2);
        assert!(world.run_until(PATIENCE_MS, |world| world.has_all(2)), "the fourth did not catch up");
    });
}

#[test]
fn all_at_once_lose_power_and_go_on_from_their_logs() {
    with_seeds(|seed| {
        let mut world = World::new(seed, &[1, 1, 1, 1]);
        for _ in 0..10 {
            bring(&mut world);
            // In the middle of a round, most often.
            let pause_ms = world.random.between(1, 120);
            world.run_for(pause_ms);
            for index in 0..4 {
                world.crash(index);
            }
            for index in 0..4 {
                world.start(index);
            }
        }
        recover(&mut world);
    });
}

#[test]
fn weights_decide_and_not_heads() {
    let mut world = World::new(1, &[10, 1, 1, 1]);
    world.crash(1);
    world.crash(2);
    world.crash(3);
    world.submit(0, 1);
    assert!(world.run_until(10 * SECOND_MS, |world| world.has_all(0)), "10 of 13 is a quorum");
    world.start(1);
    world.start(2);
    world.start(3);
    world.run_for(5 * SECOND_MS);
    world.crash(0);
    let head = world.head(1);
    world.submit(1, 2);
    world.run_for(30 * SECOND_MS);
    assert_eq!(world.head(1), head, "3 of 13 decided");
}

#[test]
fn a_damaged_log_keeps_the_validator_from_signing() {
    let mut world = World::new(2, &[1, 1, 1, 1]);
    world.crash(2);
    world.crash(3);
    world.submit(0, 1);
    world.run_for(5 * SECOND_MS);
    world.crash(0);
    let sound = world.nodes[0].disk.bytes();
    let mut damaged = sound.clone();
    damaged[40] ^= 1;
    world.nodes[0].disk.overwrite(damaged.clone());
    let mut stopped = world.open(0).unwrap();
    assert!(stopped.fault().unwrap().contains("log is damaged"), "{:?}", stopped.fault());
    assert!(matches!(stopped.handle(Event::TimePassed, world.clock()), Err(ConsensusError::Stopped(_))));
    assert_eq!(stopped.deadline_ms(), None);
    drop(stopped);
    assert_eq!(world.nodes[0].disk.bytes(), damaged, "what could be looked at is gone");
    world.nodes[0].disk.overwrite(sound);
    assert_eq!(world.open(0).unwrap().fault(), None);
}

#[test]
fn a_log_whose_entries_cannot_be_decoded_keeps_the_validator_from_signing() {
    let mut world = World::new(3, &[1, 1, 1, 1]);
    world.crash(0);
    let mut log = world.nodes[0].disk.bytes();
    let payload = [99, 1, 2, 3];
    log.extend(4u32.to_le_bytes());
    log.extend(crc32fast::hash(&[1u64.to_le_bytes().as_slice(), &payload].concat()).to_le_bytes());
    log.extend(payload);
    world.nodes[0].disk.overwrite(log.clone());
    let mut stopped = world.open(0).unwrap();
    assert!(stopped.fault().unwrap().contains("log is damaged"), "{:?}", stopped.fault());
    assert!(matches!(stopped.handle(Event::TimePassed, world.clock()), Err(ConsensusError::Stopped(_))));
    drop(stopped);
    assert_eq!(world.nodes[0].disk.bytes(), log);
}

#[test]
fn a_full_disk_stops_the_validator_before_it_signs() {
    let mut world = World::new(4, &[1, 1, 1, 1]);
    world.nodes[0].disk.fail(true);
    let transaction = crate::world::recording(1, 0, 1, 1);
    let now = world.clock();
    let engine = world.nodes[0].engine.as_mut().unwrap();
    engine.host_mut().take_from_client(transaction.clone(), 0);
    let outcome = engine.handle(Event::Transactions(vec![transaction.raw().clone()]), now);
    assert!(matches!(outcome, Err(ConsensusError::Log(_))), "{outcome:?}");
    assert!(engine.stopped().is_some());
    assert!(matches!(engine.handle(Event::TimePassed, now), Err(ConsensusError::Stopped(_))));
}
