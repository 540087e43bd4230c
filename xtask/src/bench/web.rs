//! How fast the server answers `/`, and how heavy what the browser loads is.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::figure::Figure;
use crate::build;
use crate::http::Connection;
use crate::tools;
use crate::up::{self, Counts, DataFolder, System};
use crate::workspace::{Profile, Workspace};

const WARM_UP_REQUESTS: usize = 50;
const MEASURED_REQUESTS: usize = 1_000;
/// The bar in milliseconds.
const FIRST_BYTE_P50_BAR_MS: f64 = 5.0;
/// The bar in kilobytes of 1000 bytes.
const MAIN_BUNDLE_BAR_KB: f64 = 200.0;
const WALLET_BUNDLE_BAR_KB: f64 = 500.0;

pub(super) fn run(workspace: &Workspace) -> Result<Vec<Figure>> {
    tools::ensure(workspace, tools::FOR_BUILDING)?;
    build::binaries(workspace, Profile::Release)?;
    build::site(workspace, Profile::Release)?;
    let folder = std::env::temp_dir().join(format!("aitbc-bench-web-{}", std::process::id()));
    let outcome = measure_in(workspace, &folder);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    outcome
}

fn measure_in(workspace: &Workspace, folder: &Path) -> Result<Vec<Figure>> {
    let data = DataFolder::new(folder.to_path_buf());
    fs::create_dir_all(data.logs())?;
    let alone = Counts { workers: 0, validators: 1, hubs: 1 };
    let mut system = System::new(workspace, Profile::Release, &data, up::free_port()?, alone, false)?;
    let never = AtomicBool::new(false);
    let outcome = system
        .start()
        .and_then(|()| up::wait_until_ready(&mut system, 0, &never))
        .and_then(|()| measure(workspace, &system));
    system.stop(&never);
    outcome
}

fn measure(workspace: &Workspace, system: &System) -> Result<Vec<Figure>> {
    let mut connection = Connection::open(system.address())?;
    let mut figures = first_byte(&mut connection)?;
    figures.extend(bundles(workspace, &mut connection)?);
    Ok(figures)
}

fn first_byte(connection: &mut Connection) -> Result<Vec<Figure>> {
    let mut times = Vec::with_capacity(MEASURED_REQUESTS);
    for number in 0..WARM_UP_REQUESTS + MEASURED_REQUESTS {
        let response = connection.get("/", &[])?;
        ensure!(response.status == 200, "GET / answered {}", response.status);
        if number >= WARM_UP_REQUESTS {
            times.push(response.time_to_first_byte);
        }
    }
    times.sort_unstable();
    Ok(vec![
        Figure::at_most(FIRST_BYTE_P50_BAR_MS, "web: first byte of /, p50", milliseconds(times[times.len() / 2]), "ms"),
        Figure::without_bar("web: first byte of /, p99", milliseconds(times[times.len() * 99 / 100]), "ms"),
    ])
}

/// Sizes as they go over the wire to a browser that accepts brotli.
fn bundles(workspace: &Workspace, connection: &mut Connection) -> Result<Vec<Figure>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(workspace.site().join("pkg"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".wasm") {
            names.push(name);
        }
    }
    names.sort();
    names.iter().map(|name| bundle(connection, name)).collect()
}

fn bundle(connection: &mut Connection, name: &str) -> Result<Figure> {
    let response = connection.get(&format!("/pkg/{name}"), &["Accept-Encoding: br"])?;
    ensure!(response.status == 200, "GET /pkg/{name} answered {}", response.status);
    ensure!(response.header("content-encoding") == Some("br"), "/pkg/{name} is not served as brotli");
    let bar = if name.contains("worker") { WALLET_BUNDLE_BAR_KB } else { MAIN_BUNDLE_BAR_KB };
    let kilobytes = response.body.len() as f64 / 1000.0;
    Ok(Figure::at_most(bar, &format!("web: {name}, brotli"), kilobytes, "kB"))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
