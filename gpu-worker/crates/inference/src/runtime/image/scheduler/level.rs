//! Where a sample lies between picture and noise, and what a network's prediction says there.

use crate::error::Result;
use crate::runtime::keys::Keys;

/// The sample is x = alpha·x₀ + sigma·ε, of the finished latents x₀ and the noise ε.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    pub(super) alpha: f64,
    pub(super) sigma: f64,
}

impl Level {
    /// Variance-preserving, by ᾱ.
    pub(super) fn of_alpha_bar(alpha_bar: f64) -> Self {
        Self { alpha: alpha_bar.sqrt(), sigma: (1.0 - alpha_bar).sqrt() }
    }

    /// Variance-preserving, by σ = √((1 − ᾱ)/ᾱ).
    pub(super) fn preserving(sigma: f64) -> Self {
        let alpha = 1.0 / (sigma * sigma + 1.0).sqrt();
        Self { alpha, sigma: sigma * alpha }
    }

    /// Variance-exploding: the noise grows over an unscaled picture.
    pub(super) fn exploding(sigma: f64) -> Self {
        Self { alpha: 1.0, sigma }
    }

    /// Flow matching: on the straight line from picture to noise.
    pub(super) fn flow(sigma: f64) -> Self {
        Self { alpha: 1.0 - sigma, sigma }
    }

    /// λ, half the logarithm of the signal-to-noise ratio.
    pub(super) fn lambda(self) -> f64 {
        self.alpha.ln() - self.sigma.ln()
    }
}

/// What the network predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prediction {
    Epsilon,
    /// v = α·ε − σ·x₀ (Salimans and Ho 2022).
    Velocity,
    Sample,
    /// ε − x₀.
    Flow,
}

impl Prediction {
    const WORDS: [(&str, Self); 4] = [
        ("epsilon", Self::Epsilon),
        ("v_prediction", Self::Velocity),
        ("sample", Self::Sample),
        ("flow_prediction", Self::Flow),
    ];

    /// Reads `prediction_type`, of those that the solver takes.
    pub(super) fn read(keys: &Keys, taken: &[Self]) -> Result<Self> {
        let choices: Vec<(&str, Self)> = Self::WORDS.into_iter().filter(|(_, kind)| taken.contains(kind)).collect();
        keys.choice("prediction_type", &choices, Self::Epsilon)
    }

    /// The finished latents x₀.
    pub(super) fn clean(self, Level { alpha, sigma }: Level) -> Mix {
        let (of_sample, of_prediction) = match self {
            Self::Epsilon => (1.0 / alpha, -sigma / alpha),
            Self::Velocity => {
                let variance = alpha * alpha + sigma * sigma;
                (alpha / variance, -sigma / variance.sqrt())
            }
            Self::Sample => (0.0, 1.0),
            Self::Flow => (1.0 / (alpha + sigma), -sigma / (alpha + sigma)),
        };
        Mix { of_sample, of_prediction }
    }

    /// The noise ε.
    pub(super) fn noise(self, Level { alpha, sigma }: Level) -> Mix {
        let (of_sample, of_prediction) = match self {
            Self::Epsilon => (0.0, 1.0),
            Self::Velocity => {
                let variance = alpha * alpha + sigma * sigma;
                (sigma / variance, alpha / variance.sqrt())
            }
            Self::Sample => (1.0 / sigma, -alpha / sigma),
            Self::Flow => (1.0 / (alpha + sigma), alpha / (alpha + sigma)),
        };
        Mix { of_sample, of_prediction }
    }
}

/// A weighted sum of sample and prediction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mix {
    of_sample: f64,
    of_prediction: f64,
}

impl Mix {
    pub(super) fn of(self, sample: f64, prediction: f64) -> f64 {
        self.of_sample * sample + self.of_prediction * prediction
    }

    /// Turns predictions into what this mix stands for.
    pub(super) fn convert(self, sample: &[f32], prediction: &mut [f32]) {
        for (x, answer) in sample.iter().zip(prediction) {
            *answer = self.of(f64::from(*x), f64::from(*answer)) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prediction_gives_back_picture_and_noise() {
        let (clean, noise) = (0.7, -1.3);
        let levels = [
            Level::of_alpha_bar(0.3),
            Level::preserving(2.5),
            Level::exploding(2.5),
            Level::flow(0.4),
            Level::flow(0.9),
        ];
        for level in levels {
            let sample = level.alpha * clean + level.sigma * noise;
            let norm = level.alpha.hypot(level.sigma);
            let predictions = [
                (Prediction::Epsilon, noise),
                (Prediction::Velocity, (level.alpha * noise - level.sigma * clean) / norm),
                (Prediction::Sample, clean),
                (Prediction::Flow, noise - clean),
            ];
            for (kind, prediction) in predictions {
                assert!((kind.clean(level).of(sample, prediction) - clean).abs() < 1e-12, "{kind:?} at {level:?}");
                assert!((kind.noise(level).of(sample, prediction) - noise).abs() < 1e-12, "{kind:?} at {level:?}");
            }
        }
    }

    #[test]
    fn both_ways_to_name_a_level_agree() {
        let by_alpha = Level::of_alpha_bar(0.2);
        let by_sigma = Level::preserving((0.8_f64 / 0.2).sqrt());
        assert!((by_alpha.alpha - by_sigma.alpha).abs() < 1e-15 && (by_alpha.sigma - by_sigma.sigma).abs() < 1e-15);
        assert!((by_alpha.lambda() + (0.8_f64 / 0.2).sqrt().ln()).abs() < 1e-15);
    }
}
