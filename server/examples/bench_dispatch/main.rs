//! Measures the hub through the whole server, with its rows on the disk: a job's way from a client's request into the hands of an
//! idle worker, whole job lives at full load, the time until another worker has the job of one that disconnected, the memory of
//! 10 000 connected workers; on SQLite, on PostgreSQL, and with two hubs over one PostgreSQL. Beside it graphile-worker, a job
//! queue over the same PostgreSQL. Prints one line of JSON: `[{name, value, unit, bar, holds}]`.
//!
//! Each hub is the real program in a process of its own. This process is clients and workers, and shares the machine's cores with
//! them. Workers answer at once with a picture of their own and a signed receipt, so the figures hold no inference.
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "a program that measures")]

mod client;
mod figure;
mod full_load;
#[path = "../bench_abuse/http.rs"]
#[expect(dead_code, reason = "the attack asks for more than a health check")]
mod http;
mod hubs;
mod memory;
mod offered_again;
mod queue;
#[path = "../bench_abuse/server_process.rs"]
#[expect(dead_code, reason = "the attack measures more of the process than this program")]
mod server_process;
mod steady;
#[path = "../../tests/it/worker.rs"]
#[expect(dead_code, reason = "the tests use more of the worker than this program")]
mod worker;
mod workers;

use std::path::{Path, PathBuf};

use figure::{at_least, at_most, figure};
use full_load::Lives;
use hubs::{Database, Hubs};
use serde_json::Value;
use steady::Latencies;
use test_support::postgres::{Postgres, Survives};

/// Connected workers of a measured chain, divided among its hubs.
const WORKERS: u16 = 500;

const P50_BAR_MS: f64 = 2.0;
const P99_BAR_MS: f64 = 15.0;
const LIVES_PER_SECOND_BAR: f64 = 2_000.0;
const TWO_HUBS_BAR: f64 = 1.6;
const OFFERED_AGAIN_BAR_MS: f64 = 1_000.0;
const MEMORY_BAR_MIB: f64 = 1_024.0;

fn main() {
    let (mut server, mut queue) = (None::<PathBuf>, None::<PathBuf>);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().unwrap_or_else(|| panic!("{argument} takes a value"));
        match argument.as_str() {
            "--server" => server = Some(value.into()),
            "--queue" => queue = Some(value.into()),
            other => panic!("{other} is not one of --server, --queue"),
        }
    }
    let program = server.unwrap_or_else(|| panic!("--server names the program aitbc"));
    server_process::fail_as_a_whole();
    memory::raise_open_files();
    let figures = tokio::runtime::Runtime::new().unwrap().block_on(measure(&program, queue.as_deref()));
    println!("{}", Value::Array(figures));
}

async fn measure(program: &Path, queue: Option<&Path>) -> Vec<Value> {
    let mut figures = Vec::new();
    let sqlite = measure_one(program, &Database::Sqlite).await;
    figures.extend(sqlite.figures("SQLite"));
    match Postgres::start(Survives::Power) {
        Ok(postgres) => figures.extend(measure_postgres(program, &postgres, queue).await),
        Err(reason) => eprintln!("nothing is measured over PostgreSQL: {reason}"),
    }
    let mebibytes = memory::measure(program).await;
    let name = format!("memory of {} connected workers, at its peak", memory::WORKERS);
    figures.push(at_most(MEMORY_BAR_MIB, &name, mebibytes, "MiB"));
    figures
}

/// One hub, two, and a queue of the field, each in a database of its own.
async fn measure_postgres(program: &Path, postgres: &Postgres, queue: Option<&Path>) -> Vec<Value> {
    let one = measure_one(program, &Database::Postgres(postgres.new_database())).await;
    let mut figures = one.figures("PostgreSQL");
    let hubs = Hubs::start(program, &Database::Postgres(postgres.new_database()), 2).await;
    let two = full_load::measure(&hubs, &workers::connect_all(&hubs, WORKERS).await).await;
    drop(hubs);
    eprintln!("two hubs over PostgreSQL: {two}");
    let times = two.per_second() / one.lives.per_second();
    figures.push(figure("whole job lives, two hubs over PostgreSQL", two.per_second(), "1/s"));
    figures.push(at_least(TWO_HUBS_BAR, "two hubs over PostgreSQL against one", times, "×"));
    if let Some(script) = queue {
        let per_second = queue::jobs_per_second(script, &postgres.new_database()).await;
        let times = one.lives.per_second() / per_second;
        figures.push(figure("graphile-worker over the same PostgreSQL", per_second, "1/s"));
        figures.push(figure("one hub over PostgreSQL against graphile-worker", times, "×"));
    }
    figures
}

/// What one hub does.
struct OneHub {
    latencies: Latencies,
    offered_again_ms: f64,
    lives: Lives,
}

async fn measure_one(program: &Path, database: &Database) -> OneHub {
    let hubs = Hubs::start(program, database, 1).await;
    let crowds = workers::connect_all(&hubs, WORKERS).await;
    let latencies = steady::measure(&hubs.secret, &crowds[0]).await;
    eprintln!("{database}: {latencies}");
    let offered_again_ms = offered_again::measure(&hubs, &crowds[0]).await;
    eprintln!("{database}: offered again after {offered_again_ms:.1} ms at most");
    let lives = full_load::measure(&hubs, &crowds).await;
    eprintln!("{database}: {lives}");
    OneHub { latencies, offered_again_ms, lives }
}

impl OneHub {
    fn figures(&self, database: &str) -> Vec<Value> {
        let dispatch = format!("submit to assignment, {database}");
        let [p50, p99] = [0.5, 0.99].map(|share| self.latencies.at(share));
        let lives = format!("whole job lives, {database}");
        vec![
            at_most(P50_BAR_MS, &format!("{dispatch}, p50"), p50, "ms"),
            at_most(P99_BAR_MS, &format!("{dispatch}, p99"), p99, "ms"),
            at_most(
                OFFERED_AGAIN_BAR_MS,
                &format!("offered again after a disconnect, {database}"),
                self.offered_again_ms,
                "ms",
            ),
            at_least(LIVES_PER_SECOND_BAR, &lives, self.lives.per_second(), "1/s"),
            figure(&format!("the hub's processor time of one life, {database}"), self.lives.cpu_us_each(), "µs"),
        ]
    }
}
