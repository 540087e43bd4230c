//! `/v1/admin`: what operators of this hub see and change. Each route asks for [`Operator`] first, so that nobody else hears
//! more than that it is not for them.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use shared::api::admin::{
    AdminHealth, AdminJob, AdminJobFilter, AdminKey, AdminLimits, Amnesty, ClientClass, KeyLimits, OperatorChange,
    OperatorReason, RevokedKey, StruckFaults,
};
use shared::api::miners::MinerView;
use shared::api::page::Page;
use shared::api::problem::Problem;
use shared::api::reviews::ReviewView;
use shared::id::{ApiKeyId, JobId};
use shared::job::lifecycle::JobState;
use shared::{Address, B256};

use super::extract::{ApiJson, ApiPath, ApiQuery, page_limit};
use crate::admin::{Admin, Operator};
use crate::error::ApiError;

/// How the hub is: its queue by state and age, what is stuck, transactions on their way with the node's last word,
/// audits, disk, database, chain and versions. For operators.
#[utoipa::path(
    get, path = "/v1/admin/health", tag = "admin",
    responses(
        (status = 200, body = AdminHealth),
        (status = 401, body = Problem, description = "Nobody is signed in, or a code is missing", content_type = "application/problem+json"),
        (status = 403, body = Problem, description = "The account is no operator", content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn health(_: Operator, State(admin): State<Admin>) -> Result<Json<AdminHealth>, ApiError> {
    Ok(Json(admin.health().await?))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct JobsQuery {
    /// Name of the job.
    #[param(value_type = Option<String>)]
    id: Option<JobId>,
    state: Option<JobState>,
    class: Option<ClientClass>,
    /// Account of the client.
    #[param(value_type = Option<String>)]
    client: Option<Address>,
    /// Who works on it, served or audited it.
    #[param(value_type = Option<String>)]
    miner: Option<Address>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Jobs of this hub, newest first: how they go, and nothing of what was asked or given. For operators.
#[utoipa::path(
    get, path = "/v1/admin/jobs", tag = "admin", params(JobsQuery),
    responses(
        (status = 200, body = Page<AdminJob>),
        (status = 403, body = Problem, description = "The account is no operator", content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn jobs(
    _: Operator,
    State(admin): State<Admin>,
    ApiQuery(query): ApiQuery<JobsQuery>,
) -> Result<Json<Page<AdminJob>>, ApiError> {
    let JobsQuery { id, state, class, client, miner, cursor, limit } = query;
    let filter = AdminJobFilter { id, state, class, client, miner };
    Ok(Json(admin.jobs(&filter, cursor.as_deref(), page_limit(limit)?).await?))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct MinersQuery {
    /// Those that are paused alone.
    #[serde(default)]
    paused: bool,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Miners with their state, faults and held earnings, as everybody sees them; or those that are paused. For operators.
#[utoipa::path(
    get, path = "/v1/admin/miners", tag = "admin", params(MinersQuery),
    responses(
        (status = 200, body = Page<MinerView>),
        (status = 403, body = Problem, description = "The account is no operator", content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn miners(
    _: Operator,
    State(admin): State<Admin>,
    ApiQuery(query): ApiQuery<MinersQuery>,
) -> Result<Json<Page<MinerView>>, ApiError> {
    let (cursor, limit) = (query.cursor.as_deref(), page_limit(query.limit)?);
    let page = if query.paused { admin.paused_miners(cursor, limit).await } else { admin.miners(cursor, limit).await };
    Ok(Json(page?))
}

/// Gives a miner nothing new: no job, no audit. What it has goes on. The reason is public: the miner sees it, and the
/// hub's log has it. For operators.
#[utoipa::path(
    post, path = "/v1/admin/miners/{address}/pause", tag = "admin", params(("address" = String, Path)),
    request_body = OperatorReason,
    responses(
        (status = 200, body = MinerView),
        (status = 403, body = Problem, description = "The account is no operator", content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "It is paused already", content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn pause_miner(
    Operator(own): Operator,
    State(admin): State<Admin>,
    ApiPath(miner): ApiPath<Address>,
    body: ApiJson<OperatorReason>,
) -> Result<Json<MinerView>, ApiError> {
    Ok(Json(admin.pause(own.address, miner, &body.value).await?))
}

/// Lets a paused miner get work again. The hub's log has it. For operators.
#[utoipa::path(
    post, path = "/v1/admin/miners/{address}/resume", tag = "admin", params(("address" = String, Path)),
    request_body = OperatorReason,
    responses(
        (status = 200, body = MinerView),
        (status = 403, body = Problem, description = "The account is no operator", content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "It is not paused", content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn resume_miner(
    Operator(own): Operator,
    State(admin): State<Admin>,
    ApiPath(miner): ApiPath<Address>,
    body: ApiJson<OperatorReason>,
) -> Result<Json<MinerView>, ApiError> {
    Ok(Json(admin.resume(own.address, miner, &body.value).await?))
}

/// Declares that the platform was at fault for a while: `fault` entries of the log with a time in that span count against
/// nobody any more; those of refuted results stay. The log has the span and the reason, and anybody can count again. For
/// operators.
#[utoipa::path(
    post, path = "/v1/admin/amnesties", tag = "admin", request_body = Amnesty,
    responses(
        (status = 200, body = StruckFaults),
        (status = 403, body = Problem, description = "The account is no operator", content_type = "application/problem+json"),
        (status = 422, body = Problem, description = "The span lies ahead, is reversed or is longer than seven days", content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn declare_amnesty(
    Operator(own): Operator,
    State(admin): State<Admin>,
    body: ApiJson<Amnesty>,
) -> Result<Json<StruckFaults>, ApiError> {
    Ok(Json(admin.declare_amnesty(own.address, &body.value).await?))
}

/// Hides the text of a review. Its stars count as before, and the hub's log has who hid it when and why; the reason is public.
/// For operators.
#[utoipa::path(
    post, path = "/v1/admin/reviews/{receipt_hash}/hide", tag = "admin", params(("receipt_hash" = String, Path)),
    request_body = OperatorReason,
    responses(
        (status = 200, body = ReviewView),
        (status = 403, body = Problem, description = "The account is no operator", content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "It is hidden already, or there is no text", content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn hide_review(
    Operator(own): Operator,
    State(admin): State<Admin>,
    ApiPath(receipt_hash): ApiPath<B256>,
    body: ApiJson<OperatorReason>,
) -> Result<Json<ReviewView>, ApiError> {
    Ok(Json(admin.hide_review(own.address, receipt_hash, true, &body.value).await?))
}

/// Shows the text of a review again that an operator hid. The hub's log has it. For operators.
#[utoipa::path(
    post, path = "/v1/admin/reviews/{receipt_hash}/show", tag = "admin", params(("receipt_hash" = String, Path)),
    request_body = OperatorReason,
    responses(
        (status = 200, body = ReviewView),
        (status = 403, body = Problem, description = "The account is no operator", content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "It is not hidden", content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn show_review(
    Operator(own): Operator,
    State(admin): State<Admin>,
    ApiPath(receipt_hash): ApiPath<B256>,
    body: ApiJson<OperatorReason>,
) -> Result<Json<ReviewView>, ApiError> {
    Ok(Json(admin.hide_review(own.address, receipt_hash, false, &body.value).await?))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct KeysQuery {
    /// How the owner's address begins.
    owner: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// API keys with their limits, by name; never a secret. For operators.
#[utoipa::path(
    get, path = "/v1/admin/keys", tag = "admin", params(KeysQuery),
    responses(
        (status = 200, body = Page<AdminKey>),
        (status = 403, body = Problem, description = "The account is no operator", content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn keys(
    _: Operator,
    State(admin): State<Admin>,
    ApiQuery(query): ApiQuery<KeysQuery>,
) -> Result<Json<Page<AdminKey>>, ApiError> {
    let KeysQuery { owner, cursor, limit } = query;
    Ok(Json(admin.keys(owner.as_deref(), cursor.as_deref(), page_limit(limit)?).await?))
}

/// Makes an API key void from this moment, whether an operator or its wallet made it. For operators.
#[utoipa::path(
    post, path = "/v1/admin/keys/{id}/revoke", tag = "admin", params(("id" = ApiKeyId, Path)),
    request_body = OperatorReason,
    responses(
        (status = 200, body = RevokedKey),
        (status = 403, body = Problem, description = "The account is no operator", content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn revoke_key(
    Operator(own): Operator,
    State(admin): State<Admin>,
    ApiPath(id): ApiPath<ApiKeyId>,
    body: ApiJson<OperatorReason>,
) -> Result<Json<RevokedKey>, ApiError> {
    Ok(Json(admin.revoke_key(own.address, id, &body.value).await?))
}

/// Gives an API key that an operator made other limits of its own, for its next calls and jobs. A limit that is absent is the
/// server's from then on. For operators.
#[utoipa::path(
    post, path = "/v1/admin/keys/{id}/limits", tag = "admin", params(("id" = ApiKeyId, Path)),
    request_body = KeyLimits,
    responses(
        (status = 200, body = AdminKey),
        (status = 403, body = Problem, description = "The account is no operator", content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "A wallet made it for itself", content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn limit_key(
    Operator(own): Operator,
    State(admin): State<Admin>,
    ApiPath(id): ApiPath<ApiKeyId>,
    body: ApiJson<KeyLimits>,
) -> Result<Json<AdminKey>, ApiError> {
    Ok(Json(admin.limit_key(own.address, id, &body.value).await?))
}

/// The limits that the server was started with, each with its flag. Another value takes effect with the next start. For
/// operators.
#[utoipa::path(
    get, path = "/v1/admin/limits", tag = "admin",
    responses(
        (status = 200, body = AdminLimits),
        (status = 403, body = Problem, description = "The account is no operator", content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn limits(_: Operator, State(admin): State<Admin>) -> Json<AdminLimits> {
    Json(admin.limits())
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ChangesQuery {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// What operators of this hub did, newest first. For operators.
#[utoipa::path(
    get, path = "/v1/admin/changes", tag = "admin", params(ChangesQuery),
    responses(
        (status = 200, body = Page<OperatorChange>),
        (status = 403, body = Problem, description = "The account is no operator", content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn changes(
    _: Operator,
    State(admin): State<Admin>,
    ApiQuery(query): ApiQuery<ChangesQuery>,
) -> Result<Json<Page<OperatorChange>>, ApiError> {
    Ok(Json(admin.changes(query.cursor.as_deref(), page_limit(query.limit)?).await?))
}
