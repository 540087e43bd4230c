//! Who calls, and what they may do.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use hub::quota::address_class;
use hub::rate_limit::Limit;
use shared::Address;
use shared::api::keys::ApiScope;
use shared::digest::Sha256Digest;
use shared::id::{ApiKeyId, SessionId};
use store::Store;
use store::record::{ApiKeyRecord, JobRecord, NewApiKey, SessionRecord};

use crate::clock;
use crate::error::ApiError;
use crate::origins::OwnOrigins;
use crate::session_cookie;

/// The header that carries an API key.
pub const API_KEY_HEADER: &str = "x-api-key";

/// Every secret starts with this, so that scanners recognise a leaked one.
const SECRET_PREFIX: &str = "aitbc_";

/// Longest text that is looked up as a key; keys of this server have 70 characters.
pub const SECRET_MAX_CHARS: usize = 200;

/// Where a request comes from, with or without a key: the class of its network address.
#[derive(Debug, Clone)]
pub struct Visitor {
    pub address: String,
}

impl<S> FromRequestParts<S> for Visitor
where
    S: Send + Sync,
    Callers: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self { address: address_class(visitor_address(parts, Callers::from_ref(state).behind_proxy)) })
    }
}

/// Who sent a request.
#[derive(Debug, Clone)]
pub enum Caller {
    /// The holder of a key that the operator made.
    Key(ApiKeyRecord),
    /// A wallet that signed in, or the holder of a key that it made. Wallets cost nothing, so what they may have for
    /// nothing is also counted for the network address.
    Wallet {
        wallet: Address,
        /// The class of the network address.
        network: String,
        /// The key that it used, where it is no session.
        key: Option<ApiKeyId>,
    },
    /// A visitor without an account, by the class of the network address.
    Visitor { address: String },
}

impl Caller {
    /// The name under which first answers and rate limits are kept.
    pub fn name(&self) -> String {
        match self {
            Self::Key(key) => key.view.id.to_string(),
            Self::Wallet { wallet, .. } => format!("wallet {wallet}"),
            Self::Visitor { address } => visitor_name(address),
        }
    }

    /// The name under which calls are counted: many wallets of one network address have one rate.
    pub fn rate_name(&self) -> String {
        match self {
            Self::Wallet { network, .. } => visitor_name(network),
            Self::Key(_) | Self::Visitor { .. } => self.name(),
        }
    }

    /// The class of the network address of a caller without a key of the operator.
    pub fn network(&self) -> Option<&str> {
        match self {
            Self::Key(_) => None,
            Self::Wallet { network, .. } => Some(network),
            Self::Visitor { address } => Some(address),
        }
    }

    /// The caller's own jobs go by this address.
    pub const fn address(&self) -> Option<Address> {
        match self {
            Self::Key(key) => Some(key.view.address),
            Self::Wallet { wallet, .. } => Some(*wallet),
            Self::Visitor { .. } => None,
        }
    }

    /// The key that the caller used.
    pub const fn key(&self) -> Option<ApiKeyId> {
        match self {
            Self::Key(key) => Some(key.view.id),
            Self::Wallet { key, .. } => *key,
            Self::Visitor { .. } => None,
        }
    }

    /// An operator.
    pub fn is_admin(&self) -> bool {
        matches!(self, Self::Key(key) if key.view.scope == ApiScope::Admin)
    }

    /// Calls of image generation, by the key's own limit or the server's.
    pub fn image_limit(&self, default_calls_per_minute: u32) -> Limit {
        let own = match self {
            Self::Key(key) => key.images_per_minute,
            Self::Wallet { .. } | Self::Visitor { .. } => None,
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
            Self::Key(_) | Self::Wallet { .. } | Self::Visitor { .. } => Ok(()),
        }
    }
}

/// The name of everybody at a network address.
pub fn visitor_name(address_class: &str) -> String {
    format!("visitor {address_class}")
}

/// Tells who calls.
#[derive(Clone)]
pub struct Callers {
    pub(crate) store: Store,
    pub(crate) origins: OwnOrigins,
    /// A reverse proxy stands in front, and its word names the visitor.
    pub(crate) behind_proxy: bool,
}

impl Callers {
    /// The key with this secret, unless it is revoked.
    pub async fn find_key(&self, secret: &str) -> Result<ApiKeyRecord, ApiError> {
        if secret.len() > SECRET_MAX_CHARS {
            return Err(ApiError::Unauthorized("the API key is not known"));
        }
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

impl Callers {
    /// Who has the key with this secret.
    pub async fn find_caller(&self, secret: &str, network: String) -> Result<Caller, ApiError> {
        let key = self.find_key(secret).await?;
        Ok(if key.by_wallet {
            Caller::Wallet { wallet: key.view.address, network, key: Some(key.view.id) }
        } else {
            Caller::Key(key)
        })
    }

    /// The session of a request's cookie, while it counts. It may await a code: only [`Presented`] says what it may do.
    pub(crate) async fn find_session(&self, headers: &HeaderMap) -> Result<Option<SessionRecord>, ApiError> {
        let secrets: Vec<Sha256Digest> = session_cookie::secrets(headers, self.origins.is_secure()).collect();
        for secret in secrets {
            if let Some(session) = self.store.find_session(secret, clock::now()).await? {
                return Ok(Some(session));
            }
        }
        Ok(None)
    }

    /// The session that a request presents. A cookie goes with every request to this site, also with those that a page of
    /// another site makes, so a change must come from a page of this one.
    ///
    /// # Errors
    /// A change that does not, and one with a session that is over: it would count as a visitor's, and a visitor's job
    /// is public.
    async fn present(&self, method: &Method, headers: &HeaderMap) -> Result<Presented, ApiError> {
        if !session_cookie::is_there(headers, self.origins.is_secure()) {
            return Ok(Presented::Nothing);
        }
        let found = self.find_session(headers).await?;
        if !method.is_safe() {
            self.origins.check_own_page(headers)?;
            if found.is_none() {
                return Err(ApiError::SessionOver { secure: self.origins.is_secure() });
            }
        }
        Ok(found.map_or(Presented::Nothing, Presented::of))
    }

    /// The reverse proxy in front says that the visitor speaks TLS with it.
    pub fn are_over_tls(&self, headers: &HeaderMap) -> bool {
        let told = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
        self.behind_proxy && told.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"))
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Callers: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        if let Some(caller) = parts.extensions.get::<Self>() {
            return Ok(caller.clone());
        }
        let callers = Callers::from_ref(state);
        let network = address_class(visitor_address(parts, callers.behind_proxy));
        if let Some(secret) = secret_of(&parts.headers)? {
            return callers.find_caller(secret, network).await;
        }
        let presented = callers.present(&parts.method, &parts.headers).await?;
        match presented.acting() {
            Ok(Some(session)) => Ok(Self::Wallet { wallet: session.address, network, key: None }),
            Ok(None) => Ok(Self::Visitor { address: network }),
            // It reads what everybody reads.
            Err(ApiError::CodeNeeded) if parts.method.is_safe() => Ok(Self::Visitor { address: network }),
            Err(error) => Err(error),
        }
    }
}

/// What a request brings to act with. This is the one place that says what a session may do whose account has a second
/// factor, before a code of it came: end itself, and take the code.
#[derive(Debug, Clone)]
pub(crate) enum Presented {
    Nothing,
    AwaitsCode(SessionRecord),
    Whole(SessionRecord),
}

impl Presented {
    pub(crate) fn of(session: SessionRecord) -> Self {
        if session.awaits_code { Self::AwaitsCode(session) } else { Self::Whole(session) }
    }

    /// The session that acts for its account.
    ///
    /// # Errors
    /// One that awaits a code.
    pub(crate) fn acting(&self) -> Result<Option<&SessionRecord>, ApiError> {
        match self {
            Self::Nothing => Ok(None),
            Self::AwaitsCode(_) => Err(ApiError::CodeNeeded),
            Self::Whole(session) => Ok(Some(session)),
        }
    }
}

/// The session of a signed-in wallet. A key does not do: it must not end sessions nor make other keys.
#[derive(Debug, Clone)]
pub struct SignedIn(pub SessionRecord);

impl<S> FromRequestParts<S> for SignedIn
where
    S: Send + Sync,
    Callers: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let presented = Callers::from_ref(state).present(&parts.method, &parts.headers).await?;
        presented.acting()?.cloned().map(Self).ok_or(ApiError::NotSignedIn)
    }
}

/// A session that may await a code. Only what ends this very session or completes it takes one.
#[derive(Debug, Clone)]
pub struct SignedInByWallet(pub SessionRecord);

impl SignedInByWallet {
    /// Whether it may end a session of its account: one that awaits a code ends itself alone.
    pub(crate) fn may_end(&self, id: SessionId) -> Result<(), ApiError> {
        if id == self.0.id { Ok(()) } else { Presented::of(self.0.clone()).acting().map(|_| ()) }
    }
}

impl<S> FromRequestParts<S> for SignedInByWallet
where
    S: Send + Sync,
    Callers: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Callers::from_ref(state).present(&parts.method, &parts.headers).await? {
            Presented::Nothing => Err(ApiError::NotSignedIn),
            Presented::AwaitsCode(session) | Presented::Whole(session) => Ok(Self(session)),
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
        mint_per_day: None,
        by_wallet: false,
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
