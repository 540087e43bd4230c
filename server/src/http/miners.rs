//! `/v1/miners`: profiles for everybody, sessions and results for workers.

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Extension, Json};
use serde::Deserialize;
use shared::Address;
use shared::api::miners::MinerView;
use shared::api::page::Page;
use shared::api::problem::Problem;
use shared::api::why_idle::WhyIdle;
use shared::id::LeaseId;
use shared::protocol::{FRAME_MAX_BYTES, RESULT_MAX_BYTES, ResultAccepted, ResultSubmission};

use super::extract::{ApiJson, ApiPath, ApiQuery, page_limit, refuse_unread};
use crate::admission::Admission;
use crate::arriving_bodies::Arriving;
use crate::auth::Visitor;
use crate::error::ApiError;
use crate::hub::Intake;
use crate::hub::reached_at::ReachedAt;
use crate::hub::session::SessionHost;
use crate::large_bodies::{LargeBodies, Room};
use crate::view::Views;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 100. A page of miners that say much has fewer.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Miners: connected ones by address, then the others, last seen first. Hardware reports, and the suggestions and subjects
/// of models, stand at the single miner.
#[utoipa::path(
    get, path = "/v1/miners", tag = "miners", params(ListQuery),
    responses(
        (status = 200, body = Page<MinerView>),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list_miners(
    State(views): State<Views>,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Json<Page<MinerView>>, ApiError> {
    Ok(Json(views.list_miners(query.cursor.as_deref(), page_limit(query.limit)?).await?))
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

/// Why a miner has no job, in numbers and words, and what would help. For everybody: it says nothing that does not follow
/// from public figures, and clients see as well as operators whether the market is fair.
#[utoipa::path(
    get, path = "/v1/miners/{address}/why-idle", tag = "miners", params(("address" = String, Path)),
    responses((status = 200, body = WhyIdle), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub async fn why_idle(
    State(views): State<Views>,
    ApiPath(address): ApiPath<Address>,
) -> Result<Json<WhyIdle>, ApiError> {
    views.why_idle(address).await?.map(Json).ok_or_else(|| ApiError::not_found("miner", address))
}

/// The WebSocket of a worker; `shared::protocol` has its messages.
#[utoipa::path(
    get, path = "/v1/miners/session", tag = "miners",
    responses(
        (status = 101, description = "A WebSocket: the hub sends a challenge, the worker registers by signing it"),
        (status = 426, body = Problem, description = "No WebSocket was asked for", content_type = "application/problem+json"),
        (status = 429, body = Problem, description = "Too many sessions of one network address", content_type = "application/problem+json"),
    )
)]
pub async fn open_session(
    State(sessions): State<SessionHost>,
    State(admission): State<Admission>,
    visitor: Visitor,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    admission.count_session(&visitor).await?;
    let upgrade = upgrade.map_err(|rejection| ApiError::UpgradeRequired(rejection.body_text()))?;
    let upgrade = upgrade.max_message_size(FRAME_MAX_BYTES).max_frame_size(FRAME_MAX_BYTES);
    let tasks = sessions.tasks.clone();
    let reached_at = ReachedAt::of(&sessions.named, &headers, &visitor.address);
    Ok(upgrade.on_upgrade(move |socket| tasks.track_future(sessions.run(visitor.address, reached_at, socket))))
}

/// A worker's result. The receipt's signature authenticates it, and a repeated post gets the first answer.
#[utoipa::path(
    post, path = "/v1/miners/jobs/{lease_id}/result", tag = "miners", params(("lease_id" = LeaseId, Path)),
    request_body = ResultSubmission,
    responses(
        (status = 200, body = ResultAccepted),
        (status = 403, body = Problem, description = "Not signed by the holder of the lease", content_type = "application/problem+json"),
        (status = 404, body = Problem, description = "No such lease; the body is not read", content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "The lease is over", content_type = "application/problem+json"),
        (status = 422, body = Problem, description = "The result does not hold", content_type = "application/problem+json"),
        (status = 503, body = Problem, description = "Send it again later", content_type = "application/problem+json"),
    )
)]
pub async fn post_result(
    State(intake): State<Intake>,
    State(large_bodies): State<LargeBodies>,
    visitor: Visitor,
    Extension(arriving): Extension<Arriving>,
    ApiPath(lease_id): ApiPath<LeaseId>,
    request: Request,
) -> Result<Json<ResultAccepted>, ApiError> {
    let room = match intake.check_known(lease_id).await {
        Ok(()) => large_bodies.reserve(request.headers(), &visitor.address, lease_id),
        Err(error) => return Err(refuse_unread(request, error.into()).await),
    };
    arriving.is_result_of(lease_id);
    let taken = match room {
        Ok(room) => take_result(&intake, lease_id, request, room).await,
        Err(error) => Err(refuse_unread(request, error).await),
    };
    // What the hub could not take is no fault of the miner.
    if arriving.has_no_room() || taken.as_ref().is_err_and(|error| error.status().is_server_error()) {
        intake.turned_away(lease_id).await;
    }
    taken.map(Json)
}

/// Reads a result and takes it in, within the room that it has.
async fn take_result(
    intake: &Intake,
    lease_id: LeaseId,
    request: Request,
    _room: Option<Room>,
) -> Result<ResultAccepted, ApiError> {
    let body = ApiJson::<ResultSubmission, RESULT_MAX_BYTES>::from_request(request, &()).await?;
    Ok(intake.clone().accept_result(lease_id, body.value).await?)
}
