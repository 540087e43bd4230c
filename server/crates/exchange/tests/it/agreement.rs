//! The exchange and the oracle, driven by the same streams, say the same at every step.

use proptest::prelude::*;

use crate::naive::NaiveExchange;
use crate::setup::*;
use crate::streams::{commands, steps};
use exchange::*;

/// # Panics
/// Where the two differ, or an audit fails.
pub(crate) fn agree(stream: &[(UnixMs, Command)]) -> Exchange {
    let mut exchange = Exchange::new(HASH_KEY);
    let mut naive = NaiveExchange::default();
    let mut events = Vec::new();
    for (now, command) in stream {
        events.clear();
        exchange.apply(command, *now, &mut events);
        assert_eq!(events, naive.apply(command, *now), "after {command:?}");
        assert_eq!(exchange.audit(), Ok(()), "after {command:?}");
        for account in (0..5).map(AccountId) {
            for asset in [BASE, QUOTE] {
                let ours =
                    exchange.balance(account, asset).map_or((0, 0), |balance| (balance.free.0, balance.reserved.0));
                assert_eq!(ours, naive.balance(account, asset), "account {account} after {command:?}");
            }
        }
        for side in [Side::Buy, Side::Sell] {
            assert_eq!(exchange.depth(MARKET, side).collect::<Vec<_>>(), naive.depth(MARKET, side));
        }
    }
    exchange
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn both_books_say_the_same(steps in steps(300)) {
        agree(&commands(&steps));
    }

    #[test]
    fn the_key_of_the_hash_and_the_events_before_decide_nothing(steps in steps(200), key in any::<[u64; 2]>()) {
        let stream = commands(&steps);
        let (mut one, mut other) = (Exchange::new(HASH_KEY), Exchange::new(HashKey(key)));
        let (mut events_of_one, mut events_of_other) = (Vec::new(), Vec::new());
        for (now, command) in &stream {
            one.apply(command, *now, &mut events_of_one);
            other.apply(command, *now, &mut events_of_other);
        }
        prop_assert_eq!(events_of_one, events_of_other);
        prop_assert_eq!(one.hash(), other.hash());
    }
}
