//! `/v1/quotes`.

use axum::Json;
use axum::extract::State;
use shared::api::problem::Problem;
use shared::job::request::CreateJob;
use shared::quote::QuoteView;

use super::extract::ApiJson;
use crate::auth::Caller;
use crate::config::JOB_BODY_MAX_BYTES;
use crate::error::ApiError;
use crate::submit::Submission;

/// What a job would cost, signed by the hub and binding for five minutes.
///
/// The body is that of the job, with `payment` `{"mode": "escrow", "client": "0x…"}`. To have the job, the client signs
/// `order` and posts the same body to `/v1/jobs` with `payment.quote` and `payment.order`. A job that no connected miner
/// can serve has no quote.
#[utoipa::path(
    post, path = "/v1/quotes", tag = "jobs", request_body = CreateJob,
    responses(
        (status = 200, body = QuoteView),
        (status = 409, body = Problem, description = "No connected miner can serve the job", content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ),
    security((), ("api_key" = []), ("session" = []))
)]
pub async fn quote(
    State(submission): State<Submission>,
    caller: Caller,
    body: ApiJson<CreateJob, JOB_BODY_MAX_BYTES>,
) -> Result<Json<QuoteView>, ApiError> {
    Ok(Json(submission.quote(&caller, body.value).await?))
}
