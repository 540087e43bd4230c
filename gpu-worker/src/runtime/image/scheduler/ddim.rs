//! `DDIMScheduler` with η = 0 (Song et al. 2020, equation 12).

use super::config::{Prediction, SchedulerConfig, Spacing};
use super::noise_schedule::{cumulative_alphas, timesteps};
use crate::error::Result;

pub(super) const CLASS_NAME: &str = "DDIMScheduler";

#[derive(Debug, Clone)]
pub struct Ddim {
    timesteps: Vec<usize>,
    alphas: Vec<f64>,
    final_alpha: f64,
    /// Training steps between two visited ones.
    stride: usize,
    prediction: Prediction,
    clip: Option<f64>,
}

impl Ddim {
    pub(super) fn new(config: &SchedulerConfig, steps: usize) -> Result<Self> {
        let alphas = cumulative_alphas(config);
        let spacing = config.timestep_spacing.unwrap_or(Spacing::Leading);
        let last = alphas.len() - 1;
        let round = |t: f64| (t.round_ties_even().max(0.0) as usize).min(last);
        let timesteps = timesteps(config, spacing, steps).into_iter().map(round).collect();
        let final_alpha = if config.set_alpha_to_one { 1.0 } else { alphas[0] };
        let clip = config.clip_sample.unwrap_or(true).then_some(config.clip_sample_range);
        let stride = config.num_train_timesteps / steps;
        Ok(Self { timesteps, alphas, final_alpha, stride, prediction: config.prediction_type, clip })
    }

    pub(super) fn steps(&self) -> usize {
        self.timesteps.len()
    }

    pub(super) fn timestep(&self, index: usize) -> f32 {
        self.timesteps[index] as f32
    }

    pub(super) fn step(&self, index: usize, sample: &mut [f32], prediction: &mut [f32]) {
        let t = self.timesteps[index];
        let alpha = self.alphas[t];
        let next_alpha = t.checked_sub(self.stride).map_or(self.final_alpha, |next| self.alphas[next]);
        let (root_alpha, root_beta) = (alpha.sqrt(), (1.0 - alpha).sqrt());
        let (next_root_alpha, next_root_beta) = (next_alpha.sqrt(), (1.0 - next_alpha).sqrt());
        for (x, answer) in sample.iter_mut().zip(prediction) {
            let (noisy, predicted) = (f64::from(*x), f64::from(*answer));
            let (clean, noise) = match self.prediction {
                Prediction::Epsilon | Prediction::FlowPrediction => {
                    ((noisy - root_beta * predicted) / root_alpha, predicted)
                }
                Prediction::VPrediction => {
                    (root_alpha * noisy - root_beta * predicted, root_alpha * predicted + root_beta * noisy)
                }
                Prediction::Sample => (predicted, (noisy - root_alpha * predicted) / root_beta),
            };
            let clean = self.clip.map_or(clean, |range| clean.clamp(-range, range));
            *x = (next_root_alpha * clean + next_root_beta * noise) as f32;
            *answer = clean as f32;
        }
    }
}
