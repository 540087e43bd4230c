//! `DDIMScheduler` (Song et al. 2020, equations 12 and 16).

use super::level::{Level, Prediction};
use super::limit::Limit;
use super::noise_schedule::{Defaults, NoiseSchedule};
use super::solver::{Call, Extent, Memory, Rules, Solver, Table};
use super::spacing::{Spacing, Visits};
use crate::error::Result;
use crate::runtime::keys::Keys;

#[derive(Debug)]
pub(super) struct DdimRules {
    schedule: NoiseSchedule,
    visits: Visits,
    prediction: Prediction,
    ends_at_one: bool,
    limit: Limit,
}

#[derive(Debug)]
pub(super) struct Ddim {
    table: Table,
    /// Where each call leads.
    targets: Vec<Level>,
    prediction: Prediction,
    limit: Limit,
    /// η: 0 walks without fresh noise, 1 as DDPM does.
    eta: f64,
}

/// Noise predictions say nothing about the picture where the sample is noise alone.
pub(super) fn refuse_epsilon_at_zero_snr(keys: &Keys, schedule: &NoiseSchedule, prediction: Prediction) -> Result<()> {
    if schedule.has_zero_snr && prediction == Prediction::Epsilon {
        return Err(keys.error("rescale_betas_zero_snr", "is false where prediction_type is epsilon"));
    }
    Ok(())
}

impl DdimRules {
    pub(super) fn read(keys: &Keys) -> Result<Self> {
        let schedule = NoiseSchedule::read(keys, Defaults::COMMON)?;
        let visits = Visits::read(keys, Spacing::Leading, schedule.alphas.len())?;
        let prediction = Prediction::read(keys, &[Prediction::Epsilon, Prediction::Velocity, Prediction::Sample])?;
        refuse_epsilon_at_zero_snr(keys, &schedule, prediction)?;
        let ends_at_one = keys.flag("set_alpha_to_one", true)?;
        Ok(Self { schedule, visits, prediction, ends_at_one, limit: Limit::read(keys, true)? })
    }
}

impl Rules for DdimRules {
    fn solver(&self, Extent { steps, .. }: Extent) -> Result<Box<dyn Solver>> {
        let alphas = &self.schedule.alphas;
        let last = if self.ends_at_one { 1.0 } else { alphas[0] };
        let entries = self.visits.entries(steps);
        let stride = alphas.len() / steps;
        let target = |entry: &usize| entry.checked_sub(stride).map_or(last, |next| alphas[next]);
        let table = Table {
            timesteps: entries.iter().map(|entry| *entry as f32).collect(),
            levels: entries.iter().map(|entry| Level::of_alpha_bar(alphas[*entry])).collect(),
            init_noise_sigma: 1.0,
        };
        let targets = entries.iter().map(|entry| Level::of_alpha_bar(target(entry))).collect();
        Ok(Box::new(Ddim { table, targets, prediction: self.prediction, limit: self.limit, eta: 0.0 }))
    }
}

impl Ddim {
    /// Equation 16, with which η = 1 is DDPM's posterior.
    fn fresh_noise_sigma(&self, index: usize) -> f64 {
        let (from, to) = (self.table.levels[index], self.targets[index]);
        let shrink = 1.0 - (from.alpha / to.alpha).powi(2);
        self.eta * to.sigma / from.sigma * shrink.max(0.0).sqrt()
    }
}

impl Solver for Ddim {
    fn table(&self) -> &Table {
        &self.table
    }

    fn takes_noise(&self, index: usize) -> bool {
        self.fresh_noise_sigma(index) > 0.0
    }

    fn set_eta(&mut self, eta: f64) -> bool {
        self.eta = eta;
        true
    }

    fn step(&self, _: &mut Memory, call: Call<'_>) {
        let (from, to) = (self.table.levels[call.index], self.targets[call.index]);
        let (clean, noise) = (self.prediction.clean(from), self.prediction.noise(from));
        let fresh = self.fresh_noise_sigma(call.index);
        let kept_noise = (to.sigma * to.sigma - fresh * fresh).max(0.0).sqrt();
        let pairs = call.sample.iter().zip(call.prediction.iter());
        let bound = self.limit.bound(pairs.map(|(x, answer)| clean.of(f64::from(*x), f64::from(*answer))));
        for (index, (x, answer)) in call.sample.iter_mut().zip(call.prediction).enumerate() {
            let (sample, predicted) = (f64::from(*x), f64::from(*answer));
            let estimate = bound.of(clean.of(sample, predicted));
            let added = call.noise.get(index).map_or(0.0, |deviate| fresh * f64::from(*deviate));
            *x = (to.alpha * estimate + kept_noise * noise.of(sample, predicted) + added) as f32;
            *answer = estimate as f32;
        }
    }
}
