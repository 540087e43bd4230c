//! How long a miner may hold a job, and when a silent miner loses its leases.
//!
//! A miner with several slots may have one device for all of them, so its leases wait for each other. Therefore the
//! time of a lease starts when the leases that its miner already has are over at the latest. With this rule alone, a
//! miner that takes many jobs and does nothing could keep them for long. So there is a second bound: a miner that shows
//! no work on any of its leases for as long as the longest of them may take loses them.

use shared::time::UnixMillis;

/// Time for loading a model and for the way there and back, on top of the work.
const OVERHEAD_MS: u64 = 20_000;

/// A lease lasts this many times as long as the miner's own measurement says.
const SLACK: u64 = 5;

/// No lease is longer, however slow the miner.
const LEASE_MAX_MS: u64 = 3_600_000;

/// How often a worker says that it is alive.
pub const HEARTBEAT_SECONDS: u64 = 10;

/// A session without any message for this long is closed.
pub const SILENCE_MAX_MS: u64 = 3 * HEARTBEAT_SECONDS * 1_000;

/// After a restart of the hub, miners have this long to reconnect and keep their leases.
pub const RETURN_MS: u64 = 30_000;

/// A lease younger than this may be missing from a heartbeat, because assignment and heartbeat can cross on the way.
pub const HEARTBEAT_BLIND_MS: u64 = 2 * HEARTBEAT_SECONDS * 1_000;

/// How long a miner may work on a lease: the expected time times `SLACK`, plus `OVERHEAD_MS`.
pub fn work_max_ms(expected_ms: u64) -> u64 {
    expected_ms.saturating_mul(SLACK).saturating_add(OVERHEAD_MS).min(LEASE_MAX_MS)
}

/// How long a miner may hold a lease of a job that ended meanwhile without showing work, before that is its fault: the
/// time that the work takes as the lease has it, without slack. A client that gives a job too little time does not bring
/// a fault upon a miner, and a miner that holds a job to its end without doing anything does not go free.
pub const fn fair_ms(work_max_ms: u64) -> u64 {
    work_max_ms.saturating_sub(OVERHEAD_MS) / SLACK + OVERHEAD_MS
}

/// When a lease granted now ends: [`work_max_ms`] after the last one that its miner has already, if any, but never after
/// the job's own deadline.
pub fn deadline(
    now: UnixMillis,
    work_max_ms: u64,
    last_before: Option<UnixMillis>,
    job_deadline: UnixMillis,
) -> UnixMillis {
    let begins = last_before.map_or(now, |before| before.max(now));
    begins.plus_ms(work_max_ms).min(now.plus_ms(LEASE_MAX_MS)).min(job_deadline)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_grows_with_the_work_and_ends_with_the_job() {
        let now = UnixMillis(1_000);
        let far = UnixMillis(u64::MAX);
        assert_eq!(work_max_ms(2_000), 30_000);
        assert_eq!(deadline(now, 30_000, None, far), UnixMillis(1_000 + 30_000));
        assert_eq!(deadline(now, work_max_ms(u64::MAX), None, far), UnixMillis(1_000 + LEASE_MAX_MS));
        assert_eq!(deadline(now, 30_000, None, UnixMillis(5_000)), UnixMillis(5_000));
    }

    #[test]
    fn the_fair_time_is_the_expected_one_and_ends_within_the_usual_job() {
        assert_eq!(fair_ms(work_max_ms(0)), OVERHEAD_MS);
        assert_eq!(fair_ms(work_max_ms(2_000)), 2_000 + OVERHEAD_MS);
        let slowest = fair_ms(work_max_ms(u64::MAX));
        let usual = shared::job::request::TTL_DEFAULT_SECONDS * 1_000;
        assert!(slowest < usual, "a miner that calls itself as slow as can be is still at fault: {slowest} < {usual}");
    }

    #[test]
    fn a_lease_waits_for_those_before_it_within_the_same_limits() {
        let (now, far) = (UnixMillis(1_000), UnixMillis(u64::MAX));
        assert_eq!(deadline(now, 30_000, Some(UnixMillis(500_000)), far), UnixMillis(530_000));
        assert_eq!(
            deadline(now, 30_000, Some(UnixMillis(10)), far),
            UnixMillis(31_000),
            "what is overdue delays nothing"
        );
        let last = Some(UnixMillis(LEASE_MAX_MS));
        assert_eq!(deadline(now, 30_000, last, far), UnixMillis(1_000 + LEASE_MAX_MS));
        assert_eq!(deadline(now, 30_000, last, UnixMillis(5_000)), UnixMillis(5_000));
    }
}
