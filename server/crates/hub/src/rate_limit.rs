//! A token bucket in integers: so many calls at once, refilled steadily.

use shared::time::UnixMillis;

const MINUTE_MS: u64 = 60_000;

/// How many calls a minute, and as many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub calls_per_minute: u32,
}

/// Image generation by one key.
pub const IMAGES_PER_KEY: Limit = Limit { calls_per_minute: 10 };

/// The bucket of one caller. A token is worth `MINUTE_MS` parts, so that one millisecond refills
/// `calls_per_minute` parts exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenBucket {
    parts: u64,
    at: UnixMillis,
}

impl TokenBucket {
    pub const fn full(limit: Limit, now: UnixMillis) -> Self {
        Self { parts: capacity(limit), at: now }
    }

    /// Takes one token, or says in how many milliseconds there is one.
    pub fn take(&mut self, limit: Limit, now: UnixMillis) -> Result<(), u64> {
        let refilled = now.since_ms(self.at).saturating_mul(u64::from(limit.calls_per_minute));
        self.parts = self.parts.saturating_add(refilled).min(capacity(limit));
        self.at = self.at.max(now);
        match self.parts.checked_sub(MINUTE_MS) {
            Some(rest) => {
                self.parts = rest;
                Ok(())
            }
            None => Err((MINUTE_MS - self.parts).div_ceil(u64::from(limit.calls_per_minute).max(1))),
        }
    }

    /// A full bucket need not be remembered.
    pub fn is_full(&self, limit: Limit, now: UnixMillis) -> bool {
        let refilled = now.since_ms(self.at).saturating_mul(u64::from(limit.calls_per_minute));
        self.parts.saturating_add(refilled) >= capacity(limit)
    }
}

const fn capacity(limit: Limit) -> u64 {
    limit.calls_per_minute as u64 * MINUTE_MS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn says_when_to_come_again() {
        let now = UnixMillis(0);
        let mut bucket = TokenBucket::full(IMAGES_PER_KEY, now);
        for _ in 0..10 {
            bucket.take(IMAGES_PER_KEY, now).unwrap();
        }
        assert_eq!(bucket.take(IMAGES_PER_KEY, now), Err(6_000));
        assert_eq!(bucket.take(IMAGES_PER_KEY, UnixMillis(5_999)), Err(1));
        assert_eq!(bucket.take(IMAGES_PER_KEY, UnixMillis(6_000)), Ok(()));
    }

    proptest! {
        /// In no minute are there more than twice the limit's calls, and never more than limit + elapsed × rate.
        #[test]
        fn never_grants_more_than_the_rate(calls_per_minute in 1..100_u32, steps in prop::collection::vec(0..5_000_u64, 1..300)) {
            let limit = Limit { calls_per_minute };
            let mut bucket = TokenBucket::full(limit, UnixMillis(0));
            let (mut now, mut granted) = (0, 0_u64);
            for step in steps {
                now += step;
                granted += u64::from(bucket.take(limit, UnixMillis(now)).is_ok());
                let allowed = u64::from(calls_per_minute) + now * u64::from(calls_per_minute) / MINUTE_MS;
                prop_assert!(granted <= allowed, "{granted} granted by {now} ms, {allowed} allowed");
            }
        }
    }
}
