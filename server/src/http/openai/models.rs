//! `GET /v1/models`: what connected miners serve.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use hub::catalog::ModelKey;
use serde::{Deserialize, Serialize};
use shared::field_error::FieldError;
use shared::job::JobKind;
use shared::job::request::MODEL_NAME_MAX_CHARS;

use super::QUOTED_MAX_CHARS;
use super::error::OpenAiError;
use crate::error::ApiError;
use crate::http::extract::ApiQuery;
use crate::hub::HubHandle;

/// Models of one page. Clients that know no pages see all models of a common hub.
pub(crate) const MODELS_MAX: usize = 1_000;

/// A model that a job may name.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Model {
    id: String,
    object: &'static str,
    /// Unix seconds; the hub knows no date of a model, so it is 0.
    created: u64,
    owned_by: &'static str,
    /// What it does: `image`, `text` or `embedding`.
    kind: &'static str,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Models {
    object: &'static str,
    data: Vec<Model>,
    /// There are more after the last of these.
    has_more: bool,
}

/// A page as OpenAI's lists have them.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// The last model of the page before.
    after: Option<String>,
    /// Models, 1 to 1000.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

fn served(hub: &HubHandle) -> Vec<Model> {
    let board = hub.board();
    let offers = JobKind::ALL.into_iter().flat_map(|kind| board.catalog().served(kind));
    let names: BTreeMap<String, &'static str> =
        offers.map(|offer| (offer.model.clone(), offer.kind.as_str())).collect();
    let model = |(id, kind)| Model { id, object: "model", created: 0, owned_by: "miners", kind };
    names.into_iter().map(model).collect()
}

/// Whether a connected miner serves a model of this name.
pub(crate) fn is_served(hub: &HubHandle, name: &str) -> bool {
    let of_kind = |kind| ModelKey { kind, model: name.to_owned() };
    let board = hub.board();
    JobKind::ALL.into_iter().any(|kind| board.catalog().miners_of(&of_kind(kind)).next().is_some())
}

/// The models of connected miners, by name.
#[utoipa::path(
    get, path = "/v1/models", tag = "openai", params(ListQuery),
    responses((status = 200, body = Models), (status = "4XX", body = OpenAiError, description = "An error in OpenAI's form"))
)]
pub async fn list(
    State(hub): State<HubHandle>,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Json<Models>, ApiError> {
    let limit = query.limit.unwrap_or(MODELS_MAX);
    if !(1..=MODELS_MAX).contains(&limit) {
        let error = FieldError::bound("limit", format!("1 to {MODELS_MAX}"), limit.to_string());
        return Err(ApiError::OutOfBounds(vec![error]));
    }
    if query.after.as_ref().is_some_and(|after| after.chars().count() > MODEL_NAME_MAX_CHARS) {
        let bound = format!("up to {MODEL_NAME_MAX_CHARS} characters");
        return Err(ApiError::OutOfBounds(vec![FieldError::bound("after", bound, "more")]));
    }
    let mut data = served(&hub);
    if let Some(after) = query.after {
        data.retain(|model| model.id > after);
    }
    let has_more = data.len() > limit;
    data.truncate(limit);
    Ok(Json(Models { object: "list", data, has_more }))
}

/// One of them. Names may have slashes and colons.
#[utoipa::path(
    get, path = "/v1/models/{model}", tag = "openai", params(("model" = String, Path)),
    responses((status = 200, body = Model), (status = "4XX", body = OpenAiError, description = "An error in OpenAI's form"))
)]
pub async fn get(State(hub): State<HubHandle>, Path(name): Path<String>) -> Result<Json<Model>, ApiError> {
    let found = served(&hub).into_iter().find(|model| model.id == name);
    found.map(Json).ok_or_else(|| ApiError::not_found("model", name.chars().take(QUOTED_MAX_CHARS).collect::<String>()))
}
