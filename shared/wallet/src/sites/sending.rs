//! The batches that this run of the program is sending, one call after the other.

use super::Origin;

#[derive(Debug, Clone, PartialEq, Eq)]
struct One {
    origin: Origin,
    /// Names one load of a page, as [`Ask::page`](super::Ask::page) does.
    page: String,
    id: String,
}

/// Each batch from its first question until its last call was sent, or until it was given up: then no further call is asked for.
#[derive(Debug, Default)]
pub struct Sending(Vec<One>);

impl Sending {
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    pub fn begin(&mut self, origin: Origin, page: String, id: String) {
        self.0.push(One { origin, page, id });
    }

    /// Whether a batch of a site, by its name, goes on.
    pub fn goes_on(&self, site: &str, id: &str) -> bool {
        self.0.iter().any(|one| one.id == id && one.origin.to_string() == site)
    }

    pub fn end(&mut self, origin: &Origin, id: &str) {
        self.0.retain(|one| one.id != id || one.origin != *origin);
    }

    /// Pages are gone: `page` is the beginning of their names.
    pub fn page_left(&mut self, page: &str) {
        self.0.retain(|one| !one.page.starts_with(page));
    }

    /// A site lost its permission. What was asked under it does not go on under a later one.
    pub fn revoked(&mut self, origin: &Origin) {
        self.0.retain(|one| one.origin != *origin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_goes_on_until_its_end_its_page_is_gone_or_its_site_may_no_more() {
        let [shop, bank] = ["https://shop.example", "https://bank.example"];
        let of = |site: &str| Origin::parse(site).unwrap();
        let begun = || {
            let mut sending = Sending::new();
            sending.begin(of(shop), "7/1".to_owned(), "a".to_owned());
            sending.begin(of(shop), "8/2".to_owned(), "b".to_owned());
            sending.begin(of(bank), "7/3".to_owned(), "a".to_owned());
            sending
        };
        let go_on = |change: fn(&mut Sending)| {
            let mut sending = begun();
            change(&mut sending);
            [(shop, "a"), (shop, "b"), (bank, "a")].map(|(site, id)| sending.goes_on(site, id))
        };
        assert_eq!(go_on(|_| ()), [true; 3]);
        assert!(!begun().goes_on(bank, "b") && !begun().goes_on("https://shop.example.evil", "a"));
        assert_eq!(
            go_on(|sending| sending.end(&Origin::parse("https://shop.example").unwrap(), "a")),
            [false, true, true]
        );
        assert_eq!(go_on(|sending| sending.page_left("7/1")), [false, true, true]);
        assert_eq!(go_on(|sending| sending.page_left("7/")), [false, true, false], "a tab with all its pages");
        assert_eq!(
            go_on(|sending| sending.revoked(&Origin::parse("https://shop.example").unwrap())),
            [false, false, true]
        );
    }
}
