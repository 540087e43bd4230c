//! A job's way from the client's request into a worker's hands, at a rate that leaves workers idle.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::WORKERS;
use crate::workers::Crowd;

const JOBS_PER_SECOND: u64 = 200;
const WARM_UP_JOBS: u64 = 200;
const JOBS: u64 = 2_000;

/// In milliseconds, sorted.
pub(crate) struct Latencies(Vec<f64>);

impl Latencies {
    pub(crate) fn at(&self, share: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * share).round() as usize]
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p90, p99, worst] = [0.5, 0.9, 0.99, 1.0].map(|share| self.at(share));
        write!(
            out,
            "{} jobs at {JOBS_PER_SECOND}/s to {WORKERS} workers: p50 {p50:.3} ms, p90 {p90:.3} ms, p99 {p99:.3} ms, \
             worst {worst:.3} ms",
            self.0.len()
        )
    }
}

pub(crate) fn job(seed: u64) -> serde_json::Value {
    let input = json!({"prompt": "a lake", "steps": 1, "width": 64, "height": 64, "seed": seed});
    json!({"kind": "image", "input": input})
}

/// Sends jobs at their times, whether or not earlier ones were answered.
pub(crate) async fn measure(secret: &str, crowd: &Arc<Crowd>) -> Latencies {
    let sent: Arc<Mutex<HashMap<u64, Instant>>> = Arc::default();
    let header: Arc<str> = format!("x-api-key: {secret}\r\n").into();
    let mut ticks = tokio::time::interval(Duration::from_micros(1_000_000 / JOBS_PER_SECOND));
    for seed in 0..WARM_UP_JOBS + JOBS {
        ticks.tick().await;
        let (crowd, sent, header) = (Arc::clone(crowd), Arc::clone(&sent), Arc::clone(&header));
        tokio::spawn(async move {
            let body = job(seed).to_string();
            sent.lock().unwrap().insert(seed, Instant::now());
            let answer = crowd.client.post("/v1/jobs", &header, body.as_bytes()).await;
            assert_eq!(answer.status, 201, "a job was not taken: {}", answer.json());
        });
    }
    let mut latencies = Vec::new();
    for _ in 0..WARM_UP_JOBS + JOBS {
        let (seed, arrived) = crowd.assignments.lock().await.recv().await.unwrap();
        let sent = sent.lock().unwrap()[&seed];
        if seed >= WARM_UP_JOBS {
            latencies.push((arrived - sent).as_secs_f64() * 1_000.0);
        }
    }
    crowd.served.acquire_many((WARM_UP_JOBS + JOBS) as u32).await.unwrap().forget();
    latencies.sort_by(f64::total_cmp);
    Latencies(latencies)
}
