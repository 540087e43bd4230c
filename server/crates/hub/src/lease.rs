//! How long a miner may hold a job, and when a silent miner loses its leases.
//!
//! A miner with several slots may have one device for all of them, so its leases wait for each other. Therefore the
//! time of a lease starts when the leases that its miner already has are over at the latest. With this rule alone, a
//! miner that takes many jobs and does nothing could keep them for long. So there is a second bound: a miner that shows
//! no work on any of its leases for twice as long as the longest of them takes loses them. Where another miner is free, a
//! lease ends earlier: without any work after a part of the job's time, and with work that is behind its pace.

use shared::time::UnixMillis;

/// Time for loading a model and for the way there and back, on top of the work.
const OVERHEAD_MS: u64 = 20_000;

/// A lease lasts up to this many times as long as the miner's speed says.
const SLACK: u64 = 5;

/// Without any work shown it lasts this many times as long.
const QUIET_SLACK: u64 = 2;

/// A lease on which no work was shown goes to another free miner after this part of the time that its job had: a quarter.
pub const QUIET_SHARE: u64 = 4;

/// A lease with work has its expected time, and more only up to this part of the time that its job had: a half.
pub const HOLD_SHARE: u64 = 2;

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

/// An assignment and the message that another hub has its slot can cross on the way for this long.
pub const CROSSING_MAX_MS: u64 = 5_000;

/// How long a miner may work on a lease: the expected time times `SLACK`, plus `OVERHEAD_MS`.
pub fn work_max_ms(expected_ms: u64) -> u64 {
    expected_ms.saturating_mul(SLACK).saturating_add(OVERHEAD_MS).min(LEASE_MAX_MS)
}

/// How long a miner may hold a lease of a job that ended meanwhile without showing work, before that is its fault: the
/// time that the work takes as the miner's speed says, without slack. A client that gives a job too little time does not bring
/// a fault upon a miner, and a miner that holds a job to its end without doing anything does not go free.
pub fn fair_ms(expected_ms: u64) -> u64 {
    expected_ms.min((LEASE_MAX_MS - OVERHEAD_MS) / SLACK) + OVERHEAD_MS
}

/// How long a miner may show no work on anything that it holds.
pub fn quiet_max_ms(expected_ms: u64) -> u64 {
    expected_ms.saturating_mul(QUIET_SLACK).saturating_add(OVERHEAD_MS).min(LEASE_MAX_MS)
}

/// How long a miner may keep a lease without showing work while another one is free. `left_ms` is what the job had left
/// when the lease was granted.
pub fn quiet_share_ms(left_ms: u64) -> u64 {
    (left_ms / QUIET_SHARE).max(OVERHEAD_MS)
}

/// Until when so much of the work must not be behind. The first quarter of the time is given, and the rest is earned by
/// the work that is shown, with the same slack as the whole. So progress that is invented ends with the pace that it
/// claims. `leases` wait for each other.
pub fn pace_max_ms(expected_ms: u64, shown_per_mille: u64, leases: u64) -> u64 {
    let whole = expected_ms.saturating_mul(SLACK).saturating_mul(leases.max(1));
    let earned = u128::from(whole) * u128::from(shown_per_mille.clamp(250, 1_000)) / 1_000;
    u64::try_from(earned).unwrap_or(u64::MAX).saturating_add(OVERHEAD_MS)
}

/// Until when so much of an audit must be shown, where another miner could make it: [`pace_max_ms`], and as long as any lease
/// may be quiet. `expected_ms` is that of all leases of its miner together, since they wait for each other.
pub fn audit_pace_max_ms(expected_ms: u64, shown_per_mille: u64) -> u64 {
    let quiet_ms = expected_ms.saturating_mul(QUIET_SLACK).saturating_add(OVERHEAD_MS);
    pace_max_ms(expected_ms, shown_per_mille, 1).max(quiet_ms)
}

/// The expected time of a lease of which only the whole span is known.
pub const fn expected_of_span(span_ms: u64) -> u64 {
    span_ms.saturating_sub(OVERHEAD_MS) / SLACK
}

/// When a lease granted now ends: [`work_max_ms`] after the last one that its miner has already, if any, but never after
/// the job's own deadline. Beyond [`fair_ms`] it does not take more than a part of the job's time, so that others can
/// still try.
pub fn deadline(
    now: UnixMillis,
    expected_ms: u64,
    last_before: Option<UnixMillis>,
    job_deadline: UnixMillis,
) -> UnixMillis {
    let begins = last_before.map_or(now, |before| before.max(now));
    let share_ms = job_deadline.since_ms(begins) / HOLD_SHARE;
    let work_ms = work_max_ms(expected_ms).min(share_ms.max(fair_ms(expected_ms)));
    begins.plus_ms(work_ms).min(now.plus_ms(LEASE_MAX_MS)).min(job_deadline)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_grows_with_the_work_and_ends_with_the_job() {
        let now = UnixMillis(1_000);
        let far = UnixMillis(u64::MAX);
        assert_eq!(work_max_ms(2_000), 30_000);
        assert_eq!(deadline(now, 2_000, None, far), UnixMillis(1_000 + 30_000));
        assert_eq!(deadline(now, u64::MAX, None, far), UnixMillis(1_000 + LEASE_MAX_MS));
        assert_eq!(deadline(now, 2_000, None, UnixMillis(5_000)), UnixMillis(5_000));
    }

    #[test]
    fn the_fair_time_is_the_expected_one_and_ends_within_the_usual_job() {
        assert_eq!(fair_ms(0), OVERHEAD_MS);
        assert_eq!(fair_ms(2_000), 2_000 + OVERHEAD_MS);
        let slowest = fair_ms(u64::MAX);
        let usual = shared::job::request::TTL_DEFAULT_SECONDS * 1_000;
        assert!(slowest < usual, "a miner that calls itself as slow as can be is still at fault: {slowest} < {usual}");
    }

    #[test]
    fn beyond_its_expected_time_a_lease_leaves_half_of_the_jobs_time_to_others() {
        let (now, end) = (UnixMillis(0), UnixMillis(200_000));
        assert_eq!(deadline(now, 10_000, None, end), UnixMillis(70_000), "all its slack fits");
        assert_eq!(deadline(now, 60_000, None, end), UnixMillis(100_000), "320 s do not");
        assert_eq!(deadline(now, 120_000, None, end), UnixMillis(140_000), "its own time it has");
    }

    #[test]
    fn progress_earns_time_at_the_pace_that_it_claims() {
        assert_eq!(pace_max_ms(8_000, 0, 1), 10_000 + OVERHEAD_MS);
        assert_eq!(pace_max_ms(8_000, 250, 1), 10_000 + OVERHEAD_MS);
        assert_eq!(pace_max_ms(8_000, 500, 1), 20_000 + OVERHEAD_MS);
        assert_eq!(pace_max_ms(8_000, u64::MAX, 1), work_max_ms(8_000), "never more than the whole lease");
        assert_eq!(pace_max_ms(8_000, 0, 2), 20_000 + OVERHEAD_MS);
        assert_eq!(pace_max_ms(u64::MAX, 1_000, u64::MAX), u64::MAX);
    }

    #[test]
    fn an_audit_may_be_quiet_as_long_as_any_lease_and_earns_more_by_what_it_shows() {
        assert_eq!(audit_pace_max_ms(8_000, 0), quiet_max_ms(8_000));
        assert_eq!(audit_pace_max_ms(8_000, 100), quiet_max_ms(8_000), "who shows a little has no less time");
        assert_eq!(audit_pace_max_ms(8_000, 500), pace_max_ms(8_000, 500, 1));
        assert_eq!(audit_pace_max_ms(8_000 + 60_000, 0), 136_000 + OVERHEAD_MS, "its miner has another lease, too");
        assert_eq!(audit_pace_max_ms(u64::MAX, 0), u64::MAX);
    }

    #[test]
    fn a_lease_waits_for_those_before_it_within_the_same_limits() {
        let (now, far) = (UnixMillis(1_000), UnixMillis(u64::MAX));
        assert_eq!(deadline(now, 2_000, Some(UnixMillis(500_000)), far), UnixMillis(530_000));
        assert_eq!(
            deadline(now, 2_000, Some(UnixMillis(10)), far),
            UnixMillis(31_000),
            "what is overdue delays nothing"
        );
        let last = Some(UnixMillis(LEASE_MAX_MS));
        assert_eq!(deadline(now, 2_000, last, far), UnixMillis(1_000 + LEASE_MAX_MS));
        assert_eq!(deadline(now, 2_000, last, UnixMillis(5_000)), UnixMillis(5_000));
    }
}
