//! Which miner gets a job: filters first, each with its reason in words, then a score.
//!
//! `score = (1000 + expected ms + 2000 where the model is cold) × (100 + 1000 × unit price / the hub's limit of it) × risk
//! in thousandths × (1 + 100 × faults with this very task)`; the lowest wins, and among equals the lowest address. The
//! expected time is of the speed that the hub measured ([`crate::speed`]); of a shard it is that of its part, times the
//! shards of the job that the miner would then have, so that they go to different miners. A model is warm at the miner that had it in its
//! last lease of this session; at any other one it may have to be loaded first. The price makes a factor of 11 at
//! most, so a price of nothing does not win over everything, and the risk ([`reputation::risk_per_mille`]) one of 100: who
//! has delivered comes before who is new. Every [`NEWCOMERS_TURN`]th lease is a newcomer's turn: one without a fault then
//! counts as if it had delivered and were warm. A miner that failed a task gets it again only when nobody better is free,
//! and never where it said that another try cannot help. The last try of a task is kept for a proven miner, where one
//! serves it.
//!
//! What the filters look at is measured by the hub (reputation) or declared by the miner (price, model and its abilities,
//! name and memory of its graphics cards). A miner that declares a card that it does not have gets the jobs for it, and
//! its results are checked like any others.

use shared::Address;
use shared::amount::{Amount, MicroUnits};
use shared::capability::{Capability, ModelOffer};
use shared::job::request::ValidJob;

use crate::demand::{GIGABYTE, gpus, has_words};
use crate::{price, reputation};

/// Expected time of a model whose speed the miner did not measure.
pub(crate) const UNMEASURED_MS: u64 = 60_000;

/// What a job takes beside its work. Below it, speed makes little difference to a client.
pub(crate) const ROUND_TRIP_MS: u64 = 1_000;

/// What is expected of loading a model.
pub(crate) const COLD_MS: u64 = 2_000;

/// The part of a score that the price does not change, in thousandths of the hub's price limit.
pub(crate) const PRICE_BASE_PER_MILLE: u64 = 100;

/// Every so manieth lease may go to a newcomer before a proven miner that is free: an honest one gets its first work, and
/// any number of new keys together delay no more than this share of the jobs.
pub const NEWCOMERS_TURN: u64 = 4;

/// A miner at the moment of matching.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    pub address: Address,
    pub capability: &'a Capability,
    /// What it may have at once, and what of it is free.
    pub slots: u32,
    pub free_slots: u32,
    /// As many of its results wait for their audits as may; it has no free slot then.
    pub awaits_audits: bool,
    pub draining: bool,
    /// The hub's operator gives it nothing new.
    pub paused: bool,
    /// The speed that counts for this job's model, [`crate::speed::counted`].
    pub micro_units_per_second: u64,
    /// Leases that it completed or failed, and those of them that it failed.
    pub leases: u64,
    pub faults: u64,
    /// Its last lease in this session was of this job's model.
    pub is_warm: bool,
    /// It is new, and this is a newcomer's turn.
    pub has_newcomers_turn: bool,
    /// It is new, and the task has one try left that a proven miner can take.
    pub is_too_new: bool,
    /// It said of this very task that another try cannot help.
    pub gave_up: bool,
    /// How often it failed this very task.
    pub faults_with_task: u64,
    /// Other shards of the same job that it has now.
    pub shards_of_job: u64,
}

/// Why a miner does not get a job. The text is for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Removal {
    #[error("the job names other miners")]
    NotNamed,
    #[error("it does not serve the model `{model}`")]
    ModelNotServed { model: String },
    #[error("its model `{model}` draws from words alone, not from a picture")]
    NoImageToImage { model: String },
    #[error("its model `{model}` has no setting for few steps")]
    NoFastSetting { model: String },
    #[error("it asks {price} AIT, above the job's limit of {limit} AIT")]
    TooExpensive { price: Amount, limit: Amount },
    #[error("it asks {price} AIT a unit, above the {limit} AIT of the client's order")]
    AboveOrder { price: Amount, limit: Amount },
    #[error("it has no graphics card that its name calls `{wanted}`")]
    NoSuchGpu { wanted: String },
    #[error("its graphics cards have up to {has} GB of memory, below the {wanted} GB that the job asks for")]
    TooLittleMemory { has: u64, wanted: u32 },
    #[error("its reputation is {has} of 1000, below the {wanted} that the job asks for")]
    TooLowReputation { has: u16, wanted: u16 },
    #[error("its price for so much work is beyond all limits")]
    PriceOverflow,
    #[error(transparent)]
    AboveLimit(#[from] price::AboveLimit),
    #[error("it had the job and said that it cannot serve it")]
    GaveUp,
    #[error("it is new here, and the job's last try is kept for a miner that has delivered before")]
    TooNew,
    #[error("it is finishing what it has and takes nothing new")]
    Draining,
    #[error("the operator of this hub paused it")]
    Paused,
    #[error("others compute its first results again, and until they have answered it gets nothing new")]
    AwaitsAudits,
    #[error("all of its {slots} slots are busy")]
    Busy { slots: u32 },
}

impl Removal {
    /// The reason is temporary: the miner may serve the job later.
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::AwaitsAudits | Self::Draining | Self::Paused | Self::TooNew)
    }
}

/// What a miner would do for a job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match<'a> {
    pub address: Address,
    pub offer: &'a ModelOffer,
    pub price: Amount,
    pub expected_ms: u64,
    pub score: u128,
}

/// All filters, then the score, for a job that is served whole.
pub fn consider<'a>(job: &ValidJob, candidate: &Candidate<'a>) -> Result<Match<'a>, Removal> {
    consider_part(job, job.work.units(), candidate)
}

/// The same for a part of a job that comes to so much work. The client's limits are those of the whole job: who keeps
/// them for all of it keeps them for each part.
pub fn consider_part<'a>(job: &ValidJob, units: MicroUnits, candidate: &Candidate<'a>) -> Result<Match<'a>, Removal> {
    let (offer, _) = fits(job, candidate.address, candidate.capability, candidate.reputation_per_mille())?;
    if candidate.gave_up {
        return Err(Removal::GaveUp);
    }
    if candidate.draining {
        return Err(Removal::Draining);
    }
    if candidate.paused {
        return Err(Removal::Paused);
    }
    if candidate.is_too_new {
        return Err(Removal::TooNew);
    }
    if candidate.awaits_audits {
        return Err(Removal::AwaitsAudits);
    }
    if candidate.free_slots == 0 {
        return Err(Removal::Busy { slots: candidate.slots });
    }
    let price = offer.unit_price.times(units).ok_or(Removal::PriceOverflow)?;
    let expected_ms = expected_ms(units, candidate.micro_units_per_second);
    let (risk, is_warm) = match candidate.has_newcomers_turn {
        true => (reputation::RISK_FLOOR_PER_MILLE, true),
        false => (reputation::risk_per_mille(candidate.completed(), candidate.faults), candidate.is_warm),
    };
    let busy_ms = expected_ms.saturating_mul(1 + candidate.shards_of_job);
    let score = score(price_weight(offer) * risk, busy_ms, is_warm, candidate.faults_with_task);
    Ok(Match { address: candidate.address, offer, price, expected_ms, score })
}

impl Candidate<'_> {
    const fn completed(&self) -> u64 {
        self.leases.saturating_sub(self.faults)
    }

    fn reputation_per_mille(&self) -> u16 {
        reputation::per_mille(self.completed(), self.faults)
    }
}

/// The filters that do not depend on the moment: the offer under which a miner would serve the job, and its price.
pub fn fits<'a>(
    job: &ValidJob,
    miner: Address,
    capability: &'a Capability,
    reputation_per_mille: u16,
) -> Result<(&'a ModelOffer, Amount), Removal> {
    let offer = offer_for(job, capability);
    let first = first_removal(job, miner, capability, reputation_per_mille, offer);
    match (first, offer) {
        (Some(removal), _) => Err(removal),
        (None, None) => Err(Removal::ModelNotServed { model: job.model.clone() }),
        (None, Some(offer)) => {
            let price = offer.unit_price.times(job.work.units()).ok_or(Removal::PriceOverflow)?;
            Ok((offer, price))
        }
    }
}

fn first_removal(
    job: &ValidJob,
    miner: Address,
    capability: &Capability,
    reputation_per_mille: u16,
    offer: Option<&ModelOffer>,
) -> Option<Removal> {
    is_named(job, miner).err().or_else(|| {
        let offer = offer?;
        FILTERS.iter().find_map(|filter| filter(job, capability, offer, reputation_per_mille).err())
    })
}

/// Every filter that removes a miner which offers the job's model; none where it fits.
pub(crate) fn all_removals(
    job: &ValidJob,
    miner: Address,
    capability: &Capability,
    reputation_per_mille: u16,
    offer: &ModelOffer,
) -> Vec<Removal> {
    let removed_by = FILTERS.iter().filter_map(|filter| filter(job, capability, offer, reputation_per_mille).err());
    is_named(job, miner).err().into_iter().chain(removed_by).collect()
}

type Filter = fn(&ValidJob, &Capability, &ModelOffer, u16) -> Result<(), Removal>;

/// In the order in which they name a reason.
const FILTERS: [Filter; 5] = [has_abilities, has_card, has_memory, has_reputation, has_price];

fn is_named(job: &ValidJob, miner: Address) -> Result<(), Removal> {
    let named = &job.constraints.miners;
    if named.is_empty() || named.contains(&miner) { Ok(()) } else { Err(Removal::NotNamed) }
}

fn has_abilities(job: &ValidJob, _: &Capability, offer: &ModelOffer, _: u16) -> Result<(), Removal> {
    if job.work.starts_from_picture() && !offer.image_to_image {
        return Err(Removal::NoImageToImage { model: job.model.clone() });
    }
    if job.work.is_fast() && offer.fast.is_none() {
        return Err(Removal::NoFastSetting { model: job.model.clone() });
    }
    Ok(())
}

fn has_card(job: &ValidJob, capability: &Capability, _: &ModelOffer, _: u16) -> Result<(), Removal> {
    match &job.constraints.gpu {
        Some(wanted) if !gpus(capability).any(|gpu| has_words(&gpu.name, wanted)) => {
            Err(Removal::NoSuchGpu { wanted: wanted.clone() })
        }
        _ => Ok(()),
    }
}

/// A card that is called as the job asks has the memory, too; where none is called so, any card.
fn has_memory(job: &ValidJob, capability: &Capability, offer: &ModelOffer, reputation: u16) -> Result<(), Removal> {
    let Some(wanted) = job.constraints.min_vram_gb else { return Ok(()) };
    let name = job.constraints.gpu.as_deref().filter(|_| has_card(job, capability, offer, reputation).is_ok());
    let named = gpus(capability).filter(|gpu| name.is_none_or(|name| has_words(&gpu.name, name)));
    let bytes = named.map(|gpu| gpu.memory_bytes).max().unwrap_or_default();
    if bytes < u64::from(wanted).saturating_mul(GIGABYTE) {
        return Err(Removal::TooLittleMemory { has: bytes / GIGABYTE, wanted });
    }
    Ok(())
}

fn has_reputation(job: &ValidJob, _: &Capability, _: &ModelOffer, has: u16) -> Result<(), Removal> {
    match job.constraints.min_reputation_per_mille {
        Some(wanted) if has < wanted => Err(Removal::TooLowReputation { has, wanted }),
        _ => Ok(()),
    }
}

fn has_price(job: &ValidJob, _: &Capability, offer: &ModelOffer, _: u16) -> Result<(), Removal> {
    price::check(offer)?;
    let price = offer.unit_price.times(job.work.units()).ok_or(Removal::PriceOverflow)?;
    if let Some(limit) = job.constraints.max_price.filter(|limit| price > *limit) {
        return Err(Removal::TooExpensive { price, limit });
    }
    match job.payment.max_unit_price() {
        Some(limit) if offer.unit_price > limit => Err(Removal::AboveOrder { price: offer.unit_price, limit }),
        _ => Ok(()),
    }
}

/// The offer under which a miner could compute the job's work, whatever the job's client asks of its miner.
pub(crate) fn computes<'a>(job: &ValidJob, capability: &'a Capability) -> Option<&'a ModelOffer> {
    let offer = offer_for(job, capability)?;
    let can = has_abilities(job, capability, offer, 0).is_ok() && price::check(offer).is_ok();
    can.then_some(offer)
}

/// The offer under which a miner would serve the job.
pub fn offer_for<'a>(job: &ValidJob, capability: &'a Capability) -> Option<&'a ModelOffer> {
    let serves = |offer: &&ModelOffer| {
        offer.model == job.model && offer.kind == job.work.kind() && offer.unit_type == job.work.unit_type()
    };
    capability.offers.iter().find(serves)
}

/// The best miner for a job, found by looking at each: what the index must find, too.
pub(crate) fn best<'a>(job: &ValidJob, candidates: impl IntoIterator<Item = Candidate<'a>>) -> Option<Match<'a>> {
    let matches = candidates.into_iter().filter_map(|candidate| consider(job, &candidate).ok());
    matches.min_by_key(|found| (found.score, found.address))
}

/// Milliseconds that so much work takes at this speed.
pub fn expected_ms(units: MicroUnits, micro_units_per_second: u64) -> u64 {
    match u128::from(micro_units_per_second) {
        0 => UNMEASURED_MS,
        speed => u64::try_from(u128::from(units.0) * 1_000 / speed).unwrap_or(u64::MAX),
    }
}

/// The price's part of a score, 100 to 1100.
pub(crate) fn price_weight(offer: &ModelOffer) -> u64 {
    let limit = price::max_unit_price(offer.unit_type).atto().max(1);
    let share = offer.unit_price.atto().min(limit).saturating_mul(1_000) / limit;
    PRICE_BASE_PER_MILLE + u64::try_from(share).unwrap_or(1_000)
}

/// `weight` is price and risk together.
pub(crate) fn score(weight: u64, expected_ms: u64, is_warm: bool, faults_with_task: u64) -> u128 {
    let cold_ms = if is_warm { 0 } else { COLD_MS };
    u128::from(weight)
        .saturating_mul(u128::from(ROUND_TRIP_MS) + u128::from(expected_ms) + u128::from(cold_ms))
        .saturating_mul(1 + 100 * u128::from(faults_with_task))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::amount::MicroUnits;
    use shared::digest::Sha256Digest;
    use shared::job::image::{PictureDefaults, SchedulerName};
    use shared::job::init_image::InitImage;
    use shared::job::request::Work;

    use super::*;
    use crate::board::fixtures::{candidate, capability, image_job};

    #[test]
    fn a_picture_to_start_from_needs_a_model_that_takes_one() {
        let mut capability = capability("scenes", 1_000);
        let mut job = image_job("scenes");
        let Work::Image(input) = &mut job.work else { panic!("a picture") };
        input.init_image = Some(InitImage { sha256: Sha256Digest::of(b"picture"), base64: String::new() });
        input.strength = Some(0.5);
        let refused = consider(&job, &candidate(1, &capability)).unwrap_err();
        assert_eq!(refused, Removal::NoImageToImage { model: "scenes".into() });
        capability.offers[0].image_to_image = true;
        assert!(consider(&job, &candidate(1, &capability)).is_ok());
    }

    #[test]
    fn the_fast_setting_needs_a_model_that_is_offered_with_one() {
        let plain = capability("scenes", 1_000_000);
        let mut fast = capability("scenes", 1);
        fast.offers[0].fast = Some(PictureDefaults { steps: 4, guidance: 1.0 });
        let mut job = image_job("scenes");
        let Work::Image(input) = &mut job.work else { panic!("a picture") };
        input.scheduler = Some(SchedulerName::Fast);
        let refused = consider(&job, &candidate(1, &plain)).unwrap_err();
        assert_eq!(refused, Removal::NoFastSetting { model: "scenes".into() });
        assert!(!refused.is_temporary());
        let chosen = best(&job, [candidate(1, &plain), candidate(2, &fast)]).unwrap();
        assert_eq!(chosen.address, Address::repeat_byte(2), "however slow it is");
        assert!(best(&job, [candidate(1, &plain)]).is_none());
        assert!(consider(&image_job("scenes"), &candidate(2, &fast)).is_ok(), "it draws with every other setting too");
    }

    #[test]
    fn each_filter_says_what_it_is_about() {
        let capability = capability("scenes", 1_000);
        let fits = candidate(1, &capability);
        let mut job = image_job("scenes");
        assert!(consider(&job, &fits).is_ok());
        job.model = "portraits".into();
        assert_eq!(consider(&job, &fits).unwrap_err().to_string(), "it does not serve the model `portraits`");
        job.model = "scenes".into();
        let busy = Candidate { free_slots: 0, ..fits };
        assert_eq!(consider(&job, &busy).unwrap_err(), Removal::Busy { slots: 1 });
        let draining = Candidate { draining: true, ..fits };
        assert!(consider(&job, &draining).unwrap_err().is_temporary());
        let paused = Candidate { paused: true, ..fits };
        assert_eq!(consider(&job, &paused).unwrap_err(), Removal::Paused);
        assert!(Removal::Paused.is_temporary(), "the operator resumes it");
        job.constraints.max_price = Some(Amount::ZERO);
        assert!(matches!(consider(&job, &fits).unwrap_err(), Removal::TooExpensive { .. }));
        job.constraints.max_price = None;
        job.constraints.miners = vec![Address::repeat_byte(9)];
        assert_eq!(consider(&job, &fits).unwrap_err(), Removal::NotNamed);
    }

    #[test]
    fn a_miner_that_failed_the_job_comes_last_but_is_not_shut_out() {
        let capability = capability("scenes", 1_000);
        let job = image_job("scenes");
        let failed = Candidate { faults: 1, leases: 1, faults_with_task: 1, ..candidate(1, &capability) };
        let other = candidate(2, &capability);
        assert_eq!(best(&job, [failed, other]).unwrap().address, other.address);
        assert_eq!(best(&job, [failed]).unwrap().address, failed.address);
        let gave_up = Candidate { gave_up: true, ..failed };
        let removal = consider(&job, &gave_up).unwrap_err();
        assert!(removal == Removal::GaveUp && !removal.is_temporary());
    }

    fn proven(number: u8, capability: &Capability) -> Candidate<'_> {
        Candidate { leases: 100, ..candidate(number, capability) }
    }

    /// The attack: nothing asked, a speed at the end of the head start, a fresh key.
    #[test]
    fn a_price_of_nothing_and_an_invented_speed_do_not_win_over_who_has_delivered() {
        let job = image_job("scenes");
        let mut dear = capability("scenes", 1_000);
        dear.offers[0].unit_price = price::max_unit_price(dear.offers[0].unit_type);
        let mut free = capability("scenes", u64::MAX);
        free.offers[0].unit_price = Amount::ZERO;
        let honest = proven(9, &dear);
        let liar = Candidate { micro_units_per_second: 1_250, ..candidate(1, &free) };
        assert_eq!(best(&job, [honest, liar]).unwrap().address, honest.address);
        let on_its_turn = Candidate { has_newcomers_turn: true, ..liar };
        assert_eq!(best(&job, [honest, on_its_turn]).unwrap().address, liar.address);
        let too_new = Candidate { is_too_new: true, ..on_its_turn };
        assert_eq!(best(&job, [honest, too_new]).unwrap().address, honest.address);
        assert!(Removal::TooNew.is_temporary());
    }

    #[test]
    fn the_price_decides_between_miners_that_are_alike() {
        let job = image_job("scenes");
        let (mut cheap, dear) = (capability("scenes", 1_000), capability("scenes", 1_000));
        cheap.offers[0].unit_price = Amount::from_atto(1);
        assert_eq!(best(&job, [proven(1, &dear), proven(2, &cheap)]).unwrap().address, Address::repeat_byte(2));
        let slow = Candidate { micro_units_per_second: 10, ..proven(2, &cheap) };
        assert_eq!(best(&job, [proven(1, &dear), slow]).unwrap().address, Address::repeat_byte(1));
    }

    proptest! {
        #[test]
        fn the_choice_does_not_depend_on_the_order(speeds in prop::collection::vec(0..10_000_u64, 1..20)) {
            let job = image_job("scenes");
            let capabilities: Vec<_> = speeds.iter().map(|speed| capability("scenes", *speed)).collect();
            let forward: Vec<_> = capabilities.iter().zip(0..).map(|(report, number)| candidate(number, report)).collect();
            let backward: Vec<_> = forward.iter().rev().copied().collect();
            let chosen = best(&job, forward.clone()).map(|found| found.address);
            prop_assert_eq!(chosen, best(&job, backward).map(|found| found.address));
            let fastest = forward.iter().map(|one| consider(&job, one).unwrap().score).min();
            prop_assert_eq!(best(&job, forward).map(|found| found.score), fastest);
        }

        #[test]
        fn no_request_makes_the_arithmetic_panic(price: u128, speed: u64, units: u64) {
            let mut report = capability("scenes", speed);
            report.offers[0].unit_price = Amount::from_atto(price);
            let within = Amount::from_atto(price) <= price::max_unit_price(report.offers[0].unit_type);
            prop_assert_eq!(consider(&image_job("scenes"), &candidate(1, &report)).is_ok(), within);
            let _ = Amount::from_atto(price).times(MicroUnits(units));
        }
    }
}
