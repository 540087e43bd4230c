//! `FlowMatchEulerDiscreteScheduler`: Euler's method along x(σ) = (1 − σ)·data + σ·noise (Esser et al. 2024).

use super::config::SchedulerConfig;
use super::noise_schedule::{as_float, linspace};
use crate::error::Result;

pub(super) const CLASS_NAME: &str = "FlowMatchEulerDiscreteScheduler";

#[derive(Debug, Clone)]
pub struct FlowMatchEuler {
    pub(super) timesteps: Vec<f32>,
    /// One more than timesteps, ending at 0.
    sigmas: Vec<f64>,
}

impl FlowMatchEuler {
    pub(super) fn new(config: &SchedulerConfig, steps: usize) -> Result<Self> {
        let count = as_float(config.num_train_timesteps);
        let shifted = |sigma: f64| config.shift * sigma / (1.0 + (config.shift - 1.0) * sigma);
        // diffusers spans the visited sigmas between the shifted ends of the training table, then shifts again.
        let (largest, smallest) = (shifted(1.0), shifted(1.0 / count));
        let mut sigmas: Vec<f64> = linspace(largest, smallest, steps).into_iter().map(shifted).collect();
        let timesteps = sigmas.iter().map(|sigma| (sigma * count) as f32).collect();
        sigmas.push(0.0);
        Ok(Self { timesteps, sigmas })
    }

    pub(super) fn step(&self, index: usize, sample: &mut [f32], prediction: &mut [f32]) {
        let (sigma, next) = (self.sigmas[index], self.sigmas[index + 1]);
        for (x, answer) in sample.iter_mut().zip(prediction) {
            let (noisy, velocity) = (f64::from(*x), f64::from(*answer));
            *x = (noisy + (next - sigma) * velocity) as f32;
            *answer = (noisy - sigma * velocity) as f32;
        }
    }
}
