//! An amount that refills steadily, for all strangers together.

const MS_PER_SECOND: i128 = 1_000;

/// How fast a budget refills, and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// What comes back each second.
    pub per_second: u64,
    /// The most that may be used at once, after a rest.
    pub burst: u64,
}

impl Rate {
    /// No bound.
    pub const UNLIMITED: Self = Self { per_second: u64::MAX, burst: u64::MAX };

    /// The most that is used within so many seconds by spenders who look before they spend, and whose last piece may
    /// exceed what is left by at most `last`.
    #[must_use]
    pub const fn most_within(self, seconds: u64, last: u64) -> u64 {
        self.per_second.saturating_mul(seconds).saturating_add(self.burst).saturating_add(last)
    }
}

/// What is left of a rate. It starts full, and what is spent beyond it is owed.
#[derive(Clone, Debug)]
pub struct Budget {
    rate: Rate,
    /// In thousandths; negative where something is owed.
    left_milli: i128,
    at_unix_ms: Option<u64>,
}

impl Budget {
    /// A full budget.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self { rate, left_milli: i128::from(rate.burst) * MS_PER_SECOND, at_unix_ms: None }
    }

    /// What may be used now; 0 while something is owed.
    pub fn left(&mut self, now_unix_ms: u64) -> u64 {
        self.refill(now_unix_ms);
        u64::try_from(self.left_milli / MS_PER_SECOND).unwrap_or(0)
    }

    /// Takes an amount, which may be more than is left.
    pub fn spend(&mut self, amount: u64, now_unix_ms: u64) {
        self.refill(now_unix_ms);
        self.left_milli = self.left_milli.saturating_sub(i128::from(amount) * MS_PER_SECOND);
    }

    fn refill(&mut self, now_unix_ms: u64) {
        // A clock that went back gives nothing, and goes on from there.
        let elapsed_ms = now_unix_ms.saturating_sub(self.at_unix_ms.unwrap_or(now_unix_ms));
        self.at_unix_ms = Some(now_unix_ms);
        let gained = i128::from(self.rate.per_second) * i128::from(elapsed_ms);
        let full = i128::from(self.rate.burst) * MS_PER_SECOND;
        self.left_milli = self.left_milli.saturating_add(gained).min(full);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_owed_is_paid_back_first_and_a_clock_that_goes_back_gives_nothing() {
        let mut budget = Budget::new(Rate { per_second: 10, burst: 50 });
        budget.spend(70, 5_000);
        assert_eq!(budget.left(6_000), 0);
        assert_eq!(budget.left(7_500), 5);
        assert_eq!(budget.left(1_000), 5);
        assert_eq!(budget.left(1_500), 10);
        assert_eq!(budget.left(u64::MAX), 50);
    }

    proptest! {
        /// Who looks before spending never gets more than the documented most, however the requests fall.
        #[test]
        fn never_more_than_the_most(
            per_second in 0..1_000_u64,
            burst in 0..5_000_u64,
            pieces in prop::collection::vec((0..3_000_u64, 0..500_u64), 1..200),
        ) {
            let rate = Rate { per_second, burst };
            let mut budget = Budget::new(rate);
            let (mut now, mut spent, mut largest) = (0, 0, 0);
            for (pause_ms, piece) in pieces {
                now += pause_ms;
                if budget.left(now) > 0 {
                    budget.spend(piece, now);
                    (spent, largest) = (spent + piece, largest.max(piece));
                }
                prop_assert!(spent <= rate.most_within(now.div_ceil(1_000), largest));
            }
        }
    }
}
