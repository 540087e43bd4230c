//! The events of a run, in the order of their times: jobs are asked for, leases are granted and delivered, time passes.

use std::collections::BTreeMap;

use hub::audit::{Bits, Compared};
use hub::board::{
    Arrival, AuditStep, Board, BoardError, Effect, HubIdentity, Input, Judged, Lease, SessionNumber, VerifiedResult,
};
use hub::pinned::PinnedModels;
use shared::amount::Amount;
use shared::id::{JobId, LeaseId};
use shared::job::request::PaymentMode;
use shared::job::task::{Task, TaskRole};
use shared::time::{MS_PER_DAY, UnixMillis};
use shared::{Address, chain};

use crate::assumptions::{
    HONEST, LIE_MS, MICRO_UNITS_PER_SECOND, OTHER_SEED, PAST_RESULTS, Parameters, SIZE_PX, STEPS, TICK_MS, TTL_SECONDS,
    UNIT_PRICE,
};
use crate::demand::{self, Asked, Quotas};
use crate::figures::{Buyers, Outcome, Record, Side};
use crate::ledger::Ledger;
use crate::machine::{self, Key, Machine};
use crate::pictures::{self, Content};
use crate::random::Random;
use crate::strategy::{Act, Lie, Situation, Strategy};

/// Midnight of some day: nothing depends on which.
const START: UnixMillis = UnixMillis(20_000 * MS_PER_DAY);

/// What a self-dealer asks less than others, so that its limit of the price keeps all others out.
const DEALER_UNIT_PRICE: Amount = Amount::from_atto(UNIT_PRICE.atto() * 999 / 1_000);

/// What the escrow takes of each payment, in thousandths (`docs/PAYMENTS.md`).
const FEE_PER_MILLE: u128 = 20;

/// A key that was refuted is replaced by a new one after so long.
const REPLACE_MS: u64 = 1_000;

#[derive(Debug, Clone, Copy)]
enum Event {
    Ask,
    Deal {
        address: u64,
    },
    Deliver(LeaseId),
    Replace(Address),
    /// A key of a ring may judge others and makes room for the next.
    Retire(Address),
    /// All keys of a ring come back.
    Gather,
    Tick,
}

/// A lease that a miner works on.
#[derive(Debug, Clone)]
struct Running {
    lease: Lease,
    content: Content,
    is_lie: bool,
}

struct World<'a> {
    parameters: &'a Parameters,
    strategy: Strategy,
    board: Board,
    now: UnixMillis,
    events: BTreeMap<(UnixMillis, u64), Event>,
    events_made: u64,
    sessions: u64,
    machines: Vec<Machine>,
    keys: BTreeMap<Address, Key>,
    /// The machine of each key that there ever was.
    owners: BTreeMap<Address, usize>,
    /// Keys of a ring that wait for the others, with their results.
    retired: Vec<(Address, Key)>,
    asked: BTreeMap<JobId, Asked>,
    running: BTreeMap<LeaseId, Running>,
    delivered: BTreeMap<Task, Content>,
    quotas: Quotas,
    ledger: Ledger,
    record: Record,
    buyers: Buyers,
    cheat: Side,
    honest: Side,
    audits: u64,
    jobs_random: Random,
    work_random: Random,
    audit_bits: Random,
}

/// The days of a fleet with one operator of this strategy.
///
/// # Errors
/// The board refused an input: the simulation has a fault.
pub fn simulate(parameters: &Parameters, strategy: Strategy, seed: u64) -> Result<Outcome, BoardError> {
    run(parameters, strategy, strategy.machines(), seed)
}

/// The same fleet, seed and demand, with that operator's machines working honestly.
///
/// # Errors
/// The board refused an input: the simulation has a fault.
pub fn simulate_honest_instead(parameters: &Parameters, strategy: Strategy, seed: u64) -> Result<Outcome, BoardError> {
    run(parameters, Strategy::Honest, strategy.machines(), seed)
}

fn run(parameters: &Parameters, strategy: Strategy, machines: u64, seed: u64) -> Result<Outcome, BoardError> {
    let mut world = World::new(parameters, strategy, seed);
    world.connect(machines)?;
    world.begin();
    while let Some(((now, _), event)) = world.events.pop_first() {
        world.now = now;
        world.happens(event)?;
    }
    Ok(world.outcome(seed))
}

impl<'a> World<'a> {
    fn new(parameters: &'a Parameters, strategy: Strategy, seed: u64) -> Self {
        let identity = HubIdentity {
            hub_id: "simulator".into(),
            chain_id: chain::DEV_CHAIN_ID,
            minter: chain::MINTER_ADDRESS,
            escrow: chain::ESCROW_ADDRESS,
            attester: Address::repeat_byte(0xa7),
        };
        let lease_ids = Random::new(seed, "lease ids").bits();
        Self {
            parameters,
            strategy,
            board: Board::new(identity, lease_ids, PinnedModels::default(), []),
            now: START,
            events: BTreeMap::new(),
            events_made: 0,
            sessions: 0,
            machines: vec![],
            keys: BTreeMap::new(),
            owners: BTreeMap::new(),
            retired: vec![],
            asked: BTreeMap::new(),
            running: BTreeMap::new(),
            delivered: BTreeMap::new(),
            quotas: Quotas::default(),
            ledger: Ledger::default(),
            record: Record::default(),
            buyers: Buyers::default(),
            cheat: Side::default(),
            honest: Side::default(),
            audits: 0,
            jobs_random: Random::new(seed, "jobs"),
            work_random: Random::new(seed, "work"),
            audit_bits: Random::new(seed, "audits"),
        }
    }

    fn connect(&mut self, cheats: u64) -> Result<(), BoardError> {
        for number in 0..self.parameters.honest {
            let machine = Machine::honest(number, &mut self.work_random);
            let miner = machine::address(self.owners.len() as u64);
            self.board.remember_speeds([machine.measurement(miner)]);
            self.machines.push(machine);
            self.join(self.machines.len() - 1, PAST_RESULTS)?;
        }
        for _ in 0..cheats {
            self.machines.push(Machine::of_the_cheat());
            let keys = if self.strategy == Strategy::Sybil { self.parameters.sybil_keys } else { 1 };
            for _ in 0..keys {
                self.join(self.machines.len() - 1, 0)?;
            }
        }
        (self.honest.machines, self.cheat.machines) = (self.parameters.honest, cheats);
        Ok(())
    }

    /// A new key of a machine connects.
    fn join(&mut self, machine: usize, results: u64) -> Result<(), BoardError> {
        let address = machine::address(self.owners.len() as u64);
        self.owners.insert(address, machine);
        self.join_as(address, machine, results)
    }

    fn join_as(&mut self, address: Address, machine: usize, results: u64) -> Result<(), BoardError> {
        let Some(of) = self.machines.get(machine) else { return Ok(()) };
        self.sessions += 1;
        let session = SessionNumber(self.sessions);
        let unit_price = if of.is_cheat && self.strategy.asks_itself() { DEALER_UNIT_PRICE } else { UNIT_PRICE };
        let capability = of.capability(unit_price);
        self.keys.insert(address, Key { session, machine, results });
        let arrival = Arrival {
            address,
            session,
            slots_lent: capability.slots,
            capability,
            leases: vec![],
            leases_ended: results,
            faults: 0,
        };
        self.apply(Input::Join(Box::new(arrival)))
    }

    fn begin(&mut self) {
        let last = self.end().plus_ms(2 * TTL_SECONDS * 1_000 + 2 * hub::audit::TIME_MAX_MS);
        let ticks = last.since_ms(START) / TICK_MS;
        (1..=ticks).for_each(|tick| self.schedule(START.plus_ms(tick * TICK_MS), Event::Tick));
        self.ask_later();
        if self.strategy == Strategy::SybilRing {
            let half = START.plus_ms(self.parameters.days * MS_PER_DAY / 2);
            self.schedule(half, Event::Gather);
        }
        if self.strategy.asks_itself() {
            (0..self.parameters.dealer_addresses).for_each(|address| self.schedule(START, Event::Deal { address }));
        }
    }

    /// When nothing is asked for any more.
    fn end(&self) -> UnixMillis {
        START.plus_ms(self.parameters.days * MS_PER_DAY)
    }

    fn schedule(&mut self, at: UnixMillis, event: Event) {
        self.events_made += 1;
        self.events.insert((at, self.events_made), event);
    }

    fn happens(&mut self, event: Event) -> Result<(), BoardError> {
        match event {
            Event::Ask if self.now < self.end() => {
                self.ask_later();
                let number = self.asked.len() as u64;
                let asked = demand::of_a_stranger(number, self.parameters.paid_per_mille, &mut self.jobs_random);
                self.submit(asked)
            }
            Event::Deal { address } if self.now < self.end() => self.deal(address),
            Event::Replace(key) if self.now < self.end() => self.replace(key),
            Event::Retire(key) if !self.is_gathered() => self.retire(key),
            Event::Gather => self.gather(),
            Event::Deliver(lease_id) => self.deliver(lease_id),
            Event::Tick => self.tick(),
            Event::Ask | Event::Deal { .. } | Event::Replace(_) | Event::Retire(_) => Ok(()),
        }
    }

    /// The next job of a stranger, so that the machines are as busy as the parameters say.
    fn ask_later(&mut self) {
        let steps = STEPS.iter().map(|steps| u64::from(*steps)).sum::<u64>() / STEPS.len() as u64;
        let usual_units = u64::from(SIZE_PX) * u64::from(SIZE_PX) * steps;
        let per_second = MICRO_UNITS_PER_SECOND * self.machines.len() as u64 * self.parameters.load_per_mille / 1_000;
        let mean_ms = usual_units * 1_000 / per_second.max(1);
        let pause_ms = self.jobs_random.between((1, 2 * mean_ms));
        self.schedule(self.now.plus_ms(pause_ms), Event::Ask);
    }

    /// A self-dealer asks as often as its quota lets it, spread over the day.
    fn deal(&mut self, address: u64) -> Result<(), BoardError> {
        let pause_ms = MS_PER_DAY / u64::from(hub::quota::SPONSORED_PER_ADDRESS_PER_DAY);
        self.schedule(self.now.plus_ms(pause_ms), Event::Deal { address });
        let number = self.asked.len() as u64;
        let asker = (address, self.strategy.pays_itself());
        match demand::of_a_dealer(number, asker, DEALER_UNIT_PRICE, &mut self.quotas, self.now) {
            Some(asked) => self.submit(asked),
            None => Ok(()),
        }
    }

    fn submit(&mut self, asked: Asked) -> Result<(), BoardError> {
        self.buyers.jobs += u64::from(!asked.is_own);
        let open = asked.open(self.now);
        self.asked.insert(open.id(), asked);
        self.apply(Input::Submit(open))
    }

    fn replace(&mut self, key: Address) -> Result<(), BoardError> {
        let Some(Key { session, machine, .. }) = self.keys.remove(&key) else { return Ok(()) };
        self.apply(Input::Leave { miner: key, session })?;
        self.join(machine, 0)
    }

    /// The second half of the time has begun.
    fn is_gathered(&self) -> bool {
        2 * self.now.since_ms(START) >= self.parameters.days * MS_PER_DAY
    }

    fn retire(&mut self, key: Address) -> Result<(), BoardError> {
        let Some(session) = self.keys.get(&key).map(|key| key.session) else { return Ok(()) };
        if self.running.values().any(|running| running.lease.miner == key) {
            return self.apply(Input::Drain { miner: key, session });
        }
        let Some(known) = self.keys.remove(&key) else { return Ok(()) };
        let machine = known.machine;
        self.retired.push((key, known));
        self.apply(Input::Leave { miner: key, session })?;
        self.join(machine, 0)
    }

    fn gather(&mut self) -> Result<(), BoardError> {
        let back = std::mem::take(&mut self.retired);
        back.into_iter().try_for_each(|(key, known)| self.join_as(key, known.machine, known.results))
    }

    fn tick(&mut self) -> Result<(), BoardError> {
        let sessions: Vec<_> = self.keys.iter().map(|(miner, key)| (*miner, key.session)).collect();
        for (miner, session) in sessions {
            self.apply(Input::Heard { miner, session })?;
        }
        self.apply(Input::Tick)
    }

    fn deliver(&mut self, lease_id: LeaseId) -> Result<(), BoardError> {
        let Some(running) = self.running.get(&lease_id) else { return Ok(()) };
        let (miner, units) = (running.lease.miner, running.lease.terms.units);
        let (bits, compared): (Bits, _) = (self.audit_bits.bits(), self.compare(running));
        self.apply(Input::ResultReceived { lease_id, miner })?;
        self.apply(Input::ResultVerified(VerifiedResult { lease_id, units, bits, compared }))
    }

    /// What the server reads of earlier results, and how the new one stands to them.
    fn compare(&self, running: &Running) -> Option<Compared> {
        let task = running.lease.task;
        let of = |role: TaskRole| self.delivered.get(&Task { role, ..task });
        let served = of(task.role.audited()?)?;
        let with_served = pictures::beside_served(served, &running.content, demand::salt(running.content.job));
        let audit = if task.role.is_third_opinion() { of(task.role.audit()) } else { None };
        Some(Compared { with_served, with_audit: audit.map(|audit| pictures::beside(audit, &running.content)) })
    }

    fn apply(&mut self, input: Input) -> Result<(), BoardError> {
        for effect in self.board.apply(input, self.now)? {
            match effect {
                Effect::Grant { lease, .. } => self.granted(lease),
                Effect::Complete { lease, audit, .. } => self.completed(&lease, audit.map(|step| *step)),
                Effect::Move { moved, ended } => {
                    ended.map(|ended| self.running.remove(&ended.lease_id));
                    let is_unanswered = moved.task.role.is_audit() && moved.life.state.is_terminal();
                    if let Some(asked) = self.asked.get(&moved.task.job_id).filter(|_| is_unanswered) {
                        self.quotas.keep(asked.number, asked.minted);
                    }
                    let is_lost = moved.job.is_terminal() && !moved.task.role.is_audit();
                    self.buyers.unserved += u64::from(is_lost && self.is_of_a_stranger(moved.task.job_id));
                }
                Effect::CountFault { .. }
                | Effect::Notice { .. }
                | Effect::Cancel { .. }
                | Effect::Close { .. }
                | Effect::Changed { .. }
                | Effect::Progressed { .. }
                | Effect::QueueMoved => {}
            }
        }
        Ok(())
    }

    fn is_of_a_stranger(&self, job_id: JobId) -> bool {
        self.asked.get(&job_id).is_some_and(|asked| !asked.is_own)
    }

    fn side(&mut self, machine: usize) -> &mut Side {
        if self.is_cheats(machine) { &mut self.cheat } else { &mut self.honest }
    }

    fn is_cheats(&self, machine: usize) -> bool {
        self.machines.get(machine).is_some_and(|machine| machine.is_cheat)
    }

    /// A miner begins what its strategy says, and it is clear when that is over and what it will be.
    fn granted(&mut self, lease: Lease) {
        let Some(machine) = self.owners.get(&lease.miner).copied() else { return };
        let act = self.act(&lease, machine);
        let Some(asked) = self.asked.get(&lease.task.job_id) else { return };
        let (job, served) = (asked.number, self.audited_content(&lease));
        let Some(of) = self.machines.get_mut(machine) else { return };
        let (work_ms, class) = (of.work_ms(lease.terms.units, &mut self.work_random), of.class);
        let price = UNIT_PRICE.times(lease.terms.units).unwrap_or_default().atto();
        let (content, cost_per_mille, done_at) = match (act, served) {
            (Act::Copy, Some((served, is_own))) => {
                let copy_ms = if self.strategy.works_too() { work_ms } else { LIE_MS };
                (served.copied(is_own), 0, self.now.plus_ms(copy_ms))
            }
            (Act::Copy, None) if matches!(self.strategy, Strategy::CopyingAuditor | Strategy::IdleThird) => {
                // It computes nothing: it hands in a picture that it has.
                let distance = self.work_random.between(OTHER_SEED);
                (Content::lie(job, distance, false, lease.miner, class), 0, self.now.plus_ms(work_ms))
            }
            (Act::Lie(lie), _) => {
                let distance = self.work_random.between(lie.distance);
                let content = Content::lie(job, distance, lie.flagged, lease.miner, class);
                (content, lie.cost_per_mille, lie_done(&lie, self.strategy.works_too(), of, work_ms, self.now))
            }
            (Act::Work | Act::Copy, _) => {
                let distance = self.work_random.between(HONEST);
                (Content::honest(job, class, distance), 1_000, of.compute(work_ms, self.now))
            }
        };
        let cost = price * u128::from(self.parameters.cost_per_mille) / 1_000;
        self.side(machine).cost += cost * u128::from(cost_per_mille) / 1_000;
        let (lease_id, is_lie) = (lease.id, matches!(act, Act::Lie(_)));
        self.running.insert(lease_id, Running { lease, content, is_lie });
        self.schedule(done_at, Event::Deliver(lease_id));
    }

    fn act(&self, lease: &Lease, machine: usize) -> Act {
        if !self.is_cheats(machine) {
            return Act::Work;
        }
        if lease.task.role.is_audit() {
            let is_own = self.audited_content(lease).is_some_and(|(_, is_own)| is_own);
            return self.strategy.audit(is_own, lease.task.role.is_third_opinion());
        }
        let elapsed_ms = self.now.since_ms(START);
        self.strategy.serve(Situation {
            results: self.keys.get(&lease.miner).map_or(0, |key| key.results),
            is_own_job: self.asked.get(&lease.task.job_id).is_some_and(|asked| asked.is_own),
            elapsed_per_mille: elapsed_ms * 1_000 / (self.parameters.days * MS_PER_DAY),
        })
    }

    /// The result that an auditor is asked about, where it can know it, and whether it is of the same operator. What
    /// strangers paid for is private, and what everybody may see is withheld while it is audited.
    fn audited_content(&self, lease: &Lease) -> Option<(Content, bool)> {
        let audited = Task { role: lease.task.role.audited()?, ..lease.task };
        let served_by = self.board.audit(audited)?.served_by;
        let is_cheat = |miner: &Address| self.owners.get(miner).is_some_and(|machine| self.is_cheats(*machine));
        let is_own = is_cheat(&served_by) && is_cheat(&lease.miner);
        let asked = self.asked.get(&audited.job_id)?;
        let is_leaked = Random::new(asked.number, "leaks").below(1_000) < self.parameters.leaked_per_mille;
        let is_withheld = self.board.withholds(audited.job_id) && !is_leaked && !asked.is_own;
        let is_public = asked.job.payment.mode() == PaymentMode::Mint && !is_withheld;
        let content = self.delivered.get(&audited).copied()?;
        (is_own || is_public).then_some((content, is_own))
    }

    fn completed(&mut self, lease: &Lease, step: Option<AuditStep>) {
        let Some(running) = self.running.remove(&lease.id) else { return };
        let (task, miner) = (lease.task, lease.miner);
        self.delivered.insert(task, running.content);
        let results = self.keys.get_mut(&miner).map_or(0, |key| {
            key.results += 1;
            key.results
        });
        let is_cheats = self.owners.get(&miner).is_some_and(|machine| self.is_cheats(*machine));
        if is_cheats && self.strategy == Strategy::SybilRing && hub::reputation::may_judge(results, 0) {
            self.schedule(self.now, Event::Retire(miner));
        }
        if let Some(machine) = self.owners.get(&miner).copied() {
            self.side(machine).results += 1;
        }
        let amount = lease.terms.unit_price.times(lease.terms.units).unwrap_or_default();
        let is_minted = lease.terms.contract == chain::MINTER_ADDRESS;
        if is_minted {
            self.ledger.mint(miner, amount, self.now);
        } else {
            self.pay(task.job_id, miner, amount);
        }
        self.count_minted(task, is_minted, amount, step.as_ref());
        if running.is_lie {
            let is_drawn = matches!(step, Some(AuditStep::Opened(_)));
            self.record.told(task.job_id, miner, is_drawn, self.now);
            self.buyers.deceived += u64::from(self.is_of_a_stranger(task.job_id));
            self.buyers.paid_for_lies += if is_minted { 0 } else { amount.atto() };
        }
        if let Some(AuditStep::Answered(judged)) = step {
            self.judged(task.job_id, &judged);
        }
    }

    /// A self-dealer pays from what it has itself, and the fee is lost.
    fn pay(&mut self, job_id: JobId, miner: Address, amount: Amount) {
        let fee = amount.atto() * FEE_PER_MILLE / 1_000;
        self.ledger.pay(miner, Amount::from_atto(amount.atto() - fee));
        if self.asked.get(&job_id).is_some_and(|asked| asked.is_own) {
            self.cheat.cost += amount.atto();
        }
    }

    /// What is minted for a self-dealer's job, and may be while its audit is open, counts in its sums of the day.
    fn count_minted(&mut self, task: Task, is_minted: bool, amount: Amount, step: Option<&AuditStep>) {
        let Some(asked) = self.asked.get_mut(&task.job_id).filter(|asked| asked.is_own) else { return };
        asked.minted += if is_minted { amount.atto() } else { 0 };
        let may_mint = match step {
            Some(AuditStep::Opened(audit)) => audit.mint_max.atto(),
            Some(AuditStep::Answered(judged)) if judged.third.is_some() => amount.atto(),
            _ => 0,
        };
        self.quotas.keep(asked.number, asked.minted + may_mint);
    }

    fn judged(&mut self, job_id: JobId, judged: &Judged) {
        self.audits += 1;
        self.record.judged(job_id, judged.verdict);
        let Some(refuted) = judged.refuted else { return };
        let voided = self.ledger.void(refuted, self.now);
        self.record.refuted(refuted, self.now);
        let Some(machine) = self.owners.get(&refuted).copied() else { return };
        let side = self.side(machine);
        side.voided += voided;
        side.refuted += 1;
        if self.is_cheats(machine) {
            self.schedule(self.now.plus_ms(REPLACE_MS), Event::Replace(refuted));
        }
    }

    fn outcome(mut self, seed: u64) -> Outcome {
        let owners: Vec<(Address, usize)> = self.owners.iter().map(|(key, machine)| (*key, *machine)).collect();
        for (key, machine) in owners {
            let paid = self.ledger.paid(key);
            self.side(machine).paid += paid;
        }
        Outcome {
            seed,
            strategy: self.strategy,
            days: self.parameters.days,
            cheat: self.cheat,
            honest: self.honest,
            lies: self.record.lies(),
            buyers: self.buyers,
            audits: self.audits,
        }
    }
}

/// A lie that computes something takes its share of the work. Another one is there at once, or where its miner works too
/// when the work would be.
fn lie_done(lie: &Lie, works_too: bool, machine: &mut Machine, work_ms: u64, now: UnixMillis) -> UnixMillis {
    match lie.cost_per_mille {
        0 if works_too => now.plus_ms(work_ms),
        0 => now.plus_ms(LIE_MS),
        share => machine.compute(work_ms * share / 1_000, now),
    }
}
