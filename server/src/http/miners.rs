//! `/v1/miners`: profiles for everybody, sessions and results for workers.

use axum::Json;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::Response;
use shared::Address;
use shared::api::miners::MinerView;
use shared::api::problem::Problem;
use shared::id::LeaseId;
use shared::protocol::{FRAME_MAX_BYTES, RESULT_MAX_BYTES, ResultAccepted, ResultSubmission};

use super::extract::{ApiJson, ApiPath};
use crate::error::ApiError;
use crate::hub::Intake;
use crate::hub::session::SessionHost;
use crate::view::Views;

/// Miners, connected ones first.
#[utoipa::path(get, path = "/v1/miners", tag = "miners", responses((status = 200, body = Vec<MinerView>)))]
pub async fn list_miners(State(views): State<Views>) -> Result<Json<Vec<MinerView>>, ApiError> {
    Ok(Json(views.list_miners().await?))
}

/// One miner's public profile.
#[utoipa::path(
    get, path = "/v1/miners/{address}", tag = "miners", params(("address" = String, Path)),
    responses((status = 200, body = MinerView), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub async fn get_miner(
    State(views): State<Views>,
    ApiPath(address): ApiPath<Address>,
) -> Result<Json<MinerView>, ApiError> {
    views.find_miner(address).await?.map(Json).ok_or_else(|| ApiError::not_found("miner", address))
}

/// The WebSocket of a worker; `shared::protocol` has its messages.
#[utoipa::path(
    get, path = "/v1/miners/session", tag = "miners",
    responses((status = 101, description = "A WebSocket: the hub sends a challenge, the worker registers by signing it"))
)]
pub async fn open_session(
    State(sessions): State<SessionHost>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|rejection| ApiError::UpgradeRequired(rejection.body_text()))?;
    let upgrade = upgrade.max_message_size(FRAME_MAX_BYTES).max_frame_size(FRAME_MAX_BYTES);
    let tasks = sessions.tasks.clone();
    Ok(upgrade.on_upgrade(move |socket| tasks.track_future(sessions.run(socket))))
}

/// A worker's result. The receipt's signature authenticates it, and a repeated post gets the first answer.
#[utoipa::path(
    post, path = "/v1/miners/jobs/{lease_id}/result", tag = "miners", params(("lease_id" = LeaseId, Path)),
    request_body = ResultSubmission,
    responses(
        (status = 200, body = ResultAccepted),
        (status = 403, body = Problem, description = "Not signed by the holder of the lease", content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "The lease is over", content_type = "application/problem+json"),
        (status = 422, body = Problem, description = "The result does not hold", content_type = "application/problem+json"),
        (status = 503, body = Problem, description = "Send it again later", content_type = "application/problem+json"),
    )
)]
pub async fn post_result(
    State(intake): State<Intake>,
    ApiPath(lease_id): ApiPath<LeaseId>,
    body: ApiJson<ResultSubmission, RESULT_MAX_BYTES>,
) -> Result<Json<ResultAccepted>, ApiError> {
    Ok(Json(intake.accept_result(lease_id, body.value).await?))
}
