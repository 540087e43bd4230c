//! `/v1/sessions`: signing in with a wallet, and what is signed in.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use shared::api::problem::Problem;
use shared::api::sessions::{EndedSessions, NonceRequest, SessionView, Sessions, SignIn, SignInNonce};
use shared::id::SessionId;
use store::change::{EndSession, EndSessions};

use super::extract::{ApiJson, ApiPath};
use crate::admission::Admission;
use crate::auth::{Callers, SignedIn, SignedInByWallet, Visitor};
use crate::clock;
use crate::error::ApiError;
use crate::session_cookie;
use crate::sign_in::browser::browser_name;
use crate::sign_in::{SESSION_SECONDS, SignIns, session_view};

/// A nonce to sign in with, and a message that is ready to be signed. It counts once and for five minutes.
#[utoipa::path(
    post, path = "/v1/sessions/nonce", tag = "sign-in", request_body = NonceRequest,
    responses((status = 200, body = SignInNonce), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn give_nonce(
    State(sign_ins): State<SignIns>,
    State(admission): State<Admission>,
    visitor: Visitor,
    headers: HeaderMap,
    body: ApiJson<NonceRequest>,
) -> Result<Json<SignInNonce>, ApiError> {
    admission.count_nonce(&visitor).await?;
    sign_ins.give_nonce(body.value.address, &headers).map(Json)
}

/// Signs in with a signed message of EIP-4361. The session is a cookie that no script can read; it counts for 24 hours.
///
/// Where the account has a second factor, the session does nothing before a code of it: `awaits_code` says so, and
/// `POST /v1/sessions/code` takes the code.
///
/// A change that is asked for with the cookie must come from a page of this site: a program sends `Origin`.
#[utoipa::path(
    post, path = "/v1/sessions", tag = "sign-in", request_body = SignIn,
    responses(
        (status = 201, body = SessionView, headers(
            ("Location" = String),
            ("Set-Cookie" = String, description = "The session: `HttpOnly`, `SameSite=Strict`, and `Secure` off loopback"),
        )),
        (status = 409, body = Problem, description = "The nonce was used", content_type = "application/problem+json"),
        (status = 422, body = Problem, description = "The message is for another site or chain, out of its time, or of another signer", content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn sign_in(
    State(sign_ins): State<SignIns>,
    State(admission): State<Admission>,
    visitor: Visitor,
    headers: HeaderMap,
    body: ApiJson<SignIn>,
) -> Result<Response, ApiError> {
    admission.count_sign_in(&visitor).await?;
    // A page of another site must not sign this browser in as somebody else.
    sign_ins.origins.check_not_foreign(&headers)?;
    let opened = sign_ins.open(&body.value, &headers, browser_name(&headers)).await?;
    let id = opened.session.id;
    let view = session_view(opened.session, Some(id));
    let mut response =
        (StatusCode::CREATED, [(header::LOCATION, format!("/v1/sessions/{id}"))], Json(view)).into_response();
    opened.secret.put_into(response.headers_mut(), SESSION_SECONDS, sign_ins.origins.is_secure());
    Ok(response)
}

/// The sessions of the wallet that is signed in; not those that await a code.
#[utoipa::path(
    get, path = "/v1/sessions", tag = "sign-in",
    responses((status = 200, body = Sessions), (status = 401, body = Problem, content_type = "application/problem+json")),
    security(("session" = []))
)]
pub async fn list_sessions(
    State(callers): State<Callers>,
    SignedIn(own): SignedIn,
) -> Result<Json<Sessions>, ApiError> {
    let sessions = callers.store.list_sessions(own.address, clock::now()).await?;
    let sessions = sessions.into_iter().map(|session| session_view(session, Some(own.id))).collect();
    Ok(Json(Sessions { sessions }))
}

/// Ends a session of the same wallet. One that awaits a code ends itself alone.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}", tag = "sign-in", params(("id" = SessionId, Path)),
    responses(
        (status = 200, body = EndedSessions),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn end_session(
    State(callers): State<Callers>,
    own: SignedInByWallet,
    ApiPath(id): ApiPath<SessionId>,
) -> Result<Response, ApiError> {
    own.may_end(id)?;
    let SignedInByWallet(own) = own;
    let end = EndSession { id, address: own.address, at: clock::now() };
    if !callers.store.write(end).await? {
        return Err(ApiError::not_found("open session", id));
    }
    Ok(ended(&callers, 1, id == own.id))
}

/// Ends all sessions of the wallet, this one too.
#[utoipa::path(
    delete, path = "/v1/sessions", tag = "sign-in",
    responses((status = 200, body = EndedSessions), (status = 401, body = Problem, content_type = "application/problem+json")),
    security(("session" = []))
)]
pub async fn end_sessions(State(callers): State<Callers>, SignedIn(own): SignedIn) -> Result<Response, ApiError> {
    let count = callers.store.write(EndSessions { address: own.address, at: clock::now() }).await?;
    Ok(ended(&callers, count, true))
}

fn ended(callers: &Callers, count: u64, own: bool) -> Response {
    let mut response = Json(EndedSessions { ended: count }).into_response();
    if own {
        session_cookie::clear(response.headers_mut(), callers.origins.is_secure());
    }
    response
}
