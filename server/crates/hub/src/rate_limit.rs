//! A token bucket in integers: so many calls at once, refilled steadily. A bucket is one number, the moment at which it
//! is full again, so that a process keeps it in memory and several hubs keep it in a column that they share.

use shared::time::UnixMillis;

const MINUTE_US: u64 = 60_000_000;

/// How many calls a minute, and as many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub calls_per_minute: u32,
}

/// Image generation by one key.
pub const IMAGES_PER_KEY: Limit = Limit { calls_per_minute: 10 };

impl Limit {
    /// How long a bucket takes to refill one call, in microseconds; rounded up, so that the limit is never exceeded.
    pub fn call_us(self) -> u64 {
        MINUTE_US.div_ceil(u64::from(self.calls_per_minute).max(1))
    }

    /// How long an empty bucket takes to be full.
    pub fn bucket_us(self) -> u64 {
        self.call_us() * u64::from(self.calls_per_minute)
    }
}

/// The bucket of one caller. A new one is full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenBucket {
    full_at_us: u64,
}

impl TokenBucket {
    /// Takes one call, or says in how many microseconds there is one.
    pub fn take(&mut self, limit: Limit, now: UnixMillis) -> Result<(), u64> {
        self.take_some(1, limit, now)
    }

    /// Takes so many calls at once, or none.
    pub fn take_some(&mut self, calls: u32, limit: Limit, now: UnixMillis) -> Result<(), u64> {
        let now_us = micros(now);
        let taken_us = limit.call_us().saturating_mul(u64::from(calls));
        let full_at_us = self.full_at_us.max(now_us).saturating_add(taken_us);
        match full_at_us.saturating_sub(now_us.saturating_add(limit.bucket_us())) {
            0 => {
                self.full_at_us = full_at_us;
                Ok(())
            }
            wait_us => Err(wait_us),
        }
    }

    /// The moment from which the bucket is full and need not be remembered.
    pub const fn full_at_us(&self) -> u64 {
        self.full_at_us
    }
}

/// A moment in the unit of buckets.
pub fn micros(at: UnixMillis) -> u64 {
    at.0.saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn says_when_to_come_again() {
        let now = UnixMillis(0);
        let mut bucket = TokenBucket::default();
        for _ in 0..10 {
            bucket.take(IMAGES_PER_KEY, now).unwrap();
        }
        assert_eq!(bucket.take(IMAGES_PER_KEY, now), Err(6_000_000));
        assert_eq!(bucket.take(IMAGES_PER_KEY, UnixMillis(5_999)), Err(1_000));
        assert_eq!(bucket.full_at_us(), 60_000_000);
        assert_eq!(bucket.take(IMAGES_PER_KEY, UnixMillis(6_000)), Ok(()));
    }

    #[test]
    fn several_calls_are_taken_together_or_not_at_all() {
        let (now, mut together, mut apart) = (UnixMillis(0), TokenBucket::default(), TokenBucket::default());
        together.take_some(7, IMAGES_PER_KEY, now).unwrap();
        for _ in 0..7 {
            apart.take(IMAGES_PER_KEY, now).unwrap();
        }
        assert_eq!(together, apart);
        assert_eq!(together.take_some(4, IMAGES_PER_KEY, now), Err(6_000_000));
        assert_eq!(together, apart, "a refusal takes nothing");
        together.take_some(3, IMAGES_PER_KEY, now).unwrap();
    }

    proptest! {
        /// In no minute are there more than twice the limit's calls, and never more than limit + elapsed × rate.
        #[test]
        fn never_grants_more_than_the_rate(calls_per_minute in 1..100_u32, steps in prop::collection::vec(0..5_000_u64, 1..300)) {
            let limit = Limit { calls_per_minute };
            let mut bucket = TokenBucket::default();
            let (mut now, mut granted) = (0, 0_u64);
            for step in steps {
                now += step;
                granted += u64::from(bucket.take(limit, UnixMillis(now)).is_ok());
                let allowed = u64::from(calls_per_minute) + now * 1_000 * u64::from(calls_per_minute) / MINUTE_US;
                prop_assert!(granted <= allowed, "{granted} granted by {now} ms, {allowed} allowed");
            }
        }
    }
}
