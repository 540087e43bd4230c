//! How long a miner may hold a job, and when a silent one is given up.

use shared::time::UnixMillis;

/// Time for loading a model and for the way there and back, on top of the work.
const OVERHEAD_MS: u64 = 20_000;

/// A lease lasts this many times as long as the miner's own measurement says.
const SLACK: u64 = 5;

/// No lease is longer, however slow the miner.
const LEASE_MAX_MS: u64 = 3_600_000;

/// How often a worker says that it is alive.
pub const HEARTBEAT_SECONDS: u64 = 10;

/// A session without any message for so long is dead.
pub const SILENCE_MAX_MS: u64 = 3 * HEARTBEAT_SECONDS * 1_000;

/// After a restart of the hub, its miners have so long to come back for what they hold.
pub const REUNION_MS: u64 = 30_000;

/// A lease younger than this may be missing from a heartbeat: assignment and heartbeat crossed on the way.
pub const HEARTBEAT_BLIND_MS: u64 = 2 * HEARTBEAT_SECONDS * 1_000;

/// When a lease granted now ends: after the expected time with slack, but never after the job's own deadline.
pub fn deadline(now: UnixMillis, expected_ms: u64, job_deadline: UnixMillis) -> UnixMillis {
    let time_to_live = expected_ms.saturating_mul(SLACK).saturating_add(OVERHEAD_MS).min(LEASE_MAX_MS);
    now.plus_ms(time_to_live).min(job_deadline)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_grows_with_the_work_and_ends_with_the_job() {
        let now = UnixMillis(1_000);
        let far = UnixMillis(u64::MAX);
        assert_eq!(deadline(now, 2_000, far), UnixMillis(1_000 + 30_000));
        assert_eq!(deadline(now, u64::MAX, far), UnixMillis(1_000 + LEASE_MAX_MS));
        assert_eq!(deadline(now, 2_000, UnixMillis(5_000)), UnixMillis(5_000));
    }
}
