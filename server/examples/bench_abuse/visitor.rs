//! What others get meanwhile: a page now and then, and one job after the other with its mint, served by a worker that
//! answers at once.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use shared::protocol::{HubMessage, WorkerMessage};

use crate::http;
use crate::worker::{TestWorker, key, result};

/// Measured jobs of each side in each round.
pub(crate) const JOBS: usize = 100;

const WARM_UP_JOBS: usize = 5;
/// Within what one address gets of pages in a minute.
const PAGE_PAUSE: Duration = Duration::from_millis(60);
const POLL: Duration = Duration::from_millis(2);
const HEARTBEAT: Duration = Duration::from_secs(5);

/// What takes longer counts as this long.
const LONGEST: Duration = Duration::from_secs(60);

const VISITOR: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// In milliseconds.
#[derive(Default)]
pub(crate) struct Times {
    page: Vec<f64>,
    job: Vec<f64>,
    mint: Vec<f64>,
}

impl std::fmt::Display for Times {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [page, job, mint] = [self.page_p99(), self.job_p99(), self.mint_p99()];
        write!(
            out,
            "page {page:.1} ms of {}, job {job:.0} ms and mint {mint:.0} ms of {}",
            self.page.len(),
            self.job.len()
        )
    }
}

impl Times {
    pub(crate) fn add(&mut self, more: Self) {
        self.page.extend(more.page);
        self.job.extend(more.job);
        self.mint.extend(more.mint);
    }

    pub(crate) fn page_p99(&self) -> f64 {
        p99(&self.page)
    }

    pub(crate) fn job_p99(&self) -> f64 {
        p99(&self.job)
    }

    pub(crate) fn mint_p99(&self) -> f64 {
        p99(&self.mint)
    }
}

fn p99(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() - 1) * 99 / 100]
}

/// Connects the worker.
pub(crate) async fn serve_jobs(address: SocketAddr) {
    let mut worker = TestWorker::connect(address, key(1), 4).await;
    tokio::spawn(async move {
        let mut heartbeats = tokio::time::interval(HEARTBEAT);
        loop {
            let message = tokio::select! {
                message = worker.try_receive() => message,
                _ = heartbeats.tick() => {
                    worker.send(&WorkerMessage::Heartbeat { leases: vec![] }).await;
                    continue;
                }
            };
            let Some(HubMessage::Assign(assignment)) = message else {
                assert!(message.is_some(), "the worker's session ended");
                continue;
            };
            let body = serde_json::to_vec(&result(&worker.key, &assignment)).unwrap();
            let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
            tokio::spawn(async move {
                let answer = http::send(VISITOR, address, "POST", &path, &body).await.unwrap();
                assert_eq!(answer.status, 200, "a result was not taken: {}", answer.json());
            });
        }
    });
}

pub(crate) async fn measure(address: SocketAddr, jobs: usize) -> Times {
    let is_over = Arc::new(AtomicBool::new(false));
    let pages = tokio::spawn(measure_pages(address, Arc::clone(&is_over)));
    let mut times = Times::default();
    for number in 0..WARM_UP_JOBS + jobs {
        let (job, mint) = measure_job(address, number as u64).await;
        if number >= WARM_UP_JOBS {
            times.job.push(job);
            times.mint.push(mint);
        }
    }
    is_over.store(true, Ordering::Relaxed);
    times.page = pages.await.unwrap();
    times
}

async fn measure_pages(address: SocketAddr, is_over: Arc<AtomicBool>) -> Vec<f64> {
    let mut times = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let began = Instant::now();
        let answer = tokio::time::timeout(LONGEST, http::send(VISITOR, address, "GET", "/", b"")).await;
        if let Ok(answer) = answer {
            assert_eq!(answer.unwrap().status, 200, "the page was refused");
        }
        times.push(milliseconds(began));
        tokio::time::sleep(PAGE_PAUSE).await;
    }
    times
}

/// From the request to the result, and to the block that minted it.
async fn measure_job(address: SocketAddr, seed: u64) -> (f64, f64) {
    let input = json!({"prompt": "a lake", "steps": 1, "width": 64, "height": 64, "seed": seed});
    let body = json!({"kind": "image", "input": input}).to_string();
    let began = Instant::now();
    let created = http::send(VISITOR, address, "POST", "/v1/jobs", body.as_bytes()).await.unwrap();
    assert_eq!(created.status, 201, "a job was not taken: {}", created.json());
    let path = format!("/v1/jobs/{}", created.json()["id"].as_str().unwrap());
    let mut completed = None;
    while began.elapsed() < LONGEST {
        let job = http::send(VISITOR, address, "GET", &path, b"").await.unwrap().json();
        if completed.is_none() && job["state"] == "COMPLETED" {
            completed = Some(milliseconds(began));
        }
        if !job["mint"].is_null() {
            break;
        }
        tokio::time::sleep(POLL).await;
    }
    (completed.unwrap_or_else(|| milliseconds(began)), milliseconds(began))
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1_000.0
}
