//! When a key that nobody used for a while is locked away.

use shared::time::UnixMillis;

pub const DEFAULT_SECONDS: u64 = 15 * 60;

/// The longest time that somebody may choose: a day.
pub const MAX_SECONDS: u64 = 24 * 60 * 60;

/// Since when nobody used a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idle {
    last_used: UnixMillis,
    limit_ms: u64,
}

impl Idle {
    pub const fn new(now: UnixMillis, limit_seconds: u64) -> Self {
        Self { last_used: now, limit_ms: limit_seconds.saturating_mul(1_000) }
    }

    pub fn was_used(&mut self, now: UnixMillis) {
        self.last_used = now;
    }

    /// Whether the key must be locked. A clock that was set back locks it as well: nobody knows for how long it was idle.
    pub const fn is_over(&self, now: UnixMillis) -> bool {
        now.0 < self.last_used.0 || now.since_ms(self.last_used) >= self.limit_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_locked_after_its_time_and_when_the_clock_goes_back() {
        let start = UnixMillis(10_000_000);
        let mut idle = Idle::new(start, 15 * 60);
        assert!(!idle.is_over(start) && !idle.is_over(start.plus_ms(15 * 60_000 - 1)));
        assert!(idle.is_over(start.plus_ms(15 * 60_000)));
        idle.was_used(start.plus_ms(60_000));
        assert!(!idle.is_over(start.plus_ms(15 * 60_000)));
        assert!(idle.is_over(start), "the clock was set back");
    }
}
