//! Each kind of order, by example.

use crate::setup::*;
use exchange::*;

#[test]
fn the_best_price_trades_first_and_at_one_price_the_oldest() {
    let mut test = TestExchange::new();
    let (first, events) = test.placed(limit(0, Side::Sell, 101, 5));
    assert_eq!(events, [rested(first, Side::Sell, 101, 5)]);
    let (second, _) = test.placed(limit(1, Side::Sell, 101, 5));
    let (better, _) = test.placed(limit(2, Side::Sell, 100, 5));
    let (taker, events) = test.placed(limit(3, Side::Buy, 101, 12));
    assert_eq!(trades(&events), [(better.0, 100, 5), (first.0, 101, 5), (second.0, 101, 2)]);
    assert_eq!(events.len(), 3, "a filled order does not rest: {events:?}");
    assert_eq!(fills(&events)[2].maker_open, Lots(3));
    assert_eq!(test.depth(Side::Sell), [(101, 3)]);
    assert_eq!(test.exchange.open_lots(MARKET, taker), None);
}

#[test]
fn money_moves_exactly_and_the_better_price_comes_back() {
    let mut test = TestExchange::new();
    test.placed(limit(0, Side::Sell, 100, 7));
    test.placed(limit(1, Side::Buy, 120, 10));
    // 7 lots at 100 ticks of 10 units are 7 000; 3 lots at 120 stay reserved.
    assert_eq!(test.reserved(1, QUOTE), 3 * 120 * 10);
    assert_eq!(test.free(1, QUOTE), FUNDS.0 - 7_000 - 3_600);
    // The taker's fee is 25 of 10 000 of 7 000 units of base: 17.5, rounded down.
    assert_eq!(test.free(1, BASE), FUNDS.0 + 7_000 - 17);
    assert_eq!(test.free(0, QUOTE), FUNDS.0 + 7_000 - 7);
    assert_eq!((test.free(0, BASE), test.reserved(0, BASE)), (FUNDS.0 - 7_000, 0));
    assert_eq!((test.exchange.fees(BASE), test.exchange.fees(QUOTE)), (Units(17), Units(7)));
}

#[test]
fn an_immediate_order_takes_what_it_can_and_leaves() {
    let mut test = TestExchange::new();
    test.placed(limit(0, Side::Sell, 100, 4));
    let order = NewOrder { time_in_force: TimeInForce::ImmediateOrCancel, ..limit(1, Side::Buy, 100, 10) };
    let (id, events) = test.placed(order);
    assert_eq!(fills(&events).len(), 1);
    assert_eq!(events[1], cancelled(id, 1, 6, CancelReason::Unfilled));
    assert_eq!((test.depth(Side::Buy), test.reserved(1, QUOTE)), (vec![], 0));
}

#[test]
fn fill_or_kill_takes_all_or_nothing() {
    let mut test = TestExchange::new();
    test.placed(limit(0, Side::Sell, 100, 4));
    test.placed(limit(0, Side::Sell, 101, 4));
    test.placed(limit(0, Side::Sell, 102, 4));
    let order = NewOrder { time_in_force: TimeInForce::FillOrKill, ..limit(1, Side::Buy, 101, 9) };
    let (id, events) = test.placed(order);
    assert_eq!(events, [cancelled(id, 1, 9, CancelReason::FillOrKill)], "the last lot is beyond its limit");
    let (_, events) = test.placed(NewOrder { lots: Lots(8), ..order });
    assert_eq!(fills(&events).len(), 2);
    assert_eq!(test.depth(Side::Sell), [(102, 4)]);
}

#[test]
fn fill_or_kill_counts_no_lots_that_its_self_trade_rule_keeps_from_it() {
    for (rule, filled) in [
        (SelfTradeRule::Allow, true),
        (SelfTradeRule::ExpireTaker, false),
        (SelfTradeRule::ExpireMaker, false),
        (SelfTradeRule::ExpireBoth, false),
    ] {
        let mut test = TestExchange::new();
        test.placed(limit(0, Side::Sell, 100, 4));
        test.placed(limit(1, Side::Sell, 100, 4));
        let order =
            NewOrder { self_trade: rule, time_in_force: TimeInForce::FillOrKill, ..limit(1, Side::Buy, 100, 5) };
        let (_, events) = test.placed(order);
        assert_eq!(!fills(&events).is_empty(), filled, "{rule:?}");
        assert_eq!(
            test.depth(Side::Sell),
            [(100, if filled { 3 } else { 8 })],
            "an order that is killed ends no other"
        );
    }
}

#[test]
fn fill_or_kill_counts_what_stands_before_an_own_order_at_its_price() {
    // At 100 another one's 3 lots, own 4 and again 5 of another; 2 own ones at 101, and 6 of another.
    let with_makers = || {
        let mut test = TestExchange::new();
        for (account, price, lots) in [(0, 100, 3), (1, 100, 4), (2, 100, 5), (1, 101, 2), (0, 101, 6)] {
            test.placed(limit(account, Side::Sell, price, lots));
        }
        test
    };
    let filled = |self_trade, lots, price| {
        let mut test = with_makers();
        let order = NewOrder { self_trade, time_in_force: TimeInForce::FillOrKill, ..limit(1, Side::Buy, price, lots) };
        let (id, events) = test.placed(order);
        let killed = events == [cancelled(id, 1, lots, CancelReason::FillOrKill)];
        assert_eq!(killed, fills(&events).is_empty(), "{events:?}");
        assert!(killed || fills(&events).iter().map(|fill| fill.lots.0).sum::<u64>() == lots, "{events:?}");
        !killed
    };
    for (rule, at_100, at_101) in [
        (SelfTradeRule::Allow, 12, 20),
        (SelfTradeRule::ExpireTaker, 3, 3),
        (SelfTradeRule::ExpireBoth, 3, 3),
        (SelfTradeRule::ExpireMaker, 8, 14),
    ] {
        for (price, most) in [(100, at_100), (101, at_101)] {
            assert!(filled(rule, most, price), "{rule:?}: {most} lots are there at {price}");
            assert!(!filled(rule, most + 1, price), "{rule:?}: {most} lots are all at {price}");
        }
    }
}

#[test]
fn a_post_only_order_never_takes() {
    let mut test = TestExchange::new();
    test.placed(limit(0, Side::Sell, 100, 4));
    let order = NewOrder { kind: OrderKind::PostOnly, ..limit(1, Side::Buy, 100, 4) };
    assert_eq!(test.refused(order), Reason::PostOnlyWouldTake { price: 100, best: 100 });
    let (id, _) = test.placed(NewOrder { price: Ticks(99), ..order });
    assert_eq!(reason_of(&test.amend(1, id, 100, 4)), Reason::PostOnlyWouldTake { price: 100, best: 100 });
    assert_eq!(test.depth(Side::Buy), [(99, 4)], "a refused amendment leaves it where it is");
}

#[test]
fn a_market_order_ends_at_its_slippage_and_at_its_price() {
    let market = |slippage, price| NewOrder {
        kind: OrderKind::Market { slippage: BasisPoints(slippage) },
        time_in_force: TimeInForce::ImmediateOrCancel,
        ..limit(1, Side::Buy, price, 10)
    };
    let with_asks = || {
        let mut test = TestExchange::new();
        [100, 101, 102, 103].iter().for_each(|price| drop(test.placed(limit(0, Side::Sell, *price, 1))));
        test
    };
    // 2.99 % of 100 ticks is 2 whole ticks.
    assert_eq!(trades(&with_asks().placed(market(299, 1_000)).1).len(), 3);
    assert_eq!(trades(&with_asks().placed(market(299, 101)).1).len(), 2);
    assert_eq!(trades(&with_asks().placed(market(0, 1_000)).1).len(), 1);
    let (id, events) = TestExchange::new().placed(market(299, 1_000));
    assert_eq!(events, [cancelled(id, 1, 10, CancelReason::Unfilled)], "there is nothing to take");
    let mut test = TestExchange::new();
    [100, 99, 98, 97].iter().for_each(|price| drop(test.placed(limit(0, Side::Buy, *price, 1))));
    let sell = NewOrder { side: Side::Sell, price: Ticks(1), lots: Lots(100), ..market(299, 1) };
    assert_eq!(trades(&test.placed(sell).1).len(), 3);
}

#[test]
fn an_order_expires_before_anything_else_at_its_time() {
    let mut test = TestExchange::new();
    let until = |time, price| NewOrder {
        time_in_force: TimeInForce::GoodTilTime(UnixMs(time)),
        ..limit(0, Side::Sell, price, 4)
    };
    let (late, _) = test.placed(until(20, 100));
    let (soon, _) = test.placed(until(10, 101));
    let (never, _) = test.placed(limit(0, Side::Sell, 102, 4));
    let (gone, _) = test.placed(until(15, 103));
    test.cancel(0, gone);
    test.now = 20;
    let (_, events) = test.place(limit(1, Side::Buy, 102, 4));
    let expired = |order| Event::Expired { order, account: AccountId(0), open: Lots(4) };
    assert_eq!(events[..2], [expired(soon), expired(late)]);
    assert_eq!(trades(&events), [(never.0, 102, 4)]);
    assert_eq!(test.refused(until(20, 100)), Reason::AlreadyExpired { expires_at_unix_ms: 20, now_unix_ms: 20 });
    test.placed(until(21, 100));
    test.now = 21;
    assert_eq!(test.apply(Command::Advance).len(), 1);
    assert_eq!(test.reserved(0, BASE), 0);
}

#[test]
fn time_does_not_go_back() {
    let mut test = TestExchange::new();
    let order = NewOrder { time_in_force: TimeInForce::GoodTilTime(UnixMs(10)), ..limit(0, Side::Sell, 100, 4) };
    test.now = 10;
    test.apply(Command::Advance);
    test.now = 5;
    assert_eq!(test.refused(order), Reason::AlreadyExpired { expires_at_unix_ms: 10, now_unix_ms: 10 });
}

#[test]
fn stop_orders_wait_for_a_trade_and_set_each_other_off() {
    let mut test = TestExchange::new();
    test.placed(limit(0, Side::Sell, 100, 1));
    test.placed(limit(0, Side::Sell, 103, 1));
    test.placed(limit(0, Side::Sell, 106, 1));
    let stop = |account, trigger, price| NewOrder {
        trigger: rise(trigger),
        kind: OrderKind::Market { slippage: BasisPoints(10_000) },
        time_in_force: TimeInForce::ImmediateOrCancel,
        ..limit(account, Side::Buy, price, 1)
    };
    let (first, events) = test.placed(stop(1, 100, 200));
    assert_eq!(events, [], "it waits");
    assert_eq!(test.reserved(1, QUOTE), 2_000);
    let (second, _) = test.placed(NewOrder {
        kind: OrderKind::Limit,
        time_in_force: TimeInForce::GoodTilCancelled,
        ..stop(2, 103, 104)
    });
    assert_eq!(test.depth(Side::Buy), [], "a waiting order is not in the book");
    let (_, events) = test.placed(limit(3, Side::Buy, 100, 1));
    let triggered: Vec<_> = events.iter().filter(|event| matches!(event, Event::Triggered { .. })).collect();
    assert_eq!(triggered, [&Event::Triggered { order: first }, &Event::Triggered { order: second }]);
    assert_eq!(events.last(), Some(&rested(second, Side::Buy, 104, 1)), "a stop-limit order rests at its limit");
    assert_eq!(test.refused(stop(1, 103, 200)), Reason::WouldTriggerAtOnce { trigger: 103, traded: 103 });
}

#[test]
fn a_stop_order_that_sells_is_triggered_from_above() {
    let mut test = TestExchange::new();
    test.placed(limit(0, Side::Buy, 100, 1));
    test.placed(limit(0, Side::Buy, 95, 5));
    let stop = NewOrder { trigger: fall(98), ..limit(1, Side::Sell, 90, 2) };
    let (id, _) = test.placed(stop);
    test.placed(limit(2, Side::Sell, 100, 1));
    assert_eq!(test.exchange.open_lots(MARKET, id), Some(Lots(2)), "100 is not yet 98");
    let (_, events) = test.placed(limit(2, Side::Sell, 95, 1));
    assert_eq!(events[1], Event::Triggered { order: id });
    assert_eq!(fills(&events).len(), 2);
}

#[test]
fn a_take_profit_order_waits_for_a_better_price_and_beside_stop_orders() {
    let mut test = TestExchange::new();
    test.placed(limit(0, Side::Sell, 100, 3));
    test.placed(limit(0, Side::Buy, 99, 9));
    test.placed(limit(1, Side::Buy, 100, 1));
    // Both sell, one of them once the price has fallen and the other once it has risen.
    let sell = |trigger| NewOrder { trigger, ..limit(1, Side::Sell, 90, 2) };
    let (stop, _) = test.placed(sell(fall(99)));
    let (profit, _) = test.placed(sell(rise(101)));
    assert_eq!(test.refused(sell(rise(100))), Reason::WouldTriggerAtOnce { trigger: 100, traded: 100 });
    assert_eq!(test.refused(sell(fall(100))), Reason::WouldTriggerAtOnce { trigger: 100, traded: 100 });
    test.placed(limit(2, Side::Buy, 101, 5));
    assert_eq!(test.exchange.open_lots(MARKET, profit), Some(Lots(2)), "the book was bought at 100 only");
    let (_, events) = test.placed(limit(3, Side::Sell, 101, 1));
    let triggered = |order| events.contains(&Event::Triggered { order });
    assert!(triggered(profit) && !triggered(stop), "{events:?}");
    assert_eq!(trades(&events).last().map(|(_, price, lots)| (*price, *lots)), Some((101, 2)), "at the better price");
}

#[test]
fn an_order_that_leaves_at_once_waits_for_its_trigger_until_a_time() {
    let mut test = TestExchange::new();
    let waits = |until, time_in_force| NewOrder {
        trigger: rise(105).map(|trigger| Trigger { waits_until: Some(UnixMs(until)), ..trigger }),
        time_in_force,
        ..limit(0, Side::Buy, 110, 2)
    };
    let at_once = TimeInForce::ImmediateOrCancel;
    assert_eq!(test.refused(waits(9, TimeInForce::GoodTilCancelled)), Reason::TimeInForceNotAllowed);
    let now_unix_ms = test.exchange.now().0;
    let late = Reason::AlreadyExpired { expires_at_unix_ms: now_unix_ms, now_unix_ms };
    assert_eq!(test.refused(waits(now_unix_ms, at_once)), late);
    let (id, _) = test.placed(waits(now_unix_ms + 5, at_once));
    let restored = Exchange::restore(&test.exchange.snapshot(), HASH_KEY).unwrap();
    assert_eq!(restored.hash(), test.exchange.hash());
    let mut events = Vec::new();
    test.exchange.apply(&Command::Advance, UnixMs(now_unix_ms + 4), &mut events);
    assert_eq!(events, []);
    test.exchange.apply(&Command::Advance, UnixMs(now_unix_ms + 5), &mut events);
    assert_eq!(events, [Event::Expired { order: id, account: AccountId(0), open: Lots(2) }]);
    assert_eq!((test.reserved(0, QUOTE), test.exchange.audit()), (0, Ok(())));
}

#[test]
fn a_trade_on_the_way_triggers_also_if_the_last_one_does_not() {
    let mut test = TestExchange::new();
    test.placed(limit(0, Side::Sell, 100, 1));
    test.placed(limit(1, Side::Buy, 100, 1));
    test.placed(limit(0, Side::Sell, 96, 1));
    test.placed(limit(0, Side::Sell, 104, 1));
    let (stop, _) = test.placed(NewOrder { trigger: fall(97), ..limit(2, Side::Sell, 90, 1) });
    let (_, events) = test.placed(limit(1, Side::Buy, 104, 2));
    assert!(events.contains(&Event::Triggered { order: stop }), "{events:?}");
}

#[test]
fn less_at_the_same_price_keeps_the_place_and_anything_else_loses_it() {
    let mut test = TestExchange::new();
    let (first, _) = test.placed(limit(0, Side::Sell, 100, 5));
    let (second, _) = test.placed(limit(1, Side::Sell, 100, 5));
    assert_eq!(test.amend(0, first, 100, 3), [Event::Reduced { order: first, by: Lots(2), open: Lots(3) }]);
    let (_, events) = test.placed(limit(2, Side::Buy, 100, 1));
    assert_eq!(trades(&events)[0].0, first.0);
    let amended = Event::Amended { order: first, price: Ticks(100), open: Lots(8) };
    assert_eq!(test.amend(0, first, 100, 9), [amended, rested(first, Side::Sell, 100, 8)]);
    let (_, events) = test.placed(limit(2, Side::Buy, 100, 1));
    assert_eq!(trades(&events)[0].0, second.0);
    assert_eq!(reason_of(&test.amend(0, first, 100, 9)), Reason::NothingToAmend);
    assert_eq!(
        reason_of(&test.amend(0, first, 100, 1)),
        Reason::LotsNotAboveFilled { given: Lots(1), filled: Lots(1) }
    );
}

#[test]
fn an_amended_order_may_take() {
    let mut test = TestExchange::new();
    let (bid, _) = test.placed(limit(0, Side::Buy, 95, 5));
    test.placed(limit(1, Side::Sell, 100, 2));
    let events = test.amend(0, bid, 101, 6);
    assert_eq!(trades(&events).len(), 1);
    assert_eq!(events.last(), Some(&rested(bid, Side::Buy, 101, 4)));
    assert_eq!(test.reserved(0, QUOTE), 4 * 101 * 10);
    test.placed(limit(1, Side::Sell, 102, 9));
    let events = test.amend(0, bid, 102, 6);
    assert_eq!(fills(&events)[0].taker_open, Lots(0));
    assert_eq!((test.depth(Side::Buy), test.reserved(0, QUOTE)), (vec![], 0));
    assert_eq!(reason_of(&test.cancel(0, bid)), Reason::UnknownOrder(bid));
}

#[test]
fn a_waiting_order_is_amended_without_losing_its_place() {
    let mut test = TestExchange::new();
    let stop = |account| NewOrder { trigger: rise(100), ..limit(account, Side::Buy, 110, 2) };
    let (first, _) = test.placed(stop(0));
    let (second, _) = test.placed(stop(1));
    assert_eq!(test.amend(0, first, 111, 3), [Event::Amended { order: first, price: Ticks(111), open: Lots(3) }]);
    assert_eq!(test.reserved(0, QUOTE), 3 * 111 * 10);
    test.placed(limit(2, Side::Sell, 100, 1));
    let (_, events) = test.placed(limit(3, Side::Buy, 100, 1));
    let triggered = events.iter().filter_map(|event| match event {
        Event::Triggered { order } => Some(*order),
        _ => None,
    });
    assert_eq!(triggered.collect::<Vec<_>>(), [first, second]);
}

#[test]
fn taking_off_all_that_is_open_cancels() {
    let mut test = TestExchange::new();
    let (id, _) = test.placed(limit(0, Side::Sell, 100, 5));
    let reduce = |by| Command::Reduce { market: MARKET, account: AccountId(0), order: OrderRef::Id(id), by: Lots(by) };
    assert_eq!(reason_of(&test.apply(reduce(0))), Reason::LotsOutOfRange { given: Lots(0), max: Lots(1_000) });
    assert_eq!(test.apply(reduce(2)), [Event::Reduced { order: id, by: Lots(2), open: Lots(3) }]);
    assert_eq!(test.depth(Side::Sell), [(100, 3)]);
    assert_eq!(test.apply(reduce(9)), [cancelled(id, 0, 3, CancelReason::Owner)]);
    assert_eq!((test.depth(Side::Sell), test.reserved(0, BASE)), (vec![], 0));
}

#[test]
fn a_change_leaves_no_order_that_is_worth_less_than_the_market_takes() {
    // 500 units are the least: at 10 ticks of 10 units that is 5 lots.
    let reduce =
        |id, by| Command::Reduce { market: MARKET, account: AccountId(0), order: OrderRef::Id(id), by: Lots(by) };
    let mut test = TestExchange::new();
    let (id, _) = test.placed(limit(0, Side::Sell, 10, 20));
    assert_eq!(test.apply(reduce(id, 15)), [Event::Reduced { order: id, by: Lots(15), open: Lots(5) }]);
    assert_eq!(test.apply(reduce(id, 1)), [cancelled(id, 0, 5, CancelReason::NotionalTooSmall)]);
    assert_eq!((test.depth(Side::Sell), test.reserved(0, BASE)), (vec![], 0), "nothing of it stays");
    // What has traded is no part of what stays open.
    let (id, _) = test.placed(limit(0, Side::Sell, 10, 20));
    test.placed(limit(1, Side::Buy, 10, 12));
    let too_small = Reason::NotionalTooSmall { given: Units(400), min: Units(500) };
    assert_eq!(reason_of(&test.amend(0, id, 10, 16)), too_small);
    assert_eq!(reason_of(&test.amend(0, id, 9, 17)), Reason::NotionalTooSmall { given: Units(450), min: Units(500) });
    assert_eq!(test.depth(Side::Sell), [(10, 8)], "a refused amendment takes nothing away");
    assert_eq!(test.apply(reduce(id, 3)), [Event::Reduced { order: id, by: Lots(3), open: Lots(5) }]);
    assert_eq!(test.apply(reduce(id, 5)), [cancelled(id, 0, 5, CancelReason::Owner)], "all of it, as asked");
    // An order that waits for its trigger is no exception.
    let (id, _) = test.placed(NewOrder { trigger: rise(100), ..limit(0, Side::Sell, 10, 6) });
    assert_eq!(test.apply(reduce(id, 2)), [cancelled(id, 0, 6, CancelReason::NotionalTooSmall)]);
    assert_eq!(test.reserved(0, BASE), 0);
}

#[test]
fn orders_are_named_by_their_owners_names_and_by_nobody_elses() {
    let mut test = TestExchange::new();
    let named = |account| NewOrder { client_order_id: Some(client_id(7)), ..limit(account, Side::Sell, 100, 5) };
    let (first, _) = test.placed(named(0));
    let (other, _) = test.placed(named(1));
    assert_eq!(test.refused(named(0)), Reason::ClientOrderIdTaken(client_id(7)));
    assert_eq!(reason_of(&test.cancel(1, first)), Reason::OrderOfAnother(first));
    let by_name = |account| Command::Cancel {
        market: MARKET,
        account: AccountId(account),
        order: OrderRef::Client(client_id(7)),
    };
    assert_eq!(test.apply(by_name(1)), [cancelled(other, 1, 5, CancelReason::Owner)]);
    assert_eq!(reason_of(&test.apply(by_name(1))), Reason::UnknownClientOrder(client_id(7)));
    assert_eq!(test.apply(by_name(0)), [cancelled(first, 0, 5, CancelReason::Owner)]);
    test.placed(named(0));
}

#[test]
fn cancel_all_ends_the_orders_of_one_account_the_oldest_first() {
    let mut test = TestExchange::new();
    let (first, _) = test.placed(limit(0, Side::Sell, 100, 5));
    test.placed(limit(1, Side::Sell, 100, 5));
    let (stop, _) = test.placed(NewOrder { trigger: rise(120), ..limit(0, Side::Buy, 130, 1) });
    let (bid, _) = test.placed(limit(0, Side::Buy, 90, 5));
    let all = Command::CancelAll { market: MARKET, account: AccountId(0) };
    let done = |orders| Event::AllCancelled { market: MARKET, account: AccountId(0), orders };
    assert_eq!(
        test.apply(all),
        [
            cancelled(first, 0, 5, CancelReason::Owner),
            cancelled(stop, 0, 1, CancelReason::Owner),
            cancelled(bid, 0, 5, CancelReason::Owner),
            done(3),
        ]
    );
    assert_eq!(test.apply(all), [done(0)]);
    assert_eq!(test.depth(Side::Sell), [(100, 5)], "orders of others stay");
}
