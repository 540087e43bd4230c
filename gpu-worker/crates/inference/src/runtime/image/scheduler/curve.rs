//! Curves of their own on which a ladder's noise levels are spaced, between two ends.

use super::beta_quantile::beta_quantile;
use super::spacing::linspace;
use crate::error::Result;
use crate::runtime::keys::Keys;

/// ρ of Karras et al. 2022, equation 5.
const KARRAS_RHO: f64 = 7.0;

/// Both shapes of the beta distribution of Lee et al. 2024, "Beta Sampling is All You Need".
const BETA_SHAPE: f64 = 0.6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    Karras,
    Exponential,
    Beta,
}

impl Curve {
    const KEYS: [(&str, Self); 3] = [
        ("use_karras_sigmas", Self::Karras),
        ("use_exponential_sigmas", Self::Exponential),
        ("use_beta_sigmas", Self::Beta),
    ];

    /// The one that a file asks for, if any.
    pub(super) fn read(keys: &Keys) -> Result<Option<Self>> {
        keys.only(&Self::KEYS)
    }

    /// All curves by their keys, and some more.
    pub(super) fn keys_and<T: Copy>(wrap: impl Fn(Self) -> T, more: &[(&'static str, T)]) -> Vec<(&'static str, T)> {
        Self::KEYS.into_iter().map(|(key, curve)| (key, wrap(curve))).chain(more.iter().copied()).collect()
    }

    pub(super) fn sigmas(self, largest: f64, smallest: f64, steps: usize) -> Vec<f64> {
        match self {
            Self::Karras => karras(largest, smallest, steps),
            Self::Exponential => exponential(largest, smallest, steps),
            Self::Beta => beta(largest, smallest, steps),
        }
    }
}

/// Evenly spaced in σ^(1/ρ).
fn karras(largest: f64, smallest: f64, steps: usize) -> Vec<f64> {
    let (high, low) = (largest.powf(1.0 / KARRAS_RHO), smallest.powf(1.0 / KARRAS_RHO));
    linspace(0.0, 1.0, steps).into_iter().map(|ramp| (high + ramp * (low - high)).powf(KARRAS_RHO)).collect()
}

/// Evenly spaced in ln σ.
pub(super) fn exponential(largest: f64, smallest: f64, steps: usize) -> Vec<f64> {
    linspace(largest.ln(), smallest.ln(), steps).into_iter().map(f64::exp).collect()
}

/// At even quantiles of the beta distribution, which is densest at both ends.
fn beta(largest: f64, smallest: f64, steps: usize) -> Vec<f64> {
    let share = |ramp: f64| beta_quantile(BETA_SHAPE, 1.0 - ramp);
    linspace(0.0, 1.0, steps).into_iter().map(|ramp| smallest + share(ramp) * (largest - smallest)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ladders_reach_from_end_to_end() {
        for curve in [Curve::Karras, Curve::Exponential, Curve::Beta] {
            let ladder = curve.sigmas(14.6, 0.03, 10);
            assert!((ladder[0] - 14.6).abs() < 1e-9 && (ladder[9] - 0.03).abs() < 1e-9, "{curve:?}: {ladder:?}");
            assert!(ladder.windows(2).all(|pair| pair[1] < pair[0]), "{curve:?}: {ladder:?}");
            assert!((curve.sigmas(14.6, 0.03, 1)[0] - 14.6).abs() < 1e-9);
        }
    }
}
