//! `LCMScheduler`: multistep sampling of a latent consistency model (Luo et al. 2023, algorithm 1).

use super::ddim::refuse_epsilon_at_zero_snr;
use super::level::{Level, Prediction};
use super::limit::Limit;
use super::noise_schedule::{BetaSchedule, Defaults, NoiseSchedule};
use super::solver::{Call, Extent, Memory, Rules, Solver, Table};
use super::spacing::{as_float, steps_error};
use crate::error::Result;
use crate::runtime::keys::Keys;

/// Standard deviation of the data, in the boundary conditions.
const SIGMA_DATA: f64 = 0.5;

/// Steps on which a model is distilled, unless its file says otherwise.
const ORIGINAL_STEPS: usize = 50;

#[derive(Debug)]
pub(super) struct LcmRules {
    schedule: NoiseSchedule,
    original_steps: usize,
    prediction: Prediction,
    limit: Limit,
    timestep_scaling: f64,
}

#[derive(Debug)]
pub(super) struct Lcm {
    table: Table,
    prediction: Prediction,
    limit: Limit,
    timestep_scaling: f64,
}

impl LcmRules {
    pub(super) fn read(keys: &Keys) -> Result<Self> {
        let defaults = Defaults { schedule: BetaSchedule::ScaledLinear, beta_start: 0.00085, beta_end: 0.012 };
        let schedule = NoiseSchedule::read(keys, defaults)?;
        let count = schedule.alphas.len();
        let original_steps = keys.integer("original_inference_steps", ORIGINAL_STEPS.min(count), 1..=count)?;
        let prediction = Prediction::read(keys, &[Prediction::Epsilon, Prediction::Velocity, Prediction::Sample])?;
        refuse_epsilon_at_zero_snr(keys, &schedule, prediction)?;
        let timestep_scaling = keys.number("timestep_scaling", 10.0, f64::MIN_POSITIVE..=f64::MAX)?;
        Ok(Self { schedule, original_steps, prediction, limit: Limit::read(keys, false)?, timestep_scaling })
    }
}

impl Rules for LcmRules {
    fn solver(&self, Extent { steps, .. }: Extent) -> Result<Box<dyn Solver>> {
        let (alphas, original) = (&self.schedule.alphas, self.original_steps);
        if steps > original {
            return Err(steps_error(format!("is 1 to {original} for this model's latent consistency solver"), steps));
        }
        let stride = alphas.len() / original;
        let position = |index: usize| (as_float(index) * (as_float(original) / as_float(steps))).floor() as usize;
        let entries: Vec<usize> = (0..steps).map(|index| (original - position(index)) * stride - 1).collect();
        let table = Table {
            timesteps: entries.iter().map(|entry| *entry as f32).collect(),
            levels: entries.iter().map(|entry| Level::of_alpha_bar(alphas[*entry])).collect(),
            init_noise_sigma: 1.0,
        };
        let Self { prediction, limit, timestep_scaling, .. } = *self;
        Ok(Box::new(Lcm { table, prediction, limit, timestep_scaling }))
    }
}

impl Solver for Lcm {
    fn table(&self) -> &Table {
        &self.table
    }

    fn takes_noise(&self, index: usize) -> bool {
        index + 1 < self.table.timesteps.len()
    }

    fn step(&self, _: &mut Memory, call: Call<'_>) {
        let clean = self.prediction.clean(self.table.levels[call.index]);
        let scaled = f64::from(self.table.timesteps[call.index]) * self.timestep_scaling;
        let variance = scaled * scaled + SIGMA_DATA * SIGMA_DATA;
        let (of_sample, of_estimate) = (SIGMA_DATA * SIGMA_DATA / variance, scaled / variance.sqrt());
        let next = if self.takes_noise(call.index) {
            self.table.levels[call.index + 1]
        } else {
            Level { alpha: 1.0, sigma: 0.0 }
        };
        let pairs = call.sample.iter().zip(call.prediction.iter());
        let bound = self.limit.bound(pairs.map(|(x, answer)| clean.of(f64::from(*x), f64::from(*answer))));
        for (index, (x, answer)) in call.sample.iter_mut().zip(call.prediction).enumerate() {
            let sample = f64::from(*x);
            let estimate = bound.of(clean.of(sample, f64::from(*answer)));
            let denoised = of_estimate * estimate + of_sample * sample;
            let added = call.noise.get(index).map_or(0.0, |deviate| next.sigma * f64::from(*deviate));
            *x = (next.alpha * denoised + added) as f32;
            *answer = denoised as f32;
        }
    }
}
