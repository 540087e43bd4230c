//! How soon another worker has the job of one whose connection broke.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use shared::protocol::Assignment;

use crate::WORKERS;
use crate::hubs::Hubs;
use crate::steady::job;
use crate::worker::{TestWorker, capability};
use crate::workers::{Crowd, connect_one, worker_key};

const ROUNDS: u16 = 20;

const PATIENCE: Duration = Duration::from_secs(60);

/// Of all rounds the longest time in milliseconds. In each, two workers of its own are the only ones that may have the job.
pub(crate) async fn measure(hubs: &Hubs, crowd: &Arc<Crowd>) -> f64 {
    let capability = capability(1);
    hubs.know(WORKERS + 1..=WORKERS + 2 * ROUNDS, &capability).await;
    let mut longest = Duration::ZERO;
    for round in 0..ROUNDS {
        let numbers = [1, 2].map(|number| WORKERS + 2 * round + number);
        let mut pair = Vec::new();
        for number in numbers {
            pair.push(connect_one(crowd.client.hub, number, &capability).await);
        }
        submit(hubs, crowd, numbers, u64::MAX - u64::from(round)).await;
        let took = tokio::time::timeout(PATIENCE, lose(crowd, pair)).await.expect("the job is offered again");
        longest = longest.max(took);
    }
    longest.as_secs_f64() * 1_000.0
}

async fn submit(hubs: &Hubs, crowd: &Crowd, numbers: [u16; 2], seed: u64) {
    let mut job = job(seed);
    job["constraints"] = json!({"miners": numbers.map(|number| worker_key(number).address())});
    let header = format!("x-api-key: {}\r\n", hubs.secret);
    let answer = crowd.client.post("/v1/jobs", &header, job.to_string().as_bytes()).await;
    assert_eq!(answer.status, 201, "a job was not taken: {}", answer.json());
}

/// The worker that gets the job breaks its connection, and the other one serves it.
async fn lose(crowd: &Crowd, mut pair: Vec<TestWorker>) -> Duration {
    let (mut second, mut first) = (pair.pop().unwrap(), pair.pop().unwrap());
    let is_first = tokio::select! {
        _ = first.assignment() => true,
        _ = second.assignment() => false,
    };
    let (lost, mut other) = if is_first { (first, second) } else { (second, first) };
    let broken = Instant::now();
    drop(lost);
    let assignment: Assignment = other.assignment().await;
    let took = broken.elapsed();
    crowd.answer(&other.key, &assignment).await;
    crowd.served.acquire().await.unwrap().forget();
    took
}
