//! Which waiting jobs start together, and when: pure, the caller reads the clock.
//!
//! Jobs of one model and one shape share the engine's calls, which is faster where the engine has capacity left. So the
//! oldest job may wait for others like it, but never longer than [`DELAY_MAX`], and never if none can arrive.

use std::time::{Duration, Instant};

/// Longest time that a job waits for others to share its run.
pub const DELAY_MAX: Duration = Duration::from_millis(50);

/// A job as far as batching sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting<Key> {
    /// Equal keys may share a run; nothing where the job runs alone.
    pub key: Option<Key>,
    /// Jobs of this key that one run takes.
    pub batch_max: usize,
    pub since: Instant,
}

/// What to do with the queue while a device is free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing waits.
    Nothing,
    /// Run these together: places in the queue, in its order, the oldest first.
    Start(Vec<usize>),
    /// Look again then, or when the queue changes.
    WaitUntil(Instant),
}

/// Decides for a queue, oldest first. `room` is how many more jobs the hub may send before one ends.
pub fn decide<Key: PartialEq>(queue: &[Waiting<Key>], room: usize, delay: Duration, now: Instant) -> Decision {
    let Some(oldest) = queue.first() else { return Decision::Nothing };
    let Some(key) = &oldest.key else { return Decision::Start(vec![0]) };
    let most = oldest.batch_max.max(1);
    let alike = queue.iter().enumerate().filter(|(_, job)| job.key.as_ref() == Some(key)).map(|(place, _)| place);
    let together: Vec<usize> = alike.take(most).collect();
    let starts_at = oldest.since + delay.min(DELAY_MAX);
    if together.len() == most || room == 0 || now >= starts_at {
        Decision::Start(together)
    } else {
        Decision::WaitUntil(starts_at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DELAY: Duration = Duration::from_millis(20);

    fn queue(start: Instant, jobs: &[(Option<u8>, u64)], batch_max: usize) -> Vec<Waiting<u8>> {
        let job =
            |(key, at): &(Option<u8>, u64)| Waiting { key: *key, batch_max, since: start + Duration::from_millis(*at) };
        jobs.iter().map(job).collect()
    }

    #[test]
    fn equal_jobs_start_together_once_they_are_enough_or_have_waited() {
        let start = Instant::now();
        let jobs = queue(start, &[(Some(1), 0), (Some(2), 1), (Some(1), 2)], 4);
        assert_eq!(decide(&jobs, 5, DELAY, start), Decision::WaitUntil(start + DELAY));
        assert_eq!(decide(&jobs, 5, DELAY, start + DELAY), Decision::Start(vec![0, 2]));
        let enough = queue(start, &[(Some(1), 0), (Some(1), 0), (Some(1), 0)], 2);
        assert_eq!(decide(&enough, 5, DELAY, start), Decision::Start(vec![0, 1]));
        assert_eq!(decide(&queue(start, &[], 4), 5, DELAY, start), Decision::Nothing);
    }

    #[test]
    fn nobody_waits_for_who_cannot_come() {
        let start = Instant::now();
        assert_eq!(decide(&queue(start, &[(Some(1), 0)], 4), 0, DELAY, start), Decision::Start(vec![0]));
        assert_eq!(decide(&queue(start, &[(Some(1), 0)], 1), 5, DELAY, start), Decision::Start(vec![0]));
        assert_eq!(decide(&queue(start, &[(None, 0), (None, 0)], 4), 5, DELAY, start), Decision::Start(vec![0]));
    }

    proptest! {
        #[test]
        fn batches_are_equal_bounded_in_order_and_never_late(
            jobs in prop::collection::vec((prop::option::of(0..3_u8), 0..200_u64), 0..12),
            batch_max in 0..5_usize,
            room in 0..4_usize,
            delay_ms in 0..500_u64,
            now_ms in 0..400_u64,
        ) {
            let start = Instant::now();
            let mut jobs = jobs;
            jobs.sort_by_key(|(_, at)| *at);
            let queue = queue(start, &jobs, batch_max);
            let now = start + Duration::from_millis(now_ms);
            match decide(&queue, room, Duration::from_millis(delay_ms), now) {
                Decision::Nothing => prop_assert!(queue.is_empty()),
                Decision::Start(places) => {
                    prop_assert_eq!(places[0], 0, "the oldest is passed over");
                    prop_assert!(places.len() <= batch_max.max(1));
                    prop_assert!(places.is_sorted_by(|one, two| one < two));
                    prop_assert!(places.iter().all(|place| queue[*place].key == queue[0].key));
                    prop_assert!(places.len() == 1 || queue[0].key.is_some());
                    // Of equal jobs, none overtakes an older one.
                    let alike = (0..queue.len()).filter(|place| queue[*place].key == queue[0].key);
                    prop_assert!(alike.take(places.len()).eq(places.iter().copied()));
                }
                Decision::WaitUntil(at) => {
                    prop_assert!(room > 0 && at > now && at <= queue[0].since + DELAY_MAX);
                }
            }
        }
    }
}
