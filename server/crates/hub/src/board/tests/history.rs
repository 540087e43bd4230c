//! The board under every history, with jobs of one task, of shards and with audits: jobs end once, slots are never
//! oversold, nothing is lost, and the list of inputs replays it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use shared::comparison::{Agreement, Comparison};

use crate::audit::{Compared, Draw};
use crate::board::excuses::EXCUSES_IN_A_ROW_MAX;

#[derive(Debug, Clone)]
enum Step {
    Submit(usize),
    Join(u8),
    Leave(u8),
    /// A miner says how many of its slots the hub may fill.
    Lend(u8, u32),
    Result(usize),
    Verified(usize, u8, Compared),
    Refuted(usize),
    Failed(usize, Blame, bool),
    Unchecked(usize),
    Cancel(usize),
    Pause(u8),
    Resume(u8),
    Wait(u64),
}

/// The tasks that a job may have.
const PLANS: [&[TaskRole]; 3] =
    [&[TaskRole::Serve], &[TaskRole::Serve], &[TaskRole::Shard(0), TaskRole::Shard(1), TaskRole::Shard(2)]];

fn any_blame() -> impl Strategy<Value = Blame> {
    prop_oneof![Just(Blame::Miner), Just(Blame::Network), Just(Blame::Platform), Just(Blame::Input)]
}

fn any_compared() -> impl Strategy<Value = Compared> {
    let any = || {
        prop_oneof![Just(Agreement::Equal), Just(Agreement::Unclear), Just(Agreement::Differs)]
            .prop_map(|agreement| Comparison { agreement, distance: None })
    };
    (any(), any()).prop_map(|(with_served, with_audit)| Compared { with_served, with_audit: Some(with_audit) })
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..PLANS.len()).prop_map(Step::Submit),
        2 => (0..4_u8).prop_map(Step::Join),
        1 => (0..4_u8).prop_map(Step::Leave),
        1 => (0..4_u8, 0..4_u32).prop_map(|(number, slots)| Step::Lend(number, slots)),
        3 => (0..8_usize).prop_map(Step::Result),
        3 => (0..8_usize, any::<u8>(), any_compared()).prop_map(|(index, bits, compared)| {
            Step::Verified(index, bits, compared)
        }),
        1 => (0..8_usize).prop_map(Step::Refuted),
        2 => (0..8_usize, any_blame(), any::<bool>()).prop_map(|(index, blame, retryable)| {
            Step::Failed(index, blame, retryable)
        }),
        1 => (0..8_usize).prop_map(Step::Unchecked),
        1 => (0..8_usize).prop_map(Step::Cancel),
        1 => (0..4_u8).prop_map(Step::Pause),
        1 => (0..4_u8).prop_map(Step::Resume),
        1 => (0..60_000_u64).prop_map(Step::Wait),
    ]
}

/// A board with what the outside saw of it.
struct World {
    board: Board,
    now: UnixMillis,
    submitted: u128,
    session: u64,
    /// How often each task ended, and the state that its job had last.
    ends: BTreeMap<Task, u32>,
    jobs: BTreeMap<JobId, JobState>,
    /// How often in a row each miner lost something as nobody's fault.
    excuses: BTreeMap<Address, u32>,
    log: Vec<(Input, UnixMillis)>,
    told: String,
}

impl World {
    fn new() -> Self {
        Self {
            board: board().with_audits(Draw::Always),
            now: NOW,
            submitted: 0,
            session: 0,
            ends: BTreeMap::new(),
            jobs: BTreeMap::new(),
            excuses: BTreeMap::new(),
            log: Vec::new(),
            told: String::new(),
        }
    }

    fn see(&mut self, moved: &Moved) {
        if moved.life.state.is_terminal() {
            *self.ends.entry(moved.task).or_default() += 1;
        }
        let before = self.jobs.insert(moved.task.job_id, moved.job);
        let stays = before.is_none_or(|before| !before.is_terminal() || before == moved.job);
        assert!(stays, "a job that was over changed: {before:?} {moved:?}");
    }

    fn lease(&self, index: usize) -> Option<Lease> {
        self.board.leases.values().nth(index).cloned()
    }

    fn verified_lease(&self, index: usize) -> Option<Lease> {
        self.lease(index).filter(|lease| self.board.is_verifying(lease.id))
    }

    fn job(&mut self, plan: usize) -> OpenJob {
        self.submitted += 1;
        let mut request = image_job("scenes");
        if let shared::job::request::Work::Image(input) = &mut request.work {
            input.count = 3;
        }
        let mut job = job_of(self.submitted, request, self.now.plus_ms(120_000));
        job.tasks = PLANS[plan].iter().map(|role| (*role, job::OpenTask::default())).collect();
        job
    }

    /// `None` where the step has nothing to act on.
    fn input(&mut self, step: Step) -> Option<Input> {
        Some(match step {
            Step::Submit(plan) => Input::Submit(self.job(plan)),
            Step::Join(number) => {
                self.session += 1;
                Input::Join(Box::new(arrival(number, self.session, u32::from(number % 3))))
            }
            Step::Leave(number) => {
                let miner = Address::repeat_byte(number);
                Input::Leave { miner, session: self.board.session_of(miner).unwrap_or(SessionNumber(0)) }
            }
            Step::Lend(number, slots) => {
                let miner = Address::repeat_byte(number);
                Input::Slots { miner, session: self.board.session_of(miner)?, slots }
            }
            Step::Result(index) => {
                let lease = self.lease(index)?;
                Input::ResultReceived { lease_id: lease.id, miner: lease.miner }
            }
            Step::Verified(index, bits, compared) => {
                let lease = self.verified_lease(index)?;
                let (lease_id, units) = (lease.id, lease.terms.units);
                let compared = Some(compared);
                Input::ResultVerified(VerifiedResult { lease_id, units, bits: [bits; 32], compared })
            }
            Step::Refuted(index) => {
                Input::ResultRefuted { lease_id: self.verified_lease(index)?.id, reason: "blank".into() }
            }
            Step::Failed(index, blame, retryable) => {
                let lease = self.lease(index)?;
                Input::Fail { lease_id: lease.id, miner: lease.miner, failure: failure(blame, retryable) }
            }
            Step::Unchecked(index) => Input::ResultUnchecked { lease_id: self.verified_lease(index)?.id },
            Step::Cancel(index) => Input::Cancel { job_id: *self.board.jobs.keys().nth(index)? },
            Step::Pause(number) => Input::Pause { miner: Address::repeat_byte(number), pause: pause(self.now) },
            Step::Resume(number) => Input::Resume { miner: Address::repeat_byte(number) },
            Step::Wait(milliseconds) => {
                self.now = self.now.plus_ms(milliseconds);
                Input::Tick
            }
        })
    }

    fn faults_of(&self, miner: Address) -> Option<u64> {
        self.board.miner(miner).map(|miner| miner.faults)
    }

    /// Each input is one excuse at most of a miner, and a completed task ends the row.
    fn count_excuses(&mut self, effects: &[Effect]) {
        let excused = effects.iter().filter_map(|effect| match effect {
            Effect::Move { ended: Some(EndedLease { miner, fault: Some(fault), .. }), .. } => {
                let is_excuse = matches!(fault.blame, Blame::Network | Blame::Platform);
                (is_excuse && !fault.reason.contains("new session")).then_some(*miner)
            }
            _ => None,
        });
        for miner in excused.collect::<BTreeSet<_>>() {
            *self.excuses.entry(miner).or_default() += 1;
        }
        for effect in effects {
            if let Effect::Complete { lease, .. } = effect {
                self.excuses.remove(&lease.miner);
            }
        }
    }

    fn take(&mut self, step: Step) {
        let Some(input) = self.input(step) else { return };
        let failed = match &input {
            Input::Fail { miner, failure, .. } => Some((*miner, failure.blame, self.faults_of(*miner))),
            _ => None,
        };
        self.log.push((input.clone(), self.now));
        let before = format!("{:?}", self.board);
        match self.board.apply(input, self.now) {
            Ok(effects) => {
                self.told.push_str(&format!("{effects:?}\n"));
                for effect in &effects {
                    let is_paused = |lease: &Lease| self.board.pause_of(lease.miner).is_some();
                    assert!(!matches!(effect, Effect::Grant { lease, .. } if is_paused(lease)), "{effect:?}");
                    if let Effect::Grant { moved, .. } | Effect::Move { moved, .. } | Effect::Complete { moved, .. } =
                        effect
                    {
                        self.see(moved);
                    }
                }
                self.count_excuses(&effects);
                if let Some((miner, told, Some(faults))) = failed {
                    let blame = blame_of(&effects, miner).unwrap_or(told);
                    let is_wrong = told == Blame::Input && blame == Blame::Miner;
                    assert!(blame == told || is_wrong, "{told:?} became {blame:?}");
                    let is_excuse = matches!(blame, Blame::Network | Blame::Platform);
                    let too_often = is_excuse && self.excuses[&miner] > EXCUSES_IN_A_ROW_MAX;
                    let pays = faults + u64::from(blame == Blame::Miner || too_often);
                    assert_eq!(self.faults_of(miner), Some(pays), "a miner pays for its own faults");
                }
            }
            Err(error) => {
                self.told.push_str(&format!("{error}\n"));
                assert_eq!(format!("{:?}", self.board), before, "{error}: what is refused changes nothing");
            }
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let board = &self.board;
        prop_assert!(self.ends.values().all(|count| *count == 1), "a task ended twice: {:?}", self.ends);
        let over = self.jobs.iter().filter(|(id, _)| !board.jobs.contains_key(id)).count() as u128;
        prop_assert_eq!(over + board.jobs.len() as u128, self.submitted, "a job was lost");
        for (id, state) in self.jobs.iter().filter(|(id, _)| !board.jobs.contains_key(id)) {
            prop_assert!(state.is_terminal(), "{} left the board as {}", id, state);
        }
        for (address, miner) in &board.miners {
            let held = board.held.get(address).map_or(0, BTreeSet::len);
            let late = board.held.get(address).into_iter().flatten().filter(|id| board.is_verifying(**id)).count();
            prop_assert!(held <= miner.capability.slots as usize + late, "{address} is oversold");
            let key = crate::catalog::ModelKey { kind: shared::job::JobKind::Image, model: "scenes".into() };
            let is_free = board.takes_new(*address, miner) && board.free_slots(*address, miner) > 0;
            prop_assert_eq!(board.fleet.free_for(*address).any(|(model, _)| *model == key), is_free);
        }
        let mut waiting = 0;
        for job in board.jobs.values() {
            prop_assert!(!job.is_over());
            for (role, open) in &job.tasks {
                let task = Task { job_id: job.id, role: *role };
                let waits = open.life.state == JobState::Queued;
                if role.is_audit() {
                    prop_assert_eq!(board.audits.waits(task), waits);
                    let served = role.audited().unwrap();
                    prop_assert_eq!(job.tasks[&served].life.state, JobState::Completed);
                    let holder = open.life.lease_id.and_then(|id| board.leases.get(&id)).map(|lease| lease.miner);
                    prop_assert!(holder.is_none_or(|holder| holder != job.audits[&served].served_by));
                    continue;
                }
                waiting += usize::from(waits);
                let model = crate::catalog::ModelKey::of(&job.request);
                prop_assert_eq!(board.queue.holds(&model, job.client, (job.seq, *role), task), waits);
                let lease = open.life.lease_id.and_then(|id| board.leases.get(&id));
                let is_held = lease.is_some_and(|lease| lease.task == task);
                prop_assert_eq!(is_held, matches!(open.life.state, JobState::Running | JobState::Verifying));
                let gave_up = lease.is_some_and(|lease| open.gave_up(lease.miner));
                prop_assert!(!gave_up, "it went back to a miner that gave it up");
            }
        }
        prop_assert_eq!(board.queue.len(), waiting);
        let due = board.jobs.values().filter_map(|job| Some((job.next_deadline()?, job.id)));
        prop_assert_eq!(&due.collect::<BTreeSet<_>>(), &board.deadlines);
        let held: usize = board.held.values().map(BTreeSet::len).sum();
        prop_assert_eq!(held, board.leases.len());
        Ok(())
    }
}

/// By whose fault the lease of a miner ended.
fn blame_of(effects: &[Effect], miner: Address) -> Option<Blame> {
    effects.iter().find_map(|effect| match effect {
        Effect::Move { ended: Some(ended), .. } if ended.miner == miner => Some(ended.fault.as_ref()?.blame),
        _ => None,
    })
}

proptest! {
    #[test]
    fn every_history_keeps_every_job_exactly_once(steps in prop::collection::vec(any_step(), 0..120)) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
            world.check()?;
        }
    }

    #[test]
    fn the_list_of_inputs_replays_the_board(steps in prop::collection::vec(any_step(), 0..120)) {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.take(step));
        let (mut again, mut told) = (board().with_audits(Draw::Always), String::new());
        for (input, now) in world.log {
            match again.apply(input, now) {
                Ok(effects) => told.push_str(&format!("{effects:?}\n")),
                Err(error) => told.push_str(&format!("{error}\n")),
            }
        }
        prop_assert_eq!(told, world.told);
        prop_assert_eq!(format!("{again:?}"), format!("{:?}", world.board));
    }
}

#[test]
fn a_lease_keeps_the_model_that_its_miner_offered_when_it_got_it() {
    let mut board = board();
    board.joined(arrival(1, 1, 1), NOW);
    let lease = granted(&board.submitted(open_job(1), NOW)).remove(0);
    let before = board.manifest_of(&lease);
    let mut other = Arrival { leases: vec![lease.id], ..arrival(1, 2, 1) };
    other.capability.offers[0].manifest_sha256 = Sha256Digest::of(b"another manifest");
    board.joined(other, NOW);
    assert_eq!(board.manifest_of(&lease), before, "what it works with is what was agreed");
    board.served(&lease, NOW);
    let next = granted(&board.submitted(open_job(2), NOW)).remove(0);
    assert_eq!(board.manifest_of(&next), Some(Sha256Digest::of(b"another manifest")));
}
