//! Noise levels between the entries of the training table, and those of a flow.

use super::spacing::{as_float, steps_error};
use crate::error::Result;
use crate::runtime::keys::Keys;

/// `sigma_min` and `sigma_max`: where a curve ends, if not where its table does.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ends {
    largest: Option<f64>,
    smallest: Option<f64>,
}

impl Ends {
    pub(super) fn read(keys: &Keys, train_sigmas: &[f64]) -> Result<Self> {
        let end = |key| keys.optional_number(key, f64::MIN_POSITIVE..=f64::MAX);
        let ends = Self { largest: end("sigma_max")?, smallest: end("sigma_min")? };
        let (largest, smallest) = ends.or((train_sigmas[train_sigmas.len() - 1], train_sigmas[0]));
        let is_set = ends.largest.is_some() || ends.smallest.is_some();
        if is_set && smallest >= largest {
            let (key, bound) = match ends.smallest {
                Some(_) => ("sigma_min", format!("is below the largest sigma, {largest}")),
                None => ("sigma_max", format!("is above the smallest sigma, {smallest}")),
            };
            return Err(keys.error(key, bound));
        }
        Ok(ends)
    }

    /// Largest and smallest, from the table's own where the file names none.
    pub(super) fn or(self, (largest, smallest): (f64, f64)) -> (f64, f64) {
        (self.largest.unwrap_or(largest), self.smallest.unwrap_or(smallest))
    }
}

/// The table's value at a position between its entries.
pub(super) fn interpolate(table: &[f64], position: f64) -> f64 {
    let last = table.len() - 1;
    let below = (position.max(0.0).floor() as usize).min(last);
    let above = (below + 1).min(last);
    table[below] + (table[above] - table[below]) * (position - position.floor())
}

/// Moves a flow's σ towards noise (Esser et al. 2024, section 5.3.2).
pub(super) fn shifted(shift: f64, sigma: f64) -> f64 {
    shift * sigma / (1.0 + (shift - 1.0) * sigma)
}

/// Stretches a flow's ladder so that its last σ is `terminal`.
///
/// # Errors
/// A ladder whose last σ is its first, which is all noise: it has no end to stretch.
pub(super) fn stretch_to_terminal(sigmas: &mut [f64], terminal: f64) -> Result<()> {
    let Some(last) = sigmas.last().copied().filter(|last| *last < 1.0) else {
        return Err(steps_error("is at least 2 for this model, which has a shift_terminal", sigmas.len()));
    };
    let factor = (1.0 - last) / (1.0 - terminal);
    sigmas.iter_mut().for_each(|sigma| *sigma = 1.0 - (1.0 - *sigma) / factor);
    Ok(())
}

/// Where the training table passes σ, between its entries, in ln σ.
pub(super) fn position(train_sigmas: &[f64], sigma: f64) -> f64 {
    let log = |sigma: f64| f64::from(sigma.ln() as f32);
    let wanted = sigma.max(1e-10).ln();
    let reached = train_sigmas.partition_point(|entry| log(*entry) <= wanted);
    let below = reached.saturating_sub(1).min(train_sigmas.len().saturating_sub(2));
    let above = (below + 1).min(train_sigmas.len() - 1);
    if above == below {
        return as_float(below);
    }
    let (low, high) = (log(train_sigmas[below]), log(train_sigmas[above]));
    let share = ((low - wanted) / (low - high)).clamp(0.0, 1.0);
    (1.0 - share) * as_float(below) + share * as_float(above)
}

/// Single precision, in which Python keeps a ladder.
pub(super) fn rounded(sigma: f64) -> f64 {
    f64::from(sigma as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_s_own_entries_lie_at_their_index() {
        let table: Vec<f64> = (1..=20).map(|entry| f64::from(entry) * 0.7).map(rounded).collect();
        for (index, sigma) in table.iter().enumerate() {
            assert!((position(&table, *sigma) - as_float(index)).abs() < 1e-5);
            assert!((interpolate(&table, as_float(index)) - sigma).abs() < 1e-12);
        }
        assert_eq!(position(&table, 1e-9), 0.0);
        assert_eq!(position(&table, 1e9), 19.0);
        assert_eq!(position(&table[..1], 3.0), 0.0);
    }

    #[test]
    fn a_stretched_ladder_ends_where_it_should() {
        let mut flow: Vec<f64> = [1.0, 0.6, 0.2].into_iter().map(|sigma| shifted(3.0, sigma)).collect();
        stretch_to_terminal(&mut flow, 0.1).unwrap();
        assert!((flow[0] - 1.0).abs() < 1e-12 && (flow[2] - 0.1).abs() < 1e-12);
        assert!(stretch_to_terminal(&mut flow[..1], 0.1).is_err() && stretch_to_terminal(&mut [], 0.1).is_err());
    }
}
