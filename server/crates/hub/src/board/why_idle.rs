//! Why a miner has no job: in numbers, in words, and with what would help. Everything in it follows from figures that are
//! public anyway; it names no job and no client.

use std::collections::BTreeMap;

use shared::Address;
use shared::amount::{Amount, MicroUnits};
use shared::api::unservable::{Filter, Removed};
use shared::api::why_idle::{IdleKind, IdleReason, ModelDemand, WhyIdle};
use shared::capability::ModelOffer;
use shared::unit::UnitType;

use super::servable::filter_of;
use super::{Board, Miner};
use crate::catalog::ModelKey;
use crate::{matching, price, reputation, speed};

/// Waiting tasks of a model that one answer looks at.
const LOOKED_AT_MAX: usize = 1_000;

/// The work by which miners are compared: a picture of 512² in eight steps, or 256 tokens.
const fn usual_work(unit_type: UnitType) -> MicroUnits {
    match unit_type {
        UnitType::MegapixelStep => MicroUnits(512 * 512 * 8),
        UnitType::Token => MicroUnits(256_000_000),
    }
}

/// A miner's score for the usual work, and the part of it that its price does not change.
struct Standing {
    score: u128,
    risk_and_time: u128,
}

impl Board {
    /// For a miner that the hub knows, connected or not.
    pub fn why_idle(&self, address: Address) -> WhyIdle {
        let running = self.jobs_running_at(address);
        let Some(miner) = self.miners.get(&address) else {
            let help = "start its worker, and look at `gpu-worker doctor` where it does not connect";
            let absent = reason(IdleKind::NotConnected, "It is not connected.", Some(help));
            let reasons = self.paused_reason(address).into_iter().chain([absent]).collect();
            return WhyIdle { address, running, slots: 0, reasons, models: vec![] };
        };
        let models: Vec<_> =
            miner.capability.offers.iter().map(|offer| self.demand_for(address, miner, offer)).collect();
        let mut reasons = reasons(miner, running, &models);
        if self.awaits_audits(address, miner) {
            let words = "Others compute its first results again, and until they have answered it gets nothing new.";
            let help = "the more it has earned today, the fewer of its results are audited";
            reasons.insert(0, reason(IdleKind::Busy, words, Some(help)));
        }
        if let Some(paused) = self.paused_reason(address) {
            reasons.insert(0, paused);
        }
        WhyIdle { address, running, slots: miner.slots(), reasons, models }
    }

    fn paused_reason(&self, address: Address) -> Option<IdleReason> {
        let why = &self.pause_of(address)?.reason;
        let words = format!("The operator of this hub paused it, and it gets nothing new: {why}");
        Some(reason(IdleKind::Paused, words, Some("ask the hub's operator, who alone can resume it")))
    }

    fn demand_for(&self, address: Address, miner: &Miner, offer: &ModelOffer) -> ModelDemand {
        let model = ModelKey::offered(offer);
        let tasks = self.queue.first_of(&model, LOOKED_AT_MAX);
        let (mut fitting, mut removed) = (0, BTreeMap::<Filter, u32>::new());
        for task in &tasks {
            let Some(job) = self.jobs.get(&task.job_id) else { continue };
            match matching::fits(&job.request, address, &miner.capability, miner.reputation()) {
                Ok(_) => fitting += 1,
                Err(removal) => *removed.entry(filter_of(&removal)).or_default() += 1,
            }
        }
        let own = self.standing(address, miner, &model, offer);
        let others = self.catalog.miners_of(&model).filter(|other| *other != address).filter_map(|other| {
            let miner = self.miners.get(&other)?;
            let offer = miner.capability.offers.iter().find(|offer| ModelKey::offered(offer) == model)?;
            Some((self.standing(other, miner, &model, offer).score, other))
        });
        let others: Vec<(u128, Address)> = others.collect();
        let before = others.iter().filter(|other| **other < (own.score, address)).count();
        let first_up_to = price_to_be_first(offer.unit_type, &own, others.iter().map(|(score, _)| *score).min());
        let mut demand = ModelDemand {
            model: offer.model.clone(),
            kind: offer.kind,
            waiting: count(self.queue.count_of(&model)),
            looked_at: count(tasks.len()),
            fitting,
            removed: removed.into_iter().map(|(filter, miners)| Removed { filter, miners }).collect(),
            place: count(before + 1),
            miners: count(others.len() + 1),
            unit_type: offer.unit_type,
            unit_price: offer.unit_price,
            first_up_to,
            words: String::new(),
        };
        demand.words = words_of(&demand);
        demand
    }

    fn standing(&self, address: Address, miner: &Miner, model: &ModelKey, offer: &ModelOffer) -> Standing {
        let speed = speed::counted(self.speeds.of_model(model), address, offer);
        let expected_ms = matching::expected_ms(usual_work(offer.unit_type), speed);
        let risk = reputation::risk_per_mille(miner.completed(), miner.faults);
        let is_warm = miner.warm.as_ref() == Some(model);
        let of_weight = |weight| matching::score(weight, expected_ms, is_warm, 0);
        Standing { score: of_weight(matching::price_weight(offer) * risk), risk_and_time: of_weight(risk) }
    }
}

/// The highest price with which the score is below that of the best other miner.
fn price_to_be_first(unit_type: UnitType, own: &Standing, best_other: Option<u128>) -> Option<Amount> {
    let limit = price::max_unit_price(unit_type);
    let Some(best_other) = best_other else { return Some(limit) };
    let weight_max = best_other.saturating_sub(1) / own.risk_and_time.max(1);
    let share = weight_max.checked_sub(matching::PRICE_BASE_PER_MILLE.into())?;
    Some(Amount::from_atto(limit.atto().saturating_mul(share.min(1_000)) / 1_000))
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

fn words_of(demand: &ModelDemand) -> String {
    let ModelDemand { model, waiting, looked_at, fitting, place, miners, unit_price, first_up_to, .. } = demand;
    let waits = match (waiting, looked_at) {
        (0, _) => format!("No job waits for `{model}`"),
        (waiting, looked_at) => {
            format!("{waiting} jobs wait for `{model}`; of the first {looked_at}, it may serve {fitting}")
        }
    };
    let advice = match first_up_to {
        Some(price) if *place == 1 => format!("it stays so up to {price} AIT per unit"),
        Some(price) => format!("up to {price} AIT per unit it would be the first"),
        None => "no price alone makes it the first: results and speed do".to_owned(),
    };
    format!("{waits}. It asks {unit_price} AIT per unit and is number {place} of {miners} by the score; {advice}.")
}

fn reason(reason: IdleKind, words: impl Into<String>, help: Option<&str>) -> IdleReason {
    IdleReason { reason, words: words.into(), help: help.map(str::to_owned) }
}

fn reasons(miner: &Miner, running: u32, models: &[ModelDemand]) -> Vec<IdleReason> {
    let slots = miner.slots();
    let waiting: u32 = models.iter().map(|model| model.waiting).sum();
    let (looked_at, fitting) = models
        .iter()
        .fold((0, 0), |(looked_at, fitting), model| (looked_at + model.looked_at, fitting + model.fitting));
    let mut reasons = Vec::new();
    if miner.draining {
        let help = "start the worker again when it shall take jobs";
        reasons.push(reason(IdleKind::Draining, "It is finishing what it has and takes nothing new.", Some(help)));
    }
    let (whole, lent) = (miner.slots_whole(), miner.slots_lent);
    if lent < whole {
        let words = format!("It serves other hubs, too: of its {whole} slots it leaves this hub {lent} now.");
        let help = "a slot that another hub's job has is offered again when that job is over";
        reasons.push(reason(IdleKind::Busy, words, Some(help)));
    } else if running >= slots {
        let words = format!("It is not idle: all of its {slots} slots are busy.");
        let is_limited = slots < miner.capability.slots;
        let help = is_limited.then_some("each verified result lets it have one job more at once, up to what it offers");
        reasons.push(reason(IdleKind::Busy, words, help));
    }
    if waiting == 0 {
        let help = "offer further models: /v1/models lists what clients can ask for";
        reasons.push(reason(IdleKind::NoJobs, "No job waits for any of its models.", Some(help)));
    } else if fitting < looked_at {
        let words =
            format!("Of {looked_at} waiting jobs for its models, {} have filters that remove it.", looked_at - fitting);
        let help = "see `removed` at each model: price, graphics memory, reputation or the names of miners";
        reasons.push(reason(IdleKind::Removed, words, Some(help)));
    }
    if !miner.is_proven() {
        let (turn, results) = (matching::NEWCOMERS_TURN, reputation::PROVEN_RESULTS);
        let words = format!("It is new: while proven miners are free, newcomers together get every {turn}th job.");
        let help = format!("this ends with its {results} first verified results beyond its faults");
        reasons.push(reason(IdleKind::New, words, Some(&help)));
    }
    if miner.faults > 0 {
        let words =
            format!("{} faults count against it: its reputation is {} of 1000.", miner.faults, miner.reputation());
        reasons.push(reason(IdleKind::Faults, words, Some("each verified result makes up for a part of them")));
    }
    reasons
}
