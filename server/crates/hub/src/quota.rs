//! What visitors without an account may ask for, and what a job may mint: its own work where nobody pays it, and the audits of
//! its results in any case.

use shared::amount::{ATTO_PER_AIT, Amount};
use shared::api::audits::Unaudited;
use shared::field_error::FieldError;
use shared::job::request::{PaymentMode, ValidJob};
use shared::time::{MS_PER_DAY, UnixMillis};

use crate::pinned::PinnedModels;
use crate::{audit, price};

/// Sponsored jobs of one network address in one day.
pub const SPONSORED_PER_ADDRESS_PER_DAY: u32 = 30;

/// Sponsored jobs of everybody in one day.
pub const SPONSORED_IN_TOTAL_PER_DAY: u32 = 2_000;

/// What the sponsored jobs of one network address may mint in one day.
pub const SPONSORED_MINT_PER_ADDRESS_PER_DAY: Amount = Amount::from_atto(200 * ATTO_PER_AIT);

/// What the sponsored jobs of everybody may mint in one day, a hundredth of what the minter lets an epoch mint.
pub const SPONSORED_MINT_IN_TOTAL_PER_DAY: Amount = Amount::from_atto(10_000 * ATTO_PER_AIT);

/// What the jobs of one API key may mint in one day, where it has no limit of its own.
pub const MINT_PER_KEY_PER_DAY: Amount = Amount::from_atto(10_000 * ATTO_PER_AIT);

/// What the jobs of one wallet may mint in one day. They count for the network address as well, as a wallet costs nothing.
pub const MINT_PER_WALLET_PER_DAY: Amount = SPONSORED_MINT_PER_ADDRESS_PER_DAY;

/// The most that one sponsored job may mint.
pub const SPONSORED_JOB_MAX: Amount = Amount::from_atto(20 * ATTO_PER_AIT);

/// Tasks that may wait at once. Each job of them is in memory with its whole input.
pub const QUEUE_MAX_TASKS: usize = 10_000;

/// Open tasks of all jobs that are asked for from one network address without a key of the operator: a twentieth of the queue.
/// A job that its client pays may cost nothing and wait for a day.
pub const OPEN_TASKS_PER_NETWORK_MAX: u64 = QUEUE_MAX_TASKS as u64 / 20;

/// The same of all network addresses of one IPv6 site, which has 65 536 of them.
pub const OPEN_TASKS_PER_SITE_MAX: u64 = QUEUE_MAX_TASKS as u64 / 10;

/// A visitor's job within the bounds of sponsored jobs. Nobody pays for it, so anybody who asks must not choose who earns.
///
/// # Errors
/// The job names miners, or graphics cards.
pub fn sponsored(mut job: ValidJob) -> Result<ValidJob, FieldError> {
    let constraints = &mut job.constraints;
    if !constraints.miners.is_empty() {
        let given = constraints.miners.len().to_string();
        return Err(FieldError::bound(
            "constraints.miners",
            "empty for a job that nobody pays, without a key of the operator",
            given,
        ));
    }
    // A miner declares its cards itself: with a name or a size that no other one has, they would name it.
    let named_cards = [
        ("constraints.gpu", constraints.gpu.clone()),
        ("constraints.min_vram_gb", constraints.min_vram_gb.map(|gb| gb.to_string())),
    ];
    for (field, given) in named_cards {
        if let Some(given) = given {
            return Err(FieldError::bound(
                field,
                "absent for a job that nobody pays, without a key of the operator",
                given,
            ));
        }
    }
    let asked = constraints.max_price.unwrap_or(SPONSORED_JOB_MAX);
    constraints.max_price = Some(asked.min(SPONSORED_JOB_MAX));
    Ok(job)
}

/// The most that the work of a job may bring its miners: its own limit, or its work at the hub's highest price, or at that of the
/// order that pays it.
pub fn reward_max(job: &ValidJob) -> Amount {
    let dearest = price::max_unit_price(job.work.unit_type());
    let unit_price = job.payment.max_unit_price().map_or(dearest, |ordered| ordered.min(dearest));
    let at_most = unit_price.times(job.work.units()).unwrap_or(Amount::from_atto(u128::MAX));
    job.constraints.max_price.map_or(at_most, |limit| limit.min(at_most))
}

/// The most that may be minted for a job, by any miners: for its work where nobody pays it, and for its audits if it
/// `is_audited`. This is what it takes of the sums of a day until it is known how much is minted.
pub fn mint_max(job: &ValidJob, is_audited: bool) -> Amount {
    let reward = reward_max(job);
    let work = if job.payment.mode() == PaymentMode::Mint { reward } else { Amount::ZERO };
    let audits = if is_audited { audit::mint_max(reward) } else { Amount::ZERO };
    work.checked_add(audits).unwrap_or(Amount::from_atto(u128::MAX))
}

/// Why no result of a job may be audited, whatever its miner; `None` where chance decides.
///
/// An auditor is paid by a mint. So the results of a job that its client pays are audited with those models alone for which
/// the hub would mint the job itself: a model under a name of one's own names its miners, and all its auditors. `pinned` is
/// absent for a key of the operator, whose jobs may be minted with any model.
pub fn unaudited(job: &ValidJob, draws_audits: bool, pinned: Option<&PinnedModels>) -> Option<Unaudited> {
    if !draws_audits {
        return Some(Unaudited::HubAuditsNothing);
    }
    if job.payment.mode() == PaymentMode::Mint {
        return None;
    }
    // Who pays and names its miners may trust nobody else with the input, and would cheat itself alone.
    if !job.constraints.miners.is_empty() {
        return Some(Unaudited::MinersNamed);
    }
    let is_minted_for = pinned.is_none_or(|pinned| pinned.find(job.work.kind(), &job.model).is_some());
    (!is_minted_for).then_some(Unaudited::ModelNotPinned)
}

/// Days since 1970-01-01, UTC.
pub const fn day(now: UnixMillis) -> u64 {
    now.0 / MS_PER_DAY
}

/// The last midnight, UTC.
pub const fn midnight(now: UnixMillis) -> UnixMillis {
    UnixMillis(now.0 - now.0 % MS_PER_DAY)
}

/// The key under which a network address is counted: IPv4 in full, IPv6 by its /64, because one customer gets a /64.
pub fn address_class(address: std::net::IpAddr) -> String {
    match address.to_canonical() {
        std::net::IpAddr::V4(v4) => v4.to_string(),
        std::net::IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// What the classes of all networks of one IPv6 site (48 bits), as a provider gives it to a customer, begin with. An IPv4 address
/// has none.
pub fn site_prefix(address_class: &str) -> Option<&str> {
    let network = address_class.strip_suffix("::/64")?;
    network.rfind(':').map(|at| &network[..=at])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::Address;
    use shared::job::request::{PaidBy, Work};

    use super::*;
    use crate::board::fixtures::{candidate, capability, image_job, pinned_model};
    use crate::matching::{Removal, consider};

    /// The attack: a visitor names the miner that it runs itself and asks for the largest picture job there is.
    #[test]
    fn a_visitor_that_runs_a_miner_neither_names_it_nor_mints_what_it_likes() {
        let own = Address::repeat_byte(1);
        let mut greedy = image_job("scenes");
        let Work::Image(input) = &mut greedy.work else { panic!("a picture") };
        (input.width, input.height, input.steps, input.count) = (1_024, 1_024, 100, 16);
        let mut named = greedy.clone();
        named.constraints.miners = vec![own];
        assert_eq!(sponsored(named).unwrap_err().field, "constraints.miners");
        let mut named = greedy.clone();
        named.constraints.gpu = Some("a name that only its own card has".into());
        assert_eq!(sponsored(named).unwrap_err().field, "constraints.gpu");
        let mut named = greedy.clone();
        named.constraints.min_vram_gb = Some(999);
        assert_eq!(sponsored(named).unwrap_err().field, "constraints.min_vram_gb");
        let offers = capability("scenes", 1_000_000);
        let within = sponsored(greedy).unwrap();
        let refused = consider(&within, &candidate(1, &offers)).unwrap_err();
        assert!(matches!(refused, Removal::TooExpensive { limit: SPONSORED_JOB_MAX, .. }), "{refused}");
        assert!(!refused.is_temporary());
    }

    proptest! {
        #[test]
        fn no_sponsored_job_mints_more_than_its_ceiling(price: u128, steps in 1..=100_u32, count in 1..=16_u32, limit: u128) {
            let mut job = image_job("scenes");
            let Work::Image(input) = &mut job.work else { panic!("a picture") };
            (input.width, input.height, input.steps, input.count) = (1_024, 1_024, steps, count);
            job.constraints.max_price = Some(Amount::from_atto(limit));
            let mut offers = capability("scenes", 1_000);
            offers.offers[0].unit_price = Amount::from_atto(price);
            let job = sponsored(job).unwrap();
            let asked = Amount::from_atto(limit);
            let own = mint_max(&job, false);
            prop_assert!(own <= SPONSORED_JOB_MAX && own <= asked);
            if let Ok(found) = consider(&job, &candidate(1, &offers)) {
                prop_assert!(found.price <= own, "more than was reserved");
                let opinions = (0..audit::OPINIONS_MAX).fold(own, |sum, _| sum.checked_add(found.price).unwrap());
                prop_assert!(opinions <= mint_max(&job, true), "its audits may mint more than was reserved");
            }
        }
    }

    fn paid(unit_price: Amount) -> ValidJob {
        let mut job = image_job("scenes");
        job.payment = PaidBy::Escrow { max_unit_price: unit_price };
        job
    }

    #[test]
    fn a_paid_job_mints_for_its_audits_alone_and_those_no_more_than_two_miners_may_ask() {
        let (cheap, dear) = (Amount::from_atto(3), Amount::from_ait(1_000));
        let units = image_job("scenes").work.units();
        assert_eq!(mint_max(&paid(cheap), false), Amount::ZERO);
        let twice = |unit_price: Amount| Amount::from_atto(2 * unit_price.times(units).unwrap().atto());
        assert_eq!(mint_max(&paid(cheap), true), twice(cheap));
        assert_eq!(mint_max(&paid(dear), true), twice(price::max_unit_price(image_job("scenes").work.unit_type())));
        let limited = |mut job: ValidJob| {
            job.constraints.max_price = Some(Amount::from_atto(5));
            job
        };
        assert_eq!(mint_max(&limited(paid(dear)), true), Amount::from_atto(10));
        assert_eq!(mint_max(&limited(image_job("scenes")), true), Amount::from_atto(15));
        assert_eq!(mint_max(&limited(image_job("scenes")), false), Amount::from_atto(5));
    }

    #[test]
    fn what_a_client_pays_is_audited_with_models_for_which_the_hub_would_mint() {
        let pinned = PinnedModels::new([pinned_model("scenes")]).unwrap();
        let of = |job: &ValidJob, pinned| unaudited(job, true, pinned);
        assert_eq!(of(&paid(Amount::from_ait(1)), Some(&pinned)), None);
        let mut own = paid(Amount::from_ait(1));
        own.model = "mine".into();
        assert_eq!(of(&own, Some(&pinned)), Some(Unaudited::ModelNotPinned));
        assert_eq!(of(&own, None), None, "a key of the operator mints with any model");
        own.constraints.miners = vec![Address::repeat_byte(1)];
        assert_eq!(of(&own, None), Some(Unaudited::MinersNamed));
        let mut minted = own;
        minted.payment = PaidBy::Mint;
        assert_eq!(of(&minted, Some(&pinned)), None, "whether it may be minted is asked elsewhere");
        assert_eq!(unaudited(&minted, false, None), Some(Unaudited::HubAuditsNothing));
    }

    #[test]
    fn a_day_ends_at_midnight_utc() {
        assert_eq!(day(UnixMillis(MS_PER_DAY - 1)), 0);
        assert_eq!(day(UnixMillis(MS_PER_DAY)), 1);
        assert_eq!(midnight(UnixMillis(MS_PER_DAY + 5)), UnixMillis(MS_PER_DAY));
    }

    #[test]
    fn one_customers_addresses_are_one_class() {
        let class = |text: &str| address_class(text.parse().unwrap());
        assert_eq!(class("2001:db8:1:2:3::4"), class("2001:db8:1:2:ffff::9"));
        assert_ne!(class("2001:db8:1:2::1"), class("2001:db8:1:3::1"));
        assert_eq!(class("::ffff:10.0.0.1"), "10.0.0.1");
        assert_eq!(site_prefix(&class("10.0.0.1")), None);
        let site = class("2001:db8:1:2::1");
        let site = site_prefix(&site).unwrap();
        assert!(site == "2001:db8:1:" && class("2001:db8:1:3::1").starts_with(site));
        assert!(!class("2001:db8:10:2::1").starts_with(site), "another site begins alike");
    }
}
