//! Who may ask at all: programs of this machine that have the token. Browsers' pages and other hosts' names are refused before
//! the token is looked at.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use hub::rate_limit::{Limit, TokenBucket};
use tokio::sync::Semaphore;

use super::error::DaemonError;
use super::home::TokenHash;
use crate::clock;

/// Says which page a request comes from. Programs that are no browser send no such header.
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// An answer to a wrong token comes after this time.
const WRONG_TOKEN_PAUSE: Duration = Duration::from_secs(1);

/// So many wrong tokens wait at once; more are turned away.
const WRONG_TOKENS_MAX: usize = 4;

/// Requests that are worked on at once.
const IN_FLIGHT_MAX: usize = 256;

/// 10 000 a second, a minute's worth of them at once.
const REQUESTS: Limit = Limit { calls_per_minute: 600_000 };

pub(super) struct Guard {
    token: TokenHash,
    /// The names under which this daemon is reached. A page that makes its own name lead here sends another one.
    hosts: [String; 2],
    wrong_tokens: Semaphore,
    in_flight: Semaphore,
    bucket: Mutex<TokenBucket>,
}

impl Guard {
    pub(super) fn new(token: TokenHash, address: SocketAddr) -> Self {
        Self {
            token,
            hosts: [address.to_string(), format!("localhost:{}", address.port())],
            wrong_tokens: Semaphore::new(WRONG_TOKENS_MAX),
            in_flight: Semaphore::new(IN_FLIGHT_MAX),
            bucket: Mutex::default(),
        }
    }

    fn check_sender(&self, headers: &HeaderMap) -> Result<(), DaemonError> {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        if !self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host)) {
            return Err(DaemonError::Browser("the Host header does not name this daemon"));
        }
        // A browser sets these by itself and lets no page take them away.
        if headers.contains_key(header::ORIGIN) || headers.contains_key(SEC_FETCH_SITE) {
            return Err(DaemonError::Browser("pages in a browser do not talk to this daemon"));
        }
        Ok(())
    }

    fn has_token(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = given.and_then(|value| value.split_once(' '));
        token.is_some_and(|(scheme, token)| {
            scheme.eq_ignore_ascii_case("bearer") && TokenHash::of(token.trim()) == self.token
        })
    }
}

pub(super) async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let answer = match admit(&guard, request.headers()).await {
        Ok(_place) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    let mut answer = answer;
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

async fn admit<'a>(guard: &'a Guard, headers: &HeaderMap) -> Result<tokio::sync::SemaphorePermit<'a>, DaemonError> {
    guard.check_sender(headers)?;
    if !guard.has_token(headers) {
        let Ok(_waits) = guard.wrong_tokens.try_acquire() else {
            return Err(DaemonError::Busy("too many wrong tokens came at once"));
        };
        tokio::time::sleep(WRONG_TOKEN_PAUSE).await;
        return Err(DaemonError::Token);
    }
    let taken = guard.bucket.lock().unwrap_or_else(PoisonError::into_inner).take(REQUESTS, clock::now());
    taken.map_err(|_| DaemonError::Busy("too many requests came one after another"))?;
    guard.in_flight.try_acquire().map_err(|_| DaemonError::Busy("too many requests are worked on"))
}
