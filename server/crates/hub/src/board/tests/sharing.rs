//! Jobs that several miners share: the plan, who gets which part, and what a lost part means for the rest.

use shared::job::request::Work;

use super::*;
use crate::audit::{Compared, Draw};
use shared::comparison::{Agreement, Comparison};

/// Sixteen pictures; one takes about a second at a miner of these tests.
fn sixteen() -> ValidJob {
    let mut request = image_job("scenes");
    let Work::Image(input) = &mut request.work else { panic!("pictures") };
    (input.count, input.width, input.height, input.steps, input.seed) = (16, 256, 256, 16, 100);
    request
}

fn four() -> TaskCount {
    TaskCount::try_from(4).unwrap()
}

const LATE: UnixMillis = UnixMillis(900_000);

fn with_miners(board: Board, numbers: std::ops::RangeInclusive<u8>) -> Board {
    let mut board = board;
    for number in numbers {
        board.joined(arrival(number, number.into(), 1), NOW);
    }
    board
}

fn assigned(effects: &[Effect]) -> Vec<(TaskRole, u64, u32)> {
    let work = effects.iter().filter_map(|effect| match effect {
        Effect::Grant { assignment, .. } => Some((assignment.task.role, &assignment.work)),
        _ => None,
    });
    work.map(|(role, work)| match work {
        Work::Image(input) => (role, input.seed, input.count),
        other => panic!("pictures, got {other:?}"),
    })
    .collect()
}

fn job_of_shards(board: &mut Board) -> Vec<Effect> {
    board.submitted(shared_job(1, sixteen(), LATE, four()), NOW)
}

fn last_state(effects: &[Effect]) -> Option<JobState> {
    let mut moved = effects.iter().filter_map(|effect| match effect {
        Effect::Move { moved, .. } | Effect::Complete { moved, .. } if !moved.task.role.is_audit() => Some(moved.job),
        _ => None,
    });
    moved.next_back()
}

#[test]
fn a_job_is_split_by_the_miners_that_are_free_or_soon_free_and_not_while_others_wait() {
    let plan = |board: &Board, request: &ValidJob, price| board.plan(request, price, NOW).tasks;
    let mut board = with_miners(board(), 1..=4);
    assert_eq!(plan(&board, &sixteen(), None), four());
    assert_eq!(plan(&board, &image_job("scenes"), None), TaskCount::ONE);
    assert_eq!(plan(&board, &sixteen(), Some(Amount::ZERO)), TaskCount::ONE, "who asks for more takes no part");
    let mut named = sixteen();
    named.constraints.miners = vec![Address::repeat_byte(1), Address::repeat_byte(2)];
    assert_eq!(plan(&board, &named, None).get(), 2);
    board.take(Input::Drain { miner: Address::repeat_byte(1), session: SessionNumber(1) }, NOW);
    assert_eq!(plan(&board, &sixteen(), None).get(), 3);
    // Two of the three get something short, and are free again soon.
    board.submitted(open_job(7), NOW);
    board.submitted(open_job(8), NOW);
    assert_eq!(plan(&board, &sixteen(), None).get(), 3);
    for number in 9..12 {
        board.submitted(open_job(number), NOW);
    }
    assert_eq!(plan(&board, &sixteen(), None), TaskCount::ONE, "a queue is served by those that are free");
    assert_eq!(plan(&super::board(), &sixteen(), None), TaskCount::ONE, "nobody is there");

    // A job that waits for a miner which drains takes nothing from those that are free.
    let mut board = with_miners(super::board(), 1..=4);
    board.take(Input::Drain { miner: Address::repeat_byte(1), session: SessionNumber(1) }, NOW);
    let mut waits = image_job("scenes");
    waits.constraints.miners = vec![Address::repeat_byte(1)];
    board.submitted(shared_job(6, waits, LATE, TaskCount::ONE), NOW);
    assert_eq!(plan(&board, &sixteen(), None).get(), 3);
}

#[test]
fn each_shard_goes_to_a_miner_of_its_own_with_its_own_seed_and_units() {
    let mut board = board();
    for number in 1..=4 {
        // Each could take all of them at once.
        let proven = Arrival { leases_ended: 50, ..arrival(number, number.into(), 4) };
        board.joined(proven, NOW);
    }
    let effects = job_of_shards(&mut board);
    let expected = (0..4_u16).map(|number| (TaskRole::Shard(number), 100 + u64::from(number) * 4, 4));
    assert_eq!(assigned(&effects), expected.collect::<Vec<_>>());
    let leases = granted(&effects);
    assert_eq!(leases.iter().map(|lease| lease.miner).collect::<BTreeSet<_>>().len(), 4);
    let units: u64 = leases.iter().map(|lease| lease.terms.units.0).sum();
    assert_eq!(units, sixteen().work.units().0);
    let whole_ms = crate::matching::expected_ms(sixteen().work.units(), 1_000_000);
    assert!(leases.iter().all(|lease| lease.expected_ms <= whole_ms / 4 + 1), "a lease is as long as its part takes");
    let overlay = board.overlay(JobId::from_random(1), NOW).unwrap();
    assert!(overlay.eta_ms.is_some_and(|eta| eta <= whole_ms / 4 + 1), "{overlay:?}");
}

#[test]
fn a_part_whose_result_is_looked_at_ends_with_that_look_also_after_a_cancellation() {
    for holds in [true, false] {
        let mut board = with_miners(board(), 1..=4);
        let leases = granted(&job_of_shards(&mut board));
        board.delivered(&leases[0], NOW);
        let effects = board.take(Input::Cancel { job_id: JobId::from_random(1) }, NOW);
        let stopped = effects.iter().filter(|effect| matches!(effect, Effect::Cancel { .. })).count();
        assert_eq!((stopped, last_state(&effects)), (3, Some(JobState::Verifying)), "{effects:?}");
        let effects = match holds {
            true => board.take(verified(&leases[0]), NOW),
            false => board.take(Input::ResultRefuted { lease_id: leases[0].id, reason: "blank".into() }, NOW),
        };
        assert_eq!(last_state(&effects), Some(JobState::Canceled), "{effects:?}");
        assert!(granted(&effects).is_empty(), "nothing of it is made again");
        assert!(board.job(JobId::from_random(1)).is_none());
    }
}

/// Parts differ in their seeds alone. Two miners that put it on the input would otherwise end a part that others make.
#[test]
fn nobody_puts_a_part_on_its_input_once_another_part_is_made() {
    let faults_of = |effects: &[Effect]| {
        let counted = effects.iter().filter_map(|effect| match effect {
            Effect::CountFault { miner, .. } => Some(*miner),
            _ => None,
        });
        counted.collect::<Vec<_>>()
    };
    let mut board = with_miners(board(), 1..=4);
    let leases = granted(&job_of_shards(&mut board));
    let early = board.failed(&leases[0], failure(Blame::Input, false), NOW);
    assert!(faults_of(&early).is_empty());
    assert_eq!(faults_of(&board.served(&leases[1], NOW)), [leases[0].miner], "its part shows that the input is none");
    let late = board.failed(&leases[2], failure(Blame::Input, false), NOW);
    let blamed = late.iter().find_map(|effect| match effect {
        Effect::Move { moved, .. } => moved.life.faults.last().map(|fault| fault.blame),
        _ => None,
    });
    assert_eq!(blamed, Some(Blame::Miner));
    assert!(faults_of(&board.served(&leases[3], NOW)).is_empty(), "nobody counts twice");
    assert!(!board.job(JobId::from_random(1)).unwrap().state().is_terminal());
}

/// A miner that delivered much scores better than a new one, even with two parts at once.
#[test]
fn a_new_miner_has_its_shard_beside_a_proven_one_unless_it_would_hold_up_the_job() {
    let drawers = |speed_of_new: u64| {
        let mut board = board();
        board.joined(Arrival { leases_ended: 500, ..arrival(1, 1, 4) }, NOW);
        let capability = capability("scenes", speed_of_new);
        board.joined(Arrival { capability, ..arrival(2, 2, 1) }, NOW);
        let job = shared_job(1, sixteen(), LATE, TaskCount::try_from(2).unwrap());
        granted(&board.submitted(job, NOW)).into_iter().map(|lease| lease.miner).collect::<Vec<_>>()
    };
    let (proven, new) = (Address::repeat_byte(1), Address::repeat_byte(2));
    let of_equals = drawers(1_000_000);
    assert!(of_equals.len() == 2 && of_equals.contains(&proven) && of_equals.contains(&new), "{of_equals:?}");
    assert_eq!(drawers(100_000), [proven, proven], "ten times as slow");
}

#[test]
fn shards_share_a_miner_where_there_is_no_other_and_a_text_has_none() {
    let mut board = board();
    board.joined(Arrival { leases_ended: 50, ..arrival(1, 1, 3) }, NOW);
    assert_eq!(granted(&job_of_shards(&mut board)).len(), 3);
    assert_eq!(board.queue_depth(), 1);
}

#[test]
fn a_job_is_done_with_its_last_shard_and_its_progress_is_that_of_all() {
    let mut board = with_miners(board(), 1..=4);
    let leases = granted(&job_of_shards(&mut board));
    let told = |board: &mut Board, lease: &Lease, step| {
        let progress = StepProgress { step, steps: 64 };
        let input = Input::Progress { lease_id: lease.id, miner: lease.miner, progress, piece: None };
        let effects = board.take(input, NOW);
        effects.into_iter().find_map(|effect| match effect {
            Effect::Progressed { step, steps, is_shown, .. } => Some((step, steps, is_shown)),
            _ => None,
        })
    };
    assert_eq!(told(&mut board, &leases[1], 32), Some((32, 256, false)), "previews are those of the first");
    assert_eq!(told(&mut board, &leases[0], 16), Some((48, 256, true)));
    assert_eq!(last_state(&board.served(&leases[0], NOW)), Some(JobState::Running));
    assert_eq!(
        board.overlay(JobId::from_random(1), NOW).unwrap().progress,
        Some(StepProgress { step: 96, steps: 256 })
    );
    assert_eq!(told(&mut board, &leases[1], 48), Some((112, 256, true)), "now it is the first that runs");
    for lease in &leases[1..3] {
        assert_eq!(last_state(&board.served(lease, NOW)), Some(JobState::Running));
    }
    assert_eq!(last_state(&board.served(&leases[3], NOW)), Some(JobState::Completed));
    assert!(board.job(JobId::from_random(1)).is_none());
}

#[test]
fn a_shard_whose_miner_vanishes_goes_to_another_and_the_others_go_on() {
    let mut board = with_miners(board(), 1..=4);
    let leases = granted(&job_of_shards(&mut board));
    let gone = &leases[2];
    let effects = board.left(gone.miner, u64::from(gone.miner[0]), NOW);
    assert!(granted(&effects).is_empty() && board.queue_depth() == 1);
    let again = granted(&board.served(&leases[0], NOW));
    assert_eq!(again.iter().map(|lease| lease.task).collect::<Vec<_>>(), [gone.task]);
    assert_eq!(again[0].miner, leases[0].miner);
    board.served(&leases[1], NOW);
    board.served(&leases[3], NOW);
    assert_eq!(last_state(&board.served(&again[0], NOW)), Some(JobState::Completed));
}

#[test]
fn a_part_that_fails_for_good_ends_the_job_as_failed_once_the_others_are_done() {
    let mut board = with_miners(board(), 1..=4);
    let leases = granted(&job_of_shards(&mut board));
    let mut lost = leases[3].clone();
    let mut states = Vec::new();
    for _ in 0..MAX_FAULTS {
        let effects = board.failed(&lost, failure(Blame::Miner, true), NOW);
        states.extend(last_state(&effects));
        let canceled = |effect: &Effect| matches!(effect, Effect::Cancel { .. });
        assert!(!effects.iter().any(canceled), "nobody else is stopped");
        match granted(&effects).first() {
            Some(next) => lost = next.clone(),
            None => break,
        }
    }
    assert!(states.iter().all(|state| !state.is_terminal()), "{states:?}");
    for lease in &leases[..2] {
        board.served(lease, NOW);
    }
    assert_eq!(last_state(&board.served(&leases[2], NOW)), Some(JobState::Failed));
    assert!(board.job(JobId::from_random(1)).is_none());
}

#[test]
fn a_cancellation_and_the_deadline_end_what_is_not_drawn_yet() {
    for by_client in [true, false] {
        let mut board = with_miners(board(), 1..=4);
        let leases = granted(&job_of_shards(&mut board));
        board.served(&leases[0], NOW);
        let (input, now, end) = match by_client {
            true => (Input::Cancel { job_id: JobId::from_random(1) }, NOW, JobState::Canceled),
            false => (Input::Tick, LATE, JobState::Failed),
        };
        let effects = board.take(input, now);
        assert_eq!(last_state(&effects).map(JobState::is_terminal), Some(true), "{effects:?}");
        if by_client {
            assert_eq!(last_state(&effects), Some(end));
        }
        let stopped = effects.iter().filter(|effect| matches!(effect, Effect::Cancel { .. })).count();
        assert_eq!(stopped, 3, "the miner of the part that is done is left alone");
    }
}

fn equal() -> Option<Compared> {
    let equal = Comparison { agreement: Agreement::Equal, distance: None };
    Some(Compared { with_served: equal, with_audit: None })
}

#[test]
fn each_shard_is_audited_by_itself_and_an_audit_outlives_a_cancellation() {
    let mut board = with_miners(board().with_audits(Draw::Always), 1..=4);
    let leases = granted(&job_of_shards(&mut board));
    let answer = |board: &mut Board, lease: &Lease, compared| {
        board.delivered(lease, NOW);
        let (lease_id, units) = (lease.id, lease.terms.units);
        board.take(Input::ResultVerified(VerifiedResult { lease_id, units, bits: [9; 32], compared }), NOW)
    };
    let mut effects = answer(&mut board, &leases[0], None);
    effects.extend(answer(&mut board, &leases[1], None));
    let canceled = board.take(Input::Cancel { job_id: JobId::from_random(1) }, NOW);
    assert_eq!(last_state(&canceled), Some(JobState::Canceled));
    effects.extend(canceled);
    let audits: Vec<_> = assigned(&effects);
    assert_eq!(audits.len(), 1, "one audit at once for so few miners: {audits:?}");
    let (role, seed, count) = audits[0];
    let served = role.audited().unwrap();
    let of_served = leases.iter().find(|lease| lease.task.role == served).unwrap();
    assert_eq!((seed, count), (if served == TaskRole::Shard(0) { 100 } else { 104 }, 4), "the same part once more");
    let audit = granted(&effects).remove(0);
    assert!(audit.miner != of_served.miner && audit.terms.units == of_served.terms.units);
    let left = board.job(JobId::from_random(1)).unwrap();
    assert!(left.state() == JobState::Canceled && left.open_tasks().all(|task| task.role.is_audit()));
    let again = Input::Cancel { job_id: JobId::from_random(1) };
    assert!(board.apply(again, NOW).is_err(), "what is over is not canceled twice");
    let effects = answer(&mut board, &audit, equal());
    let other = granted(&effects).remove(0);
    assert!(other.task.role.is_audit() && other.task != audit.task);
    answer(&mut board, &other, equal());
    assert!(board.job(JobId::from_random(1)).is_none(), "every result was looked at");
}

#[test]
fn after_a_restart_each_shard_goes_on_where_it_was() {
    let mut before = with_miners(board(), 1..=4);
    let leases = granted(&job_of_shards(&mut before));
    before.served(&leases[0], NOW);
    let stored: Vec<_> =
        before.job(JobId::from_random(1)).unwrap().tasks().map(|(role, life)| (role, life.clone())).collect();
    let mut board = board();
    let job = OpenJob::stored(JobId::from_random(1), 1, Address::repeat_byte(0xc1), Arc::new(sixteen()), LATE, stored);
    // The lease of the last was not on the disk.
    board.take(Input::Restore { job, leases: leases[1..3].to_vec() }, NOW);
    assert_eq!(board.queue_depth(), 1);
    let effects = board.joined(Arrival { leases: vec![leases[1].id], ..arrival(leases[1].miner[0], 1, 1) }, NOW);
    assert!(granted(&effects).is_empty(), "it has what it had");
    let effects = board.joined(arrival(9, 9, 1), NOW);
    assert_eq!(assigned(&effects), [(TaskRole::Shard(3), 112, 4)]);
    for lease in leases[1..3].iter().chain(&granted(&effects)) {
        let state = last_state(&board.served(lease, NOW));
        assert!(state.is_some());
    }
    assert!(board.job(JobId::from_random(1)).is_none());
}
