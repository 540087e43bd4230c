//! How far the estimate of the finished latents may go.

use crate::error::Result;
use crate::runtime::keys::Keys;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Limit {
    Free,
    /// `clip_sample`: within ± the range.
    Clip {
        range: f64,
    },
    /// `thresholding` (Saharia et al. 2022, section 2.3): beyond the quantile of its magnitudes it is cut, and then divided
    /// by the quantile, which is taken as 1 at least and `most` at most.
    Threshold {
        ratio: f64,
        most: f64,
    },
}

/// A limit on one estimate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    range: f64,
    divisor: f64,
}

impl Limit {
    /// `thresholding`, else none.
    pub(super) fn threshold(keys: &Keys) -> Result<Self> {
        let ratio = keys.number("dynamic_thresholding_ratio", 0.995, 0.0..=1.0)?;
        let most = keys.number("sample_max_value", 1.0, f64::MIN_POSITIVE..=f64::MAX)?;
        Ok(if keys.flag("thresholding", false)? { Self::Threshold { ratio, most } } else { Self::Free })
    }

    /// `thresholding`, else `clip_sample`.
    pub(super) fn read(keys: &Keys, clips: bool) -> Result<Self> {
        let range = keys.number("clip_sample_range", 1.0, f64::MIN_POSITIVE..=f64::MAX)?;
        match (Self::threshold(keys)?, keys.flag("clip_sample", clips)?) {
            (Self::Free, true) => Ok(Self::Clip { range }),
            (threshold, _) => Ok(threshold),
        }
    }

    /// What holds for one picture's whole estimate.
    pub(super) fn bound(self, estimate: impl Iterator<Item = f64>) -> Bound {
        match self {
            Self::Free => Bound { range: f64::INFINITY, divisor: 1.0 },
            Self::Clip { range } => Bound { range, divisor: 1.0 },
            Self::Threshold { ratio, most } => {
                let scale = quantile(estimate.map(f64::abs).collect(), ratio).max(1.0).min(most);
                Bound { range: scale, divisor: scale }
            }
        }
    }

    /// Bounds one picture's whole estimate.
    pub(super) fn apply(self, estimate: &mut [f32]) {
        if self != Self::Free {
            let bound = self.bound(estimate.iter().copied().map(f64::from));
            estimate.iter_mut().for_each(|value| *value = bound.of(f64::from(*value)) as f32);
        }
    }
}

impl Bound {
    pub(super) fn of(self, value: f64) -> f64 {
        value.clamp(-self.range, self.range) / self.divisor
    }
}

/// Between the two values that are nearest to that rank; 0 of none.
fn quantile(mut values: Vec<f64>, ratio: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let rank = ratio * values.len().saturating_sub(1) as f64;
    let at = |index: usize| values.get(index).or(values.last()).copied().unwrap_or(0.0);
    let (below, above) = (at(rank.floor() as usize), at(rank.floor() as usize + 1));
    below + (above - below) * rank.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_lies_between_its_neighbours() {
        let quantiles = |ratio| quantile(vec![3.0, 0.0, 1.0, 2.0], ratio);
        assert_eq!([0.0, 0.5, 0.9, 1.0].map(quantiles), [0.0, 1.5, 2.7, 3.0]);
        assert_eq!((quantile(vec![], 0.5), quantile(vec![2.0], 0.5)), (0.0, 2.0));
    }

    #[test]
    fn small_estimates_are_left_alone_and_large_ones_pressed_together() {
        let limited = |mut estimate: [f32; 3], limit: Limit| {
            limit.apply(&mut estimate);
            estimate
        };
        let threshold = Limit::Threshold { ratio: 1.0, most: 2.0 };
        assert_eq!(limited([0.5, -0.9, 0.1], threshold), [0.5, -0.9, 0.1]);
        assert_eq!(limited([0.75, -1.5, 0.0], threshold), [0.5, -1.0, 0.0]);
        assert_eq!(limited([8.0, -1.0, 0.0], threshold), [1.0, -0.5, 0.0]);
        assert_eq!(limited([8.0, -1.0, 0.5], Limit::Clip { range: 0.75 }), [0.75, -0.75, 0.5]);
        assert_eq!(limited([8.0, f32::MAX, -0.5], Limit::Free), [8.0, f32::MAX, -0.5]);
    }
}
