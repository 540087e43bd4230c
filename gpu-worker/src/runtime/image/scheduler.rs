//! How a picture walks from noise to latents: the solvers of `scheduler_config.json`.
//!
//! Each solver is a table of timesteps and sigmas made once, and a pure step. Names, keys and formulas are those of
//! Hugging Face diffusers; `tests/vectors` holds what its Python classes compute.

pub mod config;
mod ddim;
mod euler;
mod flow_match_euler;
mod noise_schedule;

use shared::job::image::SchedulerName;

pub use config::SchedulerConfig;

use crate::error::{Result, WorkerError};

/// A solver with the tables for one number of steps.
#[derive(Debug, Clone)]
pub enum Scheduler {
    Euler(euler::Euler),
    Ddim(ddim::Ddim),
    FlowMatchEuler(flow_match_euler::FlowMatchEuler),
}

impl Scheduler {
    /// The solver for `steps` steps: the one asked for, else the model's own.
    ///
    /// A flow-matching model has straight paths, on which Euler and DDIM are the same walk as FlowMatchEuler: with
    /// α = 1 − σ, DDIM's x' = α'x₀ + σ'ε is x + (σ' − σ)v. So all three names are served by that one solver there.
    pub fn new(config: &SchedulerConfig, wanted: Option<SchedulerName>, steps: usize) -> Result<Self> {
        if steps == 0 || steps > config.num_train_timesteps {
            return Err(WorkerError::Input {
                field: "steps",
                bound: format!("is 1 to {} for this model", config.num_train_timesteps),
                value: steps.to_string(),
            });
        }
        match (config.is_flow()?, wanted) {
            (true, _) => flow_match_euler::FlowMatchEuler::new(config, steps).map(Self::FlowMatchEuler),
            (false, Some(SchedulerName::FlowMatchEuler)) => Err(WorkerError::Input {
                field: "scheduler",
                bound: "is euler or ddim for this model, which does not predict a flow".into(),
                value: "flow_match_euler".into(),
            }),
            (false, Some(SchedulerName::Euler)) => euler::Euler::new(config, steps).map(Self::Euler),
            (false, Some(SchedulerName::Ddim)) => ddim::Ddim::new(config, steps).map(Self::Ddim),
            (false, None) if config.class_name == euler::CLASS_NAME => {
                euler::Euler::new(config, steps).map(Self::Euler)
            }
            (false, None) => ddim::Ddim::new(config, steps).map(Self::Ddim),
        }
    }

    /// What the network is told at step `index`.
    pub fn timestep(&self, index: usize) -> f32 {
        match self {
            Self::Euler(solver) => solver.timesteps[index],
            Self::Ddim(solver) => solver.timestep(index),
            Self::FlowMatchEuler(solver) => solver.timesteps[index],
        }
    }

    pub fn steps(&self) -> usize {
        match self {
            Self::Euler(solver) => solver.timesteps.len(),
            Self::Ddim(solver) => solver.steps(),
            Self::FlowMatchEuler(solver) => solver.timesteps.len(),
        }
    }

    /// Standard deviation of the noise that the walk starts from.
    pub fn init_noise_sigma(&self) -> f32 {
        match self {
            Self::Euler(solver) => solver.init_noise_sigma,
            Self::Ddim(_) | Self::FlowMatchEuler(_) => 1.0,
        }
    }

    /// Factor on the latents before the network sees them.
    pub fn input_scale(&self, index: usize) -> f32 {
        match self {
            Self::Euler(solver) => solver.input_scale(index),
            Self::Ddim(_) | Self::FlowMatchEuler(_) => 1.0,
        }
    }

    /// Walks one step in place. `prediction` is the network's answer at `sample`; it is overwritten with the estimate
    /// of the finished latents.
    pub fn step(&self, index: usize, sample: &mut [f32], prediction: &mut [f32]) {
        match self {
            Self::Euler(solver) => solver.step(index, sample, prediction),
            Self::Ddim(solver) => solver.step(index, sample, prediction),
            Self::FlowMatchEuler(solver) => solver.step(index, sample, prediction),
        }
    }
}
