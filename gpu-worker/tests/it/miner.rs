//! A miner under test: `gpu-worker init` and `start` in a folder of its own.

use std::path::Path;
use std::process::Stdio;

use gpu_worker::hub::HubUrl;
use gpu_worker::keys;
use gpu_worker::worker::OUTBOX_FOLDER;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::hub_double::{HubDouble, PATIENCE};
use crate::support::{ModelCopy, PROGRAM};

/// A worker's data folder and its model.
pub(crate) struct Miner {
    pub(crate) data: TempDir,
    pub(crate) model: ModelCopy,
}

impl Miner {
    /// Initialised on tract, which every machine has.
    pub(crate) async fn init(hub: &HubDouble) -> Self {
        Self::init_with(hub, ModelCopy::new()).await
    }

    pub(crate) async fn init_with(hub: &HubDouble, model: ModelCopy) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut init = Command::new(PROGRAM);
        init.arg("--data").arg(data.path()).arg("init").args([
            "--hub",
            &hub.url,
            "--engine",
            "tract",
            "--unit-price",
            "0.25",
            "--model",
        ]);
        let output = init.arg(model.path()).output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { data, model }
    }

    /// Configured without being measured, which takes its time.
    pub(crate) fn new(hub: &HubDouble) -> Self {
        Self::of_hubs(&[hub])
    }

    /// The same, with several hubs.
    pub(crate) fn of_hubs(hubs: &[&HubDouble]) -> Self {
        let (data, model) = (tempfile::tempdir().unwrap(), ModelCopy::new());
        keys::create_or_load(&data.path().join("miner.key")).unwrap();
        let config = format!(
            "key = \"miner.key\"\n{}[engine]\nname = \"tract\"\n[[models]]\npath = \"{}\"\n\
             unit_price_ait = \"0.25\"\nmeasured_micro_units_per_second = 1000000\n",
            hubs.iter().map(|hub| format!("[[hubs]]\nurl = \"{}\"\n", hub.url)).collect::<String>(),
            model.path().display()
        );
        std::fs::write(data.path().join("worker.toml"), config).unwrap();
        Self { data, model }
    }

    /// Adds lines before the tables of the configuration.
    pub(crate) fn configure(self, lines: &str) -> Self {
        let path = self.data.path().join("worker.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let (head, tables) = text.split_once("[engine]").unwrap();
        std::fs::write(&path, format!("{head}{lines}\n[engine]{tables}")).unwrap();
        self
    }

    pub(crate) fn start(&self) -> Child {
        self.start_program(Path::new(PROGRAM))
    }

    /// Started from a file that a test may replace: inference processes start from there, too.
    pub(crate) fn start_program(&self, program: &Path) -> Child {
        let mut start = Command::new(program);
        start.arg("--data").arg(self.data.path()).arg("start").env("RUST_LOG", "info").stderr(Stdio::piped());
        start.kill_on_drop(true).spawn().unwrap()
    }

    /// Results in the outbox for a hub.
    pub(crate) fn waiting(&self, hub: &HubDouble) -> usize {
        let folder = HubUrl::parse(&hub.url).unwrap().folder().join(OUTBOX_FOLDER);
        let entries = std::fs::read_dir(self.data.path().join(folder)).unwrap();
        entries.filter(|entry| entry.as_ref().unwrap().path().is_file()).count()
    }
}

pub(crate) async fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().await.unwrap().success());
}

/// Waits for the end: exit code and log.
pub(crate) async fn ended(mut worker: Child) -> (Option<i32>, String) {
    let mut log = String::new();
    let mut stderr = worker.stderr.take().unwrap();
    let status = timeout(PATIENCE, async {
        stderr.read_to_string(&mut log).await.unwrap();
        worker.wait().await.unwrap()
    });
    let status = status.await.expect("the worker ends");
    (status.code(), log)
}

/// The inference process of a worker.
pub(crate) fn child_of(parent: u32) -> Option<u32> {
    children_of(parent).first().copied()
}

pub(crate) fn children_of(parent: u32) -> Vec<u32> {
    let processes =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_child = |pid: &u32| {
        let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).unwrap_or_default();
        stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok()) == Some(parent)
    };
    processes.into_iter().filter(is_child).collect()
}
