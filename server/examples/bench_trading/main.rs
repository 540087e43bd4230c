//! Measures the exchange through the whole server: signed orders over HTTP until they are durable and acknowledged, a market's
//! feed until each of many readers has it, and trades until a block has them, with their gas. The server is the real program
//! in a process of its own; this one signs before it measures. Prints one line of JSON: `[{name, value, unit, bar, holds}]`.
//!
//! Orders and readers share the machine's cores with the server, so the figures include their own work.
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "a program that measures")]

mod client;
mod feed;
#[path = "../bench_abuse/http.rs"]
mod http;
mod load;
#[path = "../bench_abuse/server_process.rs"]
#[expect(dead_code, reason = "the attack measures more of the process than this program")]
mod server_process;
mod settle;
mod trader;
#[path = "../../tests/it/worker.rs"]
#[expect(dead_code, reason = "the tests use more of the worker than this program")]
mod worker;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use server_process::ServerProcess;

/// Bars of orders over HTTP.
const ORDERS_PER_SECOND_BAR: f64 = 3_000.0;
const ORDER_P99_BAR_MS: f64 = 20.0;
/// Of a feed with a thousand updates a second and a thousand readers.
const FEED_P99_BAR_MS: f64 = 50.0;
/// Of one fill in a full batch.
const GAS_PER_FILL_BAR: f64 = 60_000.0;

fn main() {
    let (mut server, mut orders) = (None::<PathBuf>, load::ORDERS);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = || panic!("{argument} takes a value");
        match argument.as_str() {
            "--server" => server = Some(arguments.next().unwrap_or_else(value).into()),
            "--orders" => orders = arguments.next().unwrap_or_else(value).parse().unwrap(),
            other => panic!("{other} is not one of --server, --orders"),
        }
    }
    let program = server.unwrap_or_else(|| panic!("--server names the program aitbc"));
    server_process::fail_as_a_whole();
    tokio::runtime::Runtime::new().unwrap().block_on(measure(&program, orders));
}

async fn measure(program: &Path, orders: usize) {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(program, folder.path()).await;
    let traders = trader::make_buyers(server.address).await;
    let load = load::measure(server.address, &traders, orders).await;
    eprintln!("orders: {load}; the server used {:.1} s of the processors in all", server.cpu_seconds());
    let feed = feed::measure(server.address, &traders).await;
    eprintln!("feed: {feed}; the server used {:.1} s of the processors in all", server.cpu_seconds());
    let makers = trader::make_two_sided(server.address).await;
    let settled = settle::measure(server.address, &makers).await;
    eprintln!("settlement: {settled}");
    let view = http::send(trader::OWN, server.address, "GET", "/v1/exchange", b"").await.unwrap().json();
    assert!(view["fault"].is_null() && view["reconciliation"]["differing"] == 0, "something went wrong: {view}");
    let [p50, p99] = [50, 99].map(|percent| load.percentile_ms(percent));
    let figures = [
        at_least(ORDERS_PER_SECOND_BAR, "signed orders, durable and acknowledged", load.per_second(), "1/s"),
        figure("one order, p50", p50, "ms"),
        at_most(ORDER_P99_BAR_MS, "one order, p99", p99, "ms"),
        figure("feed, 1 000 updates/s to 1 000 sockets, p50", feed.percentile_ms(50), "ms"),
        at_most(FEED_P99_BAR_MS, "feed, 1 000 updates/s to 1 000 sockets, p99", feed.percentile_ms(99), "ms"),
        figure("fills settled", settled.per_second(), "1/s"),
        at_most(GAS_PER_FILL_BAR, "gas of one fill in a batch", settled.gas_per_fill(), "gas"),
    ];
    println!("{}", Value::Array(figures.into()));
}

fn figure(name: &str, value: f64, unit: &str) -> Value {
    json!({"name": format!("exchange: {name}"), "value": value, "unit": unit, "bar": null, "holds": null})
}

fn at_least(bar: f64, name: &str, value: f64, unit: &str) -> Value {
    with_bar(figure(name, value, unit), bar, value >= bar)
}

fn at_most(bar: f64, name: &str, value: f64, unit: &str) -> Value {
    with_bar(figure(name, value, unit), bar, value <= bar)
}

fn with_bar(mut figure: Value, bar: f64, holds: bool) -> Value {
    (figure["bar"], figure["holds"]) = (json!(bar), json!(holds));
    figure
}

/// A percentile of sorted values.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() - 1) * percent / 100]
}
