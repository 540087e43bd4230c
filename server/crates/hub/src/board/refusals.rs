//! Leases that miners gave back as nobody's fault. That costs nobody anything, so a miner that did it each time would
//! get the task again at once, for as long as the job lives. Each refusal therefore doubles the time for which the task
//! is kept from that miner: a job that lives a day costs a miner that refuses it each time 17 assignments.

use std::collections::BTreeMap;

use shared::Address;
use shared::job::task::Task;
use shared::time::UnixMillis;

/// How long a miner does not get a task that it refused once.
const FIRST_PAUSE_MS: u64 = 1_000;

/// Which miners do not get which tasks for a while.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusals(BTreeMap<Task, BTreeMap<Address, Refused>>);

#[derive(Debug, Clone)]
struct Refused {
    times: u32,
    until: UnixMillis,
}

impl Refusals {
    pub(super) fn count(&mut self, task: Task, miner: Address, now: UnixMillis) {
        let refused = self.0.entry(task).or_default().entry(miner).or_insert(Refused { times: 0, until: now });
        let pause_ms = 2_u64.checked_pow(refused.times).and_then(|times| times.checked_mul(FIRST_PAUSE_MS));
        refused.times = refused.times.saturating_add(1);
        refused.until = now.plus_ms(pause_ms.unwrap_or(u64::MAX));
    }

    /// Whether the miner does not get the task now.
    pub(super) fn keeps_from(&self, task: Task, miner: Address, now: UnixMillis) -> bool {
        let refused = self.0.get(&task).and_then(|miners| miners.get(&miner));
        refused.is_some_and(|refused| now < refused.until)
    }

    pub(super) fn has(&self, task: Task) -> bool {
        self.0.contains_key(&task)
    }

    /// Forgets the tasks whose jobs are over.
    pub(super) fn retain(&mut self, is_open: impl Fn(&Task) -> bool) {
        self.0.retain(|task, _| is_open(task));
    }
}

#[cfg(test)]
mod tests {
    use shared::id::JobId;
    use shared::job::task::TaskRole;

    use super::*;

    #[test]
    fn each_refusal_doubles_the_pause_of_its_task_and_miner_alone() {
        let task = |number| Task { job_id: JobId::from_random(number), role: TaskRole::Serve };
        let (job, other) = (task(1), task(2));
        let (miner, neighbour) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let (mut refusals, mut now) = (Refusals::default(), UnixMillis(5));
        for pause_ms in [1_000, 2_000, 4_000, 8_000] {
            refusals.count(job, miner, now);
            assert!(refusals.keeps_from(job, miner, now.plus_ms(pause_ms - 1)));
            now = now.plus_ms(pause_ms);
            assert!(!refusals.keeps_from(job, miner, now));
        }
        refusals.count(job, miner, now);
        assert!(!refusals.keeps_from(job, neighbour, now) && !refusals.keeps_from(other, miner, now));
        for _ in 0..100 {
            refusals.count(job, miner, now);
        }
        assert!(refusals.keeps_from(job, miner, UnixMillis(u64::MAX - 1)), "no number of refusals wraps around");
        refusals.retain(|open| *open == other);
        assert!(!refusals.has(job) && !refusals.keeps_from(job, miner, now));
    }
}
