//! Blocks without transactions, for validators that want some.

use chain::rules::EMPTY_BLOCK_PAUSE_S;

use crate::Now;

/// After how long without a block a validator wants one without transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    interval_s: u64,
}

impl Heartbeat {
    /// So many seconds; `None` below [`EMPTY_BLOCK_PAUSE_S`], since nobody would vote for the block.
    #[must_use]
    pub const fn every_seconds(interval_s: u64) -> Option<Self> {
        if interval_s < EMPTY_BLOCK_PAUSE_S { None } else { Some(Self { interval_s }) }
    }

    /// When a block is due after one of this time, in Unix seconds.
    #[must_use]
    pub const fn due_unix_s(self, last_block_unix_s: u64) -> u64 {
        last_block_unix_s.saturating_add(self.interval_s)
    }

    /// How long it still takes until a block is due, in milliseconds.
    pub(crate) const fn wait_ms(self, last_block_unix_s: u64, now: Now) -> u64 {
        self.due_unix_s(last_block_unix_s).saturating_sub(now.unix_s).saturating_mul(1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_is_due_after_its_interval_and_none_is_faster_than_what_is_voted_for() {
        assert_eq!(Heartbeat::every_seconds(EMPTY_BLOCK_PAUSE_S - 1), None);
        let heartbeat = Heartbeat::every_seconds(30).unwrap();
        let at = |unix_s| Now { monotonic_ms: 7, unix_s };
        assert_eq!([100, 129, 130, 500].map(|unix_s| heartbeat.wait_ms(100, at(unix_s))), [30_000, 1_000, 0, 0]);
        // A block may be a little ahead of the clock.
        assert_eq!(heartbeat.wait_ms(110, at(100)), 40_000);
    }
}
