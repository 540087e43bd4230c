//! The subcommands, one file each.

pub mod bench;
pub mod doctor;
pub mod generate;
pub mod hubs;
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

use inference::engine::EngineConfig;

use crate::child::{ChildConfig, Setup};
use crate::error::{Result, WorkerError};

/// Prints a line of a command's answer.
pub fn print(line: impl std::fmt::Display) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").map_err(WorkerError::io("standard output"))
}

/// This very program, which is also the inference process.
fn program() -> Result<PathBuf> {
    std::env::current_exe().map_err(WorkerError::io("this program"))
}

/// Time limits of a command's inference processes, where they differ from the configuration.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ChildArguments {
    /// Kill an inference process that reports no step for so many seconds.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub hung_after_seconds: Option<u64>,
    /// Kill an inference process that has not loaded its model within so many seconds.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub load_within_seconds: Option<u64>,
}

impl ChildArguments {
    /// `configured` with what was named in its place.
    fn over(&self, configured: ChildConfig) -> ChildConfig {
        ChildConfig {
            hung_after_seconds: self.hung_after_seconds.unwrap_or(configured.hung_after_seconds),
            load_within_seconds: self.load_within_seconds.unwrap_or(configured.load_within_seconds),
            ..configured
        }
    }
}

fn setup(data: &Path, model: &Path, engine: &EngineConfig, child: &ChildConfig) -> Setup {
    Setup {
        model: model.to_path_buf(),
        other_models: Vec::new(),
        engine: engine.clone(),
        data: Some(data.to_path_buf()),
        child: child.clone(),
    }
}

/// Runs asynchronous work of a command on a runtime of its own.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(WorkerError::io("threads"))?.block_on(work)
}

/// The processor as the engine uses it on so many threads.
fn processor(threads: usize) -> gpu_probe::Processor {
    gpu_probe::Processor { threads, instruction_set: inference::engine::cpu::instruction_set() }
}
