use std::time::Duration;

use malachite_types::{LinearTimeouts, Timeout};

/// Times for validators that reach each other within some hundred milliseconds.
#[must_use]
pub fn default_timeouts() -> LinearTimeouts {
    LinearTimeouts {
        propose: Duration::from_millis(1_000),
        propose_delta: Duration::from_millis(500),
        prevote: Duration::from_millis(300),
        prevote_delta: Duration::from_millis(200),
        precommit: Duration::from_millis(300),
        precommit_delta: Duration::from_millis(200),
        rebroadcast: Duration::from_millis(1_000),
        max_timeout: Duration::from_secs(10),
    }
}

/// What the rules wait for, and until when.
#[derive(Debug, Default)]
pub(crate) struct Timers(Vec<(Timeout, u64)>);

impl Timers {
    pub(crate) fn set(&mut self, timeout: Timeout, deadline_ms: u64) {
        self.cancel(timeout);
        self.0.push((timeout, deadline_ms));
    }

    pub(crate) fn cancel(&mut self, timeout: Timeout) {
        self.0.retain(|(set, _)| *set != timeout);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn next_deadline_ms(&self) -> Option<u64> {
        self.0.iter().map(|(_, deadline_ms)| *deadline_ms).min()
    }

    /// Takes out the timer that is due for the longest time.
    pub(crate) fn take_due(&mut self, now_ms: u64) -> Option<Timeout> {
        let due = self.0.iter().enumerate().filter(|(_, (_, deadline_ms))| *deadline_ms <= now_ms);
        let (index, _) = due.min_by_key(|(index, (_, deadline_ms))| (*deadline_ms, *index))?;
        Some(self.0.remove(index).0)
    }

    /// Lets every timer run for its whole time again.
    pub(crate) fn restart(&mut self, now_ms: u64, timeouts: &LinearTimeouts) {
        for (timeout, deadline_ms) in &mut self.0 {
            *deadline_ms = deadline_after(now_ms, timeouts, *timeout);
        }
    }
}

pub(crate) fn deadline_after(now_ms: u64, timeouts: &LinearTimeouts, timeout: Timeout) -> u64 {
    let wait_ms = u64::try_from(timeouts.duration_for(timeout).as_millis()).unwrap_or(u64::MAX);
    now_ms.saturating_add(wait_ms)
}
