//! Which miner gets a job: filters first, each with its reason in words, then a score.
//!
//! `score = (1 + price in microAIT) × (1 + expected ms) × (1 + 1000 − reputation in thousandths) × (1 + 100 × faults with
//! this very task)`; the lowest wins, and among equals the lowest address. A miner that failed a task gets it again only
//! when nobody better is free, and never where it said that another try cannot help.

use shared::Address;
use shared::amount::Amount;
use shared::capability::{Capability, ModelOffer};
use shared::job::request::ValidJob;

use crate::{price, reputation};

/// Expected time of a model whose speed the miner did not measure.
const UNMEASURED_MS: u64 = 60_000;

/// AttoAIT in one microAIT, the price step of the score.
const ATTO_PER_MICRO_AIT: u128 = 1_000_000_000_000;

/// A miner at the moment of matching.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    pub address: Address,
    pub capability: &'a Capability,
    pub free_slots: u32,
    pub draining: bool,
    /// Leases that it completed or failed, and those of them that it failed.
    pub leases: u64,
    pub faults: u64,
    /// It said of this very task that another try cannot help.
    pub gave_up: bool,
    /// How often it failed this very task.
    pub faults_with_task: u64,
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
    #[error("its price for so much work is beyond all limits")]
    PriceOverflow,
    #[error(transparent)]
    AboveLimit(#[from] price::AboveLimit),
    #[error("it had the job and said that it cannot serve it")]
    GaveUp,
    #[error("it is finishing what it has and takes nothing new")]
    Draining,
    #[error("all of its {slots} slots are busy")]
    Busy { slots: u32 },
}

impl Removal {
    /// The reason is temporary: the miner may serve the job later.
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Draining)
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

/// All filters, then the score.
pub fn consider<'a>(job: &ValidJob, candidate: &Candidate<'a>) -> Result<Match<'a>, Removal> {
    let named = &job.constraints.miners;
    if !named.is_empty() && !named.contains(&candidate.address) {
        return Err(Removal::NotNamed);
    }
    let offer =
        offer_for(job, candidate.capability).ok_or_else(|| Removal::ModelNotServed { model: job.model.clone() })?;
    if job.work.starts_from_picture() && !offer.image_to_image {
        return Err(Removal::NoImageToImage { model: job.model.clone() });
    }
    if job.work.is_fast() && offer.fast.is_none() {
        return Err(Removal::NoFastSetting { model: job.model.clone() });
    }
    price::check(offer)?;
    let price = offer.unit_price.times(job.work.units()).ok_or(Removal::PriceOverflow)?;
    if let Some(limit) = job.constraints.max_price.filter(|limit| price > *limit) {
        return Err(Removal::TooExpensive { price, limit });
    }
    if candidate.gave_up {
        return Err(Removal::GaveUp);
    }
    if candidate.draining {
        return Err(Removal::Draining);
    }
    if candidate.free_slots == 0 {
        return Err(Removal::Busy { slots: candidate.capability.slots });
    }
    let expected_ms = expected_ms(job, offer);
    let score = score(price, expected_ms, candidate);
    Ok(Match { address: candidate.address, offer, price, expected_ms, score })
}

/// The offer under which a miner would serve the job.
pub fn offer_for<'a>(job: &ValidJob, capability: &'a Capability) -> Option<&'a ModelOffer> {
    let serves = |offer: &&ModelOffer| {
        offer.model == job.model && offer.kind == job.work.kind() && offer.unit_type == job.work.unit_type()
    };
    capability.offers.iter().find(serves)
}

/// The best miner for a job, if any passes all filters.
pub fn best<'a>(job: &ValidJob, candidates: impl IntoIterator<Item = Candidate<'a>>) -> Option<Match<'a>> {
    let matches = candidates.into_iter().filter_map(|candidate| consider(job, &candidate).ok());
    matches.min_by_key(|found| (found.score, found.address))
}

/// Milliseconds that a job takes at the offer's measured speed.
pub fn expected_ms(job: &ValidJob, offer: &ModelOffer) -> u64 {
    match u128::from(offer.measured_micro_units_per_second) {
        0 => UNMEASURED_MS,
        speed => u64::try_from(u128::from(job.work.units().0) * 1_000 / speed).unwrap_or(u64::MAX),
    }
}

fn score(price: Amount, expected_ms: u64, candidate: &Candidate<'_>) -> u128 {
    let completed = candidate.leases.saturating_sub(candidate.faults);
    let penalty = u128::from(reputation::WHOLE - reputation::per_mille(completed, candidate.faults));
    (1 + price.atto() / ATTO_PER_MICRO_AIT)
        .saturating_mul(1 + u128::from(expected_ms))
        .saturating_mul(1 + penalty)
        .saturating_mul(1 + 100 * u128::from(candidate.faults_with_task))
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
