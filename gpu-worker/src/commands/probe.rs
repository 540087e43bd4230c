//! `gpu-worker probe`: measures the graphics adapters and prints them as one line of JSON.

use super::print;
use crate::error::{Result, WorkerError};
use crate::probe::measure_adapters;

/// Measures the graphics adapters; `init` and `bench` start this themselves.
#[derive(Debug, clap::Args)]
pub struct Probe {
    /// Measure also renderers on the processor.
    #[arg(long)]
    pub software: bool,
}

impl Probe {
    pub fn run(&self) -> Result<()> {
        let adapters = measure_adapters(self.software).map_err(WorkerError::Unsupported)?;
        print(serde_json::to_string(&adapters).map_err(|error| WorkerError::format("adapters", error))?)
    }
}
