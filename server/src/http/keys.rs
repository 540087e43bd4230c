//! `/v1/keys`: the API keys that a wallet makes for its own programs.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::api::keys::{
    ApiKeyView, ApiKeys, ApiScope, CreateKey, CreatedApiKey, KEYS_PER_WALLET_MAX, LABEL_MAX_CHARS,
};
use shared::api::problem::Problem;
use shared::field_error::FieldError;
use shared::id::ApiKeyId;
use store::change::{CreateWalletKey, RemoveWalletKey};
use store::record::NewApiKey;

use super::extract::{ApiJson, ApiPath};
use crate::admission::Admission;
use crate::auth::{Callers, SignedIn, Visitor, new_api_key};
use crate::error::ApiError;

/// Keys of all wallets at this server, each a row of a few hundred bytes. The operator's keys do not count.
const KEYS_OF_WALLETS_MAX: u64 = 100_000;

/// Makes an API key for the wallet that is signed in. Its secret is shown this once.
///
/// The key may do what the wallet may: its jobs are private, count within the same limits of a day, and are seen and
/// canceled by the wallet's sessions.
#[utoipa::path(
    post, path = "/v1/keys", tag = "sign-in", request_body = CreateKey,
    responses(
        (status = 201, body = CreatedApiKey),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "The wallet has all keys that it may have", content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn create_key(
    State(callers): State<Callers>,
    State(admission): State<Admission>,
    SignedIn(own): SignedIn,
    visitor: Visitor,
    body: ApiJson<CreateKey>,
) -> Result<(StatusCode, Json<CreatedApiKey>), ApiError> {
    admission.count_sign_in(&visitor).await?;
    let label = body.value.label.trim();
    let chars = label.chars().count();
    if chars > LABEL_MAX_CHARS || label.chars().any(char::is_control) {
        let bound = format!("up to {LABEL_MAX_CHARS} characters in one line");
        return Err(ApiError::OutOfBounds(vec![FieldError::bound("label", bound, format!("{chars} characters"))]));
    }
    let (key, secret) = new_api_key(label, ApiScope::Client, own.address, None);
    let created = CreatedApiKey { key: key.view(), secret };
    let key = NewApiKey { by_wallet: true, ..key };
    callers.store.write(CreateWalletKey { key, most: KEYS_PER_WALLET_MAX, most_in_total: KEYS_OF_WALLETS_MAX }).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// The API keys that the wallet made and has not revoked.
#[utoipa::path(
    get, path = "/v1/keys", tag = "sign-in",
    responses((status = 200, body = ApiKeys), (status = 401, body = Problem, content_type = "application/problem+json")),
    security(("session" = []))
)]
pub async fn list_keys(State(callers): State<Callers>, SignedIn(own): SignedIn) -> Result<Json<ApiKeys>, ApiError> {
    let keys = callers.store.list_wallet_keys(own.address).await?;
    Ok(Json(ApiKeys { keys: keys.into_iter().map(|key| key.view).collect() }))
}

/// Revokes an API key that the wallet made. It does not count from this moment.
#[utoipa::path(
    delete, path = "/v1/keys/{id}", tag = "sign-in", params(("id" = ApiKeyId, Path)),
    responses(
        (status = 200, body = ApiKeyView),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn revoke_key(
    State(callers): State<Callers>,
    SignedIn(own): SignedIn,
    ApiPath(id): ApiPath<ApiKeyId>,
) -> Result<Json<ApiKeyView>, ApiError> {
    let missing = || ApiError::not_found("API key of this wallet", id);
    let keys = callers.store.list_wallet_keys(own.address).await?;
    let key = keys.into_iter().map(|key| key.view).find(|key| key.id == id).ok_or_else(missing)?;
    if !callers.store.write(RemoveWalletKey { id, address: own.address, at: crate::clock::now() }).await? {
        return Err(missing());
    }
    Ok(Json(ApiKeyView { revoked_at_unix_ms: Some(crate::clock::now()), ..key }))
}
