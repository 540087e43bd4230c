//! How many of the worker's slots each hub may fill. Pure; the caller reads the clock.
//!
//! No slot belongs to a hub: each may fill all that no job of another hub fills, so that nothing stands still while any hub
//! has jobs. Two hubs can fill the last free slot in the same moment. Then the later job is declined, and where its hub has
//! fewer slots than another, the next slot that comes free is kept for it. So hubs that always have jobs end up with equal
//! numbers of slots, and one that is far away gets its turn beside one that is near.

use std::time::{Duration, Instant};

/// How long a free slot is kept for a hub that was turned away. It may have given the job to somebody else meanwhile.
pub const KEPT_FOR: Duration = Duration::from_secs(3);

/// What the worker has of a hub.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// Slots that its jobs fill.
    pub taken: usize,
    /// It may send jobs.
    pub is_serving: bool,
}

#[derive(Debug, Clone)]
pub struct Budget {
    slots: usize,
    shares: Vec<Share>,
    /// Who was turned away and gets the next slot, the first one first; each hub once at most.
    claims: Vec<Claim>,
}

#[derive(Debug, Clone, Copy)]
struct Claim {
    hub: usize,
    /// Set once a slot is free for it.
    ends_at: Option<Instant>,
}

impl Budget {
    pub fn new(slots: usize, hubs: usize) -> Self {
        Self { slots, shares: vec![Share::default(); hubs], claims: Vec::new() }
    }

    /// How many slots there are from now on.
    pub fn resize(&mut self, slots: usize) {
        self.slots = slots;
    }

    /// A job of the hub was declined because others have the slots.
    pub fn turned_away(&mut self, hub: usize) {
        let taken = self.taken(hub);
        let has_fewer = self.shares.iter().any(|other| other.taken > taken);
        if has_fewer && !self.claims.iter().any(|claim| claim.hub == hub) {
            self.claims.push(Claim { hub, ends_at: None });
        }
    }

    /// Takes how it stands now. Gives the slots that each hub may fill, with those that it has.
    pub fn lend(&mut self, shares: Vec<Share>, now: Instant) -> Vec<usize> {
        let before = std::mem::replace(&mut self.shares, shares);
        let mut claims = std::mem::take(&mut self.claims);
        let got_one = |hub: usize| before.get(hub).is_some_and(|before| self.taken(hub) > before.taken);
        let is_serving = |hub: usize| self.shares.get(hub).is_some_and(|share| share.is_serving);
        claims.retain(|claim| !got_one(claim.hub) && is_serving(claim.hub) && claim.ends_at.is_none_or(|at| now < at));
        self.claims = claims;
        let lent: Vec<usize> = (0..self.shares.len()).map(|hub| self.lent(hub)).collect();
        let shares = &self.shares;
        let is_free = |hub: usize| lent.get(hub) > shares.get(hub).map(|share| &share.taken);
        for claim in self.claims.iter_mut().filter(|claim| is_free(claim.hub)) {
            claim.ends_at.get_or_insert(now + KEPT_FOR);
        }
        lent
    }

    /// When a slot is no longer kept.
    pub fn look_again_at(&self) -> Option<Instant> {
        self.claims.iter().filter_map(|claim| claim.ends_at).min()
    }

    fn taken(&self, hub: usize) -> usize {
        self.shares.get(hub).map_or(0, |share| share.taken)
    }

    fn lent(&self, hub: usize) -> usize {
        let by_others: usize =
            (0..self.shares.len()).filter(|other| *other != hub).map(|other| self.taken(other)).sum();
        let kept_for_others = self.claims.iter().take_while(|claim| claim.hub != hub).count();
        self.slots.saturating_sub(by_others).saturating_sub(kept_for_others)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shares(taken: &[usize]) -> Vec<Share> {
        taken.iter().map(|taken| Share { taken: *taken, is_serving: true }).collect()
    }

    #[test]
    fn what_one_hub_fills_is_offered_to_no_other() {
        let now = Instant::now();
        let mut budget = Budget::new(4, 3);
        assert_eq!(budget.lend(shares(&[0, 0, 0]), now), [4, 4, 4]);
        assert_eq!(budget.lend(shares(&[1, 0, 2]), now), [2, 1, 3]);
        assert_eq!(budget.lend(shares(&[1, 1, 2]), now), [1, 1, 2]);
        budget.resize(1);
        assert_eq!(budget.lend(shares(&[1, 1, 2]), now), [0, 0, 0]);
        assert_eq!(budget.look_again_at(), None);
    }

    #[test]
    fn who_was_turned_away_gets_the_next_slot_and_only_for_a_while() {
        let now = Instant::now();
        let mut budget = Budget::new(1, 2);
        budget.lend(shares(&[1, 0]), now);
        budget.turned_away(1);
        budget.turned_away(1);
        assert_eq!(budget.lend(shares(&[1, 0]), now), [0, 0], "it works on what it has, and the next is the other's");
        assert_eq!(budget.look_again_at(), None, "nothing is free yet");
        assert_eq!(budget.lend(shares(&[0, 0]), now), [0, 1]);
        assert_eq!(budget.look_again_at(), Some(now + KEPT_FOR));
        let mut late = budget.clone();
        assert_eq!(late.lend(shares(&[0, 0]), now + KEPT_FOR), [1, 1], "it had nothing after all");
        assert_eq!(budget.lend(shares(&[0, 1]), now), [0, 1]);
        assert_eq!((budget.lend(shares(&[0, 0]), now), budget.look_again_at()), (vec![1, 1], None));
    }

    #[test]
    fn who_has_as_many_as_the_others_keeps_nobody_out_and_who_leaves_neither() {
        let now = Instant::now();
        let mut budget = Budget::new(2, 2);
        budget.lend(shares(&[1, 1]), now);
        budget.turned_away(0);
        assert_eq!(budget.lend(shares(&[1, 0]), now), [2, 1]);
        budget.lend(shares(&[2, 0]), now);
        budget.turned_away(1);
        assert_eq!(budget.lend(shares(&[1, 0]), now), [1, 1]);
        let gone = vec![Share { taken: 1, is_serving: true }, Share { taken: 0, is_serving: false }];
        assert_eq!(budget.lend(gone, now), [2, 1]);
    }

    #[test]
    fn two_that_were_turned_away_come_one_after_the_other() {
        let now = Instant::now();
        let mut budget = Budget::new(1, 3);
        budget.lend(shares(&[1, 0, 0]), now);
        budget.turned_away(2);
        budget.turned_away(1);
        assert_eq!(budget.lend(shares(&[0, 0, 0]), now), [0, 0, 1]);
        assert_eq!(budget.lend(shares(&[0, 0, 1]), now), [0, 0, 0]);
        assert_eq!(budget.lend(shares(&[0, 0, 0]), now), [0, 1, 0]);
    }

    proptest! {
        /// Hubs that fill at once whatever they may, in any order of theirs: the slots are never oversold, all of them
        /// work, and nobody stays without.
        #[test]
        fn slots_are_never_oversold_and_every_hub_that_has_jobs_is_served(
            slots in 1..5_usize,
            hubs in 1..4_usize,
            order in prop::collection::vec(0..100_usize, 40..80),
        ) {
            let now = Instant::now();
            let mut budget = Budget::new(slots, hubs);
            let (mut taken, mut served) = (vec![0; hubs], vec![0; hubs]);
            let mut lent = budget.lend(shares(&taken), now);
            for turn in order {
                // The first of the hubs is the nearest, and has always a job before the others do.
                for hub in 0..hubs {
                    while lent[hub] > taken[hub] {
                        taken[hub] += 1;
                        served[hub] += 1;
                        lent = budget.lend(shares(&taken), now);
                        prop_assert!(taken.iter().sum::<usize>() <= slots);
                    }
                    budget.turned_away(hub);
                    lent = budget.lend(shares(&taken), now);
                }
                prop_assert_eq!(taken.iter().sum::<usize>(), slots, "a slot stands still");
                let busy: Vec<usize> = (0..hubs).filter(|hub| taken[*hub] > 0).collect();
                taken[busy[turn % busy.len()]] -= 1;
                lent = budget.lend(shares(&taken), now);
            }
            prop_assert!(served.iter().all(|jobs| *jobs > 0), "{served:?}");
        }
    }
}
