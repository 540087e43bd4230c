//! Who calls, and what they may do.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use hub::quota::address_class;
use hub::rate_limit::Limit;
use shared::Address;
use shared::api::keys::ApiScope;
use shared::digest::Sha256Digest;
use shared::id::ApiKeyId;
use store::Store;
use store::record::{ApiKeyRecord, JobRecord, NewApiKey};

use crate::clock;
use crate::error::ApiError;

/// The header that carries an API key.
pub const API_KEY_HEADER: &str = "x-api-key";

/// Every secret starts with this, so that scanners recognise a leaked one.
const SECRET_PREFIX: &str = "aitbc_";

/// Longest label of a key.
pub const LABEL_MAX_CHARS: usize = 100;

/// Who sent a request.
#[derive(Debug, Clone)]
pub enum Caller {
    Key(ApiKeyRecord),
    /// A visitor without an account, by the class of the network address.
    Visitor {
        address: String,
    },
}

impl Caller {
    /// The name under which first answers and rate limits are kept.
    pub fn name(&self) -> String {
        match self {
            Self::Key(key) => key.view.id.to_string(),
            Self::Visitor { address } => format!("visitor {address}"),
        }
    }

    /// The caller's own jobs go by this address.
    pub const fn address(&self) -> Option<Address> {
        match self {
            Self::Key(key) => Some(key.view.address),
            Self::Visitor { .. } => None,
        }
    }

    fn is_admin(&self) -> bool {
        matches!(self, Self::Key(key) if key.view.scope == ApiScope::Admin)
    }

    /// Calls of image generation, by the key's own limit or the server's.
    pub fn image_limit(&self, default_calls_per_minute: u32) -> Limit {
        let own = match self {
            Self::Key(key) => key.images_per_minute,
            Self::Visitor { .. } => None,
        };
        Limit { calls_per_minute: own.unwrap_or(default_calls_per_minute) }
    }

    /// Sponsored jobs are public; others belong to the address of their key.
    pub fn may_see(&self, job: &JobRecord) -> bool {
        job.sponsored || self.is_admin() || self.address() == Some(job.client)
    }

    /// Jobs are created by visitors, and by keys for clients.
    pub fn may_create_jobs(&self) -> Result<(), ApiError> {
        match self {
            Self::Key(key) if key.view.scope == ApiScope::Miner => Err(ApiError::Forbidden(
                "the key's scope is `miner`; creating jobs needs `client` or `admin`".to_owned(),
            )),
            Self::Key(_) | Self::Visitor { .. } => Ok(()),
        }
    }
}

/// Tells who calls.
#[derive(Clone)]
pub struct Callers {
    pub(crate) store: Store,
    /// A reverse proxy stands in front, and its word names the visitor.
    pub(crate) behind_proxy: bool,
}

impl Callers {
    /// The key with this secret, unless it is revoked.
    pub async fn find_key(&self, secret: &str) -> Result<ApiKeyRecord, ApiError> {
        let found = self.store.find_api_key(Sha256Digest::of(secret.as_bytes())).await?;
        match found {
            None => Err(ApiError::Unauthorized("the API key is not known")),
            Some(key) if key.view.revoked_at_unix_ms.is_some() => {
                Err(ApiError::Unauthorized("the API key was revoked"))
            }
            Some(key) => Ok(key),
        }
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Callers: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let callers = Callers::from_ref(state);
        match secret_of(&parts.headers)? {
            Some(secret) => callers.find_key(secret).await.map(Self::Key),
            None => Ok(Self::Visitor { address: address_class(visitor_address(parts, callers.behind_proxy)) }),
        }
    }
}

/// The secret that a request carries: in our own header, or as the bearer token that OpenAI's clients send.
fn secret_of(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let foreign = || ApiError::Unauthorized("the API key has foreign characters");
    if let Some(own) = headers.get(API_KEY_HEADER) {
        return own.to_str().map(Some).map_err(|_| foreign());
    }
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let (scheme, token) = value.to_str().map_err(|_| foreign())?.split_once(' ').unwrap_or_default();
    Ok(scheme.eq_ignore_ascii_case("bearer").then_some(token.trim()))
}

fn visitor_address(parts: &Parts, behind_proxy: bool) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let forwarded = behind_proxy.then(|| forwarded_for(&parts.headers)).flatten();
    forwarded.or(peer).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// The last address is the one that our own proxy saw. A visitor can forge the earlier ones.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let value = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next()?.trim().parse().ok()
}

/// A new key and its secret, which is not kept. The secret has 256 random bits, so a plain hash protects it.
pub fn new_api_key(
    label: &str,
    scope: ApiScope,
    address: Address,
    images_per_minute: Option<u32>,
) -> (NewApiKey, String) {
    let secret = format!("{SECRET_PREFIX}{}", hex::encode(clock::random_bytes::<32>()));
    let key = NewApiKey {
        id: ApiKeyId::from_random(clock::random_u128()),
        secret_sha256: Sha256Digest::of(secret.as_bytes()),
        label: label.to_owned(),
        scope,
        address,
        images_per_minute,
        created_at: clock::now(),
    };
    (key, secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_proxys_own_word_names_the_visitor() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "1.1.1.1, 10.0.0.7".parse().unwrap());
        assert_eq!(forwarded_for(&headers), Some("10.0.0.7".parse().unwrap()));
        headers.insert("x-forwarded-for", "nonsense".parse().unwrap());
        assert_eq!(forwarded_for(&headers), None);
    }

    #[test]
    fn a_key_comes_in_our_header_or_as_a_bearer_token() {
        let secret = |name: &'static str, value: &str| {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
            secret_of(&headers).unwrap().map(str::to_owned)
        };
        assert_eq!(secret(API_KEY_HEADER, "aitbc_1").as_deref(), Some("aitbc_1"));
        assert_eq!(secret("authorization", "Bearer aitbc_2").as_deref(), Some("aitbc_2"));
        assert_eq!(secret("authorization", "Basic YTpi"), None);
        assert_eq!(secret("accept", "text/html"), None);
    }

    #[test]
    fn two_keys_never_share_a_secret_and_the_secret_is_not_kept() {
        let (first, secret) = new_api_key("one", ApiScope::Client, Address::ZERO, None);
        let (second, other) = new_api_key("one", ApiScope::Client, Address::ZERO, None);
        assert_ne!(secret, other);
        assert_ne!(first.id, second.id);
        assert!(!format!("{first:?}").contains(&secret));
    }
}
