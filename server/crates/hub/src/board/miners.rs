//! Registration, heartbeat, drain and disconnection of miners.

use std::collections::BTreeSet;

use shared::Address;
use shared::id::LeaseId;
use shared::job::lifecycle::Blame;
use shared::time::UnixMillis;

use super::{Arrival, Board, BoardError, Effect, MINERS_MAX, Miner, SessionNumber};
use crate::demand::Cards;
use crate::lease::{HEARTBEAT_BLIND_MS, SILENCE_MAX_MS};

impl Board {
    /// A miner connected. A second session of the same miner replaces the first and keeps the leases that it names.
    pub(super) fn join(&mut self, arrival: Arrival, now: UnixMillis) -> Result<Vec<Effect>, BoardError> {
        let Arrival { address, session, mut capability, slots_lent, leases, leases_ended, faults } = arrival;
        if self.miners.len() >= MINERS_MAX && !self.miners.contains_key(&address) {
            return Err(BoardError::TooManyMiners);
        }
        let mut effects = Vec::new();
        let named: BTreeSet<LeaseId> = leases.into_iter().collect();
        let held = self.held.get(&address).cloned().unwrap_or_default();
        if let Some(earlier) = self.remove_miner(address) {
            effects.push(Effect::Close { session: earlier.session });
        }
        for lease_id in held.difference(&named).filter(|lease_id| !self.is_verifying(**lease_id)).collect::<Vec<_>>() {
            let restored = self.leases.get(lease_id).is_some_and(|lease| lease.return_by.is_some());
            // A crash of the hub may have lost the assignment.
            let blame = if restored { Blame::Platform } else { Blame::Network };
            effects.extend(self.end_lease(*lease_id, blame, "the miner's new session does not know the lease"));
        }
        for lease_id in held.intersection(&named) {
            if let Some(lease) = self.leases.get_mut(lease_id) {
                lease.return_by = None;
                self.audits.comes_next(*lease_id);
            }
        }
        for lease_id in named.difference(&held) {
            let reason = "the lease is over".to_owned();
            effects.push(Effect::Cancel { miner: address, session, lease_id: *lease_id, reason });
        }
        // Another model under a pinned name is not that model, and a pinned one under another name would be audited by
        // nobody: no job, no list and no default knows of them.
        capability.offers.retain(|offer| self.catalog.pinned().check(offer).is_ok());
        let (draining, last_heard, last_worked) = (false, now, now);
        self.catalog.connect(address, &capability.offers);
        self.speeds.connect(address, &capability.offers);
        let cards = Cards::of(&capability);
        let miner = Miner {
            session,
            slots_lent,
            capability,
            draining,
            last_heard,
            last_worked,
            leases_ended,
            faults,
            warm: None,
            cards,
        };
        self.miners.insert(address, miner);
        self.note_miner(address);
        effects.extend(self.dispatch(now));
        Ok(effects)
    }

    fn remove_miner(&mut self, address: Address) -> Option<Miner> {
        let miner = self.miners.remove(&address)?;
        self.catalog.disconnect(address, &miner.capability.offers);
        self.speeds.disconnect(address, &miner.capability.offers);
        self.audits.lose_auditor(address);
        self.note_miner(address);
        self.unsure.clone_from(&self.given_up);
        Some(miner)
    }

    /// A session ended; what its miner held goes back to the queue at once.
    pub(super) fn leave(&mut self, address: Address, session: SessionNumber, now: UnixMillis) -> Vec<Effect> {
        if self.miners.get(&address).is_none_or(|miner| miner.session != session) {
            return vec![];
        }
        let mut effects = self.drop_miner(address, "the connection was lost");
        effects.extend(self.dispatch(now));
        effects
    }

    fn drop_miner(&mut self, address: Address, reason: &str) -> Vec<Effect> {
        self.remove_miner(address);
        let held = self.held.get(&address).cloned().unwrap_or_default();
        let mut effects = Vec::new();
        let mut lost = None;
        for lease_id in held {
            // A result that arrived before the connection was lost is still worth verifying.
            if self.is_verifying(lease_id) {
                continue;
            }
            // The end of an earlier one may have ended its job, and with it this one.
            let Some(lease) = self.leases.get(&lease_id) else { continue };
            lost = Some(lease.task);
            effects.extend(self.end_lease(lease_id, Blame::Network, reason));
        }
        // One break of a connection, however many leases it costs.
        effects.extend(lost.and_then(|task| self.excuse(address, task)));
        effects.push(Effect::QueueMoved);
        effects
    }

    /// Something came from the miner.
    pub(super) fn heard(&mut self, address: Address, session: SessionNumber, now: UnixMillis) -> Vec<Effect> {
        if let Some(miner) = self.miners.get_mut(&address).filter(|miner| miner.session == session) {
            miner.last_heard = now;
        }
        vec![]
    }

    /// The miner lists what it works on; what it lost goes back to the queue.
    pub(super) fn heartbeat(&mut self, address: Address, leases: &[LeaseId], now: UnixMillis) -> Vec<Effect> {
        let held = self.held.get(&address).cloned().unwrap_or_default();
        let is_lost = |lease_id: &LeaseId| {
            let Some(lease) = self.leases.get(lease_id) else { return false };
            let since = lease.return_by.unwrap_or(lease.granted_at);
            !leases.contains(lease_id) && !self.is_verifying(*lease_id) && now.since_ms(since) > HEARTBEAT_BLIND_MS
        };
        let lost: Vec<LeaseId> = held.into_iter().filter(is_lost).collect();
        if lost.is_empty() {
            return vec![];
        }
        let mut effects = Vec::new();
        for lease_id in lost {
            effects.extend(self.end_lease(lease_id, Blame::Miner, "the miner no longer works on it"));
        }
        effects.extend(self.dispatch(now));
        effects
    }

    /// The miner takes nothing new. What was kept for it may go to another one.
    pub(super) fn drain(&mut self, address: Address, session: SessionNumber, now: UnixMillis) -> Vec<Effect> {
        let Some(miner) = self.miners.get_mut(&address).filter(|miner| miner.session == session) else { return vec![] };
        miner.draining = true;
        self.audits.lose_auditor(address);
        self.note_miner(address);
        self.dispatch(now)
    }

    /// The miner serves other hubs, too, and lets this one fill so many of its slots. A lease that it has goes on in any case.
    pub(super) fn lend_slots(
        &mut self,
        address: Address,
        session: SessionNumber,
        slots: u32,
        now: UnixMillis,
    ) -> Vec<Effect> {
        let Some(miner) = self.miners.get_mut(&address).filter(|miner| miner.session == session) else { return vec![] };
        miner.last_heard = now;
        if std::mem::replace(&mut miner.slots_lent, slots) == slots {
            return vec![];
        }
        self.note_miner(address);
        self.dispatch(now)
    }

    pub(super) fn drop_silent_miners(&mut self, now: UnixMillis) -> Vec<Effect> {
        let is_silent = |miner: &Miner| now.since_ms(miner.last_heard) > SILENCE_MAX_MS;
        let silent: Vec<(Address, SessionNumber)> = self
            .miners
            .iter()
            .filter(|(_, miner)| is_silent(miner))
            .map(|(address, miner)| (*address, miner.session))
            .collect();
        let mut effects = Vec::new();
        for (address, session) in silent {
            effects.push(Effect::Close { session });
            effects.extend(self.drop_miner(address, "the miner fell silent"));
        }
        effects
    }
}
