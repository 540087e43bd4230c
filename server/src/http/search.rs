//! `GET /v1/search`: what a text may name.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use shared::api::search::{SEARCH_HITS_DEFAULT, SEARCH_HITS_MAX, SEARCH_MAX_CHARS, SearchAnswer};
use shared::field_error::FieldError;

use super::extract::ApiQuery;
use crate::clock;
use crate::error::ApiError;
use crate::search::Search;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SearchQuery {
    /// A height, a hash or its beginning, an address, a job, or a part of a name, up to 100 characters.
    q: String,
    /// Hits, 1 to 20.
    #[param(minimum = 1, maximum = 20)]
    limit: Option<u32>,
}

/// What a text may name, the best fitting first: blocks, transactions, receipts, public jobs, miners, addresses, tokens,
/// models and documents. The beginning of a block's or a transaction's hash is looked for among the newest ones.
#[utoipa::path(
    get, path = "/v1/search", tag = "explorer", params(SearchQuery),
    responses(
        (status = 200, body = SearchAnswer),
        (status = 422, body = shared::api::problem::Problem, content_type = "application/problem+json"),
    )
)]
pub async fn search(
    State(search): State<Search>,
    ApiQuery(query): ApiQuery<SearchQuery>,
) -> Result<Json<SearchAnswer>, ApiError> {
    let chars = query.q.chars().count();
    if chars > SEARCH_MAX_CHARS {
        let bound = format!("up to {SEARCH_MAX_CHARS} characters");
        return Err(ApiError::OutOfBounds(vec![FieldError::bound("q", bound, chars.to_string())]));
    }
    let limit = query.limit.unwrap_or(SEARCH_HITS_DEFAULT);
    if !(1..=SEARCH_HITS_MAX).contains(&limit) {
        let bound = format!("1 to {SEARCH_HITS_MAX}");
        return Err(ApiError::OutOfBounds(vec![FieldError::bound("limit", bound, limit.to_string())]));
    }
    Ok(Json(SearchAnswer { items: search.find(&query.q, limit as usize, clock::now()).await? }))
}
