//! The subcommands, one file each.

pub mod bench;
pub mod doctor;
pub mod generate;
pub mod init;
pub mod keys;
pub mod models;
pub mod pause;
pub mod probe;
pub mod start;
pub mod status;
pub mod trace;

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::child::{ChildConfig, Setup};
use crate::engine::EngineConfig;
use crate::error::{Result, WorkerError};

/// Prints a line of a command's answer.
pub fn print(line: impl std::fmt::Display) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").map_err(WorkerError::io("standard output"))
}

/// This very program, which is also the inference process.
fn program() -> Result<PathBuf> {
    std::env::current_exe().map_err(WorkerError::io("this program"))
}

fn setup(data: Option<&Path>, model: &Path, engine: &EngineConfig) -> Setup {
    let child = ChildConfig::default();
    Setup { model: model.to_path_buf(), engine: engine.clone(), data: data.map(Path::to_path_buf), child }
}

/// Runs asynchronous work of a command on a runtime of its own.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(WorkerError::io("threads"))?.block_on(work)
}
