//! Sponsored jobs: what visitors without an account may ask for.

use shared::amount::{ATTO_PER_AIT, Amount};
use shared::field_error::FieldError;
use shared::job::request::ValidJob;
use shared::time::UnixMillis;

/// Sponsored jobs of one network address in one day.
pub const SPONSORED_PER_ADDRESS_PER_DAY: u32 = 30;

/// Sponsored jobs of everybody in one day.
pub const SPONSORED_IN_TOTAL_PER_DAY: u32 = 2_000;

/// The most that one sponsored job may mint. With the counts above, an address mints at most 600 AIT of a day's
/// sponsored jobs, and everybody together 40 000.
pub const SPONSORED_JOB_MAX: Amount = Amount::from_atto(20 * ATTO_PER_AIT);

/// A visitor's job within the bounds of sponsored jobs. Nobody pays for it, so anybody who asks must not choose who earns.
///
/// # Errors
/// The job names miners.
pub fn sponsored(mut job: ValidJob) -> Result<ValidJob, FieldError> {
    let constraints = &mut job.constraints;
    if !constraints.miners.is_empty() {
        let given = constraints.miners.len().to_string();
        return Err(FieldError::bound("constraints.miners", "empty without an API key", given));
    }
    let asked = constraints.max_price.unwrap_or(SPONSORED_JOB_MAX);
    constraints.max_price = Some(asked.min(SPONSORED_JOB_MAX));
    Ok(job)
}

const DAY_MS: u64 = 86_400_000;

/// Days since 1970-01-01, UTC.
pub const fn day(now: UnixMillis) -> u64 {
    now.0 / DAY_MS
}

/// The last midnight, UTC.
pub const fn midnight(now: UnixMillis) -> UnixMillis {
    UnixMillis(now.0 - now.0 % DAY_MS)
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
            if let Ok(found) = consider(&job, &candidate(1, &offers)) {
                prop_assert!(found.price <= SPONSORED_JOB_MAX && found.price <= asked);
            }
        }
    }

    #[test]
    fn a_day_ends_at_midnight_utc() {
        assert_eq!(day(UnixMillis(DAY_MS - 1)), 0);
        assert_eq!(day(UnixMillis(DAY_MS)), 1);
        assert_eq!(midnight(UnixMillis(DAY_MS + 5)), UnixMillis(DAY_MS));
    }

    #[test]
    fn one_customers_addresses_are_one_class() {
        let class = |text: &str| address_class(text.parse().unwrap());
        assert_eq!(class("2001:db8:1:2:3::4"), class("2001:db8:1:2:ffff::9"));
        assert_ne!(class("2001:db8:1:2::1"), class("2001:db8:1:3::1"));
        assert_eq!(class("::ffff:10.0.0.1"), "10.0.0.1");
    }
}
