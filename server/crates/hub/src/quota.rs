//! Sponsored jobs: what visitors without an account may ask for.

use shared::amount::{ATTO_PER_AIT, Amount};
use shared::field_error::FieldError;
use shared::job::request::ValidJob;
use shared::time::{MS_PER_DAY, UnixMillis};

use crate::price;

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

/// The most that a job may mint, by any miner: its own limit, or its work at the hub's highest price.
pub fn mint_max(job: &ValidJob) -> Amount {
    let dearest = price::max_unit_price(job.work.unit_type());
    let at_most = dearest.times(job.work.units()).unwrap_or(Amount::from_atto(u128::MAX));
    job.constraints.max_price.map_or(at_most, |limit| limit.min(at_most))
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
    use shared::job::request::Work;

    use super::*;
    use crate::board::fixtures::{candidate, capability, image_job};
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
            prop_assert!(mint_max(&job) <= SPONSORED_JOB_MAX && mint_max(&job) <= asked);
            if let Ok(found) = consider(&job, &candidate(1, &offers)) {
                prop_assert!(found.price <= mint_max(&job), "more than was reserved");
            }
        }
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
