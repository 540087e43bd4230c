//! `gpu-worker pause` and `gpu-worker resume`: by hand, for a worker that runs or starts later.

use std::path::Path;

use super::print;
use crate::error::Result;
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
        pause::pause(data, &self.reason)?;
        print(format_args!("paused: {}", self.reason))
    }
}

/// Takes jobs again.
#[derive(Debug, clap::Args)]
pub struct Resume {}

impl Resume {
    pub fn run(&self, data: &Path) -> Result<()> {
        let was_paused = pause::resume(data)?;
        print(if was_paused { "the pause is over" } else { "it was not paused by hand" })
    }
}
