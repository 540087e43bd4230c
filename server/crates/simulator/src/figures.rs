//! What a run came to.

use std::collections::BTreeMap;

use hub::audit::Verdict;
use shared::Address;
use shared::id::JobId;
use shared::time::UnixMillis;

use crate::strategy::Strategy;

/// What the operators of one side got and spent, in attoAIT.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Side {
    pub machines: u64,
    /// Paid by the escrow, or released by the minter.
    pub paid: u128,
    /// Held, and taken back.
    pub voided: u128,
    /// What its computing cost.
    pub cost: u128,
    pub results: u64,
    /// How often one of its miners was refuted.
    pub refuted: u64,
}

impl Side {
    /// Of one machine in a day.
    pub fn profit_per_day(&self, days: u64) -> i128 {
        let profit = i128::try_from(self.paid).unwrap_or(i128::MAX) - i128::try_from(self.cost).unwrap_or(i128::MAX);
        profit / i128::from((self.machines * days).max(1))
    }
}

/// What became of results that were no work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lies {
    pub told: u64,
    /// Drawn for an audit.
    pub drawn: u64,
    pub caught: u64,
    /// An auditor said that they are right.
    pub confirmed: u64,
    /// Audited without an end that blames or confirms.
    pub undecided: u64,
    /// For each key that was caught: its lies from the first on, and the milliseconds since.
    pub until_caught: Vec<(u64, u64)>,
}

impl Lies {
    /// Drawn, and nobody answered in time.
    pub fn unanswered(&self) -> u64 {
        self.drawn.saturating_sub(self.caught + self.confirmed + self.undecided)
    }
}

/// What clients got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Buyers {
    pub jobs: u64,
    /// Jobs that ended without a result.
    pub unserved: u64,
    /// Jobs of strangers whose result was no work.
    pub deceived: u64,
    /// What clients paid for such results, in attoAIT.
    pub paid_for_lies: u128,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub seed: u64,
    pub strategy: Strategy,
    pub days: u64,
    pub cheat: Side,
    pub honest: Side,
    pub lies: Lies,
    pub buyers: Buyers,
    /// Audits that ended with a comparison.
    pub audits: u64,
}

impl Outcome {
    pub fn cheat_per_day(&self) -> i128 {
        self.cheat.profit_per_day(self.days)
    }

    pub fn honest_per_day(&self) -> i128 {
        self.honest.profit_per_day(self.days)
    }
}

/// The lies of a run while it goes on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    lies: Lies,
    of_jobs: BTreeMap<JobId, Option<Verdict>>,
    of_keys: BTreeMap<Address, (u64, UnixMillis)>,
}

impl Record {
    pub(crate) fn told(&mut self, job_id: JobId, by: Address, is_drawn: bool, now: UnixMillis) {
        self.lies.told += 1;
        self.of_keys.entry(by).or_insert((0, now)).0 += 1;
        if is_drawn {
            self.lies.drawn += 1;
            self.of_jobs.insert(job_id, None);
        }
    }

    /// An audit of a job's result says so; a later one of the same job replaces it.
    pub(crate) fn judged(&mut self, job_id: JobId, verdict: Verdict) {
        if let Some(last) = self.of_jobs.get_mut(&job_id) {
            *last = Some(verdict);
        }
    }

    pub(crate) fn refuted(&mut self, key: Address, now: UnixMillis) {
        if let Some((told, since)) = self.of_keys.remove(&key) {
            self.lies.until_caught.push((told, now.since_ms(since)));
        }
    }

    pub(crate) fn lies(mut self) -> Lies {
        for verdict in self.of_jobs.into_values().flatten() {
            match verdict {
                Verdict::Refuted => self.lies.caught += 1,
                Verdict::Confirmed | Verdict::AuditorRefuted | Verdict::ThirdRefuted => self.lies.confirmed += 1,
                Verdict::Unclear | Verdict::Disputed => self.lies.undecided += 1,
            }
        }
        self.lies
    }
}
