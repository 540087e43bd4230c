//! Whole lives of jobs, from the client's request until the worker hears that its result is stored, as many as there can be.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::hubs::Hubs;
use crate::server_process::cpu_seconds_of;
use crate::steady::job;
use crate::workers::Crowd;

/// Jobs that are not over yet, of all hubs together.
const OPEN_JOBS: usize = 512;

/// Clients that wait for an answer at the same time, of all hubs together.
const CLIENTS: usize = 64;

/// Seeds of jobs before are smaller.
const FIRST_SEED: u64 = 1 << 32;

const WARM_UP: Duration = Duration::from_secs(5);
const MEASURED: Duration = Duration::from_secs(20);

/// The last of the open jobs end so soon.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Lives {
    count: u64,
    seconds: f64,
    hubs_cpu_seconds: f64,
    own_cpu_seconds: f64,
}

impl Lives {
    pub(crate) fn per_second(&self) -> f64 {
        self.count as f64 / self.seconds
    }

    /// What the hubs' processes used of the processors for each; a database's own are not among them.
    pub(crate) fn cpu_us_each(&self) -> f64 {
        self.hubs_cpu_seconds * 1e6 / self.count as f64
    }
}

impl fmt::Display for Lives {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [hubs, own] = [self.hubs_cpu_seconds, self.own_cpu_seconds].map(|cpu| cpu / self.seconds);
        let per_second = self.per_second();
        write!(out, "{per_second:.0} job lives a second; processors: the hubs {hubs:.2}, the load {own:.2}")
    }
}

pub(crate) async fn measure(hubs: &Hubs, crowds: &[Arc<Crowd>]) -> Lives {
    let (seed, is_over) = (Arc::new(AtomicU64::new(FIRST_SEED)), Arc::new(AtomicBool::new(false)));
    let open_of_each = OPEN_JOBS / crowds.len();
    let mut clients = Vec::new();
    for crowd in crowds {
        crowd.served.add_permits(open_of_each);
        for _ in 0..CLIENTS / crowds.len() {
            let (crowd, seed, is_over) = (Arc::clone(crowd), Arc::clone(&seed), Arc::clone(&is_over));
            clients.push(tokio::spawn(submit(crowd, hubs.secret.clone(), seed, is_over)));
        }
    }
    tokio::time::sleep(WARM_UP).await;
    let own = || cpu_seconds_of(std::process::id());
    let count = || crowds.iter().map(|crowd| crowd.count.load(Ordering::Relaxed)).sum::<u64>();
    let (began, before) = (Instant::now(), (count(), hubs.cpu_seconds(), own()));
    tokio::time::sleep(MEASURED).await;
    let lives = Lives {
        count: count() - before.0,
        seconds: began.elapsed().as_secs_f64(),
        hubs_cpu_seconds: hubs.cpu_seconds() - before.1,
        own_cpu_seconds: own() - before.2,
    };
    is_over.store(true, Ordering::Relaxed);
    let rest = async {
        for client in clients {
            client.await.unwrap();
        }
        for crowd in crowds {
            crowd.served.acquire_many(open_of_each as u32).await.unwrap().forget();
        }
    };
    tokio::time::timeout(PATIENCE, rest).await.expect("every job that was taken ends");
    lives
}

/// One client: a job after the other, while there are not too many open.
async fn submit(crowd: Arc<Crowd>, secret: String, seed: Arc<AtomicU64>, is_over: Arc<AtomicBool>) {
    let header = format!("x-api-key: {secret}\r\n");
    while !is_over.load(Ordering::Relaxed) {
        crowd.served.acquire().await.unwrap().forget();
        let body = job(seed.fetch_add(1, Ordering::Relaxed)).to_string();
        let answer = crowd.client.post("/v1/jobs", &header, body.as_bytes()).await;
        assert_eq!(answer.status, 201, "a job was not taken: {}", answer.json());
    }
}
