//! One trade that reaches many orders: each command triggers some of them, and the next ones go on.

use proptest::prelude::*;

use crate::agreement::agree;
use crate::setup::*;
use crate::streams::{commands, steps, stops};
use exchange::limits::TRIGGERS_PER_COMMAND_MAX;
use exchange::*;

const EACH: usize = TRIGGERS_PER_COMMAND_MAX as usize;

fn triggered(events: &[Event]) -> Vec<OrderId> {
    let of = |event: &Event| if let Event::Triggered { order } = event { Some(*order) } else { None };
    events.iter().filter_map(of).collect()
}

/// So many orders wait for a rise to 103, and none of them will find all that it wants. Then somebody buys at 103.
fn reached(count: usize) -> (TestExchange, Vec<OrderId>, Vec<Event>) {
    let mut test = TestExchange::new();
    let waits = |account| NewOrder {
        trigger: rise(103),
        time_in_force: TimeInForce::FillOrKill,
        ..limit(account, Side::Buy, 103, 5)
    };
    let ids = (0..count).map(|number| test.placed(waits(1 + number as u32 % 2)).0).collect();
    test.placed(limit(0, Side::Sell, 103, 5));
    test.placed(limit(0, Side::Buy, 99, 1));
    let (_, events) = test.placed(limit(3, Side::Buy, 103, 1));
    (test, ids, events)
}

#[test]
fn a_command_triggers_so_many_and_the_next_ones_go_on() {
    let (mut test, ids, events) = reached(2 * EACH + 5);
    assert_eq!(triggered(&events), ids[..EACH]);
    assert!(events.contains(&cancelled(ids[0], 1, 5, CancelReason::FillOrKill)), "{events:?}");
    assert!(test.exchange.has_reached_stops());
    assert_eq!(test.exchange.open_lots(MARKET, ids[EACH]), Some(Lots(5)), "it still waits");

    // What waits is part of the state.
    let mut restored = Exchange::restore(&test.exchange.snapshot(), HashKey([3, 4])).unwrap();
    assert_eq!(restored.hash(), test.exchange.hash());
    assert!(restored.has_reached_stops());
    let events = test.apply(Command::Advance);
    let mut of_restored = Vec::new();
    restored.apply(&Command::Advance, UnixMs(test.now), &mut of_restored);
    assert_eq!((triggered(&events), &of_restored), (ids[EACH..2 * EACH].to_vec(), &events));
    assert_eq!(restored.hash(), test.exchange.hash());

    // What was reached before a command comes before it.
    let (id, events) = test.place(limit(3, Side::Sell, 120, 5));
    assert_eq!(triggered(&events), ids[2 * EACH..]);
    let [.., accepted, last] = &events[..] else { panic!("{events:?}") };
    assert!(matches!(accepted, Event::Accepted { order, .. } if *order == id), "{events:?}");
    assert_eq!(last, &rested(id, Side::Sell, 120, 5));
    assert!(!test.exchange.has_reached_stops());
    assert_eq!(test.apply(Command::Advance), []);
    assert_eq!((test.reserved(1, QUOTE), test.reserved(2, QUOTE)), (0, 0), "each was triggered, and killed");
}

#[test]
fn a_trigger_that_would_go_with_those_that_are_reached_is_refused() {
    let (mut test, ids, _) = reached(3 * EACH + 4);
    // The last trade is at 99 now, and orders that the one at 103 reached still wait.
    let (_, events) = test.place(limit(3, Side::Sell, 99, 1));
    assert_eq!((triggered(&events).len(), trades(&events).len()), (EACH, 1));
    let late = NewOrder { trigger: rise(102), ..limit(3, Side::Buy, 110, 5) };
    let (_, events) = test.place(late);
    let refused = Reason::WouldTriggerAtOnce { trigger: 102, traded: 103 };
    assert!(matches!(events.last(), Some(Event::Rejected { reason, .. }) if *reason == refused), "{events:?}");
    assert!(test.exchange.has_reached_stops(), "four are left");
    let events = test.apply(Command::Advance);
    assert_eq!(triggered(&events), ids[3 * EACH..]);
    assert_eq!(test.placed(late).1, [], "now the last trade alone counts, and it waits");
}

#[test]
fn nothing_is_left_to_do_once_the_last_one_that_was_reached_is_cancelled() {
    let (mut test, ids, _) = reached(EACH + 1);
    let last = ids[EACH];
    let account = 1 + EACH as u32 % 2;
    assert_eq!(test.cancel(account, last), [cancelled(last, account, 5, CancelReason::Owner)]);
    assert!(!test.exchange.has_reached_stops());
    assert!(Exchange::restore(&test.exchange.snapshot(), HASH_KEY).is_ok());
}

/// An order that would not settle is cancelled for that, and must not trade just before.
#[test]
fn what_takes_orders_back_triggers_none() {
    let (mut test, ids, _) = reached(EACH + 4);
    let account = |place: usize| 1 + place as u32 % 2;
    let first = ids[EACH];
    assert_eq!(test.cancel(account(EACH), first), [cancelled(first, account(EACH), 5, CancelReason::Owner)]);
    let reduced = test.apply(Command::Reduce {
        market: MARKET,
        account: AccountId(account(EACH + 1)),
        order: OrderRef::Id(ids[EACH + 1]),
        by: Lots(1),
    });
    assert_eq!((triggered(&reduced), trades(&reduced).len()), (vec![], 0), "{reduced:?}");
    let all = test.apply(Command::CancelAll { market: MARKET, account: AccountId(account(EACH + 2)) });
    assert_eq!((triggered(&all), trades(&all).len()), (vec![], 0), "{all:?}");
    assert!(test.exchange.has_reached_stops());
    // What is left of them goes on with a command that may trade.
    let events = test.apply(Command::Advance);
    assert_eq!(triggered(&events), [ids[EACH + 1], ids[EACH + 3]]);
    assert!(!test.exchange.has_reached_stops());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn both_books_say_the_same_where_a_trade_reaches_many(waiting in stops(60..180), after in steps(80)) {
        agree(&commands(&[waiting, after].concat()));
    }

    #[test]
    fn a_restored_exchange_goes_on_with_what_is_reached(waiting in stops(60..180), after in steps(40), cut in 0..40_usize) {
        let stream = commands(&[waiting, after].concat());
        let cut = stream.len().saturating_sub(cut);
        let mut first = Exchange::new(HASH_KEY);
        for (now, command) in &stream[..cut] {
            first.apply(command, *now, &mut Vec::new());
        }
        let mut restored = Exchange::restore(&first.snapshot(), HashKey([1, 2])).unwrap();
        let mut rounds = 0;
        let rest = stream[cut..].iter().copied();
        // At the end as many more commands as it takes until nothing that is reached waits.
        for (now, command) in rest.chain(std::iter::repeat((UnixMs(0), Command::Advance))) {
            let (mut of_first, mut of_restored) = (Vec::new(), Vec::new());
            first.apply(&command, now, &mut of_first);
            restored.apply(&command, now, &mut of_restored);
            prop_assert!(triggered(&of_first).len() <= EACH);
            prop_assert_eq!(of_first, of_restored);
            rounds += 1;
            if rounds > stream.len() - cut && !first.has_reached_stops() {
                break;
            }
            prop_assert!(rounds < 200, "it does not end");
        }
        prop_assert_eq!(restored.hash(), first.hash());
    }
}
