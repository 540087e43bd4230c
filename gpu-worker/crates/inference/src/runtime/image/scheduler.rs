//! How a picture walks from noise to latents: the solvers of `scheduler_config.json`.
//!
//! A [`Scheduler`] is a table of timesteps and noise levels, made once per request; a [`Walk`] is one run through it,
//! with what a multistep solver remembers. Steps work element by element, so a batch is walked as one long tensor.
//! Names, keys and formulas are those of Hugging Face diffusers; `tests/vectors` holds what its Python classes compute.

mod beta_quantile;
mod config;
mod curve;
mod ddim;
mod dpm_solver;
mod euler;
mod flow_match_euler;
mod flow_shift;
mod ladder;
mod lcm;
mod level;
mod limit;
mod noise_schedule;
mod pndm;
mod settings;
mod sigmas;
mod solver;
mod spacing;
mod uni_pc;

use shared::job::image::SchedulerName;

pub use self::config::SchedulerConfig;
pub use self::settings::{FAST_FILE, Settings};
pub use self::solver::Extent;
use self::solver::{Call, Memory, Solver};
use self::spacing::{as_float, steps_error};
use crate::error::{InferenceError, Result};

/// What steps × strength may miss a whole number by and still mean it: 49 × (1/49) is below 1 in binary.
const STEP_ROUNDING: f64 = 1e-6;

/// A solver with the tables for one number of steps.
#[derive(Debug)]
pub struct Scheduler {
    solver: Box<dyn Solver>,
    steps: usize,
}

impl Scheduler {
    /// The solver for a walk: the one asked for, else the model's own.
    pub fn new(config: &SchedulerConfig, wanted: Option<SchedulerName>, extent: Extent) -> Result<Self> {
        let steps = extent.steps;
        if steps == 0 || steps > config.train_timesteps {
            return Err(steps_error(format!("is 1 to {} for this model", config.train_timesteps), steps));
        }
        let solver = config.rules(wanted)?.solver(extent)?;
        Ok(Self { solver, steps })
    }

    /// DDIM with η times the fresh noise of DDPM (0 to 1; 0 unless said).
    ///
    /// # Errors
    /// [`FailureKind::Input`](crate::error::FailureKind::Input) where another solver walks, also in DDIM's place: a flow has no such noise.
    pub fn with_eta(mut self, eta: f64) -> Result<Self> {
        if self.solver.set_eta(eta) || eta == 0.0 {
            return Ok(self);
        }
        let bound = "is 0 for this model, which DDIM does not walk".to_owned();
        Err(InferenceError::input("eta", bound, eta.to_string()))
    }

    /// Calls of the network from pure noise on: the steps, and those of a warm-up.
    pub fn calls(&self) -> usize {
        self.solver.table().timesteps.len()
    }

    /// What the network is told at call `index`.
    pub fn timestep(&self, index: usize) -> f32 {
        self.solver.table().timesteps[index]
    }

    /// Standard deviation of the noise that a walk from pure noise starts with.
    pub fn init_noise_sigma(&self) -> f32 {
        self.solver.table().init_noise_sigma as f32
    }

    /// Factor on the latents before the network sees them at call `index`.
    pub fn input_scale(&self, index: usize) -> f32 {
        self.solver.input_scale(index) as f32
    }

    /// The call that a walk from a picture begins with: `strength` is the share of the steps that are walked, 0 to 1.
    ///
    /// # Errors
    /// [`FailureKind::Input`](crate::error::FailureKind::Input) where no step would be left.
    pub fn first_index(&self, strength: f64) -> Result<usize> {
        let walked =
            (as_float(self.steps) * strength + STEP_ROUNDING).floor().clamp(0.0, as_float(self.steps)) as usize;
        // A solver may visit fewer levels than it was asked for steps.
        match self.steps - walked {
            first if walked > 0 && first < self.calls() => Ok(first),
            _ => Err(InferenceError::input(
                "strength",
                format!("leaves at least one of {} steps", self.steps),
                strength.to_string(),
            )),
        }
    }

    /// Puts finished latents to where a walk from call `index` starts. `noise` has unit variance.
    pub fn add_noise(&self, index: usize, latents: &mut [f32], noise: &[f32]) {
        let level = self.solver.table().levels[index];
        for (x, deviate) in latents.iter_mut().zip(noise) {
            *x = (level.alpha * f64::from(*x) + level.sigma * f64::from(*deviate)) as f32;
        }
    }

    /// A run from call `first_index` on; 0 where it starts with noise alone.
    pub fn walk(&self, first_index: usize) -> Walk<'_> {
        Walk { scheduler: self, index: first_index, memory: Memory::default() }
    }
}

/// One run of a [`Scheduler`].
#[derive(Debug, Clone)]
pub struct Walk<'a> {
    scheduler: &'a Scheduler,
    index: usize,
    memory: Memory,
}

impl Walk<'_> {
    /// Whether the solver keeps something of its calls so far, so that its next step hangs on more than the sample.
    pub fn remembers(&self) -> bool {
        let Memory { outputs, stages, sample, .. } = &self.memory;
        !(outputs.is_empty() && stages.is_empty() && sample.is_empty())
    }

    /// Of the next call; the walk is done where it equals [`Scheduler::calls`].
    pub fn index(&self) -> usize {
        self.index
    }

    /// Takes the network's answer at `sample` and moves `sample` on. `prediction` becomes the estimate of the finished
    /// latents. `noise` is asked for as many unit deviates as there are elements, by solvers that take fresh noise here.
    pub fn step(&mut self, sample: &mut [f32], prediction: &mut [f32], noise: impl FnOnce() -> Vec<f32>) {
        let solver = self.scheduler.solver.as_ref();
        let noise = if solver.takes_noise(self.index) { noise() } else { Vec::new() };
        solver.step(&mut self.memory, Call { index: self.index, sample, prediction, noise: &noise });
        self.index += 1;
        self.memory.calls += 1;
    }
}
