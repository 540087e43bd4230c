//! Which faults of leases count against whom, and when they began to: what an amnesty strikes.
//!
//! The hub asks this when it declares an amnesty, and an auditor when it counts again.

use std::collections::BTreeMap;

use alloy_primitives::Address;

use super::entry::{EntryKind, LogEntry};
use crate::time::UnixSeconds;

/// The kinds of entries on which it depends.
pub const KINDS: [EntryKind; 3] = [EntryKind::Fault, EntryKind::Forgotten, EntryKind::Amnesty];

/// The times of all faults that count, by miner. Those of refuted results are not among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveFaults(BTreeMap<Address, Vec<UnixSeconds>>);

impl LiveFaults {
    /// Counts the next entry. Answers how many faults of whom an amnesty strikes.
    pub fn count(&mut self, entry: &LogEntry) -> BTreeMap<Address, u64> {
        match entry {
            LogEntry::Fault(fault) => self.0.entry(fault.miner).or_default().push(fault.at),
            LogEntry::Forgotten(forgotten) => drop(self.0.remove(&forgotten.miner)),
            LogEntry::Amnesty(amnesty) => return self.strike(amnesty.from, amnesty.to),
            _ => {}
        }
        BTreeMap::new()
    }

    /// Takes out the faults of a span, both ends included.
    pub fn strike(&mut self, from: UnixSeconds, to: UnixSeconds) -> BTreeMap<Address, u64> {
        let mut struck = BTreeMap::new();
        self.0.retain(|miner, times| {
            let before = times.len();
            times.retain(|at| !(from..=to).contains(at));
            if times.len() < before {
                struck.insert(*miner, (before - times.len()) as u64);
            }
            !times.is_empty()
        });
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::JobId;
    use crate::job::task::TaskRole;
    use crate::log::entry::{FaultCause, ForgottenMiner, LoggedAmnesty, LoggedFault};

    const MINERS: [Address; 2] = [Address::repeat_byte(1), Address::repeat_byte(2)];

    fn fault(miner: Address, at: u64) -> LogEntry {
        let (job_id, task_role, cause) = (JobId::from_random(1), TaskRole::Serve, FaultCause::Lease);
        LogEntry::Fault(LoggedFault { miner, job_id, task_role, cause, at: UnixSeconds(at) })
    }

    fn amnesty(from: u64, to: u64) -> LogEntry {
        let (from, to, at) = (UnixSeconds(from), UnixSeconds(to), UnixSeconds(99));
        LogEntry::Amnesty(LoggedAmnesty { from, to, reason: "a broken disk".into(), at })
    }

    fn struck(entries: &[LogEntry]) -> Vec<BTreeMap<Address, u64>> {
        let mut live = LiveFaults::default();
        let counted = entries.iter().map(|entry| live.count(entry));
        counted.filter(|struck| !struck.is_empty()).collect()
    }

    #[test]
    fn a_fault_is_struck_once_and_one_outside_of_the_span_never() {
        let [one, other] = MINERS;
        let entries = [fault(one, 4), fault(one, 5), fault(one, 6), fault(other, 7), fault(other, 8), amnesty(5, 7)];
        assert_eq!(struck(&entries), [BTreeMap::from([(one, 2), (other, 1)])]);
        let again = [&entries[..], &[amnesty(4, 8)]].concat();
        assert_eq!(struck(&again)[1], BTreeMap::from([(one, 1), (other, 1)]));
        let later = [&entries[..], &[fault(one, 5)]].concat();
        assert_eq!(struck(&later).len(), 1, "what comes after the amnesty counts");
    }

    #[test]
    fn what_was_forgotten_is_not_struck() {
        let [one, _] = MINERS;
        let forgotten = LogEntry::Forgotten(ForgottenMiner { miner: one });
        assert_eq!(struck(&[fault(one, 5), forgotten.clone(), amnesty(1, 9)]), []);
        assert_eq!(struck(&[fault(one, 5), forgotten, fault(one, 6), amnesty(1, 9)]), [BTreeMap::from([(one, 1)])]);
    }
}
