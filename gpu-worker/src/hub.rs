//! The worker's side of the hub's interface.

pub mod backoff;
pub mod clock;
pub mod known;
pub mod link;
pub mod results;
pub mod route;
pub mod session;
pub mod trust;

use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;

use shared::digest::Sha256Digest;
use tokio_tungstenite::tungstenite::http::Uri;

use crate::error::{ConfigError, HubLinkError};

const SESSION_PATH: &str = "/v1/miners/session";

/// Most hubs that one worker serves.
pub const HUBS_MAX: usize = 8;

/// In the data folder: a folder for each hub.
pub const HUBS_FOLDER: &str = "hubs";

/// Characters of a hub's name in that of its folder.
const FOLDER_NAME_MAX_CHARS: usize = 60;

/// Hex digits behind it, which tell two URLs of one name apart.
const FOLDER_DIGEST_CHARS: usize = 16;

/// One of the hubs that the worker serves: its place in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HubNumber(pub usize);

/// Base URL of a hub, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubUrl(String);

impl HubUrl {
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let base = text.trim_end_matches('/');
        let host = base.strip_prefix("http://").or_else(|| base.strip_prefix("https://"));
        match host.filter(|host| !host.is_empty()) {
            Some(_) if base.parse::<Uri>().is_ok_and(|uri| is_base(&uri)) => Ok(Self(base.to_owned())),
            _ => Err(ConfigError::Refused(format!(
                "hub is a URL such as https://hub.example or http://127.0.0.1:8000, got `{text}`"
            ))),
        }
    }

    /// Where its connections go.
    pub fn host_and_port(&self) -> (String, u16) {
        let default = if self.0.starts_with("https://") { 443 } else { 80 };
        let Ok(uri) = self.0.parse::<Uri>() else { return (String::new(), default) };
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        (host.to_owned(), uri.port_u16().unwrap_or(default))
    }

    /// Host and port as the worker signs them when it registers: [`shared::protocol::Registration::dialed`].
    pub fn dialed(&self) -> String {
        let (host, port) = self.host_and_port();
        if let Ok(address) = host.parse::<Ipv6Addr>() {
            return format!("[{address}]:{port}");
        }
        let host = host.to_ascii_lowercase();
        format!("{}:{port}", host.strip_suffix('.').unwrap_or(&host))
    }

    /// The hub runs on this machine.
    pub fn is_local(&self) -> bool {
        let (host, _) = self.host_and_port();
        let is_loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        is_loopback || host.eq_ignore_ascii_case("localhost")
    }

    /// Its connections are encrypted.
    pub fn is_secure(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// Anybody on the way to a hub without TLS reads the prompts and can answer in its place.
    ///
    /// # Errors
    /// `http://` to another machine, unless the miner allowed it.
    pub fn check_secure(&self, insecure_http: bool) -> Result<(), ConfigError> {
        if self.is_secure() || self.is_local() || insecure_http {
            return Ok(());
        }
        Err(ConfigError::Refused(format!(
            "the hub at {} is on another machine and has no TLS: name it with https://, or allow this by --insecure-http \
             or insecure_http = true in its section [[hubs]] of worker.toml",
            self.0
        )))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the WebSocket is: `ws` for `http`, `wss` for `https`.
    pub fn session(&self) -> String {
        format!("ws{}{SESSION_PATH}", self.0.trim_start_matches("http"))
    }

    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Where the worker keeps what belongs to this hub, in its data folder. Another URL is another folder, so that no result
    /// goes to a hub that did not ask for it.
    pub fn folder(&self) -> PathBuf {
        let name = self.0.split_once("://").map_or(self.0.as_str(), |(_, name)| name);
        let plain =
            |character: char| if character.is_ascii_alphanumeric() || character == '.' { character } else { '-' };
        let name: String = name.chars().take(FOLDER_NAME_MAX_CHARS).map(plain).collect();
        let digest: String =
            Sha256Digest::of(self.0.as_bytes()).to_string().chars().take(FOLDER_DIGEST_CHARS).collect();
        PathBuf::from(HUBS_FOLDER).join(format!("{name}-{digest}"))
    }

    pub(crate) fn unreachable(&self, reason: impl std::fmt::Display) -> HubLinkError {
        HubLinkError::Unreachable { hub: self.0.clone(), reason: inference::error::quote(&reason.to_string()) }
    }
}

/// Without a query, and with a port that exists where it names one.
fn is_base(uri: &Uri) -> bool {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let names_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    uri.query().is_none() && (uri.port_u16().is_some() || !names_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_machine_without_tls_needs_the_miner_s_word() {
        for url in
            ["http://hub.example", "http://127.evil.example", "http://localhost.evil.example:80", "http://10.0.0.1"]
        {
            let hub = HubUrl::parse(url).unwrap();
            assert!(hub.check_secure(false).unwrap_err().to_string().contains("--insecure-http"), "{url}");
            hub.check_secure(true).unwrap();
        }
        for url in
            ["http://localhost:8000", "http://LOCALHOST", "http://127.1.2.3", "http://[::1]:1", "https://10.0.0.1"]
        {
            HubUrl::parse(url).unwrap().check_secure(false).unwrap();
        }
    }

    #[test]
    fn each_url_has_a_folder_of_its_own_below_that_of_the_hubs() {
        let folder = |url: &str| HubUrl::parse(url).unwrap().folder();
        let mut seen = std::collections::BTreeSet::new();
        let long = format!("https://hub.example/{}", "a/".repeat(500));
        for url in ["http://127.0.0.1:8000", "https://127.0.0.1:8000", "http://[::1]:1", "https://h/../..", &long] {
            let name = folder(url).strip_prefix(HUBS_FOLDER).unwrap().to_str().unwrap().to_owned();
            assert!(!name.contains(['/', ':']) && name.len() < 100 && !name.starts_with('.'), "{name}");
            assert!(seen.insert(name), "{url}");
        }
        assert_eq!(folder("http://h/"), folder("http://h"));
    }

    #[test]
    fn urls_lead_to_the_session() {
        let hub = HubUrl::parse("http://127.0.0.1:8000/").unwrap();
        assert_eq!(hub.session(), "ws://127.0.0.1:8000/v1/miners/session");
        assert!(hub.is_local());
        hub.check_secure(false).unwrap();
        let hub = HubUrl::parse("https://hub.example").unwrap();
        hub.check_secure(false).unwrap();
        assert_eq!(hub.session(), "wss://hub.example/v1/miners/session");
        assert!(!hub.is_local());
        for (url, host, port) in [
            ("http://127.0.0.1:8000", "127.0.0.1", 8000),
            ("https://hub.example", "hub.example", 443),
            ("http://[::1]/below", "::1", 80),
        ] {
            assert_eq!(HubUrl::parse(url).unwrap().host_and_port(), (host.to_owned(), port));
        }
        for (url, dialed) in [
            ("http://127.0.0.1:8000", "127.0.0.1:8000"),
            ("https://Hub.Example/below", "hub.example:443"),
            ("http://[::1]", "[::1]:80"),
            ("http://[2001:DB8:0:0::0001]:9", "[2001:db8::1]:9"),
            ("https://hub.example.", "hub.example:443"),
        ] {
            assert_eq!(HubUrl::parse(url).unwrap().dialed(), dialed);
        }
        for text in ["", "hub.example", "ftp://x", "http://", "http://a b", "http://a:999999", "http://a?b=c"] {
            assert!(HubUrl::parse(text).is_err(), "{text} was taken");
        }
    }
}
