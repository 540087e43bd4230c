//! `FlowMatchEulerDiscreteScheduler`: Euler's method along x(σ) = (1 − σ)·picture + σ·noise (Esser et al. 2024).

use super::keys::Keys;
use super::level::{Level, Prediction};
use super::noise_schedule::train_timesteps;
use super::sigmas::{exponential, karras, rounded, shifted, stretch_to_terminal};
use super::solver::{Call, Memory, Rules, Solver, Table};
use super::spacing::{as_float, linspace};
use crate::error::Result;

/// Largest factor that a schedule is shifted by.
const SHIFT_MAX: f64 = 1_000.0;

#[derive(Debug)]
pub(super) struct FlowMatchEulerRules {
    train_timesteps: usize,
    shift: f64,
    terminal: Option<f64>,
    use_karras: bool,
    use_exponential: bool,
    /// Every step goes to the estimate and back with fresh noise.
    is_stochastic: bool,
}

#[derive(Debug)]
pub(super) struct FlowMatchEuler {
    table: Table,
    is_stochastic: bool,
}

/// A flow's shift under `key`.
pub(super) fn shift(keys: &Keys, key: &str) -> Result<f64> {
    keys.number(key, 1.0, 1.0 / SHIFT_MAX..=SHIFT_MAX)
}

/// `shift_terminal`, where a stretched ladder ends; 0 is no stretching.
pub(super) fn terminal(keys: &Keys) -> Result<Option<f64>> {
    let terminal = keys.optional_number("shift_terminal", 0.0..=0.999)?;
    Ok(terminal.filter(|terminal| *terminal > 0.0))
}

impl FlowMatchEulerRules {
    pub(super) fn read(keys: &Keys) -> Result<Self> {
        keys.refuse(&["use_beta_sigmas", "use_dynamic_shifting", "invert_sigmas"])?;
        let (use_karras, use_exponential) =
            (keys.flag("use_karras_sigmas", false)?, keys.flag("use_exponential_sigmas", false)?);
        if use_karras && use_exponential {
            return Err(keys.error("use_exponential_sigmas", "is false where use_karras_sigmas is true"));
        }
        Ok(Self {
            train_timesteps: train_timesteps(keys)?,
            shift: shift(keys, "shift")?,
            terminal: terminal(keys)?,
            use_karras,
            use_exponential,
            is_stochastic: keys.flag("stochastic_sampling", false)?,
        })
    }
}

impl Rules for FlowMatchEulerRules {
    fn solver(&self, steps: usize) -> Result<Box<dyn Solver>> {
        let count = as_float(self.train_timesteps);
        let shifted = |sigma: f64| shifted(self.shift, sigma);
        // diffusers spans the visited sigmas between the shifted ends of the training table, then shifts again.
        let (largest, smallest) = (shifted(1.0), shifted(1.0 / count));
        let mut sigmas: Vec<f64> = linspace(largest, smallest, steps).into_iter().map(shifted).collect();
        if let Some(terminal) = self.terminal {
            stretch_to_terminal(&mut sigmas, terminal)?;
        }
        let (first, last) = (sigmas[0], sigmas[steps - 1]);
        if self.use_karras {
            sigmas = karras(first, last, steps);
        } else if self.use_exponential {
            sigmas = exponential(first, last, steps);
        }
        let timesteps = sigmas.iter().map(|sigma| (sigma * count) as f32).collect();
        let levels = sigmas.into_iter().chain([0.0]).map(|sigma| Level::flow(rounded(sigma))).collect();
        let table = Table { timesteps, levels, init_noise_sigma: 1.0 };
        Ok(Box::new(FlowMatchEuler { table, is_stochastic: self.is_stochastic }))
    }
}

impl Solver for FlowMatchEuler {
    fn table(&self) -> &Table {
        &self.table
    }

    fn takes_noise(&self, index: usize) -> bool {
        self.is_stochastic && self.table.levels[index + 1].sigma > 0.0
    }

    fn step(&self, _: &mut Memory, call: Call<'_>) {
        let (from, to) = (self.table.levels[call.index], self.table.levels[call.index + 1]);
        let clean = Prediction::Flow.clean(from);
        for (index, (x, answer)) in call.sample.iter_mut().zip(call.prediction).enumerate() {
            let (sample, velocity) = (f64::from(*x), f64::from(*answer));
            let estimate = clean.of(sample, velocity);
            *x = match call.noise.get(index) {
                Some(deviate) => to.alpha * estimate + to.sigma * f64::from(*deviate),
                None if self.is_stochastic => estimate,
                None => sample + (to.sigma - from.sigma) * velocity,
            } as f32;
            *answer = estimate as f32;
        }
    }
}
