//! What cannot be served cannot be submitted: whether some connected miner can serve a job, and what would help where none
//! can.
//!
//! A job for a model that no connected miner serves may be submitted all the same: its miner may come, and the job has a
//! time after which it ends. Where miners serve the model and the job's own filters remove all of them, it is refused.

use std::collections::BTreeMap;

use shared::api::unservable::{Filter, Relaxation, Removed, Unservable};
use shared::job::request::ValidJob;

use super::Board;
use crate::catalog::ModelKey;
use crate::demand::Demand;
use crate::matching::{self, Removal};

impl Board {
    /// Whether a connected miner can serve the job, now or when it is free. The answer is the view of this moment:
    /// miners come and go.
    ///
    /// # Errors
    /// Where no miner can: how many are removed by what.
    pub fn can_be_served(&self, job: &ValidJob) -> Result<(), Unservable> {
        let model = ModelKey::of(job);
        let mut serving = self.catalog.miners_of(&model).peekable();
        if serving.peek().is_none() || self.has_fitting(&model, job) {
            return Ok(());
        }
        let removals = serving.filter_map(|address| {
            let miner = self.miners.get(&address)?;
            let offer = matching::offer_for(job, &miner.capability)?;
            Some(matching::all_removals(job, address, &miner.capability, miner.reputation(), offer))
        });
        Err(counted(self.miners.len(), &removals.collect::<Vec<_>>()))
    }

    /// Whether miners whose offers fit the job, and that take new work, have more free slots than `taken` now. A job for a
    /// model that nobody serves can be submitted, but is offered by none.
    pub fn is_offered(&self, job: &ValidJob, taken: u64) -> bool {
        let mut slots = 0_u64;
        self.fleet.any_free(&ModelKey::of(job), Demand::of(job), |address| {
            if let Some(miner) = self.miners.get(&address)
                && matching::fits(job, address, &miner.capability, miner.reputation()).is_ok()
            {
                slots = slots.saturating_add(u64::from(self.free_slots(address, miner)));
            }
            slots > taken
        })
    }

    /// Some miner that serves the model takes new work and has a free slot.
    pub fn has_free_miner(&self, model: &ModelKey) -> bool {
        self.fleet.has_free(model)
    }

    /// Jobs for the model that wait for their payment. They hold no slot yet, and will want one.
    pub fn unpaid_jobs_of(&self, model: &ModelKey) -> u64 {
        let jobs = self.unpaid.iter().filter_map(|id| self.jobs.get(id));
        let is_of_model = |request: &ValidJob| request.model == model.model && request.work.kind() == model.kind;
        jobs.filter(|job| is_of_model(&job.request)).count() as u64
    }

    fn has_fitting(&self, model: &ModelKey, job: &ValidJob) -> bool {
        let fits = |address| {
            let miner = self.miners.get(&address);
            miner.is_some_and(|miner| matching::fits(job, address, &miner.capability, miner.reputation()).is_ok())
        };
        self.fleet.any(model, Demand::of(job), false, fits)
    }
}

/// Of each miner that serves the model, everything that removes it.
fn counted(miners: usize, removals: &[Vec<Removal>]) -> Unservable {
    let mut removed: BTreeMap<Filter, u32> = BTreeMap::new();
    let of_others = miners.saturating_sub(removals.len());
    if of_others > 0 {
        removed.insert(Filter::Model, count(of_others));
    }
    for first in removals.iter().filter_map(|all| all.first()) {
        *removed.entry(filter_of(first)).or_default() += 1;
    }
    let nearest = removals.iter().min_by_key(|all| all.len()).into_iter().flatten().map(ToString::to_string);
    Unservable {
        miners: count(miners),
        removed: removed.into_iter().map(|(filter, miners)| Removed { filter, miners }).collect(),
        relaxations: relaxations(removals),
        nearest: nearest.collect(),
    }
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

pub(super) const fn filter_of(removal: &Removal) -> Filter {
    match removal {
        Removal::NotNamed => Filter::NamedMiners,
        Removal::NoImageToImage { .. } => Filter::ImageToImage,
        Removal::NoFastSetting { .. } => Filter::FastSetting,
        Removal::NoSuchGpu { .. } => Filter::GpuName,
        Removal::TooLittleMemory { .. } => Filter::GpuMemory,
        Removal::TooLowReputation { .. } => Filter::Reputation,
        Removal::TooExpensive { .. } | Removal::AboveOrder { .. } => Filter::MaxPrice,
        Removal::AboveLimit(_) | Removal::PriceOverflow => Filter::HubPriceLimit,
        Removal::ModelNotServed { .. }
        | Removal::GaveUp
        | Removal::TooNew
        | Removal::AwaitsAudits
        | Removal::Draining
        | Removal::Paused
        | Removal::Busy { .. } => Filter::Model,
    }
}

/// For each filter that alone removes some miner, the smallest change that lets one pass.
fn relaxations(removals: &[Vec<Removal>]) -> Vec<Relaxation> {
    let alone: Vec<&Removal> = removals.iter().filter(|all| all.len() == 1).flatten().collect();
    let of = |filter: Filter| alone.iter().filter(move |removal| filter_of(removal) == filter);
    let without = |filter: Filter, field: &str, words: &str| {
        let miners = count(of(filter).count());
        (miners > 0).then(|| Relaxation { field: field.to_owned(), value: None, words: words.to_owned(), miners })
    };
    let prices = || {
        alone.iter().filter_map(|removal| match removal {
            Removal::TooExpensive { price, .. } => Some(*price),
            _ => None,
        })
    };
    let memories = || {
        alone.iter().filter_map(|removal| match removal {
            Removal::TooLittleMemory { has, .. } => Some(*has),
            _ => None,
        })
    };
    let reputations = || {
        alone.iter().filter_map(|removal| match removal {
            Removal::TooLowReputation { has, .. } => Some(*has),
            _ => None,
        })
    };
    let dearer = prices().min().map(|price| Relaxation {
        field: "constraints.max_price".to_owned(),
        value: Some(price.atto().to_string()),
        words: format!("`constraints.max_price` of {price} AIT"),
        miners: count(prices().filter(|other| *other == price).count()),
    });
    let smaller = memories().max().map(|has| Relaxation {
        field: "constraints.min_vram_gb".to_owned(),
        value: (has > 0).then(|| has.to_string()),
        words: match has {
            0 => "no `constraints.min_vram_gb`".to_owned(),
            has => format!("`constraints.min_vram_gb` of {has}"),
        },
        miners: count(memories().filter(|other| *other == has).count()),
    });
    let lower = reputations().max().map(|has| Relaxation {
        field: "constraints.min_reputation_per_mille".to_owned(),
        value: Some(has.to_string()),
        words: format!("`constraints.min_reputation_per_mille` of {has}"),
        miners: count(reputations().filter(|other| *other == has).count()),
    });
    let left_out = [
        without(Filter::NamedMiners, "constraints.miners", "no `constraints.miners`"),
        without(Filter::ImageToImage, "input.init_image", "no picture to start from"),
        without(Filter::FastSetting, "input.scheduler", "another `input.scheduler` than `fast`"),
        without(Filter::GpuName, "constraints.gpu", "no `constraints.gpu`"),
    ];
    [dearer, smaller, lower].into_iter().chain(left_out).flatten().collect()
}
