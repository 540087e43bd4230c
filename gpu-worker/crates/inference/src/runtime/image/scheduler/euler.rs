//! `EulerDiscreteScheduler` and `EulerAncestralDiscreteScheduler`: Euler's method on the ODE in σ = √((1 − ᾱ)/ᾱ)
//! (Karras et al. 2022, without churn); the ancestral one steps below the next σ and fills up with fresh noise.

use super::curve::{Curve, exponential};
use super::level::{Level, Prediction};
use super::noise_schedule::{Defaults, NoiseSchedule};
use super::sigmas::{Ends, interpolate, position, rounded};
use super::solver::{Call, Extent, Memory, Rules, Solver, Table};
use super::spacing::{Spacing, Visits};
use crate::error::Result;
use crate::runtime::keys::Keys;

#[derive(Debug)]
pub(super) struct EulerRules {
    schedule: NoiseSchedule,
    visits: Visits,
    /// Of the visited sigmas, if they are not those of the visited timesteps.
    curve: Option<Curve>,
    /// `interpolation_type`: between the table's ends instead of its entries.
    is_log_linear: bool,
    ends: Ends,
    prediction: Prediction,
    /// The network is told ¼ ln σ.
    is_continuous: bool,
    ends_at_zero: bool,
    is_ancestral: bool,
}

#[derive(Debug)]
pub(super) struct Euler {
    table: Table,
    prediction: Prediction,
    is_ancestral: bool,
}

impl EulerRules {
    pub(super) fn read(keys: &Keys) -> Result<Self> {
        let plain = Self::ancestral(keys)?;
        let is_log_linear = keys.choice("interpolation_type", &[("linear", false), ("log_linear", true)], false)?;
        let continuous = keys.choice("timestep_type", &[("discrete", false), ("continuous", true)], false)?;
        Ok(Self {
            curve: Curve::read(keys)?,
            is_log_linear,
            ends: Ends::read(keys, &plain.schedule.sigmas())?,
            is_continuous: continuous && plain.prediction == Prediction::Velocity,
            ends_at_zero: ends_at_zero(keys)?,
            is_ancestral: false,
            ..plain
        })
    }

    /// The ancestral class knows none of the keys that bend the ladder.
    pub(super) fn ancestral(keys: &Keys) -> Result<Self> {
        let schedule = NoiseSchedule::read(keys, Defaults::COMMON)?;
        let visits = Visits::read(keys, Spacing::Linspace, schedule.alphas.len())?;
        let prediction = Prediction::read(keys, &[Prediction::Epsilon, Prediction::Velocity, Prediction::Sample])?;
        Ok(Self {
            schedule,
            visits,
            curve: None,
            is_log_linear: false,
            ends: Ends::default(),
            prediction,
            is_continuous: false,
            ends_at_zero: true,
            is_ancestral: true,
        })
    }

    fn ladder(&self, train: &[f64], visited: &[f64]) -> Vec<f64> {
        let between: Vec<f64> = visited.iter().map(|timestep| interpolate(train, *timestep)).collect();
        let table_ends = (train[train.len() - 1], train[0]);
        let ends = if self.is_log_linear { table_ends } else { (between[0], between[between.len() - 1]) };
        let (largest, smallest) = self.ends.or(ends);
        match self.curve {
            Some(curve) => curve.sigmas(largest, smallest, visited.len()),
            None if self.is_log_linear => exponential(ends.0, ends.1, visited.len() + 1),
            None => between,
        }
    }
}

impl Rules for EulerRules {
    fn solver(&self, Extent { steps, .. }: Extent) -> Result<Box<dyn Solver>> {
        let train = self.schedule.sigmas();
        let visited: Vec<f64> = self.visits.closed(steps).into_iter().map(rounded).collect();
        let mut sigmas = self.ladder(&train, &visited);
        let timesteps: Vec<f64> = match self.curve {
            _ if self.is_continuous => sigmas.iter().take(steps).map(|sigma| 0.25 * rounded(*sigma).ln()).collect(),
            None => visited,
            Some(_) => sigmas.iter().map(|sigma| position(&train, *sigma)).collect(),
        };
        sigmas.push(if self.ends_at_zero { 0.0 } else { train[0] });
        let levels: Vec<Level> = sigmas.into_iter().map(|sigma| Level::exploding(rounded(sigma))).collect();
        let largest = levels.iter().map(|level| level.sigma).fold(0.0, f64::max);
        let init_noise_sigma = match self.visits.spacing {
            Spacing::Linspace | Spacing::Trailing => largest,
            Spacing::Leading => largest.hypot(1.0),
        };
        let timesteps = timesteps.into_iter().map(|timestep| timestep as f32).collect();
        let table = Table { timesteps, levels, init_noise_sigma };
        Ok(Box::new(Euler { table, prediction: self.prediction, is_ancestral: self.is_ancestral }))
    }
}

/// `final_sigmas_type`: whether a walk ends at the picture or at the least noise of training.
pub(super) fn ends_at_zero(keys: &Keys) -> Result<bool> {
    keys.choice("final_sigmas_type", &[("zero", true), ("sigma_min", false)], true)
}

impl Euler {
    /// The σ that a step walks to, and the standard deviation of the noise that lifts it to the next level.
    fn split(&self, index: usize) -> (f64, f64) {
        let (from, to) = (self.table.levels[index].sigma, self.table.levels[index + 1].sigma);
        if !self.is_ancestral {
            return (to, 0.0);
        }
        let up = (to * to * (from * from - to * to) / (from * from)).max(0.0).sqrt();
        ((to * to - up * up).max(0.0).sqrt(), up)
    }
}

impl Solver for Euler {
    fn table(&self) -> &Table {
        &self.table
    }

    fn input_scale(&self, index: usize) -> f64 {
        1.0 / self.table.levels[index].sigma.hypot(1.0)
    }

    fn takes_noise(&self, index: usize) -> bool {
        self.split(index).1 > 0.0
    }

    fn step(&self, _: &mut Memory, call: Call<'_>) {
        let level = self.table.levels[call.index];
        let clean = self.prediction.clean(level);
        let (down, up) = self.split(call.index);
        for (index, (x, answer)) in call.sample.iter_mut().zip(call.prediction).enumerate() {
            let sample = f64::from(*x);
            let estimate = clean.of(sample, f64::from(*answer));
            let added = call.noise.get(index).map_or(0.0, |deviate| up * f64::from(*deviate));
            *x = (sample + (sample - estimate) / level.sigma * (down - level.sigma) + added) as f32;
            *answer = estimate as f32;
        }
    }
}
