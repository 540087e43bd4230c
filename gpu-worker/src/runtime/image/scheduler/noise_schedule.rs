//! Variance-preserving diffusion: betas, their products, and the steps at which a walk visits them.

use super::config::{BetaSchedule, SchedulerConfig, Spacing};

/// Largest beta of the cosine schedule.
const COSINE_BETA_MAX: f64 = 0.999;

/// ᾱ_t = ∏(1 − β) for every training step.
pub(super) fn cumulative_alphas(config: &SchedulerConfig) -> Vec<f64> {
    let mut alphas: Vec<f64> = betas(config)
        .into_iter()
        .scan(1.0, |product, beta| {
            *product *= 1.0 - beta;
            Some(*product)
        })
        .collect();
    if config.rescale_betas_zero_snr {
        rescale_to_zero_snr(&mut alphas);
    }
    alphas
}

fn betas(config: &SchedulerConfig) -> Vec<f64> {
    let (start, end, count) = (config.beta_start, config.beta_end, config.num_train_timesteps);
    if let Some(trained) = &config.trained_betas {
        return trained.clone();
    }
    match config.beta_schedule {
        BetaSchedule::Linear => linspace(start, end, count),
        BetaSchedule::ScaledLinear => {
            linspace(start.sqrt(), end.sqrt(), count).into_iter().map(|root| root * root).collect()
        }
        BetaSchedule::SquaredcosCapV2 => {
            let bar = |t: f64| ((t + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2).cos().powi(2);
            let fraction = |index: usize| as_float(index) / as_float(count);
            (0..count).map(|t| (1.0 - bar(fraction(t + 1)) / bar(fraction(t))).min(COSINE_BETA_MAX)).collect()
        }
    }
}

/// Lin et al., "Common diffusion noise schedules and sample steps are flawed", algorithm 1.
fn rescale_to_zero_snr(alphas: &mut [f64]) {
    let (Some(first), Some(last)) = (alphas.first().map(|a| a.sqrt()), alphas.last().map(|a| a.sqrt())) else { return };
    for alpha in alphas {
        *alpha = ((alpha.sqrt() - last) * first / (first - last)).powi(2);
    }
}

/// Training steps to visit, from noise to picture, before rounding.
pub(super) fn timesteps(config: &SchedulerConfig, spacing: Spacing, steps: usize) -> Vec<f64> {
    let count = config.num_train_timesteps;
    match spacing {
        Spacing::Linspace => linspace(0.0, as_float(count - 1), steps).into_iter().rev().collect(),
        Spacing::Leading => {
            (0..steps).rev().map(|index| as_float(index * (count / steps) + config.steps_offset)).collect()
        }
        Spacing::Trailing => {
            let stride = as_float(count) / as_float(steps);
            (0..steps).map(|index| (as_float(count) - as_float(index) * stride).round_ties_even() - 1.0).collect()
        }
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
