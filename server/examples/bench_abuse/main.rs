//! Measures what an attacker costs others: p99 of a page, a job and a mint beside an attacker on loopback, against the same
//! without one, in one run; with the server's memory and what it wrote to the disk. The server is the real program in a
//! process of its own, and so is the attacker. Prints one line of JSON: `[{name, value, unit, bar, holds}]`.
//!
//! The attacker gets what the server and its visitors leave of the processors (`SCHED_IDLE`), since it would have processors of
//! its own; what the server does for it has the server's. What each of both took is told beside the figures.
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "a program that measures")]

mod attack;
mod attacker_process;
mod hoard;
mod http;
mod server_process;
mod spam;
mod visitor;
#[path = "../../tests/it/worker.rs"]
#[expect(dead_code, reason = "the tests use more of the worker than this program")]
mod worker;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use attacker_process::Attacker;
use node::StrangerRates;
use node::chain::{DATABASE_FILE_FACTOR, MAX_TRANSACTION_GROWTH_BYTES};
use serde_json::{Value, json};
use server_process::ServerProcess;
use visitor::Times;

/// The bar of each p99 beside the same without an attacker.
const RATIO_BAR: f64 = 2.0;

const MEMORY_BAR_MIB: f64 = 512.0;

/// Time for the attacker to get going before anything is measured.
const ATTACK_BEFORE: Duration = Duration::from_secs(5);

/// Time for the server to get over it.
const ATTACK_AFTER: Duration = Duration::from_secs(5);

/// Each has jobs alone and as many beside the attacker.
const ROUNDS: u64 = 3;

/// What the mints of the measured jobs may add to the chain's file.
const SETTLEMENT_BYTES_PER_JOB: u64 = 16 << 10;

fn main() {
    let (mut server, mut attacked, mut jobs) = (None::<PathBuf>, None::<SocketAddr>, visitor::JOBS);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = || panic!("{argument} takes a value");
        match argument.as_str() {
            "--server" => server = Some(arguments.next().unwrap_or_else(value).into()),
            "--attack" => attacked = Some(arguments.next().unwrap_or_else(value).parse().unwrap()),
            "--jobs" => jobs = arguments.next().unwrap_or_else(value).parse().unwrap(),
            other => panic!("{other} is not one of --server, --attack, --jobs"),
        }
    }
    if attacked.is_some() {
        // Before the runtime starts its threads, which have the priority of this one.
        idle_this_thread();
        // An attacker is refused now and then, which ends a try and is counted.
        std::panic::set_hook(Box::new(|_| {}));
    } else {
        server_process::fail_as_a_whole();
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match (attacked, server) {
        (Some(address), _) => runtime.block_on(attack::run(address)),
        (None, Some(program)) => runtime.block_on(measure(&program, jobs)),
        (None, None) => panic!("--server names the program aitbc"),
    }
}

/// Lets this thread run only where no other wants the processor. Elsewhere than on Linux nothing is changed.
fn idle_this_thread() {
    #[cfg(target_os = "linux")]
    {
        use thread_priority::unix::{
            NormalThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
            thread_schedule_policy,
        };
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        // Where the whole process has a low priority already, its nice value cannot be set as well. The policy counts.
        let set = set_thread_priority_and_policy(thread_native_id(), thread_priority::ThreadPriority::Min, idle);
        assert!(
            set.is_ok() || thread_schedule_policy().ok() == Some(idle),
            "the attacker has no idle priority: {set:?}"
        );
    }
}

/// Alone and beside the attacker in turns, so that whatever else this machine does meets both.
async fn measure(program: &std::path::Path, jobs: usize) {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(program, folder.path()).await;
    visitor::serve_jobs(server.address).await;
    let (mut alone, mut beside) = (Times::default(), Times::default());
    let (mut chain_before, mut began) = (None, Instant::now());
    for round in 1..=ROUNDS {
        alone.add(visitor::measure(server.address, jobs).await);
        if chain_before.is_none() {
            (chain_before, began) = (Some(server.chain_bytes()), Instant::now());
        }
        let attacker = Attacker::start(server.address);
        tokio::time::sleep(ATTACK_BEFORE).await;
        let (cpu_before, attack_began) = (server.cpu_seconds(), Instant::now());
        beside.add(visitor::measure(server.address, jobs).await);
        let share = (server.cpu_seconds() - cpu_before) / attack_began.elapsed().as_secs_f64();
        let own_share = attacker.cpu_seconds() / attack_began.elapsed().as_secs_f64();
        eprintln!("round {round}: {alone} alone, {beside} beside; {:.0} MiB at most", server.peak_memory_mib());
        eprintln!("processors: the server {share:.2}, the attacker {own_share:.2}");
        eprintln!("the attacker: {}", attacker.end().await);
        // What it left in lanes, queues and the pool is worked off.
        tokio::time::sleep(ATTACK_AFTER).await;
    }
    let (seconds, grown) = (began.elapsed().as_secs() + 1, server.chain_bytes() - chain_before.unwrap_or_default());
    let minted = 2 * ROUNDS * jobs as u64;
    report(&alone, &beside, server.peak_memory_mib(), grown, growth_bound(seconds, minted));
}

/// What `docs/GROWTH.md` says for this time.
fn growth_bound(seconds: u64, jobs: u64) -> u64 {
    let strangers = StrangerRates::default().growth_bytes.most_within(seconds, MAX_TRANSACTION_GROWTH_BYTES);
    DATABASE_FILE_FACTOR * strangers + jobs * SETTLEMENT_BYTES_PER_JOB
}

fn report(quiet: &Times, attacked: &Times, memory_mib: f64, grown: u64, bound: u64) {
    let mut figures = Vec::new();
    let sides = |times: &Times| [("page", times.page_p99()), ("job", times.job_p99()), ("mint", times.mint_p99())];
    for ((what, alone), (_, beside)) in sides(quiet).into_iter().zip(sides(attacked)) {
        figures.push(figure(&format!("abuse: {what}, p99, alone"), alone, "ms", None));
        figures.push(figure(&format!("abuse: {what}, p99, beside the attacker"), beside, "ms", None));
        figures.push(figure(
            &format!("abuse: {what}, the second over the first"),
            beside / alone,
            "×",
            Some(RATIO_BAR),
        ));
    }
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    figures.push(figure("abuse: the server's memory at its peak", memory_mib, "MiB", Some(MEMORY_BAR_MIB)));
    figures.push(figure("abuse: growth of the chain's file", megabytes(grown), "MB", Some(megabytes(bound))));
    println!("{}", Value::Array(figures));
}

fn figure(name: &str, value: f64, unit: &str, bar: Option<f64>) -> Value {
    json!({"name": name, "value": value, "unit": unit, "bar": bar, "holds": bar.map(|bar| value <= bar)})
}
