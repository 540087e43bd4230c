//! `GET /v1/models`: what connected miners serve.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use shared::job::JobKind;

use super::QUOTED_MAX_CHARS;
use crate::error::ApiError;
use crate::hub::HubHandle;

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
}

fn served(hub: &HubHandle) -> Vec<Model> {
    let board = hub.board();
    let offers = JobKind::ALL.into_iter().flat_map(|kind| board.catalog().served(kind));
    let names: BTreeMap<String, &'static str> =
        offers.map(|offer| (offer.model.clone(), offer.kind.as_str())).collect();
    let model = |(id, kind)| Model { id, object: "model", created: 0, owned_by: "miners", kind };
    names.into_iter().map(model).collect()
}

/// The models of connected miners, by name.
#[utoipa::path(get, path = "/v1/models", tag = "openai", responses((status = 200, body = Models)))]
pub async fn list(State(hub): State<HubHandle>) -> Json<Models> {
    Json(Models { object: "list", data: served(&hub) })
}

/// One of them. Names may have slashes and colons.
#[utoipa::path(
    get, path = "/v1/models/{model}", tag = "openai", params(("model" = String, Path)),
    responses((status = 200, body = Model), (status = 404, description = "An error in OpenAI's form"))
)]
pub async fn get(State(hub): State<HubHandle>, Path(name): Path<String>) -> Result<Json<Model>, ApiError> {
    let found = served(&hub).into_iter().find(|model| model.id == name);
    found.map(Json).ok_or_else(|| ApiError::not_found("model", name.chars().take(QUOTED_MAX_CHARS).collect::<String>()))
}
