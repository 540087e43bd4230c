//! The session of an operator, for one command: begun by signing a message with the operator's key, or taken over from a
//! browser. Keys and sessions come from files and the environment, never from the arguments, which every user of the
//! machine can read.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::api::second_factor::CODE_MAX_CHARS;
use shared::api::sessions::{SessionView, SignInNonce};
use shared::signing::PrivateKey;
use ureq::http::Uri;
use ureq::http::header::{COOKIE, ORIGIN, SET_COOKIE};
use wallet::sign_in::SignInMessage;
use zeroize::Zeroizing;

use crate::cli::client::Server;
use crate::cli::wallet::ask;
use crate::keys;

const OPERATOR_KEY: &str = "AITBC_OPERATOR_KEY";
const SESSION: &str = "AITBC_SESSION";
const CODE: &str = "AITBC_CODE";

/// Where the server is, and who operates it.
#[derive(Debug, Args)]
pub(super) struct Access {
    /// Address of the server, as its operators reach it
    #[arg(long, env = "AITBC_URL", default_value = "http://127.0.0.1:8000")]
    url: String,
    /// File of an operator's key: 64 hex digits, mode 0600; or the key itself in AITBC_OPERATOR_KEY, or the value of a
    /// browser's cookie `session` in AITBC_SESSION. A code of a second factor comes from AITBC_CODE or the terminal
    #[arg(long, env = "AITBC_OPERATOR_KEY_FILE", value_name = "FILE")]
    operator_key_file: Option<PathBuf>,
}

/// An open session.
pub(super) struct OpenSession {
    server: Server,
    cookie: Zeroizing<String>,
    origin: String,
    /// Begun here, so that it ends here.
    own: Option<SessionView>,
}

impl Access {
    /// Asks within a session, which is over when this returns where this began it.
    pub(super) fn within<T>(&self, ask: impl FnOnce(&OpenSession) -> Result<T>) -> Result<T> {
        let session = self.open()?;
        let answer = session.complete().and_then(|()| ask(&session));
        let ended = session.end();
        let answer = answer?;
        ended.context("the command was done, and its session could not be ended: it ends by itself within a day")?;
        Ok(answer)
    }

    fn open(&self) -> Result<OpenSession> {
        let server = Server::at(&self.url);
        let origin = origin_of(&self.url)?;
        if self.operator_key_file.is_none()
            && let Ok(secret) = std::env::var(SESSION)
        {
            // One of the two is the name that the server has for it.
            let cookie = Zeroizing::new(format!("session={0}; __Host-session={0}", secret.trim()));
            return Ok(OpenSession { server, cookie, origin, own: None });
        }
        self.sign_in(server, origin, &self.key()?)
    }

    fn key(&self) -> Result<PrivateKey> {
        match &self.operator_key_file {
            Some(path) => Ok(keys::read(path)?),
            None => {
                let missing = || {
                    format!(
                        "say who operates: --operator-key-file, or a key in {OPERATOR_KEY}, or a session in {SESSION}"
                    )
                };
                let text = Zeroizing::new(std::env::var(OPERATOR_KEY).with_context(missing)?);
                Ok(keys::parse(&text, &format!("in {OPERATOR_KEY}"))?)
            }
        }
    }

    fn sign_in(&self, server: Server, origin: String, key: &PrivateKey) -> Result<OpenSession> {
        let given: SignInNonce = server.post("/v1/sessions/nonce", &json!({ "address": key.address() }), None)?;
        check_message(&given.message, &origin, key)?;
        let signature = key.sign_message(given.message.as_bytes())?;
        let body = json!({ "message": given.message, "signature": signature });
        let answer = Server::agent().post(server.address("/v1/sessions")).header(ORIGIN, &origin).send_json(&body);
        let cookies = answer.as_ref().ok().and_then(|answer| answer.headers().get(SET_COOKIE));
        let cookie = cookies.and_then(|value| value.to_str().ok()?.split(';').next()).map(str::to_owned);
        let view: SessionView = server.read(answer)?;
        let cookie = Zeroizing::new(cookie.context("the server gave no session")?);
        Ok(OpenSession { server, cookie, origin, own: Some(view) })
    }
}

/// Scheme, host and port of an address.
fn origin_of(url: &str) -> Result<String> {
    let uri: Uri = url.parse().with_context(|| format!("--url {url} is no web address"))?;
    match (uri.scheme_str(), uri.authority()) {
        (Some(scheme @ ("http" | "https")), Some(authority)) => Ok(format!("{scheme}://{authority}").to_lowercase()),
        _ => bail!("--url {url}: an address begins with http:// or https://"),
    }
}

/// A signature must count at the server that was named, and at no other one.
fn check_message(message: &str, origin: &str, key: &PrivateKey) -> Result<()> {
    let message = SignInMessage::parse(message).context("the server proposes no message to sign in with")?;
    let named = origin.split_once("://").map(|(_, domain)| domain).unwrap_or_default();
    ensure!(
        message.domain == named && message.uri.trim_end_matches('/') == origin && message.address == key.address(),
        "the server at {origin} asks for a signature that signs {} in at {}: give the address that it calls its own with \
         --url; nothing was signed",
        message.address,
        message.uri
    );
    Ok(())
}

impl OpenSession {
    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let request = Server::agent().get(self.server.address(path)).header(COOKIE, self.cookie.as_str());
        self.server.read(request.call())
    }

    pub(super) fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        let request = Server::agent().post(self.server.address(path)).header(COOKIE, self.cookie.as_str());
        self.server.read(request.header(ORIGIN, &self.origin).send_json(body))
    }

    /// Gives a code of the second factor where one is awaited.
    fn complete(&self) -> Result<()> {
        if !self.own.as_ref().is_some_and(|session| session.awaits_code) {
            return Ok(());
        }
        let code = match std::env::var(CODE) {
            Ok(code) => Zeroizing::new(code),
            Err(_) => ask::secret("Code of the second factor: ", CODE_MAX_CHARS as u64)?,
        };
        self.post::<SessionView>("/v1/sessions/code", &json!({ "code": code.trim() })).map(drop)
    }

    fn end(self) -> Result<()> {
        let Some(own) = &self.own else { return Ok(()) };
        let path = self.server.address(&format!("/v1/sessions/{}", own.id));
        let request = Server::agent().delete(path).header(COOKIE, self.cookie.as_str()).header(ORIGIN, &self.origin);
        self.server.read::<Value>(request.call()).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "DOMAIN wants you to sign in with your Ethereum account:\nADDRESS\n\n\nURI: LINK\nVersion: 1\nChain ID: 1\nNonce: abcdef0123456789\nIssued At: 2026-11-30T10:00:00Z";

    fn check(domain: &str, link: &str, signs_in: u8, origin: &str) -> Result<()> {
        let key = |number: u8| PrivateKey::from_bytes(&[number; 32]).unwrap();
        let address = key(signs_in).address().to_string();
        let message = MESSAGE.replace("DOMAIN", domain).replace("ADDRESS", &address).replace("LINK", link);
        check_message(&message, origin, &key(1))
    }

    #[test]
    fn only_a_message_for_the_named_server_and_the_own_account_is_signed() {
        let hub = "https://hub.example";
        check("hub.example", hub, 1, hub).unwrap();
        check("127.0.0.1:8000", "http://127.0.0.1:8000", 1, &origin_of("http://127.0.0.1:8000/").unwrap()).unwrap();
        for (domain, link, signs_in) in [
            ("bank.example", hub, 1),
            ("hub.example", "https://bank.example", 1),
            ("hub.example", "http://hub.example", 1),
            ("hub.example", hub, 2),
        ] {
            let refused = check(domain, link, signs_in, hub).unwrap_err().to_string();
            assert!(refused.contains("nothing was signed"), "{domain} {link}: {refused}");
        }
        for refused in ["hub.example", "ftp://hub.example", ""] {
            assert!(origin_of(refused).is_err(), "{refused}");
        }
    }
}
