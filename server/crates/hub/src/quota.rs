//! Sponsored jobs: what visitors without an account may ask for.

use shared::time::UnixMillis;

/// Sponsored jobs of one network address in one day.
pub const SPONSORED_PER_ADDRESS_PER_DAY: u32 = 30;

/// Sponsored jobs of everybody in one day.
pub const SPONSORED_IN_TOTAL_PER_DAY: u32 = 2_000;

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
    use super::*;

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
