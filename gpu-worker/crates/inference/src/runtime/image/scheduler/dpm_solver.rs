//! `DPMSolverMultistepScheduler`: DPM-Solver++ of order 1 to 3, and its SDE form (Lu et al. 2022, algorithm 2 and
//! appendices B and C).

use super::ladder::{Class, Ladder};
use super::level::{Level, Prediction};
use super::limit::Limit;
use super::solver::{Call, Extent, Memory, Rules, Solver, Table, Term, combine};
use crate::error::Result;
use crate::runtime::keys::Keys;

/// From this many steps on, `lower_order_final` changes nothing.
const FEW_STEPS: usize = 15;

#[derive(Debug)]
pub(super) struct DpmSolverRules {
    ladder: Ladder,
    settings: Settings,
}

#[derive(Debug, Clone, Copy)]
struct Settings {
    order: usize,
    is_heun: bool,
    is_stochastic: bool,
    lower_order_final: bool,
    euler_at_final: bool,
}

#[derive(Debug)]
pub(super) struct DpmSolver {
    table: Table,
    prediction: Prediction,
    limit: Limit,
    ends_at_zero: bool,
    settings: Settings,
}

impl DpmSolverRules {
    pub(super) fn read(keys: &Keys) -> Result<Self> {
        // Kinds of learned variance stand beside the prediction in the network's answer; the others are DDPM's business.
        let fixed = ["fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log"].map(|name| (name, ()));
        keys.choice("variance_type", &fixed, ())?;
        let algorithms = [("dpmsolver++", false), ("deis", false), ("sde-dpmsolver++", true)];
        // diffusers reads the names of other classes' variants as this class's own.
        let types = [("midpoint", false), ("heun", true), ("logrho", false), ("bh1", false), ("bh2", false)];
        let settings = Settings {
            order: keys.integer("solver_order", 2, 1..=3)?,
            is_heun: keys.choice("solver_type", &types, false)?,
            is_stochastic: keys.choice("algorithm_type", &algorithms, false)?,
            lower_order_final: keys.flag("lower_order_final", true)?,
            euler_at_final: keys.flag("euler_at_final", false)?,
        };
        if settings.is_stochastic && settings.order > 2 {
            return Err(keys.error("solver_order", "is 1 or 2 where algorithm_type is sde-dpmsolver++"));
        }
        Ok(Self { ladder: Ladder::read(keys, Class::DpmSolver)?, settings })
    }
}

impl Rules for DpmSolverRules {
    fn solver(&self, extent: Extent) -> Result<Box<dyn Solver>> {
        let Ladder { prediction, limit, ends_at_zero, .. } = self.ladder;
        let table = self.ladder.table(extent)?;
        Ok(Box::new(DpmSolver { table, prediction, limit, ends_at_zero, settings: self.settings }))
    }
}

/// Weights of one step's sum.
struct Weights {
    sample: f64,
    /// Of the estimates, the latest first.
    estimates: [f64; 3],
    noise: f64,
}

impl DpmSolver {
    /// The order of a step after `earlier` others.
    fn order(&self, index: usize, earlier: usize) -> usize {
        let count = self.table.timesteps.len();
        let lowers = self.settings.lower_order_final && count < FEW_STEPS;
        let is_first_order = index + 1 == count && (self.settings.euler_at_final || lowers || self.ends_at_zero);
        let bound = match count - index {
            1 if is_first_order => 1,
            2 if lowers => 2,
            _ => 3,
        };
        bound.min(self.settings.order).min(earlier + 1)
    }

    fn weights(&self, index: usize, order: usize) -> Weights {
        let levels = &self.table.levels;
        let (from, to) = (levels[index], levels[index + 1]);
        // e^−h in this form stays exact where the walk ends at σ = 0 and h is infinite.
        let decay = (from.alpha * to.sigma) / (from.sigma * to.alpha);
        let fall = if self.settings.is_stochastic { decay * decay } else { decay };
        let sample = if self.settings.is_stochastic { to.sigma / from.sigma * decay } else { to.sigma / from.sigma };
        let noise = if self.settings.is_stochastic { to.sigma * (1.0 - fall).max(0.0).sqrt() } else { 0.0 };
        let first = to.alpha * (1.0 - fall);
        let estimates = match order {
            1 => [first, 0.0, 0.0],
            2 => self.second_order(first, fall, to, levels, index),
            _ => third_order(first, fall, to, levels, index),
        };
        Weights { sample, estimates, noise }
    }

    /// Weights of m₀ and m₁ out of those of m₀ and of D₁ = (m₀ − m₁)/r₀.
    fn second_order(&self, first: f64, fall: f64, to: Level, levels: &[Level], index: usize) -> [f64; 3] {
        let ratio = spans(to, levels, index)[1];
        // The SDE's exponent spans twice as far, and so does h in Heun's term.
        let difference = if self.settings.is_heun { to.alpha + first / fall.ln() } else { 0.5 * first };
        [first + difference / ratio, -difference / ratio, 0.0]
    }
}

/// h, and the earlier spans relative to it: λ grows from picture's noise to picture.
fn spans(to: Level, levels: &[Level], index: usize) -> [f64; 3] {
    let lambda = |level: Level| level.lambda();
    let span = lambda(to) - lambda(levels[index]);
    let before = |back: usize| match index.checked_sub(back) {
        Some(earlier) => (lambda(levels[earlier + 1]) - lambda(levels[earlier])) / span,
        None => 1.0,
    };
    [span, before(1), before(2)]
}

fn third_order(first: f64, fall: f64, to: Level, levels: &[Level], index: usize) -> [f64; 3] {
    let [span, r0, r1] = spans(to, levels, index);
    let grown = fall - 1.0;
    let of_slope = to.alpha * (grown / span + 1.0);
    let of_bend = -to.alpha * ((grown + span) / (span * span) - 0.5);
    // D₁ = s + r₀/(r₀ + r₁)·(s − t) and D₂ = (s − t)/(r₀ + r₁), of s = (m₀ − m₁)/r₀ and t = (m₁ − m₂)/r₁.
    let of_difference = (of_slope * r0 + of_bend) / (r0 + r1);
    let (of_s, of_t) = (of_slope + of_difference, -of_difference);
    [first + of_s / r0, of_t / r1 - of_s / r0, -of_t / r1]
}

impl Solver for DpmSolver {
    fn table(&self) -> &Table {
        &self.table
    }

    fn takes_noise(&self, index: usize) -> bool {
        self.settings.is_stochastic && self.table.levels[index + 1].sigma > 0.0
    }

    fn step(&self, memory: &mut Memory, call: Call<'_>) {
        self.prediction.clean(self.table.levels[call.index]).convert(call.sample, call.prediction);
        self.limit.apply(call.prediction);
        let order = self.order(call.index, memory.calls);
        let weights = self.weights(call.index, order);
        memory.remember(call.prediction, self.settings.order);
        let estimates = weights.estimates.into_iter().zip(memory.outputs.iter().map(Vec::as_slice)).take(order);
        let mut terms: Vec<Term<'_>> = estimates.collect();
        if !call.noise.is_empty() {
            terms.push((weights.noise, call.noise));
        }
        combine(call.sample, weights.sample, &terms);
    }
}
