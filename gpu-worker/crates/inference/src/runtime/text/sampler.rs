//! From the model's guesses to the next token.

use crate::philox;

/// Takes tokens by chance, the same ones for the same seed on every machine whose model guesses the same.
#[derive(Debug, Clone)]
pub(super) struct Sampler {
    temperature: f32,
    top_p: f32,
    /// 0 for all.
    top_k: usize,
    min_p: f64,
    seed: u64,
    drawn: u32,
}

impl Sampler {
    /// At a temperature of 0 the likeliest token is taken; else the likeliest that together have `top_p`, by chance.
    pub(super) fn new(temperature: f32, top_p: f32, seed: u64) -> Self {
        Self { temperature, top_p, top_k: 0, min_p: 0.0, seed, drawn: 0 }
    }

    /// Takes none but the likeliest `top_k`, where that is above 0, and none that is less likely than `min_p` of the
    /// likeliest.
    pub(super) fn cut(self, top_k: usize, min_p: f64) -> Self {
        Self { top_k, min_p, ..self }
    }

    /// The next token, by its place in `logits`; among equals the first. `None` where no logit is finite.
    pub(super) fn next(&mut self, logits: &[f32]) -> Option<usize> {
        let chance = philox::uniform(self.seed, self.drawn);
        self.drawn += 1;
        let candidates = self.candidates(logits)?;
        let whole: f64 = candidates.iter().map(|(_, weight)| weight).sum();
        let mut rest = chance * whole;
        for (token, weight) in &candidates {
            rest -= weight;
            if rest < 0.0 {
                return Some(*token);
            }
        }
        candidates.last().map(|(token, _)| *token)
    }

    /// Tokens that may be taken with their weights, the likeliest first.
    fn candidates(&self, logits: &[f32]) -> Option<Vec<(usize, f64)>> {
        let mut order: Vec<usize> = (0..logits.len()).filter(|token| logits[*token].is_finite()).collect();
        order.sort_by(|one, other| logits[*other].total_cmp(&logits[*one]).then(one.cmp(other)));
        let best = f64::from(logits[*order.first()?]);
        if self.temperature <= 0.0 {
            return Some(vec![(order[0], 1.0)]);
        }
        if let Some(least) = self.top_k.checked_sub(1).and_then(|last| order.get(last)) {
            let least = logits[*least];
            // Those that are as likely as the last stay.
            order.retain(|token| logits[*token] >= least);
        }
        let weight = |token: &usize| libm::exp((f64::from(logits[*token]) - best) / f64::from(self.temperature));
        let weights: Vec<f64> = order.iter().map(weight).collect();
        let wanted = weights.iter().sum::<f64>() * f64::from(self.top_p);
        let mut had = 0.0;
        let taken = weights.iter().take_while(|weight| {
            let more = had < wanted;
            had += **weight;
            more
        });
        // The likeliest weighs 1.
        let count = taken.take_while(|weight| **weight >= self.min_p).count().max(1);
        Some(order.into_iter().zip(weights).take(count).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn draws(temperature: f32, top_p: f32, seed: u64, logits: &[f32], count: usize) -> Vec<usize> {
        let mut sampler = Sampler::new(temperature, top_p, seed);
        (0..count).map(|_| sampler.next(logits).unwrap()).collect()
    }

    #[test]
    fn at_zero_the_first_of_the_likeliest_is_taken() {
        assert_eq!(draws(0.0, 1.0, 1, &[0.5, 2.0, 2.0, -1.0], 3), [1, 1, 1]);
        assert_eq!(draws(0.0, 1.0, 1, &[f32::NAN, 1.0, f32::INFINITY], 1), [1]);
        assert_eq!(Sampler::new(0.0, 1.0, 1).next(&[f32::NAN]), None);
        assert_eq!(Sampler::new(1.0, 1.0, 1).next(&[]), None);
    }

    #[test]
    fn draws_follow_the_softmax() {
        // Weights 4 : 2 : 1 : 1.
        let logits = [2.0_f32.ln() * 2.0, 2.0_f32.ln(), 0.0, 0.0];
        let drawn = draws(1.0, 1.0, 42, &logits, 8_000);
        let share = |token| drawn.iter().filter(|drawn| **drawn == token).count() as f64 / 8_000.0;
        for (token, expected) in [(0, 0.5), (1, 0.25), (2, 0.125), (3, 0.125)] {
            // Four standard deviations of the widest of these shares.
            assert!((share(token) - expected).abs() < 0.0224, "token {token}: {}", share(token));
        }
    }

    #[test]
    fn top_p_keeps_the_likeliest_that_reach_it() {
        let logits = [2.0_f32.ln() * 2.0, 2.0_f32.ln(), 0.0, 0.0];
        let kept = |top_p| {
            let mut drawn = draws(1.0, top_p, 7, &logits, 500);
            drawn.sort_unstable();
            drawn.dedup();
            drawn
        };
        assert_eq!(kept(0.4), [0]);
        assert_eq!(kept(0.6), [0, 1]);
        assert_eq!(kept(0.8), [0, 1, 2]);
        assert_eq!(kept(1.0), [0, 1, 2, 3]);
    }

    #[test]
    fn top_k_and_min_p_keep_the_likeliest() {
        let logits = [2.0_f32.ln() * 2.0, 2.0_f32.ln(), 0.0, 0.0];
        let kept = |top_k, min_p| {
            let mut sampler = Sampler::new(1.0, 1.0, 7).cut(top_k, min_p);
            let mut drawn: Vec<usize> = (0..500).map(|_| sampler.next(&logits).unwrap()).collect();
            drawn.sort_unstable();
            drawn.dedup();
            drawn
        };
        assert_eq!(kept(0, 0.0), [0, 1, 2, 3]);
        assert_eq!(kept(1, 0.0), [0]);
        assert_eq!(kept(2, 0.0), [0, 1]);
        assert_eq!(kept(3, 0.0), [0, 1, 2, 3], "the third and the fourth are equal");
        assert_eq!(kept(9, 0.0), [0, 1, 2, 3]);
        assert_eq!(kept(0, 0.6), [0]);
        assert_eq!(kept(0, 0.4), [0, 1]);
        assert_eq!(kept(1, 0.2), [0]);
    }

    proptest! {
        #[test]
        fn a_seed_names_its_draws_and_only_finite_tokens_are_taken(
            seed: u64, temperature in 0.0..2.0_f32, top_p in 0.01..=1.0_f32,
            logits in prop::collection::vec(prop_oneof![4 => -50.0..50.0_f32, 1 => Just(f32::NEG_INFINITY)], 1..40),
        ) {
            prop_assume!(logits.iter().any(|logit| logit.is_finite()));
            let once = draws(temperature, top_p, seed, &logits, 20);
            prop_assert_eq!(&once, &draws(temperature, top_p, seed, &logits, 20));
            prop_assert!(once.iter().all(|token| logits[*token].is_finite()));
        }
    }
}
