//! The hub's time, told from this machine's monotonic clock. Deadlines and receipts are in the hub's time, so that a
//! miner whose clock is wrong, or is set while it works, neither misses a deadline nor signs times that nobody believes.

use std::time::{Duration, Instant};

use inference::clock::millis;
use shared::time::UnixMillis;

/// One reading of the hub's clock, and when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubClock {
    read: UnixMillis,
    read_at: Instant,
}

impl HubClock {
    pub fn new(read: UnixMillis, read_at: Instant) -> Self {
        Self { read, read_at }
    }

    /// The hub's time at `instant`.
    pub fn at(&self, instant: Instant) -> UnixMillis {
        let since = instant.saturating_duration_since(self.read_at);
        let before = self.read_at.saturating_duration_since(instant);
        UnixMillis(self.read.0.saturating_add(millis(since)).saturating_sub(millis(before)))
    }

    /// How long after `now` the hub's clock shows `time`; nothing where it showed it already.
    pub fn until(&self, time: UnixMillis, now: Instant) -> Option<Duration> {
        let left = time.since_ms(self.at(now));
        (left > 0).then(|| Duration::from_millis(left))
    }

    /// How far the hub's clock was before `here`, this machine's, when it was read.
    pub fn ahead_ms(&self, here: UnixMillis) -> i64 {
        i64::try_from(i128::from(self.read.0) - i128::from(here.0)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_by_the_monotonic_clock_alone() {
        let start = Instant::now() + Duration::from_secs(3600);
        let clock = HubClock::new(UnixMillis(1_000_000), start);
        assert_eq!(clock.at(start + Duration::from_millis(1_500)), UnixMillis(1_001_500));
        assert_eq!(clock.at(start - Duration::from_millis(400)), UnixMillis(999_600));
        assert_eq!(clock.until(UnixMillis(1_002_000), start), Some(Duration::from_secs(2)));
        assert_eq!(clock.until(UnixMillis(1_000_000), start), None);
        assert_eq!(clock.until(UnixMillis(7), start), None);
        assert!(clock.until(UnixMillis(u64::MAX), start).is_some());
        assert_eq!(clock.ahead_ms(UnixMillis(1_000_250)), -250);
    }
}
