//! The origins under which people reach this server. What somebody signs to sign in counts for these alone, and a
//! session acts for their pages alone.
//!
//! A request names a host itself, and anybody may send any. Without names from the operator only loopback counts, whose
//! pages come from this machine.

use std::sync::Arc;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, header};

use crate::error::ApiError;

/// By this a browser says which page a request comes from. No script can set it.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Names of this machine.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// An origin as a browser writes it: scheme, host, and port where it is not the scheme's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub scheme: String,
    /// Host, with the port where it is not the scheme's own.
    pub domain: String,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}://{}", self.scheme, self.domain)
    }
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, domain) = text.split_once("://")?;
        Some(Self { scheme: scheme.to_owned(), domain: domain.to_owned() })
    }

    /// Whether an address is the origin itself or lies below it.
    pub fn has(&self, uri: &str) -> bool {
        uri.strip_prefix(&self.to_string()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
    }
}

/// The server's own origins.
#[derive(Debug, Clone, Default)]
pub struct OwnOrigins(Arc<[Origin]>);

impl OwnOrigins {
    /// Those that the operator names; none for loopback.
    pub fn new(named: &[String]) -> Self {
        Self(named.iter().filter_map(|text| Origin::parse(text)).collect())
    }

    /// The origin that a request asked, or else the first.
    ///
    /// # Errors
    /// A request at another name of this machine, where the operator has named no origin.
    pub fn of(&self, headers: &HeaderMap) -> Result<Origin, ApiError> {
        let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if let Some(named) = self.0.iter().find(|origin| origin.domain == host).or(self.0.first()) {
            return Ok(named.clone());
        }
        let is_loopback = host.parse::<Authority>().is_ok_and(|authority| {
            LOOPBACK.contains(&authority.host()) && authority.as_str().chars().all(|letter| letter != '@')
        });
        if is_loopback {
            return Ok(Origin { scheme: "http".to_owned(), domain: host.to_owned() });
        }
        Err(ApiError::Forbidden(
            "this server does not know that it is reached by this name: its operator names the origins of its pages with \
             --origin"
                .to_owned(),
        ))
    }

    /// Host and port of each that the operator names, in lower case, with the port also where it is the scheme's own.
    pub fn hosts_and_ports(&self) -> Vec<String> {
        let with_port = |Origin { scheme, domain }: &Origin| {
            let names_port = domain.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
            let port = if scheme == "https" { 443 } else { 80 };
            let named = if names_port { domain.clone() } else { format!("{domain}:{port}") };
            named.to_ascii_lowercase()
        };
        self.0.iter().map(with_port).collect()
    }

    /// The own origin with this domain.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn with_domain(&self, domain: &str, headers: &HeaderMap) -> Result<Origin, ApiError> {
        let asked = self.of(headers)?;
        Ok(self.0.iter().find(|origin| origin.domain == domain).cloned().unwrap_or(asked))
    }

    /// Pages come over TLS, so that a cookie can be kept to it. Loopback has none.
    pub fn is_secure(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|origin| origin.scheme == "https")
    }

    /// Whether a request that changes something comes from a page of this server.
    ///
    /// # Errors
    /// Everything else, also a request that does not say where it comes from.
    pub fn check_own_page(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let own = self.of(headers)?;
        let is_own = match (text(&FETCH_SITE), text(&header::ORIGIN)) {
            (Some(site), _) => site == "same-origin",
            (None, Some(origin)) => origin == own.to_string() || self.0.iter().any(|named| named.to_string() == origin),
            (None, None) => false,
        };
        if is_own {
            return Ok(());
        }
        Err(ApiError::Forbidden(format!(
            "a session acts for pages of {own} alone, and this request comes from elsewhere: a program sends the header \
             `Origin: {own}`, or an API key instead of the cookie"
        )))
    }

    /// Refuses a request that a page of another site makes; one of a program need not say anything.
    ///
    /// # Errors
    /// As [`Self::check_own_page`].
    pub fn check_not_foreign(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let says = headers.contains_key(FETCH_SITE) || headers.contains_key(header::ORIGIN);
        if says { self.check_own_page(headers) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn without_names_only_this_machine_counts() {
        let origins = OwnOrigins::default();
        for host in ["127.0.0.1:8000", "localhost:9", "[::1]:8000", "localhost"] {
            assert_eq!(origins.of(&headers(&[("host", host)])).unwrap().to_string(), format!("http://{host}"));
        }
        for host in ["evil.example", "127.0.0.1.evil.example:8000", "evil@127.0.0.1:8000", "", "10.0.0.1:8000"] {
            assert!(origins.of(&headers(&[("host", host)])).is_err(), "{host}");
        }
        assert!(!origins.is_secure());
    }

    #[test]
    fn named_origins_count_whatever_host_a_request_names() {
        let origins = OwnOrigins::new(&["https://aitbc.example".to_owned(), "https://b.example:8443".to_owned()]);
        let of = |host: &str| origins.of(&headers(&[("host", host)])).unwrap().to_string();
        assert_eq!(
            (of("b.example:8443"), of("evil.example")),
            ("https://b.example:8443".into(), "https://aitbc.example".into())
        );
        assert_eq!(of("127.0.0.1:8000"), "https://aitbc.example", "as a proxy asks");
        assert!(origins.is_secure());
        let other = origins.with_domain("127.0.0.1:8000", &headers(&[("host", "127.0.0.1:8000")])).unwrap();
        assert_eq!(other.domain, "aitbc.example");
        assert_eq!(origins.with_domain("b.example:8443", &HeaderMap::new()).unwrap().domain, "b.example:8443");
    }

    #[test]
    fn an_address_lies_below_its_origin_only() {
        let origin = Origin::parse("https://aitbc.example").unwrap();
        for uri in ["https://aitbc.example", "https://aitbc.example/account", "https://aitbc.example?a"] {
            assert!(origin.has(uri), "{uri}");
        }
        for uri in ["https://aitbc.example.evil", "https://aitbc.example@evil", "http://aitbc.example/", "https://evil"]
        {
            assert!(!origin.has(uri), "{uri}");
        }
    }

    #[test]
    fn a_change_comes_from_a_page_of_this_site() {
        let origins = OwnOrigins::default();
        let from = |pairs: &[(&'static str, &str)]| {
            let all = [&[("host", "127.0.0.1:8000")], pairs].concat();
            origins.check_own_page(&headers(&all)).is_ok()
        };
        assert!(from(&[("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:8000")]));
        assert!(from(&[("origin", "http://127.0.0.1:8000")]));
        assert!(!from(&[]));
        for site in ["cross-site", "same-site", "none", ""] {
            assert!(!from(&[("sec-fetch-site", site), ("origin", "http://127.0.0.1:8000")]), "{site}");
        }
        for origin in ["http://127.0.0.1:8001", "https://127.0.0.1:8000", "null", "https://evil.example"] {
            assert!(!from(&[("origin", origin)]), "{origin}");
        }
        let silent = headers(&[("host", "127.0.0.1:8000")]);
        assert!(origins.check_not_foreign(&silent).is_ok());
        assert!(origins.check_not_foreign(&headers(&[("host", "127.0.0.1:8000"), ("origin", "null")])).is_err());
    }
}
