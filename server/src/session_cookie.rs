//! The cookie of a session. No script can read it, and it goes with requests of this site's own pages alone.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use shared::digest::Sha256Digest;

use crate::clock;

/// Over TLS the browser keeps a cookie of this name to this very host.
const SECURE_NAME: &str = "__Host-session";
const LOOPBACK_NAME: &str = "session";

/// Every secret starts with this, so that scanners recognise a leaked one.
const PREFIX: &str = "session_";

/// A longer text is no secret of a session.
const SECRET_MAX_CHARS: usize = 100;

/// Cookies of the name that one request may bring; a browser has one.
const SECRETS_MAX: usize = 4;

/// The secret of a new session.
pub(crate) struct SessionSecret(String);

impl SessionSecret {
    /// It has 256 random bits, so a plain hash protects it.
    pub(crate) fn random() -> Self {
        Self(format!("{PREFIX}{}", hex::encode(clock::random_bytes::<32>())))
    }

    pub(crate) fn sha256(&self) -> Sha256Digest {
        Sha256Digest::of(self.0.as_bytes())
    }

    /// Hands the secret to the browser.
    pub(crate) fn put_into(&self, headers: &mut HeaderMap, life_seconds: u64, secure: bool) {
        put(headers, &self.0, life_seconds, secure);
    }
}

/// Makes the browser forget its session.
pub fn clear(headers: &mut HeaderMap, secure: bool) {
    put(headers, "", 0, secure);
}

fn put(headers: &mut HeaderMap, secret: &str, life_seconds: u64, secure: bool) {
    let (name, flag) = (name(secure), if secure { "; Secure" } else { "" });
    let cookie = format!("{name}={secret}; Path=/; Max-Age={life_seconds}; HttpOnly; SameSite=Strict{flag}");
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        headers.append(SET_COOKIE, value);
    }
}

const fn name(secure: bool) -> &'static str {
    if secure { SECURE_NAME } else { LOOPBACK_NAME }
}

fn values(headers: &HeaderMap, secure: bool) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(move |(given, _)| *given == name(secure)).map(|(_, value)| value)
}

/// Whether a request brings a session, open or not.
pub fn is_there(headers: &HeaderMap, secure: bool) -> bool {
    values(headers, secure).next().is_some()
}

/// The hashes of the secrets that a request brings.
pub fn secrets(headers: &HeaderMap, secure: bool) -> impl Iterator<Item = Sha256Digest> {
    let secrets = values(headers, secure).filter(|value| value.starts_with(PREFIX) && value.len() <= SECRET_MAX_CHARS);
    secrets.take(SECRETS_MAX).map(|secret| Sha256Digest::of(secret.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_for_no_script_and_no_other_site() {
        let secret = SessionSecret::random();
        let set = |secure| {
            let mut headers = HeaderMap::new();
            secret.put_into(&mut headers, 60, secure);
            headers[SET_COOKIE].to_str().unwrap().to_owned()
        };
        let rest = "; Path=/; Max-Age=60; HttpOnly; SameSite=Strict";
        assert_eq!(set(false), format!("session={}{rest}", secret.0));
        assert_eq!(set(true), format!("__Host-session={}{rest}; Secure", secret.0));
        assert_ne!(secret.sha256(), SessionSecret::random().sha256());
    }

    #[test]
    fn what_a_browser_sends_back_is_the_same_session_and_other_cookies_are_none() {
        let secret = SessionSecret::random();
        let headers = |cookie: String| HeaderMap::from_iter([(COOKIE, cookie.parse().unwrap())]);
        let sent = headers(format!("theme=dark; session={}", secret.0));
        assert_eq!(secrets(&sent, false).collect::<Vec<_>>(), [secret.sha256()]);
        assert_eq!(secrets(&sent, true).count(), 0, "over TLS a cookie of any subdomain would do");
        let odd = headers(format!("session=; my_session={0}; session=x{0}", secret.0));
        assert!(is_there(&odd, false));
        assert_eq!(secrets(&odd, false).count(), 0);
        let many = headers(vec![format!("session={}", secret.0); 100].join(";"));
        assert_eq!(secrets(&many, false).count(), SECRETS_MAX);
    }

    #[test]
    fn a_cleared_cookie_ends_at_once() {
        let mut headers = HeaderMap::new();
        clear(&mut headers, true);
        assert_eq!(headers[SET_COOKIE], "__Host-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure");
    }
}
