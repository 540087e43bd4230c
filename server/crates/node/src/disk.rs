//! How much of the disk is free, as the shell says, and what follows: below a floor only the settlement runs.

use std::sync::atomic::{AtomicU64, Ordering};

/// Free bytes below which strangers' transactions are refused.
pub const DISK_FLOOR_BYTES: u64 = 2 << 30;

/// Free bytes beyond the floor with which strangers are let in again, so that it does not change from one moment to the
/// next.
const MARGIN_BYTES: u64 = 256 << 20;

/// Nothing is said of the disk.
const UNKNOWN: u64 = u64::MAX;

/// Whether there is room for strangers, given whether there was.
fn is_low(free_bytes: u64, floor_bytes: u64, was_low: bool) -> bool {
    let enough = if was_low { floor_bytes.saturating_add(MARGIN_BYTES) } else { floor_bytes };
    free_bytes < enough
}

/// The free bytes while they are low, else [`UNKNOWN`].
#[derive(Debug)]
pub(crate) struct Disk {
    floor_bytes: u64,
    low_bytes: AtomicU64,
}

impl Disk {
    pub(crate) fn new(floor_bytes: u64) -> Self {
        Self { floor_bytes, low_bytes: AtomicU64::new(UNKNOWN) }
    }

    /// Takes note of the free bytes. Returns whether there are too few now, where that changed.
    pub(crate) fn tell_free(&self, free_bytes: u64) -> Option<bool> {
        let was_low = self.shortage().is_some();
        let is_low = is_low(free_bytes, self.floor_bytes, was_low);
        self.low_bytes.store(if is_low { free_bytes } else { UNKNOWN }, Ordering::Relaxed);
        (is_low != was_low).then_some(is_low)
    }

    /// Free bytes and the floor, where only the settlement runs.
    pub(crate) fn shortage(&self) -> Option<(u64, u64)> {
        match self.low_bytes.load(Ordering::Relaxed) {
            UNKNOWN => None,
            free_bytes => Some((free_bytes, self.floor_bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_wait_below_the_floor_and_until_some_more_is_free() {
        let disk = Disk::new(1_000);
        assert_eq!((disk.tell_free(1_000), disk.shortage()), (None, None));
        assert_eq!((disk.tell_free(999), disk.shortage()), (Some(true), Some((999, 1_000))));
        let enough = 1_000 + MARGIN_BYTES;
        assert_eq!((disk.tell_free(enough - 1), disk.shortage()), (None, Some((enough - 1, 1_000))));
        assert_eq!((disk.tell_free(enough), disk.shortage()), (Some(false), None));
        let without = Disk::new(0);
        assert_eq!((without.tell_free(0), without.shortage()), (None, None));
    }
}
