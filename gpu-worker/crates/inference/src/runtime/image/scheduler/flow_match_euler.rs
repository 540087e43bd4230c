//! `FlowMatchEulerDiscreteScheduler`: Euler's method along x(σ) = (1 − σ)·picture + σ·noise (Esser et al. 2024).

use super::curve::Curve;
use super::flow_shift::Shift;
use super::level::{Level, Prediction};
use super::noise_schedule::train_timesteps;
use super::sigmas::{rounded, shifted, stretch_to_terminal};
use super::solver::{Call, Extent, Memory, Rules, Solver, Table};
use super::spacing::{as_float, linspace};
use crate::error::Result;
use crate::runtime::keys::Keys;

#[derive(Debug)]
pub(super) struct FlowMatchEulerRules {
    train_timesteps: usize,
    shift: Shift,
    terminal: Option<f64>,
    curve: Option<Curve>,
    /// The network was trained with noise at σ = 0 and the picture at σ = 1.
    is_inverted: bool,
    /// Every step goes to the estimate and back with fresh noise.
    is_stochastic: bool,
}

#[derive(Debug)]
pub(super) struct FlowMatchEuler {
    table: Table,
    is_inverted: bool,
    is_stochastic: bool,
}

/// `shift_terminal`, where a stretched ladder ends; 0 is no stretching.
pub(super) fn terminal(keys: &Keys) -> Result<Option<f64>> {
    let terminal = keys.optional_number("shift_terminal", 0.0..=0.999)?;
    Ok(terminal.filter(|terminal| *terminal > 0.0))
}

impl FlowMatchEulerRules {
    pub(super) fn read(keys: &Keys) -> Result<Self> {
        let (is_inverted, is_stochastic) =
            (keys.flag("invert_sigmas", false)?, keys.flag("stochastic_sampling", false)?);
        if is_inverted && is_stochastic {
            return Err(keys.error("stochastic_sampling", "is false where invert_sigmas is true"));
        }
        Ok(Self {
            train_timesteps: train_timesteps(keys)?,
            shift: Shift::read(keys, "shift")?,
            terminal: terminal(keys)?,
            curve: Curve::read(keys)?,
            is_inverted,
            is_stochastic,
        })
    }
}

impl Rules for FlowMatchEulerRules {
    fn solver(&self, Extent { steps, tokens }: Extent) -> Result<Box<dyn Solver>> {
        let count = as_float(self.train_timesteps);
        let factor = self.shift.factor(tokens)?;
        let shifted = |sigma: f64| shifted(factor, sigma);
        // diffusers spans the visited sigmas between the ends of the training table, which a fixed shift has moved already.
        let (largest, smallest) = match self.shift {
            Shift::Fixed(_) => (shifted(1.0), shifted(1.0 / count)),
            Shift::Dynamic(_) => (1.0, 1.0 / count),
        };
        let mut sigmas: Vec<f64> = linspace(largest, smallest, steps).into_iter().map(shifted).collect();
        if let Some(terminal) = self.terminal {
            stretch_to_terminal(&mut sigmas, terminal)?;
        }
        let (first, last) = (sigmas[0], sigmas[steps - 1]);
        if let Some(curve) = self.curve {
            sigmas = curve.sigmas(first, last, steps);
        }
        let told = |sigma: f64| if self.is_inverted { 1.0 - sigma } else { sigma };
        let timesteps = sigmas.iter().map(|sigma| (told(*sigma) * count) as f32).collect();
        let levels = sigmas.into_iter().chain([0.0]).map(|sigma| Level::flow(rounded(sigma))).collect();
        let table = Table { timesteps, levels, init_noise_sigma: 1.0 };
        Ok(Box::new(FlowMatchEuler { table, is_inverted: self.is_inverted, is_stochastic: self.is_stochastic }))
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
            let sample = f64::from(*x);
            // Where the line is told from noise to picture, its velocity points the other way.
            let velocity = if self.is_inverted { -f64::from(*answer) } else { f64::from(*answer) };
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
