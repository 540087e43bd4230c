//! `/v1/second-factor`: the authenticator app of the account that is signed in, and `/v1/sessions/code`, which asks for it.

use axum::Json;
use axum::extract::State;
use shared::api::problem::Problem;
use shared::api::second_factor::{GivenCode, NewSecondFactor, RecoveryCodes, SecondFactorView};
use shared::api::sessions::SessionView;

use super::extract::ApiJson;
use crate::admission::Admission;
use crate::auth::{SignedIn, SignedInByWallet, Visitor};
use crate::error::ApiError;
use crate::sign_in::second_factor::{SecondFactors, check_length};
use crate::sign_in::session_view;

/// Completes a session that awaits a code of the second factor: one of the authenticator app, or a recovery code.
///
/// Each code counts once, and none of the app after a later one. From the third wrong code on the account waits, twice as
/// long each time and an hour at most; a recovery code counts meanwhile.
#[utoipa::path(
    post, path = "/v1/sessions/code", tag = "sign-in", request_body = GivenCode,
    responses(
        (status = 200, body = SessionView),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, description = "The code is wrong or was used", content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "The session awaits no code", content_type = "application/problem+json"),
        (status = 429, body = Problem, description = "Too many codes were wrong", content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn give_code(
    State(factors): State<SecondFactors>,
    State(admission): State<Admission>,
    SignedInByWallet(own): SignedInByWallet,
    visitor: Visitor,
    body: ApiJson<GivenCode>,
) -> Result<Json<SessionView>, ApiError> {
    admission.count_code(&visitor).await?;
    check_length(&body.value.code)?;
    let id = own.id;
    let session = factors.complete(own, &body.value.code).await?;
    Ok(Json(session_view(session, Some(id))))
}

/// Whether the account has a second factor.
#[utoipa::path(
    get, path = "/v1/second-factor", tag = "sign-in",
    responses((status = 200, body = SecondFactorView), (status = 401, body = Problem, content_type = "application/problem+json")),
    security(("session" = []))
)]
pub async fn view(
    State(factors): State<SecondFactors>,
    SignedIn(own): SignedIn,
) -> Result<Json<SecondFactorView>, ApiError> {
    factors.view(own.address).await.map(Json)
}

/// Begins to set up an authenticator app: a new secret, shown this once. It counts from its first code on, which comes
/// within a quarter of an hour.
#[utoipa::path(
    post, path = "/v1/second-factor", tag = "sign-in",
    responses(
        (status = 200, body = NewSecondFactor),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "The account has a second factor", content_type = "application/problem+json"),
        (status = 429, body = Problem, description = "Too many were set up from this network address", content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn begin(
    State(factors): State<SecondFactors>,
    State(admission): State<Admission>,
    SignedIn(own): SignedIn,
    visitor: Visitor,
) -> Result<Json<NewSecondFactor>, ApiError> {
    admission.count_sign_in(&visitor).await?;
    factors.begin(own.address, visitor.address).await.map(Json)
}

/// Turns the second factor on with the app's first code, and shows the recovery codes this once.
///
/// From now on each sign-in of the account needs a code, and its other sessions end. API keys stay.
#[utoipa::path(
    post, path = "/v1/second-factor/confirm", tag = "sign-in", request_body = GivenCode,
    responses(
        (status = 200, body = RecoveryCodes),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, description = "The code is wrong", content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "No secret waits for its first code", content_type = "application/problem+json"),
        (status = 429, body = Problem, description = "Too many were set up from this network address", content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn confirm(
    State(factors): State<SecondFactors>,
    State(admission): State<Admission>,
    SignedIn(own): SignedIn,
    visitor: Visitor,
    body: ApiJson<GivenCode>,
) -> Result<Json<RecoveryCodes>, ApiError> {
    admission.count_code(&visitor).await?;
    check_length(&body.value.code)?;
    factors.confirm(&own, &body.value.code, visitor.address).await.map(Json)
}

/// Turns the second factor off with a code of the app, or a recovery code.
#[utoipa::path(
    post, path = "/v1/second-factor/remove", tag = "sign-in", request_body = GivenCode,
    responses(
        (status = 200, body = SecondFactorView),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, description = "The code is wrong or was used", content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "The account has no second factor", content_type = "application/problem+json"),
        (status = 429, body = Problem, description = "Too many codes were wrong", content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn remove(
    State(factors): State<SecondFactors>,
    State(admission): State<Admission>,
    SignedIn(own): SignedIn,
    visitor: Visitor,
    body: ApiJson<GivenCode>,
) -> Result<Json<SecondFactorView>, ApiError> {
    admission.count_code(&visitor).await?;
    check_length(&body.value.code)?;
    factors.remove(&own, &body.value.code).await?;
    Ok(Json(SecondFactorView::default()))
}
