//! The real program, with its data in a folder of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::http;

/// As every Linux tells times of processes.
const TICKS_PER_SECOND: f64 = 100.0;

const PATIENCE: Duration = Duration::from_secs(60);

/// The numbers of the servers that run.
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Ends the program and its servers as soon as one of its tasks fails. The others would wait for ever, and a server that stays
/// keeps the outputs of the program open.
pub(crate) fn fail_as_a_whole() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        for id in RUNNING.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            // One that ended by itself needs nothing more.
            let _ = Pid::from_raw(id.cast_signed()).map(|id| kill_process(id, Signal::KILL));
        }
        std::process::exit(1);
    }));
}

pub(crate) struct ServerProcess {
    pub(crate) address: SocketAddr,
    chain: PathBuf,
    process: Child,
}

impl ServerProcess {
    pub(crate) async fn start(program: &Path, data: &Path) -> Self {
        Self::start_with(program, data, &[]).await
    }

    /// The same with more options.
    pub(crate) async fn start_with(program: &Path, data: &Path, options: &[&str]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let process = Command::new(program)
            .args(["up", "--no-market-maker"])
            .args(["--port", &address.port().to_string(), "--data"])
            .arg(data)
            .args(options)
            .env("RUST_LOG", "error")
            // The measured visitor asks for more jobs than one person would.
            .env("AITBC_SPONSORED_PER_ADDRESS", "1000000")
            .env("AITBC_SPONSORED_IN_TOTAL", "1000000")
            .env("AITBC_IMAGES_PER_MINUTE", "1000000")
            .stdout(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).extend(process.id());
        let ready = async {
            while !matches!(http::send(address.ip(), address, "GET", "/health", b"").await, Ok(answer) if answer.status == 200)
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ready).await.expect("the server gets ready");
        Self { address, chain: data.join("chain.redb"), process }
    }

    pub(crate) fn chain_bytes(&self) -> u64 {
        std::fs::metadata(&self.chain).unwrap().len()
    }

    pub(crate) fn cpu_seconds(&self) -> f64 {
        cpu_seconds_of(self.process.id().expect("the server runs"))
    }

    /// The most memory that it ever held.
    pub(crate) fn peak_memory_mib(&self) -> f64 {
        let id = self.process.id().expect("the server runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kibibytes: f64 = peak.trim().trim_end_matches("kB").trim().parse().unwrap();
        kibibytes / 1024.0
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).retain(|id| Some(*id) != self.process.id());
    }
}

/// What a process used of the processors until now.
pub(crate) fn cpu_seconds_of(id: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    // Behind the name, which may have blanks: the 12th and 13th field there are user and system time.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11..13].iter().map(|field| field.parse::<f64>().unwrap()).sum();
    ticks / TICKS_PER_SECOND
}
