//! Variance-preserving diffusion: the betas of training and their products.
//!
//! Python holds these tables in single precision, and a solver's step amplifies their last bits where ᾱ is near 1. So
//! every entry is rounded to f32 where Python rounds it.

use super::spacing::{as_float, linspace};
use crate::error::Result;
use crate::runtime::keys::Keys;

/// Largest table of training steps.
pub(super) const TRAIN_TIMESTEPS_MAX: usize = 100_000;

/// Largest beta of the cosine schedule.
const COSINE_BETA_MAX: f64 = 0.999;

/// ᾱ at the last step of a schedule with zero terminal SNR where a solver divides by it; diffusers' value.
const ZERO_SNR_ALPHA: f64 = 1.0 / 16_777_216.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BetaSchedule {
    Linear,
    ScaledLinear,
    Cosine,
}

/// What a class takes where the file is silent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Defaults {
    pub(super) schedule: BetaSchedule,
    pub(super) beta_start: f64,
    pub(super) beta_end: f64,
}

impl Defaults {
    /// Those of all classes but LCM.
    pub(super) const COMMON: Self = Self { schedule: BetaSchedule::Linear, beta_start: 0.0001, beta_end: 0.02 };
}

#[derive(Debug, Clone)]
pub(super) struct NoiseSchedule {
    /// ᾱ of every training step, from picture to noise.
    pub(super) alphas: Vec<f64>,
    pub(super) is_cosine: bool,
    pub(super) has_zero_snr: bool,
}

/// `num_train_timesteps`.
pub(super) fn train_timesteps(keys: &Keys) -> Result<usize> {
    keys.integer("num_train_timesteps", 1000, 1..=TRAIN_TIMESTEPS_MAX)
}

impl NoiseSchedule {
    pub(super) fn read(keys: &Keys, defaults: Defaults) -> Result<Self> {
        let count = train_timesteps(keys)?;
        let words = [
            ("linear", BetaSchedule::Linear),
            ("scaled_linear", BetaSchedule::ScaledLinear),
            ("squaredcos_cap_v2", BetaSchedule::Cosine),
        ];
        let schedule = keys.choice("beta_schedule", &words, defaults.schedule)?;
        let start = keys.number("beta_start", defaults.beta_start, f64::MIN_POSITIVE..=1.0)?;
        let end = keys.number("beta_end", defaults.beta_end, f64::MIN_POSITIVE..=1.0)?;
        let trained = keys.numbers("trained_betas", f64::MIN_POSITIVE..=1.0)?;
        let betas: Vec<f32> = match trained {
            Some(betas) if betas.len() != count => {
                return Err(keys.error("trained_betas", format!("has num_train_timesteps = {count} numbers")));
            }
            Some(betas) => betas.into_iter().map(|beta| beta as f32).collect(),
            None => betas(schedule, start, end, count),
        };
        let has_zero_snr = keys.flag("rescale_betas_zero_snr", false)?;
        let betas = if has_zero_snr { rescaled_to_zero_snr(&betas) } else { betas };
        let alphas: Vec<f64> = products(&betas).into_iter().map(f64::from).collect();
        if !has_zero_snr && alphas.last().is_none_or(|last| *last <= 0.0) {
            return Err(keys.error("beta_end", "leaves some of the picture at the last step"));
        }
        Ok(Self { alphas, is_cosine: schedule == BetaSchedule::Cosine, has_zero_snr })
    }

    /// σ = √((1 − ᾱ)/ᾱ) of every training step, from picture to noise, finite throughout.
    pub(super) fn sigmas(&self) -> Vec<f64> {
        let mut alphas = self.alphas.clone();
        if let (true, Some(last)) = (self.has_zero_snr, alphas.last_mut()) {
            *last = ZERO_SNR_ALPHA;
        }
        alphas.into_iter().map(|alpha| f64::from((((1.0 - alpha) as f32) / alpha as f32).sqrt())).collect()
    }
}

fn betas(schedule: BetaSchedule, start: f64, end: f64, count: usize) -> Vec<f32> {
    match schedule {
        BetaSchedule::Linear => linspace(start, end, count).into_iter().map(|beta| beta as f32).collect(),
        BetaSchedule::ScaledLinear => linspace(start.sqrt(), end.sqrt(), count)
            .into_iter()
            .map(|root| {
                let root = root as f32;
                root * root
            })
            .collect(),
        BetaSchedule::Cosine => {
            let bar = |t: f64| ((t + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2).cos().powi(2);
            let fraction = |index: usize| as_float(index) / as_float(count);
            (0..count).map(|t| (1.0 - bar(fraction(t + 1)) / bar(fraction(t))).min(COSINE_BETA_MAX) as f32).collect()
        }
    }
}

/// ᾱ_t = ∏(1 − β), accumulated in f64.
fn products(betas: &[f32]) -> Vec<f32> {
    let factors = betas.iter().map(|beta| f64::from(1.0 - beta));
    factors
        .scan(1.0_f64, |product, factor| {
            *product *= factor;
            Some(*product as f32)
        })
        .collect()
}

/// Lin et al., "Common diffusion noise schedules and sample steps are flawed", algorithm 1.
fn rescaled_to_zero_snr(betas: &[f32]) -> Vec<f32> {
    let roots: Vec<f32> = products(betas).into_iter().map(f32::sqrt).collect();
    let (Some(first), Some(last)) = (roots.first().copied(), roots.last().copied()) else { return Vec::new() };
    let bars: Vec<f32> = roots
        .into_iter()
        .map(|root| {
            let root = (root - last) * (first / (first - last));
            root * root
        })
        .collect();
    let before = std::iter::once(1.0).chain(bars.iter().copied());
    bars.iter().zip(before).map(|(bar, before)| 1.0 - bar / before).collect()
}
