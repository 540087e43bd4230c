//! Commands on orders allocate nothing.

use crate::setup::*;
use exchange::*;

/// Every kind of change, over and over, at prices that wander.
fn session(exchange: &mut Exchange, events: &mut Vec<Event>, round: u32) {
    let mut id = exchange.last_order().0;
    let mut apply = |command: Command| {
        events.clear();
        exchange.apply(&command, UnixMs(u64::from(round)), events);
    };
    for step in 0..200_u32 {
        let price = 900 + (round * 37 + step * 13) % 200;
        let side = if step % 2 == 0 { Side::Buy } else { Side::Sell };
        let account = step % 4;
        let order = |id| NewOrder {
            id: OrderId(id),
            client_order_id: Some(client_id(id)),
            time_in_force: match step % 5 {
                0 => TimeInForce::GoodTilTime(UnixMs(u64::from(round) + 2)),
                1 => TimeInForce::ImmediateOrCancel,
                _ => TimeInForce::GoodTilCancelled,
            },
            trigger: if step % 7 == 0 { rise(price) } else { None },
            self_trade: SelfTradeRule::ExpireMaker,
            ..limit(account, side, price, 1 + u64::from(step % 9))
        };
        id += 1;
        apply(Command::Place { market: MARKET, order: order(id) });
        let (market, account, order) = (MARKET, AccountId(account), OrderRef::Id(OrderId(id)));
        apply(Command::Amend { market, account, order, price: Ticks(price + 3), lots: Lots(7) });
        apply(Command::Reduce { market, account, order, by: Lots(1) });
        if step % 3 == 0 {
            apply(Command::Cancel { market, account, order });
        }
    }
    apply(Command::CancelAll { market: MARKET, account: AccountId(round % 4) });
    apply(Command::Advance);
}

#[test]
fn commands_on_orders_allocate_nothing() {
    let mut exchange = TestExchange::new().exchange;
    let mut events = Vec::with_capacity(10_000);
    // Not even the first time: all room is made when the market opens.
    let measured = allocation_counter::measure(|| {
        (1..=20).for_each(|round| session(&mut exchange, &mut events, round));
    });
    assert_eq!(measured.count_total, 0, "{measured:?}");
    assert_eq!(exchange.audit(), Ok(()));
    let (trades, _) = exchange.last_trade(MARKET).unwrap();
    assert!(trades.0 > 1_000, "only {trades} trades");
    let unused = allocation_counter::measure(|| drop(Vec::<u8>::with_capacity(1)));
    assert_eq!(unused.count_total, 1, "allocations are counted at all");
}
