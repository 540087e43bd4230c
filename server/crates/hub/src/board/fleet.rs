//! Connected miners by the models that they offer, so that the best free one for a task is found without a look at each.
//!
//! For each model there is a tree over all connected miners, and trees over the free ones in the order of the part of
//! their score that no job changes: price and risk. Each branch knows the best of each figure in it, hence the lowest
//! score that anybody in it can have for a job. A branch that cannot beat what was found already is passed over. Whether a
//! miner fits, and its score, is said by [`matching::consider`] alone. Newcomers have trees of their own, because on
//! their turn another risk counts for them.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use shared::Address;
use shared::amount::MicroUnits;
use shared::capability::ModelOffer;

use super::{Board, Miner};
use crate::catalog::ModelKey;
use crate::demand::{Demand, Supply};
use crate::matching::{self, Match};
use crate::speed::OfModel as Measured;
use crate::summary_tree::{Priorities, Search, Summary, SummaryTree, Summed};
use crate::{price, reputation, speed};

/// One for each number of results that a newcomer without a fault may have, after that of all other miners.
const CLASSES: usize = 1 + reputation::PROVEN_RESULTS as usize;

/// The order of free miners: price and risk, who is measured, speed, address.
type Rank = (u64, bool, Reverse<u64>, Address);

/// See the [module](self).
#[derive(Debug, Clone)]
pub(super) struct Fleet {
    priorities: Priorities,
    models: BTreeMap<ModelKey, OfModel>,
    /// Where each connected miner stands.
    places: BTreeMap<Address, Vec<Place>>,
}

#[derive(Debug, Clone, Default)]
struct OfModel {
    connected: SummaryTree<Address, Offered>,
    free: [SummaryTree<Rank, Offered>; CLASSES],
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    model: ModelKey,
    class: usize,
    is_free: bool,
    offered: Offered,
}

/// A miner's offer of a model, with the figures of its score. Of several: the best of each figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offered {
    supply: Supply,
    address: Address,
    price_weight: u64,
    /// Price and risk together.
    weight: u64,
    measured: u64,
    declared: u64,
    /// Nothing is known of its speed, and it takes more.
    is_unknown: bool,
    is_warm: bool,
    is_proven: bool,
    /// None where it takes nothing new now: it drains, is paused, or waits for its audits.
    slots: u64,
}

impl Summed for Offered {
    type Summary = Self;

    fn summary(&self) -> Self {
        self.clone()
    }
}

impl Summary for Offered {
    fn join(&mut self, other: &Self) {
        self.supply.join(&other.supply);
        self.address = self.address.min(other.address);
        self.price_weight = self.price_weight.min(other.price_weight);
        self.weight = self.weight.min(other.weight);
        self.measured = self.measured.max(other.measured);
        self.declared = self.declared.max(other.declared);
        self.is_unknown |= other.is_unknown;
        self.is_warm |= other.is_warm;
        self.is_proven |= other.is_proven;
        self.slots += other.slots;
    }
}

impl Offered {
    fn rank(&self) -> Rank {
        (self.weight, self.measured == 0, Reverse(self.measured.max(self.declared)), self.address)
    }

    /// Without what only the score of a free miner needs. That changes with each lease.
    fn of_any_moment(&self) -> Self {
        Self { price_weight: 0, weight: 0, is_warm: false, ..self.clone() }
    }

    /// The highest speed that counts.
    fn fastest(&self, measured: Option<&Measured>) -> u64 {
        let counted = |declared| speed::counted_of_declared(measured, declared);
        let declared = if self.declared > 0 { counted(self.declared) } else { 0 };
        let unknown = if self.is_unknown { counted(0) } else { 0 };
        self.measured.max(declared).max(unknown)
    }
}

/// What a search for the best miner asks.
pub(super) struct Ask<'a> {
    pub(super) model: &'a ModelKey,
    pub(super) demand: Demand,
    pub(super) units: MicroUnits,
    pub(super) measured: Option<&'a Measured>,
    /// Newcomers without a fault count as proven.
    pub(super) is_newcomers_turn: bool,
}

struct BestSearch<'s, 'a, F> {
    ask: &'s Ask<'s>,
    is_turn: bool,
    consider: F,
    best: Option<Match<'a>>,
}

impl<F> BestSearch<'_, '_, F> {
    /// No miner of the branch has a lower score.
    fn score_min(&self, all: &Offered) -> u128 {
        let expected_ms = |speed| matching::expected_ms(self.ask.units, speed);
        let mut least_ms = expected_ms(all.fastest(self.ask.measured));
        if all.is_unknown {
            least_ms = least_ms.min(expected_ms(speed::counted_of_declared(self.ask.measured, 0)));
        }
        let (weight, is_warm) = if self.is_turn {
            (all.price_weight * reputation::RISK_FLOOR_PER_MILLE, true)
        } else {
            (all.weight, all.is_warm)
        };
        matching::score(weight, least_ms, is_warm, 0)
    }
}

impl<'a, K, F: FnMut(Address) -> Option<Match<'a>>> Search<K, Offered> for BestSearch<'_, 'a, F> {
    fn enters(&mut self, all: &Offered) -> bool {
        let may_be_best = |best: &Match<'_>| (self.score_min(all), all.address) < (best.score, best.address);
        self.ask.demand.may_be_met_by(&all.supply) && self.best.as_ref().is_none_or(may_be_best)
    }

    fn sees(&mut self, _: &K, offered: &Offered) -> ControlFlow<()> {
        if let Some(found) = (self.consider)(offered.address) {
            let is_better = |best: &Match<'_>| (found.score, found.address) < (best.score, best.address);
            if self.best.as_ref().is_none_or(is_better) {
                self.best = Some(found);
            }
        }
        ControlFlow::Continue(())
    }
}

struct AnySearch<F> {
    demand: Demand,
    proven_only: bool,
    is_one: F,
    found: bool,
}

impl<K, F: FnMut(Address) -> bool> Search<K, Offered> for AnySearch<F> {
    fn enters(&mut self, all: &Offered) -> bool {
        self.demand.may_be_met_by(&all.supply) && (all.is_proven || !self.proven_only)
    }

    fn sees(&mut self, _: &K, offered: &Offered) -> ControlFlow<()> {
        self.found = (self.is_one)(offered.address);
        if self.found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Fleet {
    pub(super) const fn new(seed: u64) -> Self {
        Self { priorities: Priorities::new(seed), models: BTreeMap::new(), places: BTreeMap::new() }
    }

    /// Says where a miner stands from now on. True where a task may fit it now that did not before.
    fn set(&mut self, address: Address, places: Vec<Place>) -> bool {
        let before = self.places.remove(&address).unwrap_or_default();
        let same_model = |of: &[Place], place: &Place| of.iter().find(|other| other.model == place.model).cloned();
        for old in before.iter().filter(|old| !places.contains(old)) {
            self.take_out(old, same_model(&places, old).as_ref());
        }
        let mut is_news = false;
        for new in places.iter().filter(|new| !before.contains(new)) {
            is_news |= new.is_free;
            self.put_in(new, same_model(&before, new).as_ref());
        }
        if !places.is_empty() {
            self.places.insert(address, places);
        }
        is_news
    }

    fn put_in(&mut self, place: &Place, before: Option<&Place>) {
        let of_model = self.models.entry(place.model.clone()).or_default();
        let offered = &place.offered;
        let of_any_moment = offered.of_any_moment();
        if before.is_none_or(|before| before.offered.of_any_moment() != of_any_moment) {
            of_model.connected.insert(offered.address, of_any_moment, self.priorities.draw());
        }
        if place.is_free {
            of_model.free[place.class].insert(offered.rank(), offered.clone(), self.priorities.draw());
        }
    }

    /// What `next`, the place for the same model, will replace may stay.
    fn take_out(&mut self, place: &Place, next: Option<&Place>) {
        let Some(of_model) = self.models.get_mut(&place.model) else { return };
        if next.is_none() {
            of_model.connected.remove(&place.offered.address);
        }
        let rank = place.offered.rank();
        let stays = |next: &Place| next.is_free && next.class == place.class && next.offered.rank() == rank;
        if place.is_free && !next.is_some_and(stays) {
            of_model.free[place.class].remove(&rank);
        }
        if of_model.connected.is_empty() {
            self.models.remove(&place.model);
        }
    }

    /// Some free miner offers the model.
    pub(super) fn has_free(&self, model: &ModelKey) -> bool {
        self.models.get(model).is_some_and(|of_model| of_model.free.iter().any(|free| !free.is_empty()))
    }

    /// Models for which a miner is free, with what it has for each.
    pub(super) fn free_for(&self, address: Address) -> impl Iterator<Item = (&ModelKey, &Supply)> {
        let places = self.places.get(&address).into_iter().flatten().filter(|place| place.is_free);
        places.map(|place| (&place.model, &place.offered.supply))
    }

    /// What a miner has for a model, where it is free.
    pub(super) fn supply_of(&self, address: Address, model: &ModelKey) -> Option<&Supply> {
        self.free_for(address).find(|(free_for, _)| *free_for == model).map(|(_, supply)| supply)
    }

    /// The free miner with the lowest score among those that `consider` takes, and among equals that with the lowest
    /// address.
    pub(super) fn best<'a>(
        &self,
        ask: &Ask<'_>,
        consider: impl FnMut(Address) -> Option<Match<'a>>,
    ) -> Option<Match<'a>> {
        let of_model = self.models.get(ask.model)?;
        let mut search = BestSearch { ask, is_turn: false, consider, best: None };
        for (class, free) in of_model.free.iter().enumerate() {
            search.is_turn = class > 0 && ask.is_newcomers_turn;
            let _ = free.search(&mut search);
        }
        search.best
    }

    /// Whether `is_one` holds for some connected miner that has what the demand says.
    pub(super) fn any(
        &self,
        model: &ModelKey,
        demand: Demand,
        proven_only: bool,
        is_one: impl FnMut(Address) -> bool,
    ) -> bool {
        let mut search = AnySearch { demand, proven_only, is_one, found: false };
        let connected = self.models.get(model).map(|of_model| &of_model.connected);
        let _ = connected.map(|connected| connected.search(&mut search));
        search.found
    }

    /// The same of some free miner, newcomers among them.
    pub(super) fn any_free(&self, model: &ModelKey, demand: Demand, is_one: impl FnMut(Address) -> bool) -> bool {
        let Some(of_model) = self.models.get(model) else { return false };
        let mut search = AnySearch { demand, proven_only: false, is_one, found: false };
        for free in &of_model.free {
            let _ = free.search(&mut search);
            if search.found {
                return true;
            }
        }
        false
    }

    /// The highest speed among the connected miners of a model, and their slots together.
    pub(super) fn pace(&self, model: &ModelKey, measured: Option<&Measured>) -> Option<(u64, u64)> {
        let all = self.models.get(model)?.connected.summary()?;
        (all.slots > 0).then(|| (all.fastest(measured), all.slots))
    }
}

impl Board {
    /// Something of a miner changed that says what it may get, or when.
    pub(super) fn note_miner(&mut self, address: Address) {
        self.changed_miners.insert(address);
    }

    /// Brings the fleet up to date.
    pub(super) fn settle(&mut self) {
        while let Some(address) = self.changed_miners.pop_first() {
            let places = self.miners.get(&address).map_or_else(Vec::new, |miner| self.places_of(address, miner));
            if self.fleet.set(address, places) {
                self.news.miners.insert(address);
            }
        }
    }

    fn places_of(&self, address: Address, miner: &Miner) -> Vec<Place> {
        let is_free = self.takes_new(address, miner) && self.free_slots(address, miner) > 0;
        let class = match miner.completed() {
            completed if miner.faults == 0 && !miner.is_proven() => 1 + usize::try_from(completed).unwrap_or_default(),
            _ => 0,
        };
        let is_sold = |offer: &&ModelOffer| offer.unit_type == offer.kind.unit_type() && price::check(offer).is_ok();
        let place = |offer: &ModelOffer| {
            let model = ModelKey::offered(offer);
            let offered = self.offered(address, miner, &model, offer);
            Place { model, class, is_free, offered }
        };
        miner.capability.offers.iter().filter(is_sold).map(place).collect()
    }

    fn offered(&self, address: Address, miner: &Miner, model: &ModelKey, offer: &ModelOffer) -> Offered {
        let measured = speed::measured(self.speeds.of_model(model), address).unwrap_or_default();
        let declared = if measured == 0 { offer.measured_micro_units_per_second } else { 0 };
        let price_weight = matching::price_weight(offer);
        let takes_more = self.takes_new(address, miner) && !self.awaits_audits(address, miner);
        Offered {
            supply: Supply::of(address, miner.cards, offer, miner.reputation()),
            address,
            price_weight,
            weight: price_weight * reputation::risk_per_mille(miner.completed(), miner.faults),
            measured: if takes_more { measured } else { 0 },
            declared: if takes_more { declared } else { 0 },
            is_unknown: takes_more && measured == 0 && declared == 0,
            is_warm: miner.warm.as_ref() == Some(model),
            is_proven: miner.is_proven(),
            slots: if takes_more { miner.slots().into() } else { 0 },
        }
    }

    /// As many results of the miner wait for their audits as may.
    pub(super) fn awaits_audits(&self, address: Address, miner: &Miner) -> bool {
        let awaited_max = reputation::awaited_audits_max(miner.completed(), miner.faults);
        self.audits.awaited_by(address) >= awaited_max
    }

    /// Slots for work of clients.
    pub(super) fn free_slots(&self, address: Address, miner: &Miner) -> u32 {
        if self.awaits_audits(address, miner) { 0 } else { self.unheld_slots(address, miner) }
    }

    /// Slots without a lease. They take audits also where the miner gets nothing else, or new miners would wait for each other.
    pub(super) fn unheld_slots(&self, address: Address, miner: &Miner) -> u32 {
        let held = self.held.get(&address).map_or(0, std::collections::BTreeSet::len);
        miner.slots().saturating_sub(u32::try_from(held).unwrap_or(u32::MAX))
    }
}
