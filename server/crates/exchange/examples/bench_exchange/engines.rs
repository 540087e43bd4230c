//! The order books, each with the stream in its own form.

use std::hint::black_box;
use std::time::Duration;

use exchange::{Command, Event, Exchange, HashKey, Side, UnixMs};

use crate::stream::{self, Operation, Size};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Exchange,
    Matchcore,
    Lobster,
    RustOb,
}

impl Engine {
    pub(crate) const ALL: [Self; 4] = [Self::Exchange, Self::Matchcore, Self::Lobster, Self::RustOb];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::Matchcore => "matchcore",
            Self::Lobster => "lobster",
            Self::RustOb => "rust_ob",
        }
    }

    /// Operations in a second of a core after the first `warm_up`, and the lots that traded in all.
    pub(crate) fn run(self, operations: &[Operation], size: Size, warm_up: usize) -> (f64, u64) {
        let (took, lots) = match self {
            Self::Exchange => run_exchange(operations, size, warm_up),
            Self::Matchcore => run_matchcore(operations, warm_up),
            Self::Lobster => run_lobster(operations, warm_up),
            Self::RustOb => run_rust_ob(operations, warm_up),
        };
        ((operations.len() - warm_up) as f64 / took.as_secs_f64(), lots)
    }
}

/// The time that this thread has had a core. What other processes take on a busy machine does not count, though they still
/// push this one's data out of the caches.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat");
    let nanoseconds = text.ok().and_then(|text| text.split(' ').next().and_then(|number| number.parse().ok()));
    Duration::from_nanos(nanoseconds.expect("Linux says how long a thread had a core"))
}

/// Carries out everything, and says how much of a core's time came after the warm-up.
fn timed<T>(operations: &[T], warm_up: usize, mut each: impl FnMut(&T) -> u64) -> (Duration, u64) {
    let (before, measured) = operations.split_at(warm_up);
    let mut lots: u64 = before.iter().map(&mut each).sum();
    let began = processor_time();
    lots += measured.iter().map(&mut each).sum::<u64>();
    (processor_time() - began, lots)
}

/// An exchange with its market and traders, and the commands of the stream.
pub(crate) fn ours(operations: &[Operation], size: Size) -> (Exchange, Vec<(UnixMs, Command)>) {
    let mut exchange = Exchange::new(HashKey([3, 4]));
    let mut events = Vec::new();
    stream::opening(size).iter().for_each(|command| exchange.apply(command, UnixMs(0), &mut events));
    let commands = operations.iter().enumerate();
    (exchange, commands.map(|(place, operation)| stream::command(place as u64, operation)).collect())
}

fn run_exchange(operations: &[Operation], size: Size, warm_up: usize) -> (Duration, u64) {
    let (mut exchange, commands) = ours(operations, size);
    let mut events = Vec::with_capacity(1 << 16);
    timed(&commands, warm_up, |(now, command)| {
        events.clear();
        exchange.apply(command, *now, &mut events);
        black_box(&events);
        events.iter().map(|event| if let Event::Filled(fill) = event { fill.lots.0 } else { 0 }).sum()
    })
}

fn run_matchcore(operations: &[Operation], warm_up: usize) -> (Duration, u64) {
    use matchcore::{
        AmendCmd, AmendPatch, CancelCmd, Command, CommandKind, CommandMeta, CommandOutcome, CommandReport, LimitOrder,
        LimitOrderPatch, NewOrder, OrderBook, OrderFlags, OrderId, OrderKind, Price, Quantity, QuantityPolicy,
        SequenceNumber, SubmitCmd, TimeInForce, Timestamp,
    };
    let kind = |operation: &Operation| match *operation {
        Operation::Place { side, price, lots, immediate, .. } => {
            let side = if side == Side::Buy { matchcore::Side::Buy } else { matchcore::Side::Sell };
            let time_in_force = if immediate { TimeInForce::Ioc } else { TimeInForce::Gtc };
            let quantity = QuantityPolicy::Standard { quantity: Quantity(lots) };
            let flags = OrderFlags::new(side, false, time_in_force);
            let order = NewOrder::Limit(LimitOrder::new(Price(u64::from(price)), quantity, flags));
            CommandKind::Submit(SubmitCmd { order })
        }
        Operation::Cancel { order, .. } => {
            CommandKind::Cancel(CancelCmd { order_id: OrderId(order), order_kind: OrderKind::Limit })
        }
        Operation::Amend { order, price, .. } => CommandKind::Amend(AmendCmd {
            order_id: OrderId(order),
            patch: AmendPatch::Limit(LimitOrderPatch::new().with_price(Price(u64::from(price)))),
        }),
    };
    let commands = operations.iter().enumerate().map(|(place, operation)| {
        let (sequence_number, timestamp) = (SequenceNumber(place as u64), Timestamp(1 + place as u64 / 1_000));
        Command { meta: CommandMeta { sequence_number, timestamp }, kind: kind(operation) }
    });
    let commands: Vec<_> = commands.collect();
    let mut book = OrderBook::new("AIT");
    timed(&commands, warm_up, |command| match black_box(book.execute(command)) {
        CommandOutcome::Applied(CommandReport::Submit(effects) | CommandReport::Amend(effects)) => {
            effects.target_order().match_result().map_or(0, |result| result.executed_quantity().0)
        }
        _ => 0,
    })
}

/// It has no orders that leave at once and no amendments: both are an order and a cancellation.
fn run_lobster(operations: &[Operation], warm_up: usize) -> (Duration, u64) {
    use lobster::{OrderBook, OrderEvent, OrderType};
    let side_of = |side| if side == Side::Buy { lobster::Side::Bid } else { lobster::Side::Ask };
    let filled = |event| match black_box(event) {
        OrderEvent::Filled { filled_qty, .. } | OrderEvent::PartiallyFilled { filled_qty, .. } => filled_qty,
        _ => 0,
    };
    let mut book = OrderBook::new(1 << 17, 10, false);
    let operations: Vec<_> = operations.iter().copied().zip(0_u128..).collect();
    timed(&operations, warm_up, |(operation, place)| match *operation {
        Operation::Place { side, price, lots, immediate, .. } => {
            let (id, price) = (*place, u64::from(price));
            let lots = filled(book.execute(OrderType::Limit { id, side: side_of(side), qty: lots, price }));
            if immediate {
                filled(book.execute(OrderType::Cancel { id }));
            }
            lots
        }
        Operation::Cancel { order, .. } => filled(book.execute(OrderType::Cancel { id: u128::from(order) })),
        Operation::Amend { order, side, price, open, .. } => {
            let (id, price) = (u128::from(order), u64::from(price));
            filled(book.execute(OrderType::Cancel { id }));
            filled(book.execute(OrderType::Limit { id, side: side_of(side), qty: open, price }))
        }
    })
}

/// As lobster: no orders that leave at once, and no amendments.
fn run_rust_ob(operations: &[Operation], warm_up: usize) -> (Duration, u64) {
    use rust_ob::{Decimal, OrderBook, OrderMatch};
    let side_of = |side| if side == Side::Buy { rust_ob::Side::Buy } else { rust_ob::Side::Sell };
    // The last match is that of the order itself.
    let filled = |id: u64, matches: &[OrderMatch<u64>]| {
        let own = black_box(matches).iter().find(|found| found.order == id);
        own.map_or(0, |own| own.quantity.mantissa() as u64)
    };
    let mut book = OrderBook::<u64>::new();
    let operations: Vec<_> = operations.iter().copied().zip(0_u64..).collect();
    timed(&operations, warm_up, |(operation, place)| match *operation {
        Operation::Place { side, price, lots, immediate, .. } => {
            let id = *place;
            let matches = book.process_limit_order(id, side_of(side), Decimal::from(price), Decimal::from(lots));
            if immediate {
                let _ = black_box(book.cancel_order(id));
            }
            matches.map_or(0, |matches| filled(id, &matches))
        }
        Operation::Cancel { order, .. } => {
            let _ = black_box(book.cancel_order(order));
            0
        }
        Operation::Amend { order, side, price, open, .. } => {
            let _ = black_box(book.cancel_order(order));
            let matches = book.process_limit_order(order, side_of(side), Decimal::from(price), Decimal::from(open));
            matches.map_or(0, |matches| filled(order, &matches))
        }
    })
}
