//! How long somebody waits after wrong passwords or codes, so that trying them all takes for ever.

use serde::{Deserialize, Serialize};
use shared::time::UnixMillis;

/// So many may be wrong before anybody waits: people mistype.
pub const FREE: u32 = 3;

const FIRST_WAIT_MS: u64 = 1_000;

/// The longest wait, which an owner can sit out too.
pub const WAIT_MAX_MS: u64 = 60 * 60 * 1_000;

/// The wrong ones since the last right one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    wrong: u32,
    blocked_until: UnixMillis,
}

/// Nobody may try before the wait is over, right or wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{wrong} were wrong one after another; try again in {} s", .wait_ms.div_ceil(1_000))]
pub struct Blocked {
    pub wrong: u32,
    pub wait_ms: u64,
}

impl Attempts {
    /// As they were stored.
    pub const fn stored(wrong: u32, blocked_until: UnixMillis) -> Self {
        Self { wrong, blocked_until }
    }

    pub const fn wrong(self) -> u32 {
        self.wrong
    }

    pub const fn blocked_until(self) -> UnixMillis {
        self.blocked_until
    }

    pub fn check(&self, now: UnixMillis) -> Result<(), Blocked> {
        match self.blocked_until.since_ms(now) {
            0 => Ok(()),
            // A clock that was set back keeps nobody out for longer than the longest wait.
            wait_ms => Err(Blocked { wrong: self.wrong, wait_ms: wait_ms.min(WAIT_MAX_MS) }),
        }
    }

    /// Each wrong one doubles the wait.
    pub fn was_wrong(&mut self, now: UnixMillis) {
        self.wrong = self.wrong.saturating_add(1);
        if self.wrong >= FREE {
            let doubled = FIRST_WAIT_MS.checked_shl(self.wrong - FREE).unwrap_or(WAIT_MAX_MS);
            let wait_ms = if self.wrong - FREE >= 32 { WAIT_MAX_MS } else { doubled.min(WAIT_MAX_MS) };
            self.blocked_until = now.plus_ms(wait_ms);
        }
    }

    pub fn was_right(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_wrong_one_doubles_the_wait_and_a_right_one_ends_it() {
        let (mut attempts, now) = (Attempts::default(), UnixMillis(1_000_000));
        let waits: Vec<u64> = (0..6)
            .map(|_| {
                attempts.was_wrong(now);
                attempts.check(now).err().map_or(0, |blocked| blocked.wait_ms)
            })
            .collect();
        assert_eq!(waits, [0, 0, 1_000, 2_000, 4_000, 8_000]);
        assert!(attempts.check(now.plus_ms(7_999)).is_err() && attempts.check(now.plus_ms(8_000)).is_ok());
        attempts.was_right();
        assert_eq!(attempts, Attempts::default());
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_the_longest(wrong in 0_u32..200, start in 0_u64..u64::MAX / 2, back in any::<u64>()) {
            let mut attempts = Attempts::default();
            (0..wrong).for_each(|_| attempts.was_wrong(UnixMillis(start)));
            for now in [start, start.saturating_sub(back)] {
                if let Err(blocked) = attempts.check(UnixMillis(now)) {
                    prop_assert!(blocked.wait_ms <= WAIT_MAX_MS && wrong >= FREE);
                }
            }
            prop_assert!(attempts.check(UnixMillis(start).plus_ms(WAIT_MAX_MS)).is_ok());
        }
    }
}
