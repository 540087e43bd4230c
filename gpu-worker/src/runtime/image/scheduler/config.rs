//! `scheduler_config.json`: what diffusers writes, and refusal of what is not built.

use serde::Deserialize;

use super::{ddim, euler, flow_match_euler};
use crate::error::{Result, WorkerError};

/// Largest table of training steps.
pub const TRAIN_TIMESTEPS_MAX: usize = 100_000;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BetaSchedule {
    #[default]
    Linear,
    ScaledLinear,
    SquaredcosCapV2,
}

/// What the network predicts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prediction {
    #[default]
    Epsilon,
    VPrediction,
    Sample,
    FlowPrediction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spacing {
    Leading,
    Trailing,
    Linspace,
}

/// Keys of the three solvers' configurations. Keys that change the walk and are not built are read too, so that they
/// are refused instead of ignored.
#[derive(Debug, Clone, Deserialize)]
pub struct SchedulerConfig {
    #[serde(rename = "_class_name")]
    pub class_name: String,
    #[serde(default = "default_train_timesteps")]
    pub num_train_timesteps: usize,
    #[serde(default = "default_beta_start")]
    pub beta_start: f64,
    #[serde(default = "default_beta_end")]
    pub beta_end: f64,
    #[serde(default)]
    pub beta_schedule: BetaSchedule,
    #[serde(default)]
    pub trained_betas: Option<Vec<f64>>,
    #[serde(default)]
    pub prediction_type: Prediction,
    #[serde(default)]
    pub timestep_spacing: Option<Spacing>,
    #[serde(default)]
    pub steps_offset: usize,
    #[serde(default = "yes")]
    pub set_alpha_to_one: bool,
    /// DDIM clips unless told otherwise.
    #[serde(default)]
    pub clip_sample: Option<bool>,
    #[serde(default = "one")]
    pub clip_sample_range: f64,
    #[serde(default)]
    pub rescale_betas_zero_snr: bool,
    #[serde(default)]
    pub final_sigmas_type: Option<String>,
    #[serde(default)]
    pub interpolation_type: Option<String>,
    #[serde(default)]
    pub timestep_type: Option<String>,
    /// Flow matching: how far sigmas are moved towards noise.
    #[serde(default = "one")]
    pub shift: f64,
    #[serde(default)]
    thresholding: bool,
    #[serde(default)]
    use_karras_sigmas: Option<bool>,
    #[serde(default)]
    use_exponential_sigmas: Option<bool>,
    #[serde(default)]
    use_beta_sigmas: Option<bool>,
    #[serde(default)]
    use_dynamic_shifting: Option<bool>,
    #[serde(default)]
    shift_terminal: Option<f64>,
    #[serde(default)]
    invert_sigmas: Option<bool>,
    #[serde(default)]
    stochastic_sampling: Option<bool>,
}

fn default_train_timesteps() -> usize {
    1000
}

fn default_beta_start() -> f64 {
    0.0001
}

fn default_beta_end() -> f64 {
    0.02
}

fn one() -> f64 {
    1.0
}

fn yes() -> bool {
    true
}

impl SchedulerConfig {
    /// Refuses what would be walked wrongly.
    pub fn check(&self) -> Result<()> {
        let known = [euler::CLASS_NAME, ddim::CLASS_NAME, flow_match_euler::CLASS_NAME];
        if !known.contains(&self.class_name.as_str()) {
            let message = format!("its scheduler {} is none of {}", self.class_name, known.join(", "));
            return Err(WorkerError::Unsupported(message));
        }
        let options = [
            ("thresholding", self.thresholding),
            ("use_karras_sigmas", self.use_karras_sigmas == Some(true)),
            ("use_exponential_sigmas", self.use_exponential_sigmas == Some(true)),
            ("use_beta_sigmas", self.use_beta_sigmas == Some(true)),
            ("use_dynamic_shifting", self.use_dynamic_shifting == Some(true)),
            ("shift_terminal", self.shift_terminal.is_some()),
            ("invert_sigmas", self.invert_sigmas == Some(true)),
            ("stochastic_sampling", self.stochastic_sampling == Some(true)),
            ("interpolation_type", self.interpolation_type.as_deref().is_some_and(|kind| kind != "linear")),
            ("timestep_type", self.timestep_type.as_deref().is_some_and(|kind| kind != "discrete")),
        ];
        if let Some((option, _)) = options.into_iter().find(|(_, is_set)| *is_set) {
            return Err(WorkerError::Unsupported(format!("its scheduler sets {option}")));
        }
        let in_bounds = (1..=TRAIN_TIMESTEPS_MAX).contains(&self.num_train_timesteps)
            && self.trained_betas.as_ref().is_none_or(|betas| betas.len() == self.num_train_timesteps)
            && self.shift.is_finite()
            && self.shift > 0.0;
        if in_bounds {
            self.is_flow().map(drop)
        } else {
            Err(WorkerError::Unsupported(format!(
                "its scheduler has {} training steps, of 1 to {TRAIN_TIMESTEPS_MAX}, with shift {}",
                self.num_train_timesteps, self.shift
            )))
        }
    }

    /// The network predicts a flow rather than noise.
    pub fn is_flow(&self) -> Result<bool> {
        let by_class = self.class_name == flow_match_euler::CLASS_NAME;
        if !by_class && self.prediction_type == Prediction::FlowPrediction {
            let message = format!("{} with flow_prediction is not supported", self.class_name);
            return Err(WorkerError::Unsupported(message));
        }
        Ok(by_class)
    }
}
