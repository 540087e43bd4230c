//! What sites may do with a wallet that serves several of them: who they are, what they were allowed, and what they wait for.

mod asks;
mod origin;
mod sending;

use serde::{Deserialize, Serialize};
use shared::Address;
use shared::time::UnixMillis;

pub use asks::{ASKS_MAX, ASKS_PER_ORIGIN_MAX, Ask, Asks};
pub use origin::{Origin, is_loopback};
pub use sending::Sending;

/// Most sites that are remembered. A newer one takes the place of the oldest, which then has to ask again.
pub const SITES_MAX: usize = 64;

/// One site that its owner connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    pub origin: Origin,
    /// The one account that the site knows and may ask signatures of.
    pub account: Address,
    pub since_unix_ms: UnixMillis,
}

/// Every connected site, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sites(Vec<Site>);

impl Sites {
    pub fn iter(&self) -> impl Iterator<Item = &Site> {
        self.0.iter()
    }

    /// The account that `origin` may use.
    pub fn account_of(&self, origin: &Origin) -> Option<Address> {
        self.0.iter().find(|site| site.origin == *origin).map(|site| site.account)
    }

    /// Since when `origin` may.
    pub fn since(&self, origin: &Origin) -> Option<UnixMillis> {
        self.0.iter().find(|site| site.origin == *origin).map(|site| site.since_unix_ms)
    }

    pub fn may_use(&self, origin: &Origin, account: Address) -> bool {
        self.account_of(origin) == Some(account)
    }

    /// A site knows one account; another one takes its place.
    pub fn connect(&mut self, origin: Origin, account: Address, now: UnixMillis) {
        self.revoke(&origin);
        if self.0.len() >= SITES_MAX {
            self.0.remove(0);
        }
        self.0.push(Site { origin, account, since_unix_ms: now });
    }

    /// Whether there was something to take back.
    pub fn revoke(&mut self, origin: &Origin) -> bool {
        let before = self.0.len();
        self.0.retain(|site| site.origin != *origin);
        self.0.len() < before
    }

    /// Forgets sites whose account is in the wallet no longer.
    pub fn retain_accounts(&mut self, is_here: impl Fn(Address) -> bool) {
        self.0.retain(|site| is_here(site.account));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ME: Address = Address::repeat_byte(1);
    const OTHER: Address = Address::repeat_byte(2);
    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    fn origin(host: &str) -> Origin {
        Origin::parse(&format!("https://{host}")).unwrap()
    }

    #[test]
    fn a_site_may_use_the_account_that_it_was_given_and_no_other() {
        let mut sites = Sites::default();
        assert!(!sites.may_use(&origin("shop.example"), ME));
        sites.connect(origin("shop.example"), ME, NOW);
        assert!(sites.may_use(&origin("shop.example"), ME));
        assert_eq!((sites.since(&origin("shop.example")), sites.since(&origin("example"))), (Some(NOW), None));
        assert!(!sites.may_use(&origin("shop.example"), OTHER));
        for other in ["shop.example:8443", "www.shop.example", "example", "shop.example.evil"] {
            assert!(!sites.may_use(&origin(other), ME), "{other}");
        }
        assert!(!sites.may_use(&Origin::parse("http://localhost").unwrap(), ME));
        sites.connect(origin("shop.example"), OTHER, NOW);
        assert!(!sites.may_use(&origin("shop.example"), ME), "the second account took the place of the first");
        assert!(sites.revoke(&origin("shop.example")));
        assert!(!sites.may_use(&origin("shop.example"), OTHER));
        assert!(!sites.revoke(&origin("shop.example")));
    }

    #[test]
    fn a_removed_account_takes_its_sites_along() {
        let mut sites = Sites::default();
        sites.connect(origin("a.example"), ME, NOW);
        sites.connect(origin("b.example"), OTHER, NOW);
        sites.retain_accounts(|account| account == OTHER);
        assert_eq!(sites.account_of(&origin("a.example")), None);
        assert_eq!(sites.account_of(&origin("b.example")), Some(OTHER));
    }

    #[test]
    fn the_list_is_bounded_and_comes_back_as_it_was_stored() {
        let mut sites = Sites::default();
        for number in 0..=SITES_MAX {
            sites.connect(origin(&format!("{number}.example")), ME, NOW);
        }
        assert_eq!(sites.iter().count(), SITES_MAX);
        assert_eq!(sites.account_of(&origin("0.example")), None, "the oldest has to ask again");
        let read: Sites = serde_json::from_str(&serde_json::to_string(&sites).unwrap()).unwrap();
        assert_eq!(read, sites);
        let broken = r#"[{"origin":"http://shop.example","account":"0x0101010101010101010101010101010101010101","since_unix_ms":1}]"#;
        assert!(serde_json::from_str::<Sites>(broken).is_err(), "an origin that is never served is not read either");
    }

    proptest! {
        /// After any row of connecting and revoking, a site may use exactly what was given last.
        #[test]
        fn the_last_decision_counts(steps in prop::collection::vec((0_u8..4, prop::option::of(1_u8..4)), 0..40)) {
            let mut sites = Sites::default();
            let mut expected = [None; 4];
            for (site, account) in steps {
                let name = origin(&format!("{site}.example"));
                expected[usize::from(site)] = account;
                match account {
                    Some(account) => sites.connect(name, Address::repeat_byte(account), NOW),
                    None => drop(sites.revoke(&name)),
                }
            }
            for (site, account) in expected.iter().enumerate() {
                let known = sites.account_of(&origin(&format!("{site}.example")));
                prop_assert_eq!(known, account.map(Address::repeat_byte));
            }
        }
    }
}
