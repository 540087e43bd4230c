//! `POST /v1/generate-image`: one request, one picture, in one answer.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use shared::api::jobs::{GenerateImage, GeneratedImage};
use shared::api::problem::Problem;
use shared::field_error::FieldError;
use shared::job::JobKind;
use shared::job::image::GUIDANCE_MAX;
use shared::job::lifecycle::JobState;
use shared::job::request::{Constraints, CreateJob, Payment};
use store::record::JobRecord;

use super::extract::{ApiJson, idempotency_key};
use crate::auth::{Callers, Visitor};
use crate::error::{ApiError, no_result};
use crate::submit::Submission;
use crate::view::Views;
use crate::watch::JobWatch;

/// How long the call waits for its picture; the job expires with it.
const WAIT_SECONDS: u64 = 120;

/// The call waits a little beyond the time of its job.
const WAIT_MAX: Duration = Duration::from_secs(WAIT_SECONDS + 5);

const STEPS: std::ops::RangeInclusive<u32> = 5..=100;
const SIZE_PX: std::ops::RangeInclusive<u32> = 256..=1_024;

/// Draws a picture and waits for it.
#[utoipa::path(
    post, path = "/v1/generate-image", tag = "jobs", request_body = GenerateImage,
    responses(
        (status = 200, body = GeneratedImage),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, description = "No miner served it in time", content_type = "application/problem+json"),
    )
)]
pub async fn generate_image(
    State(callers): State<Callers>,
    State(submission): State<Submission>,
    State(watch): State<JobWatch>,
    visitor: Visitor,
    headers: HeaderMap,
    body: ApiJson<GenerateImage>,
) -> Result<Json<GeneratedImage>, ApiError> {
    let accepted = Instant::now();
    let request = body.value;
    let caller = callers.find_caller(&request.api_key, visitor.address).await?;
    check_bounds(&request)?;
    let key = idempotency_key(&headers, "/v1/generate-image", body.sha256)?;
    let created = submission.create_job(&caller, job_of(request), key, None, accepted).await.map_err(rename_fields)?;
    let record = watch.ended_within(WAIT_MAX, &caller, created.job_id).await?;
    answer(&watch.views, record).await.map(Json)
}

/// This call's bounds are narrower than the job's.
fn check_bounds(request: &GenerateImage) -> Result<(), ApiError> {
    let range = |field: &str, value: Option<u32>, bound: &std::ops::RangeInclusive<u32>| {
        let value = value.filter(|value| !bound.contains(value))?;
        Some(FieldError::bound(field, format!("{} to {}", bound.start(), bound.end()), value.to_string()))
    };
    let guidance = request.guidance.filter(|guidance| !(0.0..=GUIDANCE_MAX).contains(guidance));
    let errors: Vec<FieldError> = [
        range("steps", request.steps, &STEPS),
        guidance.map(|given| FieldError::bound("guidance", format!("0 to {GUIDANCE_MAX}"), given.to_string())),
        range("width", request.width, &SIZE_PX),
        range("height", request.height, &SIZE_PX),
    ]
    .into_iter()
    .flatten()
    .collect();
    if errors.is_empty() { Ok(()) } else { Err(ApiError::OutOfBounds(errors)) }
}

fn job_of(request: GenerateImage) -> CreateJob {
    let GenerateImage { prompt, steps, guidance, width, height, seed, .. } = request;
    let mut input = json!({ "prompt": prompt, "seed": seed });
    let given = [("steps", steps.map(Into::into)), ("guidance", guidance.map(Into::into))];
    let sizes = [("width", width.map(Into::into)), ("height", height.map(Into::into))];
    for (field, value) in given.into_iter().chain(sizes) {
        if let Some(value) = value {
            let value: serde_json::Value = value;
            input[field] = value;
        }
    }
    CreateJob {
        kind: JobKind::Image,
        model: None,
        input,
        constraints: Constraints::default(),
        payment: Payment::default(),
        ttl_seconds: WAIT_SECONDS,
    }
}

/// In this call the fields are not inside `input`.
fn rename_fields(error: ApiError) -> ApiError {
    let rename = |errors: Vec<FieldError>| {
        let strip = |text: String| text.replace("input.", "");
        let rename_one =
            |error: FieldError| FieldError { field: strip(error.field), detail: strip(error.detail), ..error };
        errors.into_iter().map(rename_one).collect()
    };
    match error {
        ApiError::OutOfBounds(errors) => ApiError::OutOfBounds(rename(errors)),
        ApiError::Invalid(errors) => ApiError::Invalid(rename(errors)),
        other => other,
    }
}

async fn answer(views: &Views, record: JobRecord) -> Result<GeneratedImage, ApiError> {
    let id = record.id;
    if record.state != JobState::Completed {
        return Err(no_result(&record));
    }
    let result = views.job_result(record).await?;
    let artifact =
        result.artifacts.first().ok_or_else(|| ApiError::Internal("a result without artifacts".to_owned()))?;
    let bytes = views.bytes_of(artifact).await?;
    Ok(GeneratedImage {
        status: "ok".to_owned(),
        job_id: id,
        image_base64: format!("data:{};base64,{}", artifact.media_type, STANDARD.encode(bytes)),
        duration_ms: result.duration_ms,
        gpu_seconds: std::time::Duration::from_millis(result.gpu_ms).as_secs_f64(),
    })
}
