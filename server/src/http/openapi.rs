//! `/openapi.json`: the API as OpenAPI 3.1, from the handlers themselves.

use axum::Json;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::openai::{chat, completions, embeddings, images, models};
use super::{generate_image, health, job_events, jobs, miners, receipts};
use crate::auth::API_KEY_HEADER;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "AITBC",
        description = "Pictures, texts and embeddings served by miners, receipts for the work, and tokens for the receipts. \
                       Every path is also served under `/api`. Errors are RFC 9457 problems, those of OpenAI's calls have \
                       OpenAI's form."
    ),
    paths(
        jobs::create_job, jobs::list_jobs, jobs::get_job, jobs::cancel_job, jobs::get_result, jobs::get_artifact,
        jobs::get_receipt, jobs::explain_job, job_events::job_events, generate_image::generate_image,
        receipts::list_receipts, receipts::get_receipt,
        chat::create, completions::create, embeddings::create, images::create, models::list, models::get,
        miners::list_miners, miners::get_miner, miners::open_session, miners::post_result,
        health::stage1_health, health::network_status,
    ),
    modifiers(&ApiKeyScheme)
)]
struct Api;

struct ApiKeyScheme;

impl Modify for ApiKeyScheme {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(API_KEY_HEADER)));
        openapi.components.get_or_insert_default().add_security_scheme("api_key", scheme);
    }
}

/// The document.
pub fn document() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

pub async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}
