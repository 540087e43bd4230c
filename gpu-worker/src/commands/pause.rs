//! `gpu-worker pause` and `gpu-worker resume`: by hand, for a worker that runs or starts later.

use std::path::Path;

use super::print;
use super::status::runs;
use crate::config::Config;
use crate::error::{Result, WorkerError};
use crate::worker::pause;

/// Takes no new jobs until `resume`; what runs is finished.
#[derive(Debug, clap::Args)]
pub struct Pause {
    /// What `status` says about it.
    #[arg(default_value = "paused by hand")]
    pub reason: String,
}

impl Pause {
    pub fn run(&self, data: &Path) -> Result<()> {
        check_folder(data)?;
        pause::pause(data, &self.reason)?;
        print(format_args!("paused: {}", self.reason))?;
        print(match runs(data) {
            true => "the worker that runs here finishes what it has and takes nothing new",
            false => "no worker runs here now; one that starts takes no jobs until `resume`",
        })
    }
}

/// A folder without a worker is most likely mistyped, and the intended worker would continue.
fn check_folder(data: &Path) -> Result<()> {
    if Config::path(data).exists() {
        return Ok(());
    }
    let folder = data.display();
    Err(WorkerError::config(format!(
        "{folder} has no worker.toml, so no worker is there; name its folder: --data FOLDER"
    )))
}

/// Takes jobs again.
#[derive(Debug, clap::Args)]
pub struct Resume {}

impl Resume {
    pub fn run(&self, data: &Path) -> Result<()> {
        check_folder(data)?;
        let was_paused = pause::resume(data)?;
        print(if was_paused { "the pause is over" } else { "it was not paused by hand" })?;
        print(match runs(data) {
            true => "the worker that runs here takes jobs, unless `status` names another pause",
            false => "no worker runs here now",
        })
    }
}
