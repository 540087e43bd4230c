//! What many connected workers cost the hub.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use shared::protocol::WorkerMessage;

use crate::hubs::{Database, Hubs};
use crate::worker::{TestWorker, capability};
use crate::workers::{HEARTBEAT, connect};

pub(crate) const WORKERS: u16 = 10_000;

/// All have sent several heartbeats then, and the hub has looked at them.
const CONNECTED: Duration = Duration::from_secs(15);

/// A connection is an open file, and shells allow few.
pub(crate) fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
}

/// The most that the process ever held, in MiB.
pub(crate) async fn measure(program: &Path) -> f64 {
    let hubs = Hubs::start(program, &Database::Sqlite, 1).await;
    let capability = capability(1);
    let hub = &hubs.processes[0];
    eprintln!("a hub without workers holds {:.0} MiB", hub.peak_memory_mib());
    hubs.know(1..=WORKERS, &capability).await;
    let is_over = Arc::new(AtomicBool::new(false));
    connect(hub.address, 1..WORKERS + 1, &capability, |worker| {
        tokio::spawn(stay(worker, Arc::clone(&is_over)));
    })
    .await;
    tokio::time::sleep(CONNECTED).await;
    is_over.store(true, Ordering::Relaxed);
    let mebibytes = hub.peak_memory_mib();
    eprintln!("with {WORKERS} workers it held {mebibytes:.0} MiB at most");
    mebibytes
}

/// Stays connected. A session that ends before the measurement does would make the figure smaller.
async fn stay(mut worker: TestWorker, is_over: Arc<AtomicBool>) {
    let mut heartbeats = tokio::time::interval(HEARTBEAT);
    loop {
        tokio::select! {
            // A session that the hub ended is not written to.
            biased;
            message = worker.try_receive() => match message {
                Some(_) => {}
                None if is_over.load(Ordering::Relaxed) => return,
                None => panic!("a session ended"),
            },
            _ = heartbeats.tick() => {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                worker.send(&WorkerMessage::Heartbeat { leases: vec![] }).await;
            }
        }
    }
}
