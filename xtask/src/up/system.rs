//! The processes of one installation: the server, which is node, hub and web server in one, the other validators of its chain,
//! and its workers.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::options::{DataFolder, hub_address, validator_address};
use super::process::Process;
use crate::command;
use crate::tools;
use crate::workspace::{Profile, Workspace};

/// A worker may finish the picture it is drawing.
const DRAIN_LIMIT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

pub(crate) struct System {
    address: SocketAddr,
    server: Process,
    /// All but the first, which is the server.
    validators: Vec<Process>,
    /// Where each hub is; the first is the server.
    hub_addresses: Vec<SocketAddr>,
    /// All but the first, which is the server.
    hubs: Vec<Process>,
    workers: Vec<Process>,
}

/// How many processes of each kind there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) workers: usize,
    pub(crate) validators: usize,
    pub(crate) hubs: usize,
}

impl System {
    /// Prepares the processes and, where it is new, each worker's folder.
    pub(crate) fn new(
        workspace: &Workspace,
        profile: Profile,
        data: &DataFolder,
        address: SocketAddr,
        counts: Counts,
        market_maker: bool,
    ) -> Result<Self> {
        let mut server = server_command(workspace, profile, &data.server(), address);
        if !market_maker {
            server.arg("--no-market-maker");
        }
        let server = Process::new("the server".to_owned(), server, data.logs().join("server.log"));
        let Counts { workers, validators, hubs } = counts;
        let validators = (2..=validators).map(|number| validator(workspace, profile, data, address, number)).collect();
        let hub_addresses: Vec<SocketAddr> = (1..=hubs).map(|number| hub_address(address, number)).collect();
        let hubs = (2..=hubs).map(|number| hub(workspace, profile, data, address, number)).collect();
        let worker = |number| worker(workspace, profile, data, &hub_addresses, number);
        let workers = (1..=workers).map(worker).collect::<Result<_>>()?;
        Ok(Self { address, server, validators, hub_addresses, hubs, workers })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where each hub is; the first is the server.
    pub(crate) fn hub_addresses(&self) -> &[SocketAddr] {
        &self.hub_addresses
    }

    pub(crate) fn start(&mut self) -> Result<()> {
        self.processes().try_for_each(Process::start)
    }

    pub(crate) fn require_running(&mut self) -> Result<()> {
        self.processes().try_for_each(Process::require_running)
    }

    /// Restarts processes that ended by themselves. Nothing that was acknowledged is lost by that.
    pub(crate) fn revive(&mut self) -> Result<()> {
        self.processes().try_for_each(Process::revive)
    }

    /// Workers first, so that each hands in the picture it is drawing. Asking again (`stop` set anew) ends at once.
    pub(crate) fn stop(&mut self, stop: &AtomicBool) {
        stop.store(false, Ordering::Relaxed);
        end_all(&mut self.workers, stop);
        end_all(&mut self.hubs, stop);
        end_all(std::slice::from_mut(&mut self.server), stop);
        end_all(&mut self.validators, stop);
    }

    fn processes(&mut self) -> impl Iterator<Item = &mut Process> {
        let first = std::iter::once(&mut self.server);
        first.chain(&mut self.validators).chain(&mut self.hubs).chain(&mut self.workers)
    }
}

fn end_all(processes: &mut [Process], stop: &AtomicBool) {
    processes.iter().for_each(Process::ask_to_end);
    let asked = Instant::now();
    while !processes.iter_mut().all(Process::has_ended) {
        if stop.load(Ordering::Relaxed) || asked.elapsed() > DRAIN_LIMIT {
            processes.iter().for_each(Process::kill);
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// Makes the folders of several validators and hubs in a data folder that has none.
pub(super) fn init_chain(
    workspace: &Workspace,
    profile: Profile,
    data: &DataFolder,
    (validators, hubs): (usize, usize),
    first_port: u16,
) -> Result<()> {
    let mut init = aitbc(workspace, profile);
    init.args(["node", "init"]).arg(data.path()).args(["--validators", &validators.to_string()]);
    init.args(["--hubs", &hubs.to_string(), "--first-port", &first_port.to_string()]);
    command::read(&mut init).map(drop)
}

fn aitbc(workspace: &Workspace, profile: Profile) -> Command {
    workspace.command(&workspace.binaries(profile).join("aitbc").to_string_lossy())
}

fn server_command(workspace: &Workspace, profile: Profile, folder: &Path, address: SocketAddr) -> Command {
    let mut command = aitbc(workspace, profile);
    command.arg("up").arg("--data").arg(folder).args(["--port", &address.port().to_string()]);
    command.arg("--site").arg(workspace.site());
    if let Some(compiler) = compiler(workspace) {
        command.arg("--solc").arg(compiler);
    }
    command
}

/// The compiler that verifies sources of contracts, where its package was installed: `npm ci` in `contracts/` does.
fn compiler(workspace: &Workspace) -> Option<PathBuf> {
    let contracts = workspace.root.join("contracts");
    contracts.join("node_modules/solc").is_dir().then(|| contracts.join("solc.mjs"))
}

fn validator(workspace: &Workspace, profile: Profile, data: &DataFolder, server: SocketAddr, number: usize) -> Process {
    let mut start = aitbc(workspace, profile);
    let port = validator_address(server, number).port().to_string();
    start.args(["node", "start", "--data"]).arg(data.validator(number)).args(["--port", &port]);
    let name = format!("validator-{number}");
    let log = data.logs().join(format!("{name}.log"));
    Process::new(name, start, log)
}

/// A marketplace of its own on the chain of the server.
fn hub(workspace: &Workspace, profile: Profile, data: &DataFolder, server: SocketAddr, number: usize) -> Process {
    let mut start = server_command(workspace, profile, &data.hub(number), hub_address(server, number));
    start.args(["--hub-id", &format!("aitbc-dev-hub-{number}"), "--chain-from", &hub_url(server)]);
    start.arg("--genesis").arg(data.server().join("genesis.json"));
    let name = format!("hub-{number}");
    let log = data.logs().join(format!("{name}.log"));
    Process::new(name, start, log)
}

fn worker(
    workspace: &Workspace,
    profile: Profile,
    data: &DataFolder,
    hubs: &[SocketAddr],
    number: usize,
) -> Result<Process> {
    let folder = data.worker(number);
    if !folder.join("worker.toml").is_file() {
        init_worker(workspace, profile, &folder, hubs)?;
    }
    let mut start = worker_command(workspace, profile, &folder);
    start.arg("start").args(hub_arguments(hubs));
    let name = format!("worker-{number}");
    let log = data.logs().join(format!("{name}.log"));
    Ok(Process::new(name, start, log))
}

fn init_worker(workspace: &Workspace, profile: Profile, folder: &Path, hubs: &[SocketAddr]) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    println!("Preparing {}: making its key, measuring the models once", folder.display());
    let mut init = worker_command(workspace, profile, folder);
    init.arg("init").args(hub_arguments(hubs)).arg("--model").arg(workspace.default_models());
    command::read(&mut init).map(drop)
}

fn worker_command(workspace: &Workspace, profile: Profile, folder: &Path) -> Command {
    let mut command = workspace.command(&workspace.binaries(profile).join("gpu-worker").to_string_lossy());
    command.arg("--data").arg(folder);
    if let Some(library) = tools::onnx_runtime_library(workspace) {
        command.env("ORT_DYLIB_PATH", library);
    }
    command
}

fn hub_arguments(hubs: &[SocketAddr]) -> Vec<String> {
    hubs.iter().flat_map(|address| ["--hub".to_owned(), hub_url(*address)]).collect()
}

fn hub_url(address: SocketAddr) -> String {
    format!("http://{address}")
}
