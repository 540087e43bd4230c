//! Measures the way of a job from a client's request into the hands of an idle worker: 100 real WebSocket workers and
//! 200 jobs a second on loopback, every job on the disk before it is dispatched. Prints one line of JSON:
//! `[{name, value, unit, bar, holds}]`.
//!
//! Client, workers and server share the machine's cores, so the figures include the client's own work.
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "a program that measures")]

#[path = "../tests/it/worker.rs"]
#[expect(dead_code, reason = "the tests use more of the worker than this program")]
mod worker;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use server::auth::new_api_key;
use server::config::Config;
use server::serve::Server;
use shared::api::keys::ApiScope;
use shared::job::request::Work;
use shared::protocol::{HubMessage, WorkerMessage};
use shared::signing::PrivateKey;
use store::change::CreateApiKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use worker::{TestWorker, result};

const WORKERS: u16 = 100;
const JOBS_PER_SECOND: u64 = 200;
const WARM_UP_JOBS: u64 = 200;
const JOBS: u64 = 2_000;

/// Connections that clients keep open.
const CLIENT_CONNECTIONS: usize = 32;

/// A worker that says nothing for long is given up.
const HEARTBEAT: Duration = Duration::from_secs(5);

const P50_BAR_MS: f64 = 2.0;
const P99_BAR_MS: f64 = 15.0;

#[tokio::main]
async fn main() {
    fail_as_a_whole();
    let folder = tempfile::tempdir().unwrap();
    let config = Config { listen: "127.0.0.1:0".parse().unwrap(), ..Config::dev(folder.path().to_owned()) };
    let server = Server::start(config).await.unwrap();
    let (address, app, stop) = (server.address().unwrap(), server.app(), CancellationToken::new());
    let serving = tokio::spawn(server.run(stop.clone()));
    let (key, secret) = new_api_key("bench", ApiScope::Client, shared::Address::ZERO, Some(u32::MAX));
    app.store.write(CreateApiKey(key)).await.unwrap();

    let (assigned, assignments) = mpsc::unbounded_channel();
    let served = Arc::new(Semaphore::new(0));
    for number in 1..=WORKERS {
        let worker = TestWorker::connect(address, worker_key(number), 1).await;
        tokio::spawn(serve_jobs(worker, address, assigned.clone(), Arc::clone(&served)));
    }
    let latencies = measure(address, &secret, assignments).await;
    // Results still in flight would meet a closed connection.
    let _ = served.acquire_many((WARM_UP_JOBS + JOBS) as u32).await.unwrap();
    stop.cancel();
    drop(app);
    serving.await.unwrap().unwrap();
    report(latencies);
}

/// A worker or client that fails would leave the others waiting for ever.
fn fail_as_a_whole() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::exit(1);
    }));
}

fn worker_key(number: u16) -> PrivateKey {
    let mut bytes = [1; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    PrivateKey::from_bytes(&bytes).unwrap()
}

/// Tells when an assignment arrived, sends its result at once, and counts it.
async fn serve_jobs(
    mut worker: TestWorker,
    address: SocketAddr,
    assigned: mpsc::UnboundedSender<(u64, Instant)>,
    served: Arc<Semaphore>,
) {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let mut heartbeats = tokio::time::interval(HEARTBEAT);
    loop {
        let message = tokio::select! {
            message = worker.try_receive() => message,
            _ = heartbeats.tick() => {
                worker.send(&WorkerMessage::Heartbeat { leases: vec![] }).await;
                continue;
            }
        };
        let arrived = Instant::now();
        let assignment = match message {
            Some(HubMessage::Assign(assignment)) => assignment,
            Some(_) => continue,
            None => return,
        };
        let Work::Image(input) = &assignment.work else { panic!("only pictures are asked for") };
        let _ = assigned.send((input.seed, arrived));
        let body = serde_json::to_vec(&result(&worker.key, &assignment)).unwrap();
        let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
        let status = post(&mut connection, &path, "", &body).await;
        assert_eq!(status, 200, "a result was not taken");
        served.add_permits(1);
    }
}

/// Sends jobs at their times, whether or not earlier ones were answered.
async fn measure(
    address: SocketAddr,
    secret: &str,
    mut assignments: mpsc::UnboundedReceiver<(u64, Instant)>,
) -> Vec<f64> {
    let sent: Arc<Mutex<HashMap<u64, Instant>>> = Arc::default();
    let idle: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
    for _ in 0..CLIENT_CONNECTIONS {
        let connection = TcpStream::connect(address).await.unwrap();
        idle.lock().unwrap().push(connection);
    }
    let free = Arc::new(Semaphore::new(CLIENT_CONNECTIONS));
    let header: Arc<str> = format!("x-api-key: {secret}\r\n").into();
    let mut ticks = tokio::time::interval(Duration::from_micros(1_000_000 / JOBS_PER_SECOND));
    for seed in 0..WARM_UP_JOBS + JOBS {
        ticks.tick().await;
        let permit = Arc::clone(&free).acquire_owned().await.unwrap();
        let (sent, idle, header) = (Arc::clone(&sent), Arc::clone(&idle), Arc::clone(&header));
        tokio::spawn(async move {
            let mut connection = idle.lock().unwrap().pop().unwrap();
            let input = json!({"prompt": "a lake", "steps": 1, "width": 64, "height": 64, "seed": seed});
            let body = json!({"kind": "image", "input": input}).to_string();
            sent.lock().unwrap().insert(seed, Instant::now());
            let status = post(&mut connection, "/v1/jobs", &header, body.as_bytes()).await;
            assert_eq!(status, 201, "a job was not taken");
            idle.lock().unwrap().push(connection);
            drop(permit);
        });
    }
    let mut latencies = Vec::new();
    for _ in 0..WARM_UP_JOBS + JOBS {
        let (seed, arrived) = assignments.recv().await.unwrap();
        let sent = sent.lock().unwrap()[&seed];
        if seed >= WARM_UP_JOBS {
            latencies.push((arrived - sent).as_secs_f64() * 1_000.0);
        }
    }
    latencies
}

/// One request on a connection that stays open; answers the status.
async fn post(connection: &mut TcpStream, path: &str, header: &str, body: &[u8]) -> u16 {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n{header}content-length: {length}\r\n\r\n"
    );
    connection.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    let mut answer = Vec::new();
    let head_end = loop {
        assert_ne!(connection.read_buf(&mut answer).await.unwrap(), 0, "the server closed the connection");
        if let Some(at) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head = String::from_utf8_lossy(&answer[..head_end]).to_lowercase();
    let length: usize = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
    while answer.len() < head_end + length {
        assert_ne!(connection.read_buf(&mut answer).await.unwrap(), 0, "the server closed the connection");
    }
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

fn report(mut latencies: Vec<f64>) {
    latencies.sort_by(f64::total_cmp);
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share).round() as usize];
    eprintln!(
        "{} jobs at {JOBS_PER_SECOND}/s to {WORKERS} workers: p50 {:.3} ms, p90 {:.3} ms, p99 {:.3} ms, worst {:.3} ms",
        latencies.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
    let figure = |name: &str, value: f64, bar: f64| json!({"name": name, "value": value, "unit": "ms", "bar": bar, "holds": value <= bar});
    println!(
        "{}",
        json!([
            figure("dispatch, submit to assignment, p50", at(0.5), P50_BAR_MS),
            figure("dispatch, submit to assignment, p99", at(0.99), P99_BAR_MS),
        ])
    );
}
