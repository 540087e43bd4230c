//! What serves jobs: one implementation of [`Runtime`] per kind of model.

mod external_data;
pub mod folder;
pub mod image;

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use shared::job::request::Work;
use shared::protocol::Metering;

use crate::error::Result;

/// A loaded model that serves jobs of its kind.
pub trait Runtime {
    /// Does the work. `observer` hears of each step and may end the work there.
    ///
    /// # Errors
    /// Work of another kind or beyond what the model draws, an engine that fails, numbers that are not finite, and
    /// [`crate::error::WorkerError::Canceled`] where the observer broke off.
    fn run(&mut self, work: &Work, observer: &mut dyn Observer) -> Result<Output>;
}

/// Hears how far the work is.
pub trait Observer {
    /// Called after each step; `Break` ends the work.
    fn step(&mut self, step: StepReport) -> ControlFlow<()>;

    /// A preview costs a run of the decoder, so it is drawn only for who looks at it.
    fn wants_previews(&self) -> bool;
}

/// One finished step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReport {
    /// 1 to `steps`, over all pictures of the job.
    pub step: u32,
    pub steps: u32,
    /// What the picture looks like so far.
    pub preview: Option<Encoded>,
}

/// A finished or preliminary artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoded {
    pub media_type: String,
    #[serde(with = "crate::child::base64_bytes")]
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    pub artifacts: Vec<Encoded>,
    pub metering: Metering,
}
