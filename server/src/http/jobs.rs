//! `/v1/jobs` and the paths below it.

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, extract::Path};
use serde::Deserialize;
use shared::api::jobs::{Explanation, JobResult, JobView};
use shared::api::page::Page;
use shared::api::problem::Problem;
use shared::api::receipts::ReceiptView;
use shared::field_error::FieldError;
use shared::id::JobId;
use shared::job::JobKind;
use shared::job::lifecycle::JobState;
use shared::job::request::CreateJob;
use store::record::JobRecord;
use store::repository::JobFilter;

use super::extract::{ApiJson, ApiPath, ApiQuery, idempotency_key, not_found, page_limit};
use crate::auth::Caller;
use crate::config::{JOB_BODY_MAX_BYTES, WAIT_MAX_SECONDS};
use crate::error::ApiError;
use crate::submit::Submission;
use crate::view::{self, Views};
use crate::watch::JobWatch;

/// How long a cancellation waits for the disk before it says so.
const CANCEL_WAIT: Duration = Duration::from_secs(5);

/// Creates a job.
#[utoipa::path(
    post, path = "/v1/jobs", tag = "jobs", request_body = CreateJob,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body get the first answer")),
    responses(
        (status = 201, body = JobView, headers(("Location" = String))),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
        (status = 507, body = Problem, description = "The server's disk is full", content_type = "application/problem+json"),
    ),
    security((), ("api_key" = []))
)]
pub async fn create_job(
    State(submission): State<Submission>,
    caller: Caller,
    headers: HeaderMap,
    body: ApiJson<CreateJob, JOB_BODY_MAX_BYTES>,
) -> Result<Response, ApiError> {
    let accepted = Instant::now();
    let key = idempotency_key(&headers, "/v1/jobs", body.sha256)?;
    let created = submission.create_job(&caller, body.value, key, accepted).await?;
    let location = format!("/v1/jobs/{}", created.job_id);
    let head = [(header::LOCATION, location), (header::CONTENT_TYPE, "application/json".to_owned())];
    Ok((StatusCode::CREATED, head, created.answer).into_response())
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct WaitQuery {
    /// Seconds to wait for a change of state, up to 60.
    #[serde(default)]
    wait: u64,
}

/// A job as it is now, or after its next change.
#[utoipa::path(
    get, path = "/v1/jobs/{id}", tag = "jobs", params(("id" = JobId, Path), WaitQuery),
    responses((status = 200, body = JobView), (status = 404, body = Problem, content_type = "application/problem+json")),
    security((), ("api_key" = []))
)]
pub async fn get_job(
    State(watch): State<JobWatch>,
    caller: Caller,
    ApiPath(id): ApiPath<JobId>,
    ApiQuery(query): ApiQuery<WaitQuery>,
) -> Result<Json<JobView>, ApiError> {
    if query.wait > WAIT_MAX_SECONDS {
        let bound = format!("0 to {WAIT_MAX_SECONDS}");
        return Err(ApiError::OutOfBounds(vec![FieldError::bound("wait", bound, query.wait.to_string())]));
    }
    let views = &watch.views;
    let mut subscription = views.hub.subscribe(id);
    let before = views.job_view(views.find_visible(&caller, id).await?).await?;
    if query.wait == 0 || before.state.is_terminal() {
        return Ok(Json(before));
    }
    let deadline = tokio::time::sleep(Duration::from_secs(query.wait));
    tokio::pin!(deadline);
    loop {
        tokio::select! {
            () = &mut deadline => break,
            () = watch.stop.cancelled() => break,
            _ = subscription.signal() => {}
        }
        let now = views.job_view(views.find_visible(&caller, id).await?).await?;
        if now.state != before.state {
            return Ok(Json(now));
        }
    }
    Ok(Json(views.job_view(views.find_visible(&caller, id).await?).await?))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    state: Option<JobState>,
    kind: Option<JobKind>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 100.
    limit: Option<u32>,
}

/// The caller's own jobs, newest first.
#[utoipa::path(
    get, path = "/v1/jobs", tag = "jobs", params(ListQuery),
    responses((status = 200, body = Page<JobView>), (status = 401, body = Problem, content_type = "application/problem+json")),
    security(("api_key" = []))
)]
pub async fn list_jobs(
    State(views): State<Views>,
    caller: Caller,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Json<Page<JobView>>, ApiError> {
    let client = caller.address().ok_or(ApiError::Unauthorized("own jobs are listed with an API key (X-Api-Key)"))?;
    let filter = JobFilter { client: Some(client), state: query.state, kind: query.kind };
    let limit = page_limit(query.limit)?;
    Ok(Json(views.list_jobs(&filter, query.cursor.as_deref(), limit).await?))
}

/// Cancels a job that is not over. A visitor's job has no owner, so anybody who knows its id may cancel it. No list
/// shows the id before the job is over.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/cancel", tag = "jobs", params(("id" = JobId, Path)),
    responses((status = 200, body = JobView), (status = 409, body = Problem, content_type = "application/problem+json")),
    security((), ("api_key" = []))
)]
pub async fn cancel_job(
    State(watch): State<JobWatch>,
    caller: Caller,
    ApiPath(id): ApiPath<JobId>,
) -> Result<Json<JobView>, ApiError> {
    let record = watch.views.find_visible(&caller, id).await?;
    if record.state.is_terminal() {
        return Err(ApiError::Conflict(format!("the job is over: {}", record.state)));
    }
    watch.views.hub.cancel(id).await?;
    // The board has canceled the job; the answer waits until the store has it too.
    match tokio::time::timeout(CANCEL_WAIT, watch.ended(&caller, id)).await {
        Ok(record) => Ok(Json(watch.views.job_view(record?).await?)),
        Err(_) => Err(ApiError::Unavailable("the job is canceled, but the disk does not take it yet".to_owned())),
    }
}

/// A finished job's result.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/result", tag = "jobs", params(("id" = JobId, Path)),
    responses(
        (status = 200, body = JobResult),
        (status = 409, body = Problem, description = "The job ended without a result", content_type = "application/problem+json"),
        (status = 425, body = Problem, description = "Not ready yet", content_type = "application/problem+json"),
    ),
    security((), ("api_key" = []))
)]
pub async fn get_result(
    State(views): State<Views>,
    caller: Caller,
    ApiPath(id): ApiPath<JobId>,
) -> Result<Json<JobResult>, ApiError> {
    let record = views.find_visible(&caller, id).await?;
    Ok(Json(views.job_result(record).await?))
}

/// One result file. Its bytes never change, so its hash is its validator.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/artifacts/{position}", tag = "jobs",
    params(("id" = JobId, Path), ("position" = usize, Path, description = "From 0")),
    responses((status = 200, description = "Of the type that the result names", body = Vec<u8>), (status = 304), (status = 404, body = Problem)),
    security((), ("api_key" = []))
)]
pub async fn get_artifact(
    State(views): State<Views>,
    caller: Caller,
    path: Result<Path<(String, String)>, axum::extract::rejection::PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Path((id, position)) = path.map_err(|_| not_found(""))?;
    let id: JobId = id.parse().map_err(|_| not_found(&id))?;
    let index: usize = position.parse().map_err(|_| not_found(&position))?;
    let record = views.find_visible(&caller, id).await?;
    let artifacts = views.store.list_artifacts(id).await?;
    let artifact = artifacts.get(index).cloned().ok_or_else(|| not_found(&position))?;
    let etag = format!("\"{}\"", artifact.sha256);
    let cache =
        if record.sponsored { "public, max-age=31536000, immutable" } else { "private, max-age=31536000, immutable" };
    let head = [(header::ETAG, etag.clone()), (header::CACHE_CONTROL, cache.to_owned())];
    if matches_etag(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    let folder = views.store.artifacts();
    let read = tokio::task::spawn_blocking(move || folder.get(artifact.sha256)).await;
    let bytes = read.map_err(|error| ApiError::Internal(error.to_string()))??;
    let bytes = bytes.ok_or_else(|| ApiError::Internal(format!("the bytes of {} are gone", artifact.sha256)))?;
    let media_type =
        HeaderValue::from_str(&artifact.media_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let mut response = (head, bytes).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    Ok(response)
}

fn matches_etag(headers: &HeaderMap, etag: &str) -> bool {
    let lists = headers.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|one| one.trim().trim_start_matches("W/") == etag || one.trim() == "*")
}

/// A job's receipt.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/receipt", tag = "receipts", params(("id" = JobId, Path)),
    responses((status = 200, body = ReceiptView), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub async fn get_receipt(
    State(views): State<Views>,
    caller: Caller,
    ApiPath(id): ApiPath<JobId>,
) -> Result<Json<ReceiptView>, ApiError> {
    views.find_visible(&caller, id).await?;
    let receipt = views.store.find_receipt_of_job(id).await?;
    receipt.map(|record| Json(view::receipt_view(record))).ok_or_else(|| ApiError::not_found("receipt of job", id))
}

/// Which filter removes which miner while the job waits, and how it ended afterwards.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/explain", tag = "jobs", params(("id" = JobId, Path)),
    responses((status = 200, body = Explanation), (status = 404, body = Problem, content_type = "application/problem+json")),
    security((), ("api_key" = []))
)]
pub async fn explain_job(
    State(views): State<Views>,
    caller: Caller,
    ApiPath(id): ApiPath<JobId>,
) -> Result<Json<Explanation>, ApiError> {
    let record = views.find_visible(&caller, id).await?;
    let explanation = views.hub.board().explain(id);
    Ok(Json(explanation.unwrap_or_else(|| Explanation { summary: ending(&record), miners: vec![] })))
}

/// How a job that the board no longer has came to its end.
fn ending(record: &JobRecord) -> String {
    let last = record.faults().last().map(|fault| fault.reason.trim_end_matches('.'));
    let after = |what: &str| last.map_or(String::new(), |reason| format!("{what}{reason}"));
    match record.state {
        JobState::Completed => "A miner served it.".to_owned(),
        JobState::Canceled => "It was canceled.".to_owned(),
        JobState::Expired => {
            let tried = after("; the last one that tried: ");
            format!("No miner served it within its time to live of {} s{tried}.", record.job.ttl_seconds)
        }
        JobState::Failed => format!("It failed{}.", after(": ")),
        JobState::Queued | JobState::Running | JobState::Verifying => "It is ending.".to_owned(),
    }
}
