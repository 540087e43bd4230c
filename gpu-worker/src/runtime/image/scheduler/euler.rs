//! `EulerDiscreteScheduler`: Euler's method on the ODE in σ = √((1 − ᾱ)/ᾱ) (Karras et al. 2022, without churn).

use super::config::{Prediction, SchedulerConfig, Spacing};
use super::noise_schedule::{cumulative_alphas, timesteps};
use crate::error::{Result, WorkerError};

pub(super) const CLASS_NAME: &str = "EulerDiscreteScheduler";

/// ᾱ at the last step of a schedule with zero terminal SNR, where σ would be infinite; diffusers' value.
const ZERO_SNR_ALPHA: f64 = 1.0 / 16_777_216.0;

#[derive(Debug, Clone)]
pub struct Euler {
    pub(super) timesteps: Vec<f32>,
    /// One more than timesteps; the last is where the walk ends.
    sigmas: Vec<f64>,
    pub(super) init_noise_sigma: f32,
    prediction: Prediction,
}

impl Euler {
    pub(super) fn new(config: &SchedulerConfig, steps: usize) -> Result<Self> {
        let mut alphas = cumulative_alphas(config);
        if let (true, Some(last)) = (config.rescale_betas_zero_snr, alphas.last_mut()) {
            *last = ZERO_SNR_ALPHA;
        }
        let train_sigmas: Vec<f64> = alphas.iter().map(|alpha| ((1.0 - alpha) / alpha).sqrt()).collect();
        let spacing = config.timestep_spacing.unwrap_or(Spacing::Linspace);
        let timesteps = timesteps(config, spacing, steps);
        let mut sigmas: Vec<f64> = timesteps.iter().map(|t| interpolate(&train_sigmas, *t)).collect();
        let largest = sigmas.iter().copied().fold(0.0, f64::max);
        sigmas.push(match config.final_sigmas_type.as_deref() {
            None | Some("zero") => 0.0,
            Some("sigma_min") => train_sigmas.first().copied().unwrap_or(0.0),
            Some(other) => return Err(WorkerError::Unsupported(format!("its final_sigmas_type is {other}"))),
        });
        let init_noise_sigma = match spacing {
            Spacing::Linspace | Spacing::Trailing => largest,
            Spacing::Leading => (largest * largest + 1.0).sqrt(),
        };
        Ok(Self {
            timesteps: timesteps.iter().map(|t| *t as f32).collect(),
            sigmas,
            init_noise_sigma: init_noise_sigma as f32,
            prediction: config.prediction_type,
        })
    }

    pub(super) fn input_scale(&self, index: usize) -> f32 {
        (1.0 / (self.sigmas[index].powi(2) + 1.0).sqrt()) as f32
    }

    pub(super) fn step(&self, index: usize, sample: &mut [f32], prediction: &mut [f32]) {
        let (sigma, next) = (self.sigmas[index], self.sigmas[index + 1]);
        let (share, of_sample) = match self.prediction {
            Prediction::Epsilon | Prediction::FlowPrediction => (-sigma, 1.0),
            Prediction::VPrediction => (-sigma / (sigma * sigma + 1.0).sqrt(), 1.0 / (sigma * sigma + 1.0)),
            Prediction::Sample => (1.0, 0.0),
        };
        for (x, answer) in sample.iter_mut().zip(prediction) {
            let noisy = f64::from(*x);
            let clean = share * f64::from(*answer) + of_sample * noisy;
            *x = (noisy + (noisy - clean) / sigma * (next - sigma)) as f32;
            *answer = clean as f32;
        }
    }
}

/// The table's value at a position between its entries.
fn interpolate(table: &[f64], position: f64) -> f64 {
    let last = table.len() - 1;
    let below = (position.max(0.0).floor() as usize).min(last);
    let above = (below + 1).min(last);
    table[below] + (table[above] - table[below]) * (position - position.floor())
}
