//! Quantiles of the beta distribution whose two shapes are equal.

/// Terms of the series for x up to ½, each less than half of the one before: the rest is below one rounding.
const TERMS: u32 = 60;

/// Most halvings of an interval until its ends are neighbours among the numbers of double precision.
const HALVINGS_MAX: usize = 1_100;

/// Where the distribution with both shapes `shape` (above 0, up to 1) reaches `probability`.
pub(super) fn beta_quantile(shape: f64, probability: f64) -> f64 {
    if probability > 0.5 {
        return 1.0 - beta_quantile(shape, 1.0 - probability);
    }
    // The distribution is symmetric, so half of it lies below ½.
    let wanted = 2.0 * probability * incomplete_beta(shape, 0.5);
    let (mut low, mut high) = (0.0, 0.5);
    for _ in 0..HALVINGS_MAX {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        *if incomplete_beta(shape, middle) < wanted { &mut low } else { &mut high } = middle;
    }
    // Nothing but 0 has no probability below it.
    if probability > 0.0 { high } else { 0.0 }
}

/// The incomplete beta function B_x(a, a) for x from 0 to ½, by its hypergeometric series (DLMF 8.17.7):
/// x^a · Σ (1 − a)_n ÷ n! ÷ (a + n) · x^n.
fn incomplete_beta(shape: f64, x: f64) -> f64 {
    let mut power = 1.0;
    let mut sum = 1.0 / shape;
    for n in (1..TERMS).map(f64::from) {
        power *= (n - shape) / n * x;
        sum += power / (shape + n);
    }
    x.powf(shape) * sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `scipy.stats.beta.ppf(probability, 0.6, 0.6)` of SciPy 1.17.1.
    #[test]
    fn the_quantiles_are_those_of_scipy() {
        let quantiles = [
            (0.0, 0.0),
            (1e-6, 1.8558824624053043e-10),
            (0.001, 1.855873851745199e-5),
            (0.01, 0.0008612388215429059),
            (1.0 / 19.0, 0.013671081564469266),
            (0.1, 0.03958440558878085),
            (0.25, 0.17568037865269498),
            (0.5, 0.5),
            (0.75, 0.824319621347305),
            (0.9, 0.9604155944112192),
            (0.99, 0.9991387611784571),
            (0.999999, 0.9999999998144118),
            (1.0, 1.0),
        ];
        for (probability, quantile) in quantiles {
            let ours = beta_quantile(0.6, probability);
            assert!((ours - quantile).abs() <= 1e-12 * quantile, "{probability}: {ours}, SciPy {quantile}");
        }
    }

    #[test]
    fn the_uniform_and_the_arcsine_distribution_have_the_quantiles_of_their_formulas() {
        for probability in [0.0, 0.01, 0.2, 0.5, 0.77, 1.0] {
            assert!((beta_quantile(1.0, probability) - probability).abs() < 1e-15);
            let arcsine = (std::f64::consts::FRAC_PI_2 * probability).sin().powi(2);
            assert!((beta_quantile(0.5, probability) - arcsine).abs() < 1e-14, "{probability}");
        }
    }

    proptest! {
        #[test]
        fn quantiles_grow_with_their_probability(shape in 0.05_f64..=1.0, low in 0.0_f64..=1.0, high in 0.0_f64..=1.0) {
            let (low, high) = (low.min(high), low.max(high));
            let (below, above) = (beta_quantile(shape, low), beta_quantile(shape, high));
            prop_assert!((0.0..=1.0).contains(&below) && below <= above && above <= 1.0, "{} {}", below, above);
        }
    }
}
