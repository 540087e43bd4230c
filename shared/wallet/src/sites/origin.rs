//! Who a site is: its origin, as the browser names it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest name of a host by DNS, with a port.
const HOST_MAX_CHARS: usize = 253 + 6;

/// Scheme, host and port of a page that is served: `https` everywhere, `http` from this machine only. What comes over
/// plain `http` can be replaced by anybody on the way, so such a page is nobody in particular.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin {
    is_secure: bool,
    host: String,
}

/// Why a page is not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotServed;

impl fmt::Display for NotServed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("only pages of https and of this machine are served")
    }
}

impl Origin {
    /// Reads an origin in the form that browsers write: small letters, and no port where it is the scheme's own.
    pub fn parse(text: &str) -> Result<Self, NotServed> {
        let (scheme, host) = text.split_once("://").ok_or(NotServed)?;
        let is_secure = match scheme {
            "https" => true,
            "http" if is_loopback(hostname(host)) => false,
            _ => return Err(NotServed),
        };
        let fits = !host.is_empty() && host.len() <= HOST_MAX_CHARS;
        let is_plain = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || "-._:[]".contains(one);
        if !fits || !host.chars().all(is_plain) {
            return Err(NotServed);
        }
        Ok(Self { is_secure, host: host.to_owned() })
    }

    /// Host, and port where it is not the scheme's own: the domain of EIP-4361.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", if self.is_secure { "https" } else { "http" }, self.host)
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.to_string()
    }
}

impl TryFrom<String> for Origin {
    type Error = NotServed;

    fn try_from(text: String) -> Result<Self, NotServed> {
        Self::parse(&text)
    }
}

/// Whether a host, without its port, is this machine.
pub fn is_loopback(hostname: &str) -> bool {
    matches!(hostname, "127.0.0.1" | "localhost" | "[::1]")
}

/// Without the port.
fn hostname(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_https_and_of_this_machine_are_served() {
        for text in [
            "https://shop.example",
            "https://shop.example:8443",
            "https://xn--bcher-kva.example",
            "http://127.0.0.1:4173",
            "http://localhost",
            "http://[::1]:3000",
            "https://[2001:db8::1]",
        ] {
            assert_eq!(Origin::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Origin::parse("http://127.0.0.1:4173").unwrap().host(), "127.0.0.1:4173");
    }

    #[test]
    fn everything_else_is_nobody() {
        for text in [
            "",
            "null",
            "https://",
            "http://shop.example",
            "http://127.0.0.1.shop.example",
            "http://localhost.shop.example:80",
            "file://",
            "data:text/html,",
            "chrome-extension://abcdef",
            "https://Shop.example",
            "https://shop.example/path",
            "https://user@shop.example",
            "https://shop.example https://bank.example",
            "https://sh\u{f6}p.example",
        ] {
            assert_eq!(Origin::parse(text), Err(NotServed), "{text}");
        }
        assert_eq!(Origin::parse(&format!("https://{}", "a".repeat(HOST_MAX_CHARS + 1))), Err(NotServed));
    }
}
