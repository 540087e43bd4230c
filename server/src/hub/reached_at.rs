//! Whether a worker meant to reach this hub.
//!
//! A worker signs the host and port that it dialed. Another hub that passes this one's challenge on to a worker gets a
//! signature over its own address, which is none of this hub's.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, header};
use hub::quota::address_class;

/// Longest host and port that is looked at: a name has 253 characters at most.
const DIALED_MAX_CHARS: usize = 260;

/// Names of this machine, as [`Authority::host`] gives them.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// Under which addresses a session may have been dialed.
#[derive(Debug, Clone)]
pub struct ReachedAt {
    /// Host and port of the origins and of the addresses for workers that the operator names.
    named: Vec<String>,
    /// What the request itself names.
    host: String,
    is_from_this_machine: bool,
}

impl ReachedAt {
    /// `named` are host and port of the origins and of the addresses for workers, `address_class` is where the session comes from.
    pub fn of(named: &[String], headers: &HeaderMap, address_class: &str) -> Self {
        let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Self {
            named: named.iter().map(|named| canonical(named)).collect(),
            host: canonical(host),
            is_from_this_machine: is_this_machine(address_class),
        }
    }

    /// Where the operator names origins or addresses for workers, they count, and loopback for workers of this machine. Without
    /// names, the host counts that the session itself asked for, which a hub in between can choose.
    ///
    /// # Errors
    /// In words, where the worker dialed another address.
    pub fn check(&self, dialed: &str) -> Result<(), String> {
        let length = dialed.chars().count();
        if length > DIALED_MAX_CHARS {
            return Err(format!("dialed has up to {DIALED_MAX_CHARS} characters, got {length}"));
        }
        let is_local = || self.is_from_this_machine && is_loopback(dialed);
        let is_asked = || self.named.is_empty() && names(&self.host, dialed);
        if self.named.iter().any(|named| named == dialed) || is_local() || is_asked() {
            return Ok(());
        }
        let own = if self.named.is_empty() { self.host.clone() } else { self.named.join(" or ") };
        Err(format!(
            "dialed: the worker was told to reach `{}`, and this hub is `{own}`: name it so in worker.toml",
            dialed.escape_default()
        ))
    }
}

/// As a worker writes the address that it dials: in lower case, without a dot after the name, IPv6 in its short form.
fn canonical(address: &str) -> String {
    let address = address.to_ascii_lowercase();
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (address.as_str(), None),
    };
    let bracketed = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    let host = match bracketed.and_then(|inner| inner.parse::<Ipv6Addr>().ok()) {
        Some(address) => format!("[{address}]"),
        None => host.strip_suffix('.').unwrap_or(host).to_owned(),
    };
    match port {
        Some(port) => format!("{host}:{port}"),
        None => host,
    }
}

fn is_this_machine(class: &str) -> bool {
    let is_v4 = class.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_v4 || class == address_class(IpAddr::V6(Ipv6Addr::LOCALHOST))
}

fn is_loopback(dialed: &str) -> bool {
    dialed.parse::<Authority>().is_ok_and(|authority| {
        LOOPBACK.contains(&authority.host()) && authority.as_str().chars().all(|letter| letter != '@')
    })
}

/// Whether a header names this host and port. It leaves out the port of its scheme, which it does not name.
fn names(host: &str, dialed: &str) -> bool {
    !host.is_empty() && (host == dialed || [80, 443].iter().any(|port| format!("{host}:{port}") == dialed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origins::OwnOrigins;

    fn reached(origins: &[&str], host: &str, class: &str) -> ReachedAt {
        let origins = OwnOrigins::new(&origins.iter().map(|&origin| origin.to_owned()).collect::<Vec<_>>());
        let headers: HeaderMap = [(header::HOST, host.parse().unwrap())].into_iter().collect();
        ReachedAt::of(&origins.hosts_and_ports(), &headers, class)
    }

    #[test]
    fn an_address_for_workers_counts_beside_the_origins_and_instead_of_the_host() {
        let headers: HeaderMap = [(header::HOST, "evil.example".parse().unwrap())].into_iter().collect();
        let workers = ["10.0.0.5:8000".to_owned(), "[2001:DB8:0::1]:8000".to_owned(), "Mine.example.:9".to_owned()];
        for origins in [OwnOrigins::default(), OwnOrigins::new(&["https://hub.example".to_owned()])] {
            let named = [&workers[..], &origins.hosts_and_ports()].concat();
            let hub = ReachedAt::of(&named, &headers, "203.0.113.9");
            for dialed in ["10.0.0.5:8000", "[2001:db8::1]:8000", "mine.example:9"] {
                assert_eq!(hub.check(dialed), Ok(()), "{dialed}");
            }
            assert!(hub.check("evil.example:443").is_err() && hub.check("10.0.0.5:8001").is_err());
            assert_eq!(hub.check("hub.example:443").is_ok(), !origins.hosts_and_ports().is_empty());
        }
    }

    #[test]
    fn where_the_operator_names_origins_no_other_address_counts_whatever_the_request_says() {
        let origins = ["https://hub.example", "http://b.example:8080", "https://[2001:db8::1]"];
        let hub = reached(&origins, "evil.example", "203.0.113.9");
        for own in ["hub.example:443", "b.example:8080", "[2001:db8::1]:443"] {
            assert_eq!(hub.check(own), Ok(()), "{own}");
        }
        let others =
            ["evil.example:443", "hub.example:80", "hub.example", "b.example:80", "127.0.0.1:8000", "", "x\ny"];
        for other in others {
            let refused = hub.check(other).unwrap_err();
            assert!(refused.contains("hub.example:443 or b.example:8080") && !refused.contains('\n'), "{refused}");
        }
        assert!(hub.check(&"x".repeat(DIALED_MAX_CHARS + 1)).unwrap_err().contains("260 characters, got 261"));
    }

    #[test]
    fn a_worker_of_this_machine_may_dial_it_by_loopback() {
        let loopback = address_class(IpAddr::V6(Ipv6Addr::LOCALHOST));
        for class in ["127.0.0.1", loopback.as_str()] {
            let hub = reached(&["https://hub.example"], "127.0.0.1:8000", class);
            for dialed in ["127.0.0.1:8000", "localhost:9", "[::1]:8000"] {
                assert_eq!(hub.check(dialed), Ok(()), "{dialed}");
            }
            for dialed in ["10.0.0.1:8000", "127.0.0.1.evil.example:8000", "evil@127.0.0.1:8000"] {
                assert!(hub.check(dialed).is_err(), "{dialed}");
            }
        }
    }

    #[test]
    fn without_origins_the_host_that_was_asked_for_counts() {
        assert_eq!(reached(&[], "hub.example.:8000", "203.0.113.9").check("hub.example:8000"), Ok(()));
        let hub = reached(&[], "Hub.example", "203.0.113.9");
        for dialed in ["hub.example:443", "hub.example:80"] {
            assert_eq!(hub.check(dialed), Ok(()), "{dialed}");
        }
        for dialed in ["hub.example:8000", "evil.example:443", "127.0.0.1:8000", ":443", ":80", ""] {
            assert!(hub.check(dialed).is_err(), "{dialed}");
        }
        assert!(reached(&[], "", "203.0.113.9").check(":80").is_err());
    }
}
