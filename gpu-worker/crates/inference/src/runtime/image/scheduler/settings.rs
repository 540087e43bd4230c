//! The settings that a model is drawn with: its own scheduler, and the one for few steps of models that have one.

use shared::job::image::{GUIDANCE_MAX, PictureDefaults, STEPS_MAX, SchedulerName};
use shared::model::MANIFEST_FILE;

use super::{Extent, Scheduler, SchedulerConfig};
use crate::error::{InferenceError, Result};
use crate::runtime::folder::ModelFolder;

/// Where a model's folder keeps that of its own scheduler.
pub(super) const OWN_FILE: &str = "scheduler/scheduler_config.json";

/// The scheduler for few steps, as diffusers' `from_pretrained(…, subfolder="scheduler_fast")` reads it.
pub const FAST_FILE: &str = "scheduler_fast/scheduler_config.json";

/// What a model's folder says about how its pictures walk.
#[derive(Debug, Clone)]
pub struct Settings {
    own: SchedulerConfig,
    fast: Option<SchedulerConfig>,
}

impl Settings {
    /// Reads the scheduler's file, and that for few steps where the manifest names such a setting. `native_tokens` are those
    /// of a picture of the model's own size.
    ///
    /// # Errors
    /// Files that are missing, damaged or not walked here, and a manifest's `fast` that nobody could draw with.
    pub fn load(folder: &ModelFolder, native_tokens: usize) -> Result<Self> {
        let own = SchedulerConfig::load(folder, OWN_FILE)?;
        let fast = folder.manifest().fast.map(|defaults| fast(folder, defaults, native_tokens)).transpose()?;
        Ok(Self { own, fast })
    }

    /// The scheduler for a walk: the one asked for, else the model's own.
    ///
    /// # Errors
    /// [`FailureKind::Input`](crate::error::FailureKind::Input) for a scheduler that the model does not go with, and for steps that it does not walk.
    pub fn scheduler(&self, wanted: Option<SchedulerName>, extent: Extent) -> Result<Scheduler> {
        match (wanted, &self.fast) {
            (Some(SchedulerName::Fast), Some(fast)) => Scheduler::new(fast, None, extent),
            _ => Scheduler::new(&self.own, wanted, extent),
        }
    }
}

fn fast(folder: &ModelFolder, defaults: PictureDefaults, tokens: usize) -> Result<SchedulerConfig> {
    let config = SchedulerConfig::load(folder, FAST_FILE)?;
    let walks = |steps: u32| Scheduler::new(&config, None, Extent { steps: steps as usize, tokens }).is_ok();
    if defaults.valid_steps().is_some_and(walks) && defaults.valid_guidance().is_some() {
        return Ok(config);
    }
    Err(InferenceError::model_key(
        MANIFEST_FILE,
        "fast",
        format!("has 1 to {STEPS_MAX} steps that {FAST_FILE} walks and a guidance of 0 to {GUIDANCE_MAX}"),
        format!("{} steps and a guidance of {}", defaults.steps, defaults.guidance),
    ))
}
