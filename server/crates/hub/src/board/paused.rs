//! Miners that an operator paused. A paused miner keeps the leases that it has and gets nothing new: no job, no audit.

use shared::Address;
use shared::api::miners::MinerPause;
use shared::time::UnixMillis;

use super::{Board, Effect, Miner};

impl Board {
    /// Miners that were paused when the hub stopped. Called before anything happens to the board.
    pub fn remember_paused(&mut self, paused: impl IntoIterator<Item = (Address, MinerPause)>) {
        self.paused.extend(paused);
    }

    /// Why the operator paused a miner; `None` where it is not paused.
    pub fn pause_of(&self, address: Address) -> Option<&MinerPause> {
        self.paused.get(&address)
    }

    /// Whether a connected miner may get something new, as far as it does not depend on what it has.
    pub(super) fn takes_new(&self, address: Address, miner: &Miner) -> bool {
        !miner.draining && !self.paused.contains_key(&address)
    }

    /// What was kept for the miner may go to another one.
    pub(super) fn pause(&mut self, address: Address, pause: MinerPause, now: UnixMillis) -> Vec<Effect> {
        self.paused.insert(address, pause);
        self.audits.lose_auditor(address);
        self.note_miner(address);
        self.dispatch(now)
    }

    pub(super) fn resume(&mut self, address: Address, now: UnixMillis) -> Vec<Effect> {
        if self.paused.remove(&address).is_none() {
            return vec![];
        }
        self.note_miner(address);
        self.dispatch(now)
    }
}
