//! Measures the exchange beside other order books: one program, one stream of orders, one run. Prints figures as JSON.
//!
//! The stream is that of exchange-core's published measurement: of all commands 9 % are new orders that stay, 3 % leave at
//! once, 6 % cancel and 82 % amend; 1 000 accounts, about 1 000 open orders at about 750 prices. Each engine is given
//! the commands in its own form before the clock starts. Ours does more for each than the others: it checks and moves
//! balances, takes fees, looks for self-trades, and says what happened.

mod engines;
mod prices;
mod recovery;
mod stream;

use std::hint::black_box;
use std::time::Instant;

use serde_json::{Value, json};

use engines::Engine;
use stream::{Operation, Size};

/// Before the clock starts.
const WARM_UP: usize = 100_000;
const MEASURED: usize = 1_000_000;
/// Engines take turns; the fastest round of each counts, since what else runs here only ever makes it slower.
const ROUNDS: usize = 5;
pub(crate) const USUAL: Size = Size { open_orders: 1_000, orders_max: 16_384, prices: 375 };
const LARGE: Size = Size { open_orders: 100_000, orders_max: 131_072, prices: 4_000 };

#[expect(clippy::print_stdout, reason = "the figures are its result")]
fn main() {
    let usual = stream::generate(USUAL, WARM_UP + MEASURED);
    let mut figures = compare(&usual);
    figures.extend(latency(&usual));
    drop(usual);
    let large = stream::generate(LARGE, 4 * WARM_UP + MEASURED);
    figures.push(figure("exchange, 100 000 open orders", millions(&large, LARGE, Engine::Exchange), "M/s", None));
    figures.push(figure("matchcore, 100 000 open orders", millions(&large, LARGE, Engine::Matchcore), "M/s", None));
    drop(large);
    figures.extend(prices::figures());
    figures.extend(recovery::figures());
    println!("{}", Value::Array(figures));
}

/// Operations per second of every engine, and ours against each.
#[expect(clippy::print_stderr, reason = "says how far it is")]
fn compare(operations: &[Operation]) -> Vec<Value> {
    let mut best = Engine::ALL.map(|engine| (engine, 0.0_f64));
    let mut traded = Vec::new();
    for round in 0..ROUNDS {
        for (engine, fastest) in &mut best {
            let (speed, lots) = engine.run(operations, USUAL, WARM_UP);
            *fastest = fastest.max(speed / 1e6);
            traded.push((engine.name(), lots));
            eprintln!("round {round}: {} {:.2} M/s, {lots} lots traded", engine.name(), speed / 1e6);
        }
    }
    // Otherwise they did not do the same work.
    assert!(traded.iter().all(|(_, lots)| *lots == traded[0].1), "engines traded different quantities: {traded:?}");
    let [(_, ours), others @ ..] = &best;
    let mut figures = vec![figure("exchange, mixed load, one core", *ours, "M/s", Some(("at least", 10.0)))];
    for (engine, speed) in others {
        let bar = if *engine == Engine::Matchcore { 1.0 } else { 2.0 };
        figures.push(figure(&format!("{}, the same stream", engine.name()), *speed, "M/s", None));
        figures.push(figure(
            &format!("exchange against {}", engine.name()),
            ours / speed,
            "×",
            Some(("at least", bar)),
        ));
    }
    figures
}

fn millions(operations: &[Operation], size: Size, engine: Engine) -> f64 {
    let speeds = (0..3).map(|_| engine.run(operations, size, operations.len() - MEASURED).0 / 1e6);
    speeds.fold(0.0, f64::max)
}

/// Each command timed alone. A reading of the clock is part of every time.
fn latency(operations: &[Operation]) -> Vec<Value> {
    let (mut exchange, commands) = engines::ours(operations, USUAL);
    let mut events = Vec::with_capacity(1 << 16);
    let mut nanoseconds = Vec::with_capacity(MEASURED);
    for (place, (now, command)) in commands.iter().enumerate() {
        events.clear();
        let began = Instant::now();
        exchange.apply(command, *now, &mut events);
        let took = began.elapsed();
        black_box(&events);
        if place >= commands.len() - MEASURED {
            nanoseconds.push(took.as_nanos() as f64);
        }
    }
    nanoseconds.sort_by(f64::total_cmp);
    let at = |share: f64| nanoseconds[((nanoseconds.len() - 1) as f64 * share) as usize] / 1e3;
    vec![
        figure("one command, p50", at(0.5), "µs", None),
        figure("one command, p99", at(0.99), "µs", Some(("at most", 1.0))),
        figure("one command, p99.99", at(0.9999), "µs", None),
    ]
}

fn figure(name: &str, value: f64, unit: &str, bar: Option<(&str, f64)>) -> Value {
    let holds = bar.map(|(sense, bar)| if sense == "at least" { value >= bar } else { value <= bar });
    json!({ "name": name, "value": value, "unit": unit, "bar": bar.map(|(_, bar)| bar), "holds": holds })
}
