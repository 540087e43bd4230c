//! Where messages may go: to addresses of the public Internet. A client names the address, and this server must not
//! become its way into the network behind it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::Uri;
use shared::api::webhooks::WEBHOOK_URL_MAX_CHARS;
use shared::field_error::FieldError;

/// How far messages may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Public addresses, over TLS.
    Public,
    /// This machine, too, in the clear: only people of this machine can ask this server for it.
    ThisMachine,
}

impl Reach {
    pub(crate) fn allows(self, scheme: Option<&str>, address: IpAddr) -> bool {
        let is_own = self == Self::ThisMachine && address.to_canonical().is_loopback();
        is_own || scheme == Some("https") && is_public(address)
    }

    /// The address as it is kept, or what is wrong with it. A name is looked up when a message goes out.
    pub(crate) fn check(self, text: &str) -> Result<String, FieldError> {
        let chars = text.chars().count();
        if chars > WEBHOOK_URL_MAX_CHARS {
            return Err(FieldError::bound(
                "url",
                format!("up to {WEBHOOK_URL_MAX_CHARS} characters"),
                chars.to_string(),
            ));
        }
        let refused = |bound: &str| FieldError::bound("url", bound, text.to_owned());
        let uri: Uri = text.parse().map_err(|_| refused("a web address"))?;
        let schemes: &[&str] = if self == Self::ThisMachine { &["https", "http"] } else { &["https"] };
        if !uri.scheme_str().is_some_and(|scheme| schemes.contains(&scheme)) {
            return Err(refused(if self == Self::ThisMachine { "`https://` or `http://`" } else { "`https://`" }));
        }
        let authority = uri.authority().ok_or_else(|| refused("a web address with a host"))?;
        if authority.as_str().contains('@') {
            return Err(refused("a web address without a user"));
        }
        let literal = authority.host().trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if literal.is_ok_and(|address| !self.allows(uri.scheme_str(), address)) {
            return Err(refused("a host with a public address"));
        }
        Ok(uri.to_string())
    }
}

/// Whether an address is of the public Internet, by the registries of special addresses (RFC 6890 and the lists of IANA
/// that keep it up to date).
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a, b, c) == (192, 88, 99)
        || (a == 198 && (18..20).contains(&b))
        || a >= 224;
    !is_special
}

/// Of 2000::/3, what is not set aside: protocols and Teredo, documentation, and the two forms that hold an address of
/// version 4, 6to4 and, outside of it, NAT64.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_unicast = first & 0xe000 == 0x2000;
    let is_special = (first == 0x2001 && (second < 0x200 || second == 0xdb8)) || first == 0x2002 || first == 0x3fff;
    is_unicast && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_reached() {
        let public = ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:8.8.8.8"];
        for address in public {
            assert!(Reach::Public.allows(Some("https"), address.parse().unwrap()), "{address}");
            assert!(!Reach::ThisMachine.allows(Some("http"), address.parse().unwrap()), "{address} in the clear");
        }
        let inside = [
            "0.0.0.0",
            "10.0.0.7",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.7",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "fc00::1",
            "fe80::1",
            "ff02::1",
            "2001:db8::1",
            "2002:a00:1::",
            "2001::1",
            "3fff::1",
        ];
        for address in inside {
            assert!(!Reach::Public.allows(Some("https"), address.parse().unwrap()), "{address}");
        }
        for scheme in ["http", "https"] {
            assert!(Reach::ThisMachine.allows(Some(scheme), "127.0.0.1".parse().unwrap()));
            assert!(Reach::ThisMachine.allows(Some(scheme), "::1".parse().unwrap()));
            assert!(!Reach::ThisMachine.allows(Some(scheme), "192.168.1.1".parse().unwrap()));
        }
    }

    #[test]
    fn an_address_is_told_what_is_wrong_with_it() {
        let problem = |reach: Reach, url: &str| reach.check(url).unwrap_err().detail;
        assert_eq!(Reach::Public.check("https://shop.example/hook?a=b").unwrap(), "https://shop.example/hook?a=b");
        for (url, bound) in [
            ("http://shop.example/", "`https://`"),
            ("ftp://shop.example/", "`https://`"),
            ("/hook", "`https://`"),
            ("https://user@shop.example/", "without a user"),
            ("https://127.0.0.1/", "public address"),
            ("https://[::1]:8443/", "public address"),
            ("https://169.254.169.254/latest/meta-data", "public address"),
            ("not an address", "a web address"),
            ("", "a web address"),
        ] {
            let text = problem(Reach::Public, url);
            assert!(text.contains(bound), "{url}: {text}");
        }
        let long = format!("https://shop.example/{}", "a".repeat(WEBHOOK_URL_MAX_CHARS));
        assert!(problem(Reach::Public, &long).contains("2000"));
        assert!(Reach::ThisMachine.check("http://127.0.0.1:3000/hook").is_ok());
        assert!(problem(Reach::ThisMachine, "http://192.168.1.1/").contains("public address"));
    }
}
