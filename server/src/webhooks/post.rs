//! One message on its way: signed as Standard Webhooks says, posted to an address that was checked after its name was
//! looked up, without following anybody elsewhere.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use shared::time::UnixSeconds;
use store::record::webhooks::{DueMessage, WebhookRecord, WebhookSecret};
use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::destination::Reach;

/// What every secret begins with.
pub(crate) const SECRET_PREFIX: &str = "whsec_";

/// A receiver has so long for its answer, looking up its name included. A server that stops waits for it.
const ANSWER_TIME: Duration = Duration::from_secs(5);

const USER_AGENT: &str = concat!("aitbc-webhooks/", env!("CARGO_PKG_VERSION"));

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Status(u16),
    /// Nothing, and why.
    None(String),
}

#[derive(Debug, Clone)]
pub(super) struct Poster(Arc<Agent>);

impl Poster {
    pub(super) fn new(reach: Reach) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(ANSWER_TIME))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .max_idle_connections(0)
            .user_agent(USER_AGENT)
            .build();
        Self(Arc::new(Agent::with_parts(config, DefaultConnector::default(), Checked::new(reach))))
    }

    pub(super) async fn post(&self, webhook: &WebhookRecord, message: &DueMessage, at: UnixSeconds) -> Answer {
        let id = message.job_id.to_string();
        let Some(signature) = sign(&webhook.secret, &id, at, &message.body) else {
            return Answer::None("the secret of the webhook cannot be read".to_owned());
        };
        let (agent, url, body) = (Arc::clone(&self.0), webhook.view.url.clone(), message.body.clone());
        let send = move || {
            let request = agent
                .post(&url)
                .header("content-type", "application/json")
                .header("webhook-id", id)
                .header("webhook-timestamp", at.0.to_string())
                .header("webhook-signature", signature);
            match request.send(body) {
                Ok(answer) => Answer::Status(answer.status().as_u16()),
                Err(error) => Answer::None(error.to_string()),
            }
        };
        tokio::task::spawn_blocking(send).await.unwrap_or_else(|error| Answer::None(error.to_string()))
    }
}

/// `v1,` and the base64 of the HMAC-SHA256 over id, time and body, with points between them. `None` for a secret that is
/// none of this server's.
fn sign(secret: &WebhookSecret, id: &str, at: UnixSeconds, body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.0.strip_prefix(SECRET_PREFIX)?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{}.{body}", at.0).as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

/// Looks names up and leaves out what must not be reached. The connection goes to what is left: the name is not looked up
/// a second time.
#[derive(Debug)]
struct Checked {
    reach: Reach,
    names: DefaultResolver,
}

impl Checked {
    fn new(reach: Reach) -> Self {
        Self { reach, names: DefaultResolver::default() }
    }
}

impl Resolver for Checked {
    /// A name that nobody has and one that leads to what must not be reached read alike: a client learns nothing of the names
    /// of this server's network.
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.names.resolve(uri, config, timeout).map_err(|_| ureq::Error::HostNotFound)?;
        let mut allowed = self.empty();
        for address in found.iter().filter(|address| self.reach.allows(uri.scheme_str(), address.ip())) {
            allowed.push(*address);
        }
        if allowed.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(allowed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn a_signature_is_that_of_standard_webhooks() {
        let secret = WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let body = r#"{"test": 2432232314}"#;
        let signed = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", UnixSeconds(1_614_265_330), body);
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        assert_eq!(sign(&WebhookSecret("plain".to_owned()), "a", UnixSeconds(1), ""), None);
    }

    #[test]
    fn a_name_of_this_machine_is_not_reached_from_outside() {
        let uri: Uri = "http://localhost:1/".parse().unwrap();
        let resolve = |reach| Checked::new(reach).resolve(&uri, &Config::default(), NextTimeout::default());
        assert!(matches!(resolve(Reach::Public), Err(ureq::Error::HostNotFound)));
        let nobody: Uri = "https://nobody.invalid/".parse().unwrap();
        let unknown = Checked::new(Reach::Public).resolve(&nobody, &Config::default(), NextTimeout::default());
        assert!(matches!(unknown, Err(ureq::Error::HostNotFound)));
        assert!(resolve(Reach::ThisMachine).is_ok_and(|found| found.iter().all(|address| address.ip().is_loopback())));
    }
}
