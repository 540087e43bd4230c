//! What must hold for every stream, said without a second book: from the commands and the events alone.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::setup::*;
use crate::streams::{commands, steps};
use exchange::*;

/// What is known of an order from outside.
#[derive(Clone)]
struct Seen {
    order: NewOrder,
    price: u32,
    open: u64,
    /// Lots that left it: filled, taken off, cancelled or expired.
    filled: u64,
    rested: bool,
}

#[derive(Default)]
struct Watcher {
    orders: BTreeMap<OrderId, Seen>,
    /// The queue of each side and price: who came first trades first.
    queues: BTreeMap<(Side, u32), Vec<OrderId>>,
    waiting: BTreeSet<OrderId>,
    fees: BTreeMap<AssetId, u128>,
    trades: BTreeMap<MarketId, u64>,
}

impl Watcher {
    fn see(&mut self, command: &Command, events: &[Event]) {
        if let Command::Place { order, .. } = command {
            let accepted =
                events.iter().any(|event| matches!(event, Event::Accepted { order: id, .. } if *id == order.id));
            if accepted {
                let (price, open) = (order.price.0, order.lots.0);
                let known = self.orders.insert(order.id, Seen { order: *order, price, open, filled: 0, rested: false });
                assert!(known.is_none(), "an id is taken once");
                if order.trigger.is_some() {
                    self.waiting.insert(order.id);
                }
            }
        }
        let is_refused = events.iter().any(|event| matches!(event, Event::Rejected { .. }));
        let changes = events.iter().filter(|event| !matches!(event, Event::Rejected { .. } | Event::Expired { .. }));
        assert!(!is_refused || changes.count() == 0, "a refused command changes nothing: {events:?}");
        events.iter().for_each(|event| self.see_event(event));
    }

    fn see_event(&mut self, event: &Event) {
        match *event {
            Event::Filled(fill) => self.see_fill(&fill),
            Event::Rested { order, side, price, open } => {
                let seen = self.orders.get_mut(&order).unwrap();
                let rests =
                    matches!(seen.order.time_in_force, TimeInForce::GoodTilCancelled | TimeInForce::GoodTilTime(_));
                assert!(rests && !self.waiting.contains(&order), "{order} may not rest");
                assert!(!matches!(seen.order.kind, OrderKind::Market { .. }));
                assert_eq!((side, price.0, open.0), (seen.order.side, seen.price, seen.open));
                seen.rested = true;
                self.queues.entry((side, price.0)).or_default().push(order);
            }
            Event::Amended { order, price, open } => {
                self.leave_queue(order);
                let seen = self.orders.get_mut(&order).unwrap();
                (seen.price, seen.open) = (price.0, open.0);
                seen.rested = false;
            }
            Event::Reduced { order, by, open } => {
                let seen = self.orders.get_mut(&order).unwrap();
                seen.open -= by.0;
                assert!(by.0 > 0 && seen.open == open.0 && open.0 > 0);
            }
            Event::Cancelled { order, account, open, .. } | Event::Expired { order, account, open } => {
                self.leave_queue(order);
                self.waiting.remove(&order);
                let seen = self.orders.remove(&order).unwrap();
                assert_eq!((seen.order.account, seen.open), (account, open.0));
                if seen.order.time_in_force == TimeInForce::FillOrKill && seen.filled > 0 {
                    // Only its own orders in the way can stop it, and those it counted before it began.
                    panic!("{order} was to take all or nothing and took {}", seen.filled);
                }
            }
            Event::Triggered { order } => assert!(self.waiting.remove(&order), "{order} did not wait"),
            _ => {}
        }
        for side in [Side::Buy, Side::Sell] {
            for queue in self.queues.iter().filter(|((of, _), queue)| *of == side && !queue.is_empty()) {
                assert!(queue.1.iter().all(|order| self.orders.contains_key(order)));
            }
        }
    }

    fn leave_queue(&mut self, order: OrderId) {
        let seen = &self.orders[&order];
        if let Some(queue) = self.queues.get_mut(&(seen.order.side, seen.price)) {
            queue.retain(|other| *other != order);
        }
    }

    fn see_fill(&mut self, fill: &Fill) {
        let (maker, taker) = (self.orders[&fill.maker].clone(), self.orders[&fill.taker].clone());
        assert_eq!((maker.order.account, taker.order.account), (fill.maker_account, fill.taker_account));
        assert_eq!((taker.order.side, maker.order.side), (fill.taker_side, fill.taker_side.opposite()));
        assert!(fill.lots.0 > 0);
        assert_eq!(fill.price.0, maker.price, "a trade is at the maker's price");
        assert!(taker.order.side.accepts(Ticks(taker.price), fill.price), "a fill outside the limit: {fill:?}");
        let queue = &self.queues[&(maker.order.side, maker.price)];
        assert_eq!(queue[0], fill.maker, "who came first trades first");
        let better = self.queues.iter().filter(|((side, price), queue)| {
            *side == maker.order.side
                && *price != maker.price
                && !queue.is_empty()
                && taker.order.side.accepts(Ticks(maker.price), Ticks(*price))
        });
        assert_eq!(better.count(), 0, "a better price was passed over");
        assert!(taker.order.kind != OrderKind::PostOnly, "a post-only order takes nothing");
        let own = fill.maker_account == fill.taker_account;
        assert!(!own || taker.order.self_trade == SelfTradeRule::Allow, "an account trades with itself");
        let rules = rules();
        // The second market trades the same pair the other way round.
        let (base, quote) = if fill.market == MARKET { (BASE, QUOTE) } else { (QUOTE, BASE) };
        let (base_amount, quote_amount) =
            (u128::from(fill.lots.0) * 1_000, u128::from(fill.lots.0) * u128::from(fill.price.0) * 10);
        for (seen, fee, rate) in [(&maker, fill.maker_fee, rules.maker_fee), (&taker, fill.taker_fee, rules.taker_fee)]
        {
            let (asset, received) = match seen.order.side {
                Side::Buy => (base, base_amount),
                Side::Sell => (quote, quote_amount),
            };
            assert_eq!(fee.0, received * u128::from(rate.0) / 10_000, "{fill:?}");
            *self.fees.entry(asset).or_default() += fee.0;
        }
        let trades = self.trades.entry(fill.market).or_default();
        *trades += 1;
        assert_eq!(fill.trade.0, *trades);
        self.take(fill.maker, fill.lots.0, fill.maker_open.0);
        self.take(fill.taker, fill.lots.0, fill.taker_open.0);
    }

    fn take(&mut self, order: OrderId, lots: u64, open: u64) {
        let seen = self.orders.get_mut(&order).unwrap();
        seen.open -= lots;
        seen.filled += lots;
        assert_eq!(seen.open, open, "lots are neither made nor lost");
        if open == 0 {
            self.leave_queue(order);
            self.orders.remove(&order);
        }
    }

    /// At the end the book is what the events left, no more and no less.
    fn compare(&self, exchange: &Exchange) {
        for side in [Side::Buy, Side::Sell] {
            let lots = |orders: &Vec<OrderId>| orders.iter().map(|order| self.orders[order].open).sum::<u64>();
            let markets = [MARKET, MarketId(1)].into_iter();
            let mut found = BTreeMap::<u32, u64>::new();
            for (price, lots) in markets.flat_map(|market| exchange.depth(market, side)) {
                *found.entry(price.0).or_default() += lots.0;
            }
            let ours = self.queues.iter().filter(|((of, _), queue)| *of == side && !queue.is_empty());
            let ours: BTreeMap<_, _> = ours.map(|((_, price), queue)| (*price, lots(queue))).collect();
            assert_eq!(found, ours);
        }
        for asset in [BASE, QUOTE] {
            assert_eq!(exchange.fees(asset).0, self.fees.get(&asset).copied().unwrap_or(0));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn every_stream_keeps_the_rules_of_an_order_book(steps in steps(400)) {
        let mut exchange = Exchange::new(HASH_KEY);
        let mut watcher = Watcher::default();
        let mut events = Vec::new();
        // One market: a queue is known by side and price.
        let in_one_market = |command: &Command| match command {
            Command::Place { market, .. } | Command::Amend { market, .. } | Command::Reduce { market, .. }
            | Command::Cancel { market, .. } | Command::CancelAll { market, .. } => *market == MARKET,
            _ => true,
        };
        for (now, command) in commands(&steps).iter().filter(|(_, command)| in_one_market(command)) {
            events.clear();
            exchange.apply(command, *now, &mut events);
            watcher.see(command, &events);
            let best = |side| exchange.depth(MARKET, side).next().map(|(price, _)| price);
            if let (Some(bid), Some(ask)) = (best(Side::Buy), best(Side::Sell)) {
                prop_assert!(bid < ask, "crossed at {} and {}", bid, ask);
            }
            prop_assert_eq!(exchange.audit(), Ok(()));
        }
        watcher.compare(&exchange);
    }
}
