//! `/v1/miners/{address}/reviews`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::Address;
use shared::api::page::Page;
use shared::api::problem::Problem;
use shared::api::reviews::{ReviewView, WriteReview};

use super::extract::{ApiJson, ApiPath, ApiQuery, page_limit};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::reviews::Reviews;
use crate::view::Views;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Says how good the work of a receipt was, once for each receipt of a job that the caller asked for with its account.
///
/// For seven days after the first time the author may say something else, up to five times in all; the same again changes
/// nothing. Review and mean are public, and the hub's log has the stars, so that anybody can compute the mean again.
#[utoipa::path(
    post, path = "/v1/miners/{address}/reviews", tag = "reviews", params(("address" = String, Path)),
    request_body = WriteReview,
    responses(
        (status = 200, body = ReviewView, description = "There was a review of this receipt, which says this now"),
        (status = 201, body = ReviewView),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, description = "Somebody else asked for the work, the miner itself, or a visitor", content_type = "application/problem+json"),
        (status = 404, body = Problem, description = "The miner has no such receipt", content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "The review stays as it is", content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
    security(("api_key" = []), ("session" = []))
)]
pub async fn write_review(
    State(reviews): State<Reviews>,
    caller: Caller,
    ApiPath(miner): ApiPath<Address>,
    body: ApiJson<WriteReview>,
) -> Result<(StatusCode, Json<ReviewView>), ApiError> {
    let (review, is_new) = reviews.write(&caller, miner, &body.value).await?;
    Ok((if is_new { StatusCode::CREATED } else { StatusCode::OK }, Json(review)))
}

/// What clients said of a miner's work, newest first. Their count and mean stand in the miner's profile.
#[utoipa::path(
    get, path = "/v1/miners/{address}/reviews", tag = "reviews", params(("address" = String, Path), ListQuery),
    responses(
        (status = 200, body = Page<ReviewView>, description = "Empty where nobody reviewed it, or nobody knows it"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list_reviews(
    State(views): State<Views>,
    ApiPath(miner): ApiPath<Address>,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Json<Page<ReviewView>>, ApiError> {
    Ok(Json(views.list_reviews(miner, query.cursor.as_deref(), page_limit(query.limit)?).await?))
}
