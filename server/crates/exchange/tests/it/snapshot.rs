//! The state as bytes and back.

use proptest::prelude::*;

use crate::setup::*;
use crate::streams::{commands, steps};
use exchange::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_restored_exchange_goes_on_as_the_first_would(steps in steps(300), cut in 0.0..1.0_f64) {
        let stream = commands(&steps);
        let cut = (stream.len() as f64 * cut) as usize;
        let mut first = Exchange::new(HASH_KEY);
        let mut events = Vec::new();
        for (now, command) in &stream[..cut] {
            first.apply(command, *now, &mut events);
        }
        let snapshot = first.snapshot();
        let mut restored = Exchange::restore(&snapshot, HashKey([1, 2])).unwrap();
        prop_assert_eq!(restored.hash(), first.hash());
        prop_assert_eq!(restored.snapshot(), snapshot);
        for (now, command) in &stream[cut..] {
            let (mut of_first, mut of_restored) = (Vec::new(), Vec::new());
            first.apply(command, *now, &mut of_first);
            restored.apply(command, *now, &mut of_restored);
            prop_assert_eq!(of_first, of_restored);
        }
        prop_assert_eq!(restored.hash(), first.hash());
    }

    #[test]
    fn a_changed_snapshot_is_refused(steps in steps(60), place in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let mut exchange = Exchange::new(HASH_KEY);
        for (now, command) in &commands(&steps) {
            exchange.apply(command, *now, &mut Vec::new());
        }
        let mut bytes = exchange.snapshot();
        let length = bytes.len();
        prop_assert!(Exchange::restore(&bytes[..place.index(length)], HASH_KEY).is_err());
        bytes[place.index(length)] ^= 1 << bit;
        prop_assert!(Exchange::restore(&bytes, HASH_KEY).is_err());
    }
}

#[test]
fn every_part_of_the_state_is_in_the_hash() {
    let mut test = TestExchange::new();
    let mut hashes = vec![test.exchange.hash()];
    let (id, _) = test.placed(limit(0, Side::Sell, 100, 5));
    hashes.push(test.exchange.hash());
    test.amend(0, id, 101, 5);
    hashes.push(test.exchange.hash());
    test.apply(Command::Advance);
    hashes.push(test.exchange.hash());
    test.now += 1;
    test.apply(Command::Advance);
    hashes.push(test.exchange.hash());
    let count = hashes.len();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
}
