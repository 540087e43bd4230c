//! The worker's side of the hub's interface.

pub mod backoff;
pub mod clock;
pub mod link;
pub mod results;
pub mod trust;

use crate::error::{Result, WorkerError};

const SESSION_PATH: &str = "/v1/miners/session";

/// Base URL of a hub, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubUrl(String);

impl HubUrl {
    pub fn parse(text: &str) -> Result<Self> {
        let base = text.trim_end_matches('/');
        let host = base.strip_prefix("http://").or_else(|| base.strip_prefix("https://"));
        match host {
            Some(host) if !host.is_empty() && !base.contains(char::is_whitespace) => Ok(Self(base.to_owned())),
            _ => Err(WorkerError::Config(format!("hub is a URL that begins http:// or https://, got `{text}`"))),
        }
    }

    /// The hub runs on this machine.
    pub fn is_local(&self) -> bool {
        let host = self.0.split("://").nth(1).unwrap_or_default();
        ["127.", "localhost", "[::1]"].iter().any(|local| host.starts_with(local))
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

    pub(crate) fn unreachable(&self, reason: impl std::fmt::Display) -> WorkerError {
        WorkerError::Hub { hub: self.0.clone(), reason: crate::error::quote(&reason.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lead_to_the_session() {
        let hub = HubUrl::parse("http://127.0.0.1:8000/").unwrap();
        assert_eq!(hub.session(), "ws://127.0.0.1:8000/v1/miners/session");
        assert!(hub.is_local());
        let hub = HubUrl::parse("https://hub.example").unwrap();
        assert_eq!(hub.session(), "wss://hub.example/v1/miners/session");
        assert!(!hub.is_local());
        for text in ["", "hub.example", "ftp://x", "http://", "http://a b"] {
            assert!(HubUrl::parse(text).is_err(), "{text} was taken");
        }
    }
}
