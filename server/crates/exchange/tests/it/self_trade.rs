//! The four rules for an order that meets one of its own account.

use crate::setup::*;
use exchange::*;

/// Account 1 sells 5 at 100, account 0 sells 5 at 100, account 2 sells 5 at 101; then account 0 buys 12 up to 101.
fn meet(rule: SelfTradeRule) -> (TestExchange, Vec<u64>, OrderId, Vec<Event>) {
    let mut test = TestExchange::new();
    let makers =
        [(1, 100), (0, 100), (2, 101)].map(|(account, price)| test.placed(limit(account, Side::Sell, price, 5)).0.0);
    let (taker, events) = test.placed(NewOrder { self_trade: rule, ..limit(0, Side::Buy, 101, 12) });
    (test, makers.to_vec(), taker, events)
}

#[test]
fn allowed() {
    let (test, makers, _, events) = meet(SelfTradeRule::Allow);
    assert_eq!(trades(&events), [(makers[0], 100, 5), (makers[1], 100, 5), (makers[2], 101, 2)]);
    assert_eq!(test.depth(Side::Sell), [(101, 3)]);
}

#[test]
fn the_taker_expires() {
    let (test, makers, taker, events) = meet(SelfTradeRule::ExpireTaker);
    assert_eq!(trades(&events), [(makers[0], 100, 5)]);
    assert_eq!(events.last(), Some(&cancelled(taker, 0, 7, CancelReason::SelfTrade)));
    assert_eq!(test.depth(Side::Sell), [(100, 5), (101, 5)]);
    assert_eq!((test.depth(Side::Buy), test.reserved(0, QUOTE)), (vec![], 0));
}

#[test]
fn the_maker_expires() {
    let (test, makers, taker, events) = meet(SelfTradeRule::ExpireMaker);
    assert_eq!(trades(&events), [(makers[0], 100, 5), (makers[2], 101, 5)]);
    assert_eq!(events[1], cancelled(OrderId(makers[1]), 0, 5, CancelReason::SelfTrade));
    assert_eq!(events.last(), Some(&rested(taker, Side::Buy, 101, 2)));
    assert_eq!((test.depth(Side::Sell), test.reserved(0, BASE)), (vec![], 0));
}

#[test]
fn both_expire() {
    let (test, makers, taker, events) = meet(SelfTradeRule::ExpireBoth);
    assert_eq!(trades(&events), [(makers[0], 100, 5)]);
    assert_eq!(events[1], cancelled(OrderId(makers[1]), 0, 5, CancelReason::SelfTrade));
    assert_eq!(events[2], cancelled(taker, 0, 7, CancelReason::SelfTrade));
    assert_eq!(test.depth(Side::Sell), [(101, 5)]);
    assert_eq!((test.reserved(0, BASE), test.reserved(0, QUOTE)), (0, 0));
}

#[test]
fn the_rule_of_the_taker_counts_and_a_better_price_of_another_is_taken_first() {
    let mut test = TestExchange::new();
    test.placed(NewOrder { self_trade: SelfTradeRule::ExpireBoth, ..limit(0, Side::Sell, 101, 5) });
    let (other, _) = test.placed(limit(1, Side::Sell, 100, 5));
    let (_, events) = test.placed(NewOrder { self_trade: SelfTradeRule::Allow, ..limit(0, Side::Buy, 101, 6) });
    assert_eq!(trades(&events)[0].0, other.0);
    assert_eq!(trades(&events).len(), 2);
}
