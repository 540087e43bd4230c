//! `/v1/bounties` and `/v1/demand`: what is pledged for models, and what was asked for and could not be served.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use shared::api::bounties::{BountyDetail, BountyState, BountyView, DemandView};
use shared::api::page::Page;
use shared::api::problem::Problem;
use shared::digest::Sha256Digest;

use super::extract::{ApiPath, ApiQuery, page_limit};
use crate::bounties::{Bounties, BountyFilter};
use crate::clock;
use crate::error::ApiError;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct BountyListQuery {
    /// Those of one state.
    state: Option<BountyState>,
    /// Those for one model, by the SHA-256 of its manifest.
    #[param(value_type = Option<String>)]
    model: Option<Sha256Digest>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 100. A page of one state may have fewer, and a next page all the same.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct BountyQuery {
    /// The number of the first claim; `next_from` of the page before.
    from: Option<u64>,
}

/// AIT pledged for models, newest first: each reward is earned by one receipt for work with the model.
#[utoipa::path(
    get, path = "/v1/bounties", tag = "bounties", params(BountyListQuery),
    responses(
        (status = 200, body = Page<BountyView>),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list_bounties(
    State(bounties): State<Bounties>,
    ApiQuery(query): ApiQuery<BountyListQuery>,
) -> Result<Json<Page<BountyView>>, ApiError> {
    let filter = BountyFilter { state: query.state, model: query.model };
    let limit = page_limit(query.limit)?;
    Ok(Json(bounties.list(filter, query.cursor.as_deref(), limit, clock::now()).await?))
}

/// One bounty with up to a hundred of its claims, oldest first.
#[utoipa::path(
    get, path = "/v1/bounties/{id}", tag = "bounties", params(("id" = u64, Path), BountyQuery),
    responses((status = 200, body = BountyDetail), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub async fn get_bounty(
    State(bounties): State<Bounties>,
    ApiPath(id): ApiPath<u64>,
    ApiQuery(query): ApiQuery<BountyQuery>,
) -> Result<Json<BountyDetail>, ApiError> {
    let found = bounties.find(id, query.from.unwrap_or(0), clock::now()).await?;
    found.map(Json).ok_or_else(|| ApiError::not_found("bounty", id))
}

/// What miners could serve that nobody serves: models that refused requests named within the last 30 days, and the open
/// bounties. One network address counts once a day for a model. What is asked with an API key or a session is private, and does not count.
#[utoipa::path(get, path = "/v1/demand", tag = "bounties", responses((status = 200, body = DemandView)))]
pub async fn get_demand(State(bounties): State<Bounties>) -> Result<Json<DemandView>, ApiError> {
    Ok(Json(bounties.demand(clock::now()).await?))
}
