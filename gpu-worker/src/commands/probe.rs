//! `gpu-worker probe`: measures the graphics adapters and prints them as one line of JSON.

use gpu_probe::measure_adapters;
use inference::error::InferenceError;

use super::print;
use crate::error::{Result, WorkerError};

/// Measures the graphics adapters; `init` and `bench` start this themselves.
#[derive(Debug, clap::Args)]
pub struct Probe {
    /// Measure also renderers on the processor.
    #[arg(long)]
    pub software: bool,
}

impl Probe {
    pub fn run(&self) -> Result<()> {
        let adapters = measure_adapters(self.software).map_err(InferenceError::unsupported)?;
        print(serde_json::to_string(&adapters).map_err(|error| WorkerError::format("adapters", error))?)
    }
}
