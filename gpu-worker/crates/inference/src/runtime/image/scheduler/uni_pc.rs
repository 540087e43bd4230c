//! `UniPCMultistepScheduler`: a predictor whose next call also corrects it (Zhao et al. 2023, algorithms 5 to 8 and
//! appendix D).

use super::ladder::{Class, Ladder};
use super::level::Prediction;
use super::limit::Limit;
use super::solver::{Call, Extent, Memory, Rules, Solver, Table, Term, combine};
use super::spacing::as_float;
use crate::error::Result;
use crate::runtime::keys::Keys;

#[derive(Debug)]
pub(super) struct UniPcRules {
    ladder: Ladder,
    settings: Settings,
}

#[derive(Debug, Clone)]
struct Settings {
    order: usize,
    predicts_clean: bool,
    /// B(h) = h in place of e^h − 1.
    is_bh1: bool,
    lower_order_final: bool,
    /// Steps whose prediction is not corrected afterwards.
    uncorrected: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct UniPc {
    table: Table,
    prediction: Prediction,
    limit: Limit,
    settings: Settings,
}

impl UniPcRules {
    pub(super) fn read(keys: &Keys) -> Result<Self> {
        keys.refuse(&["solver_p"])?;
        let ladder = Ladder::read(keys, Class::UniPc)?;
        // diffusers reads the names of other classes' variants as this class's own.
        let types = [("bh1", true), ("bh2", false), ("midpoint", false), ("heun", false), ("logrho", false)];
        let uncorrected = keys.numbers("disable_corrector", 0.0..=f64::MAX)?.unwrap_or_default();
        if uncorrected.iter().any(|step| step.fract() != 0.0) {
            return Err(keys.error("disable_corrector", "is a list of whole numbers"));
        }
        let settings = Settings {
            order: keys.integer("solver_order", 2, 1..=3)?,
            predicts_clean: keys.flag("predict_x0", true)?,
            is_bh1: keys.choice("solver_type", &types, false)?,
            lower_order_final: keys.flag("lower_order_final", true)?,
            uncorrected: uncorrected.into_iter().map(|step| step as usize).collect(),
        };
        if settings.order > 1 && !settings.lower_order_final && ladder.needs_first_order_end() {
            return Err(keys.error("lower_order_final", "is true where the last step leads to σ = 0 or stays"));
        }
        if !settings.predicts_clean && ladder.prediction == Prediction::Flow {
            return Err(keys.error("predict_x0", "is true where prediction_type is flow_prediction"));
        }
        Ok(Self { ladder, settings })
    }
}

impl Rules for UniPcRules {
    fn solver(&self, extent: Extent) -> Result<Box<dyn Solver>> {
        let table = self.ladder.table(extent)?;
        let Ladder { prediction, limit, .. } = self.ladder;
        Ok(Box::new(UniPc { table, prediction, limit, settings: self.settings.clone() }))
    }
}

/// One update's sum, written with m₀, the output at the step's start.
struct Update {
    sample: f64,
    latest: f64,
    /// Of the outputs before m₀, the latest first.
    earlier: Vec<f64>,
    /// Of the output at the step's end; 0 while it is not known.
    target: f64,
}

impl UniPc {
    /// The order of the step at `index` after `earlier` others.
    fn order(&self, index: usize, earlier: usize) -> usize {
        let left = self.table.timesteps.len() - index;
        let bound = if self.settings.lower_order_final { left } else { self.settings.order };
        self.settings.order.min(bound).min(earlier + 1)
    }

    /// The step from `index` to the next level.
    fn update(&self, index: usize, order: usize, corrects: bool) -> Update {
        let (from, to) = (self.table.levels[index], self.table.levels[index + 1]);
        let (sample, scale, main) = if self.settings.predicts_clean {
            (to.sigma / from.sigma, to.alpha, from.alpha * to.sigma / from.sigma - to.alpha)
        } else {
            (to.alpha / from.alpha, to.sigma, to.alpha * from.sigma / from.alpha - to.sigma)
        };
        let mut update = Update { sample, latest: -main, earlier: Vec::new(), target: 0.0 };
        if order == 1 && !corrects {
            return update;
        }
        let span = to.lambda() - from.lambda();
        let signed = if self.settings.predicts_clean { -span } else { span };
        let strength = if self.settings.is_bh1 { scale * signed } else { main };
        let mut ratios: Vec<f64> =
            (1..order).map(|back| (self.table.levels[index - back].lambda() - from.lambda()) / span).collect();
        let weights = self.weights(signed, &mut ratios, corrects);
        for (weight, ratio) in weights.iter().zip(&ratios) {
            let share = -strength * weight / ratio;
            update.latest -= share;
            update.earlier.push(share);
        }
        if corrects {
            update.target = update.earlier.pop().unwrap_or(0.0);
        }
        update
    }

    /// ρ of every difference; a correction has one more, at the step's end.
    fn weights(&self, signed: f64, ratios: &mut Vec<f64>, corrects: bool) -> Vec<f64> {
        if corrects {
            ratios.push(1.0);
        }
        match ratios.len() {
            1 => vec![0.5],
            count => solve(vandermonde(ratios), integrals(signed, self.settings.is_bh1, count)),
        }
    }

    fn apply(update: &Update, sample: &mut [f32], outputs: &[&[f32]], target: Option<&[f32]>) {
        let weights = std::iter::once(update.latest).chain(update.earlier.iter().copied());
        let mut terms: Vec<Term<'_>> = weights.zip(outputs.iter().copied()).collect();
        if let Some(target) = target {
            terms.push((update.target, target));
        }
        combine(sample, update.sample, &terms);
    }

    fn correct(&self, memory: &Memory, index: usize, sample: &mut [f32], target: &[f32]) {
        let order = self.order(index - 1, memory.calls - 1);
        let update = self.update(index - 1, order, true);
        let outputs: Vec<&[f32]> = memory.outputs.iter().map(Vec::as_slice).collect();
        sample.copy_from_slice(&memory.sample);
        Self::apply(&update, sample, &outputs, Some(target));
    }

    fn is_corrected(&self, index: usize) -> bool {
        !self.settings.uncorrected.contains(&index)
    }
}

/// Rows of powers 0, 1, … of the ratios.
fn vandermonde(ratios: &[f64]) -> Vec<Vec<f64>> {
    (0..ratios.len() as i32).map(|power| ratios.iter().map(|ratio| ratio.powi(power)).collect()).collect()
}

/// n!·φ_{n+1}(h)·h / B(h) for n = 1, 2, …
fn integrals(signed: f64, is_bh1: bool, count: usize) -> Vec<f64> {
    let strength = if is_bh1 { signed } else { signed.exp_m1() };
    let mut factorial = 1.0;
    let mut phi = signed.exp_m1() / signed - 1.0;
    (1..=count)
        .map(|n| {
            let integral = phi * factorial / strength;
            factorial *= as_float(n + 1);
            phi = phi / signed - 1.0 / factorial;
            integral
        })
        .collect()
}

/// Gaussian elimination with pivoting, for the few unknowns of a solver's order.
fn solve(mut rows: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let count = right.len();
    for column in 0..count {
        let pivot = (column..count).max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs()));
        let pivot = pivot.unwrap_or(column);
        rows.swap(column, pivot);
        right.swap(column, pivot);
        let (above, below) = rows.split_at_mut(column + 1);
        let pivot = &above[column];
        for (offset, row) in below.iter_mut().enumerate() {
            let factor = row[column] / pivot[column];
            row.iter_mut().zip(pivot).for_each(|(entry, from)| *entry -= factor * from);
            right[column + 1 + offset] -= factor * right[column];
        }
    }
    for column in (0..count).rev() {
        let known: f64 = (column + 1..count).map(|entry| rows[column][entry] * right[entry]).sum();
        right[column] = (right[column] - known) / rows[column][column];
    }
    right
}

impl Solver for UniPc {
    fn table(&self) -> &Table {
        &self.table
    }

    fn step(&self, memory: &mut Memory, call: Call<'_>) {
        let level = self.table.levels[call.index];
        let settings = &self.settings;
        let convert = if settings.predicts_clean { self.prediction.clean(level) } else { self.prediction.noise(level) };
        convert.convert(call.sample, call.prediction);
        if settings.predicts_clean {
            self.limit.apply(call.prediction);
        }
        if memory.calls > 0 && self.is_corrected(call.index - 1) {
            self.correct(memory, call.index, call.sample, call.prediction);
        }
        memory.remember(call.prediction, settings.order);
        memory.keep_sample(call.sample);
        if !settings.predicts_clean {
            Prediction::Epsilon.clean(level).convert(call.sample, call.prediction);
        }
        let order = self.order(call.index, memory.calls);
        let outputs: Vec<&[f32]> = memory.outputs.iter().map(Vec::as_slice).collect();
        Self::apply(&self.update(call.index, order, false), call.sample, &outputs, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_elimination_solves_with_a_zero_in_the_corner() {
        let rows = vec![vec![0.0, 2.0, 1.0], vec![1.0, 1.0, 1.0], vec![4.0, 2.0, -1.0]];
        let right = solve(rows, vec![7.0, 6.0, 5.0]);
        for (got, want) in right.iter().zip([1.0, 2.0, 3.0]) {
            assert!((got - want).abs() < 1e-12, "{right:?}");
        }
    }
}
