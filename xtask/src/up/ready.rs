//! Waiting until the whole system can draw.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::system::System;
use crate::http;

const READY_LIMIT: Duration = Duration::from_secs(120);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Returns when this number of miners is online at each hub, or when the user asked to stop.
pub(crate) fn wait(system: &mut System, workers: usize, stop: &AtomicBool) -> Result<()> {
    let started = Instant::now();
    println!("Waiting for the server and {workers} worker{}", if workers == 1 { "" } else { "s" });
    while !stop.load(Ordering::Relaxed) {
        system.require_running()?;
        let online = miners_online(system);
        if matches!(online, Ok(online) if online >= workers) {
            println!("Ready after {:.1} s", started.elapsed().as_secs_f64());
            return Ok(());
        }
        if started.elapsed() > READY_LIMIT {
            bail!("not ready after {} s: {}", READY_LIMIT.as_secs(), explain(online, workers));
        }
        thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}

/// At the hub that has the fewest.
fn miners_online(system: &System) -> Result<usize> {
    let mut fewest = usize::MAX;
    for address in system.hub_addresses() {
        let health = http::get(*address, "/v1/health")?.json()?;
        let online = health["miners_online"].as_u64().context("/v1/health gives no miners_online")?;
        fewest = fewest.min(usize::try_from(online)?);
    }
    Ok(fewest)
}

fn explain(online: Result<usize>, workers: usize) -> String {
    match online {
        Ok(online) => format!("{online} of {workers} workers are online; see the logs of the workers"),
        Err(error) => format!("the server does not answer ({error:#}); see its log"),
    }
}
