//! `cargo xtask up`: from a clean clone to a running system with one URL.

mod options;
mod ports;
mod process;
mod ready;
mod system;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::build;
use crate::tools;
use crate::workspace::{Profile, Workspace};

pub(crate) use options::{DataFolder, Options};
pub(crate) use ports::free_port;
pub(crate) use ready::wait as wait_until_ready;
pub(crate) use system::{Counts, System};

const WATCH_INTERVAL: Duration = Duration::from_millis(100);

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    // Before the build, so that a mistake costs no minutes.
    options.addresses().into_iter().try_for_each(ports::require_free)?;
    let data = options.data_folder(workspace)?;
    if options.fresh {
        data.clear()?;
    }
    let needs_chain = data.needs_chain(options.validators, options.hubs)?;
    tools::ensure(workspace, tools::FOR_BUILDING)?;
    let started = Instant::now();
    println!("Building (minutes the first time, seconds afterwards)");
    build::binaries(workspace, Profile::Release)?;
    build::site(workspace, Profile::Release)?;
    println!("Built in {} s", started.elapsed().as_secs());

    let stop = stop_flag()?;
    if needs_chain {
        let (nodes, first_port) = ((options.validators, options.hubs), options.first_validator_port());
        system::init_chain(workspace, Profile::Release, &data, nodes, first_port)?;
    }
    fs::create_dir_all(data.logs()).with_context(|| format!("cannot create {}", data.logs().display()))?;
    let counts = Counts { workers: options.workers, validators: options.validators, hubs: options.hubs };
    let mut system = System::new(workspace, Profile::Release, &data, options.address(), counts, options.market_maker)?;
    let outcome = serve(&mut system, &data, options, &stop);
    println!("Stopping");
    system.stop(&stop);
    outcome
}

fn serve(system: &mut System, data: &DataFolder, options: &Options, stop: &AtomicBool) -> Result<()> {
    system.start()?;
    ready::wait(system, options.workers, stop)?;
    if stop.load(Ordering::Relaxed) {
        return Ok(());
    }
    println!("\n  http://{}\n", options.address());
    for number in 2..=options.validators {
        println!("  validator {number}: http://{}/rpc", options::validator_address(options.address(), number));
    }
    for (number, address) in system.hub_addresses().iter().enumerate().skip(1) {
        println!("  hub {}: http://{address}", number + 1);
    }
    println!("Data and logs: {}", data.path().display());
    println!("Ctrl-C stops everything; the next start continues with the same chain and database.");
    while !stop.load(Ordering::Relaxed) {
        system.revive()?;
        thread::sleep(WATCH_INTERVAL);
    }
    Ok(())
}

/// Becomes true when the user or the system asks xtask to end.
fn stop_flag() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&flag))?;
    }
    Ok(flag)
}
