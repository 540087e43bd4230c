//! Connected miners that can take one more task, by the models that they offer.

use std::collections::{BTreeMap, BTreeSet};

use shared::Address;
use shared::capability::ModelOffer;

use super::{Board, Miner};
use crate::catalog::ModelKey;

#[derive(Debug, Clone, Default)]
pub(super) struct FreeMiners(BTreeMap<ModelKey, BTreeSet<Address>>);

impl FreeMiners {
    pub(super) fn insert(&mut self, miner: Address, offers: &[ModelOffer]) {
        for offer in offers {
            self.0.entry(ModelKey::offered(offer)).or_default().insert(miner);
        }
    }

    pub(super) fn remove(&mut self, miner: Address, offers: &[ModelOffer]) {
        for key in offers.iter().map(ModelKey::offered) {
            let Some(miners) = self.0.get_mut(&key) else { continue };
            miners.remove(&miner);
            if miners.is_empty() {
                self.0.remove(&key);
            }
        }
    }

    pub(super) fn has(&self, model: &ModelKey) -> bool {
        self.0.contains_key(model)
    }

    pub(super) fn of(&self, model: &ModelKey) -> impl Iterator<Item = Address> {
        self.0.get(model).into_iter().flatten().copied()
    }
}

impl Board {
    /// Whether the miner can take one more task may have changed.
    pub(super) fn note_slots(&mut self, address: Address) {
        let Some(miner) = self.miners.get(&address) else { return };
        let offers = &miner.capability.offers;
        if !miner.draining && self.free_slots(address, miner) > 0 {
            self.free.insert(address, offers);
        } else {
            self.free.remove(address, offers);
        }
    }

    pub(super) fn free_slots(&self, address: Address, miner: &Miner) -> u32 {
        let held = self.held.get(&address).map_or(0, BTreeSet::len);
        miner.capability.slots.saturating_sub(u32::try_from(held).unwrap_or(u32::MAX))
    }
}
