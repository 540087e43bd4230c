//! How long to wait before trying again: doubling, bounded, and spread at random, so that workers which lost the same
//! hub do not come back in one instant.

use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// The wait after one more failure. `random` spreads it over half to the whole of its length.
    pub fn after_failure(&mut self, random: u32) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(self.failures.min(20)));
        self.failures = self.failures.saturating_add(1);
        let whole = doubled.min(self.longest);
        whole / 2 + (whole / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// Random bits for [`Backoff::after_failure`]; the middle where the system gives none.
pub fn jitter() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_anew() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let waits: Vec<u128> = (0..6).map(|_| backoff.after_failure(u32::MAX).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(backoff.after_failure(0).as_millis(), 500);
        backoff.reset();
        assert_eq!(backoff.after_failure(0).as_millis(), 50);
    }
}
