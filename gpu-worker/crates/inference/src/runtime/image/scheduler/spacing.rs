//! Which training steps a walk visits: Table 2 of "Common diffusion noise schedules and sample steps are flawed".

use crate::error::{InferenceError, Result};
use crate::runtime::keys::Keys;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spacing {
    Leading,
    Trailing,
    Linspace,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Visits {
    pub(super) spacing: Spacing,
    offset: usize,
    /// Training steps.
    pub(super) count: usize,
}

impl Visits {
    pub(super) fn read(keys: &Keys, default: Spacing, count: usize) -> Result<Self> {
        let words = [("leading", Spacing::Leading), ("trailing", Spacing::Trailing), ("linspace", Spacing::Linspace)];
        let spacing = keys.choice("timestep_spacing", &words, default)?;
        let offset = keys.integer("steps_offset", 0, 0..=count - 1)?;
        Ok(Self { spacing, offset, count })
    }

    /// From noise to picture, of which the last step is visited too; linspace is not rounded.
    pub(super) fn closed(&self, steps: usize) -> Vec<f64> {
        match self.spacing {
            Spacing::Linspace => linspace(0.0, as_float(self.count - 1), steps).into_iter().rev().collect(),
            Spacing::Leading => self.leading(0..steps, self.count / steps),
            Spacing::Trailing => self.trailing(self.count, steps),
        }
    }

    /// The same, rounded to entries of the training table.
    ///
    /// A leading spacing with an offset and as many steps as training had would start behind the table's end.
    pub(super) fn entries(&self, steps: usize) -> Vec<usize> {
        let last = self.count - 1;
        self.closed(steps).into_iter().map(|t| (t.round_ties_even().max(0.0) as usize).min(last)).collect()
    }

    /// From noise to picture, the picture itself being the end that is not visited. `last` bounds the noisiest step.
    pub(super) fn open(&self, steps: usize, last: usize) -> Vec<f64> {
        match self.spacing {
            Spacing::Linspace => {
                let all = linspace(0.0, as_float(last) - 1.0, steps + 1);
                all.into_iter().skip(1).rev().map(f64::round_ties_even).collect()
            }
            Spacing::Leading => self.leading(1..steps + 1, last / (steps + 1)),
            Spacing::Trailing => self.trailing(last, steps),
        }
    }

    fn leading(&self, indices: std::ops::Range<usize>, stride: usize) -> Vec<f64> {
        indices.rev().map(|index| as_float(index * stride + self.offset)).collect()
    }

    fn trailing(&self, last: usize, steps: usize) -> Vec<f64> {
        let stride = as_float(self.count) / as_float(steps);
        let visited = if last == self.count { steps } else { (as_float(last) / stride).ceil() as usize };
        (0..visited).map(|index| (as_float(last) - as_float(index) * stride).round_ties_even() - 1.0).collect()
    }
}

/// `count` values from `start` to `end`, both included.
pub(super) fn linspace(start: f64, end: f64, count: usize) -> Vec<f64> {
    let stride = if count > 1 { (end - start) / as_float(count - 1) } else { 0.0 };
    (0..count)
        .map(|index| if index + 1 == count && count > 1 { end } else { start + stride * as_float(index) })
        .collect()
}

pub(super) fn as_float(count: usize) -> f64 {
    count as f64
}

/// That this number of steps cannot be walked.
pub(super) fn steps_error(bound: impl std::fmt::Display, steps: usize) -> InferenceError {
    InferenceError::input("steps", bound, steps.to_string())
}
