//! How a job is split, and which part of it each of its tasks is.
//!
//! The number of tasks is fixed when the job is submitted, or when it is quoted: receipts and the client's order name
//! it. Which miner gets which shard is not: a shard goes to the best free miner when it goes out, as any task does. So the
//! number is all that is kept, and everything else follows from it.

use shared::amount::MicroUnits;
use shared::escrow::TaskCount;
use shared::job::request::Work;
use shared::job::task::{Part, TaskRole};

use crate::matching::{self, COLD_MS, ROUND_TRIP_MS};

/// A job is split only where that saves this share of its time, in thousandths: below it, one miner that draws several
/// pictures at once does as well, and others stay free for other jobs.
pub const SAVES_AT_LEAST_PER_MILLE: u64 = 250;

/// A miner that could draw a part, as it is when the job is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawer {
    /// Until one of its slots is free.
    pub wait_ms: u64,
    pub micro_units_per_second: u64,
    pub is_warm: bool,
}

/// How a job is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    pub tasks: TaskCount,
    /// What the largest part takes at the slowest miner that the plan counts on, from the submission to the result.
    pub total_ms: u64,
}

/// How many pieces the work has that can be made apart from each other: its pictures.
pub const fn pieces(work: &Work) -> u32 {
    match work {
        Work::Image(input) => {
            if input.count == 0 {
                1
            } else {
                input.count
            }
        }
        Work::Text(_) | Work::Embedding(_) => 1,
    }
}

/// The tasks that a job of so many begins with.
pub fn roles(tasks: TaskCount) -> Vec<TaskRole> {
    match tasks.get() {
        1 => vec![TaskRole::Serve],
        count => (0..count).map(TaskRole::Shard).collect(),
    }
}

/// Of how many tasks a job is whose tasks are these.
pub fn count_of(roles: impl IntoIterator<Item = TaskRole>) -> TaskCount {
    let shards = roles.into_iter().filter(|role| matches!(role, TaskRole::Shard(_))).count();
    u16::try_from(shards).ok().and_then(|shards| TaskCount::try_from(shards).ok()).unwrap_or(TaskCount::ONE)
}

/// The part of the work that a task makes. The parts of all shards together are the whole, in order and without overlap,
/// and no two differ by more than one piece. An audit makes what the task made that it looks at.
pub fn part(pieces: u32, tasks: TaskCount, role: TaskRole) -> Part {
    let TaskRole::Shard(number) = role.audited().unwrap_or(role) else { return Part { first: 0, count: pieces } };
    let count = u64::from(tasks.get());
    let begin = |number: u64| {
        let begin = u64::from(pieces) * number.min(count) / count;
        u32::try_from(begin).unwrap_or(pieces)
    };
    let (first, next) = (begin(number.into()), begin(u64::from(number) + 1));
    Part { first, count: next - first }
}

/// The work of a part: picture i of a job has the job's seed + i at every miner.
pub fn work_of(work: &Work, part: Part) -> Work {
    let mut work = work.clone();
    if let Work::Image(input) = &mut work {
        input.seed = input.seed.wrapping_add(part.first.into());
        input.count = part.count;
    }
    work
}

/// What a part comes to, at most.
pub fn units_of(work: &Work, part: Part) -> MicroUnits {
    match work {
        Work::Image(_) => {
            // Every picture of a job is of one size and takes as many steps.
            let pieces = u64::from(pieces(work));
            MicroUnits(work.units().0 / pieces * u64::from(part.count))
        }
        Work::Text(_) | Work::Embedding(_) => work.units(),
    }
}

/// How many tasks a job is split into: as many as make it end soonest, in even parts, each at a miner of its own. Where
/// fewer do as well, fewer.
pub fn split(work: &Work, drawers: &[Drawer]) -> Plan {
    let pieces = pieces(work);
    let total_ms = |tasks: TaskCount| {
        // The last part is never smaller than any other.
        let largest = part(pieces, tasks, TaskRole::Shard(tasks.get() - 1));
        let units = units_of(work, largest);
        let mut times: Vec<u64> = drawers.iter().map(|drawer| drawer.total_ms(units)).collect();
        times.sort_unstable();
        times.get(usize::from(tasks.get()) - 1).copied()
    };
    let whole = Plan { tasks: TaskCount::ONE, total_ms: total_ms(TaskCount::ONE).unwrap_or(u64::MAX) };
    let most = usize::try_from(pieces).unwrap_or(usize::MAX).min(drawers.len());
    let counts = (2..=most).map_while(|count| TaskCount::try_from(u16::try_from(count).ok()?).ok());
    let plans = counts.filter_map(|tasks| Some(Plan { tasks, total_ms: total_ms(tasks)? }));
    let best = plans.min_by_key(|plan| (plan.total_ms, plan.tasks));
    let is_worth_it = |plan: &Plan| {
        let saved = u128::from(whole.total_ms.saturating_sub(plan.total_ms));
        saved * 1_000 >= u128::from(whole.total_ms) * u128::from(SAVES_AT_LEAST_PER_MILLE)
    };
    best.filter(is_worth_it).unwrap_or(whole)
}

impl Drawer {
    fn total_ms(self, units: MicroUnits) -> u64 {
        let cold_ms = if self.is_warm { 0 } else { COLD_MS };
        let work_ms = matching::expected_ms(units, self.micro_units_per_second);
        [ROUND_TRIP_MS, cold_ms, work_ms].into_iter().fold(self.wait_ms, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::board::fixtures::{image_job, text_job};

    /// So many pictures of 4096 pixels in eight steps.
    fn pictures(count: u32, seed: u64) -> Work {
        let mut job = image_job("scenes");
        let Work::Image(input) = &mut job.work else { panic!("pictures") };
        (input.count, input.seed) = (count, seed);
        job.work
    }

    fn tasks(count: u16) -> TaskCount {
        TaskCount::try_from(count).unwrap()
    }

    /// Draws one of [`pictures`] in so long.
    const fn drawer(ms_of_picture: u64) -> Drawer {
        Drawer { wait_ms: 0, micro_units_per_second: 64 * 64 * 8 * 1_000 / ms_of_picture, is_warm: true }
    }

    #[test]
    fn a_job_of_sixteen_is_shared_by_four_miners_and_a_small_one_stays_whole() {
        let four = [drawer(1_024); 4];
        assert_eq!(split(&pictures(16, 1), &four).tasks, tasks(4));
        assert_eq!(split(&pictures(16, 1), &four[..1]).tasks, TaskCount::ONE);
        assert_eq!(split(&pictures(16, 1), &[]).tasks, TaskCount::ONE);
        assert_eq!(split(&pictures(1, 1), &four).tasks, TaskCount::ONE, "a picture is not cut");
        let fast = [drawer(16); 4];
        assert_eq!(split(&pictures(16, 1), &fast).tasks, TaskCount::ONE, "a quarter of a second is not worth it");
    }

    #[test]
    fn a_miner_that_would_hold_up_the_others_is_left_out() {
        let with_slow = [drawer(1_024), drawer(1_024), drawer(65_536)];
        assert_eq!(split(&pictures(16, 1), &with_slow).tasks, tasks(2));
        let busy = Drawer { wait_ms: 60_000, ..drawer(1_024) };
        assert_eq!(split(&pictures(16, 1), &[drawer(1_024), busy]).tasks, TaskCount::ONE);
        let soon_free = Drawer { wait_ms: 1_000, ..drawer(1_024) };
        assert_eq!(split(&pictures(16, 1), &[drawer(1_024), soon_free]).tasks, tasks(2));
        let unmeasured = Drawer { wait_ms: 0, micro_units_per_second: 0, is_warm: true };
        assert_eq!(split(&pictures(16, 1), &[drawer(1_024), unmeasured]).tasks, TaskCount::ONE);
    }

    #[test]
    fn a_text_is_one_piece() {
        let work = text_job("writer").work;
        assert_eq!(split(&work, &[drawer(1_024); 4]).tasks, TaskCount::ONE);
        let whole = part(pieces(&work), TaskCount::ONE, TaskRole::Serve);
        assert_eq!((work_of(&work, whole), units_of(&work, whole)), (work.clone(), work.units()));
    }

    fn drawers() -> impl Strategy<Value = Vec<Drawer>> {
        let any = (0..10_000_u64, 0..1_000_000_u64, any::<bool>());
        let any = any.prop_map(|(wait_ms, micro_units_per_second, is_warm)| Drawer {
            wait_ms,
            micro_units_per_second,
            is_warm,
        });
        prop::collection::vec(any, 0..24)
    }

    proptest! {
        /// Every picture is drawn once, with the seed that the whole job would draw it with, and paid once.
        #[test]
        fn the_parts_are_the_whole_in_order(count in 1..=16_u32, shards in 1..=16_u16, seed: u64) {
            let (work, shards) = (pictures(count, seed), tasks(shards.min(u16::try_from(count).unwrap())));
            let (mut next, mut units, mut sizes) = (0, 0, Vec::new());
            for role in roles(shards) {
                let part = part(count, shards, role);
                prop_assert_eq!(part.first, next);
                let Work::Image(input) = work_of(&work, part) else { panic!("pictures") };
                prop_assert_eq!((input.seed, input.count), (seed.wrapping_add(next.into()), part.count));
                prop_assert_eq!(Work::Image(input).units(), units_of(&work, part));
                prop_assert_eq!(part, super::part(count, shards, role.audit()), "an audit makes the same again");
                prop_assert_eq!(part, super::part(count, shards, role.third_opinion()));
                next += part.count;
                units += units_of(&work, part).0;
                sizes.push(part.count);
            }
            prop_assert_eq!((next, units), (count, work.units().0));
            let (smallest, largest) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
            prop_assert!(*smallest >= 1 && largest - smallest <= 1 && sizes.last() == Some(largest), "{:?}", sizes);
            prop_assert_eq!(count_of(roles(shards)), shards);
        }

        #[test]
        fn a_split_saves_time_and_asks_for_no_more_than_there_is(count in 1..=16_u32, drawers in drawers()) {
            let work = pictures(count, 1);
            let plan = split(&work, &drawers);
            let shards = usize::from(plan.tasks.get());
            prop_assert!(shards == 1 || shards <= drawers.len() && shards <= count as usize);
            if shards > 1 {
                let alone = drawers.iter().map(|drawer| drawer.total_ms(work.units())).min().unwrap();
                prop_assert!(plan.total_ms <= alone - alone * SAVES_AT_LEAST_PER_MILLE / 1_000);
            }
        }
    }
}
