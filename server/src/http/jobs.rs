//! `/v1/jobs` and the paths below it.

use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::Deserialize;
use shared::api::jobs::{EXPLAINED_MAX, Explanation, JobResult, JobView};
use shared::api::page::Page;
use shared::api::problem::Problem;
use shared::api::receipts::ReceiptView;
use shared::field_error::FieldError;
use shared::id::JobId;
use shared::job::JobKind;
use shared::job::lifecycle::JobState;
use shared::job::request::CreateJob;
use store::StoreError;
use store::artifacts::ArtifactReader;
use store::record::{ArtifactRecord, JobRecord};
use store::repository::JobFilter;

use super::extract::{ApiJson, ApiPath, ApiPaths, ApiQuery, idempotency_key, not_found, page_limit};
use crate::auth::{Caller, Callers};
use crate::config::{JOB_BODY_MAX_BYTES, WAIT_MAX_SECONDS};
use crate::error::ApiError;
use crate::job_token::{self, JobToken};
use crate::submit::Submission;
use crate::view::Views;
use crate::watch::JobWatch;

/// How long a cancellation waits for the disk before it says so.
const CANCEL_WAIT: Duration = Duration::from_secs(5);

pub(super) const WITHHELD: &str = "the result is its creator's alone while another miner may be asked to compute it \
                                   again: send the token of the job's creation in `x-job-token`, or come back later";

/// Creates a job.
#[utoipa::path(
    post, path = "/v1/jobs", tag = "jobs", request_body = CreateJob,
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and body get the first answer"),
        ("X-Job-Token" = Option<String>, Header, description = "A token for a job without an API key that the client drew itself: `jobtoken_` and 32 random bytes as hex digits. Who repeats the request with the same one is the job's creator"),
    ),
    responses(
        (status = 201, body = JobView, headers(
            ("Location" = String),
            ("X-Job-Token" = String, description = "Of a job without an API key: who has it may cancel the job, and read its result while it is `withheld`. Told once, and again to who brought it; pages get it as a cookie, too"),
        )),
        (status = "4XX", body = Problem, description = "422 also where no connected miner can serve the job: `unservable` counts why, and says what would help", content_type = "application/problem+json"),
        (status = 507, body = Problem, description = "The server's disk is full", content_type = "application/problem+json"),
    ),
    security((), ("api_key" = []), ("session" = []))
)]
pub async fn create_job(
    State(submission): State<Submission>,
    State(callers): State<Callers>,
    caller: Caller,
    headers: HeaderMap,
    body: ApiJson<CreateJob, JOB_BODY_MAX_BYTES>,
) -> Result<Response, ApiError> {
    let accepted = Instant::now();
    let key = idempotency_key(&headers, "/v1/jobs", body.sha256)?;
    let (kind, ttl_seconds) = (body.value.kind, body.value.ttl_seconds);
    let brought = JobToken::brought(&headers)?;
    let created = submission.create_job(&caller, body.value, key, brought, accepted).await?;
    let location = format!("/v1/jobs/{}", created.job_id);
    let head = [(header::LOCATION, location), (header::CONTENT_TYPE, "application/json".to_owned())];
    let mut response = (StatusCode::CREATED, head, created.answer).into_response();
    if let Some(token) = created.token {
        token.put_into(response.headers_mut(), created.job_id, kind, ttl_seconds, callers.are_over_tls(&headers));
    }
    Ok(response)
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct WaitQuery {
    /// Seconds to wait for a change of state, up to 60.
    #[serde(default)]
    #[param(minimum = 0, maximum = 60)]
    wait: u64,
}

/// A job as it is now, or after its next change.
#[utoipa::path(
    get, path = "/v1/jobs/{id}", tag = "jobs", params(("id" = JobId, Path), WaitQuery),
    responses((status = 200, body = JobView), (status = 404, body = Problem, content_type = "application/problem+json")),
    security((), ("api_key" = []), ("session" = []))
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
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    state: Option<JobState>,
    kind: Option<JobKind>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// The caller's own jobs, newest first.
#[utoipa::path(
    get, path = "/v1/jobs", tag = "jobs", params(ListQuery),
    responses((status = 200, body = Page<JobView>), (status = 401, body = Problem, content_type = "application/problem+json")),
    security(("api_key" = []), ("session" = []))
)]
pub async fn list_jobs(
    State(views): State<Views>,
    caller: Caller,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Json<Page<JobView>>, ApiError> {
    let client = caller
        .address()
        .ok_or(ApiError::Unauthorized("own jobs are listed with an API key (X-Api-Key), or signed in with a wallet"))?;
    let filter = JobFilter { client: Some(client), state: query.state, kind: query.kind };
    let limit = page_limit(query.limit)?;
    Ok(Json(views.list_jobs(&filter, query.cursor.as_deref(), limit).await?))
}

/// Cancels a job that is not over. Only its creator may: with the API key or the session of its wallet, or with the token of a job
/// without them.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/cancel", tag = "jobs",
    params(("id" = JobId, Path), ("X-Job-Token" = Option<String>, Header, description = "As the creation of a job without an API key told it")),
    responses((status = 200, body = JobView), (status = 403, body = Problem, description = "Another one created the job", content_type = "application/problem+json"), (status = 409, body = Problem, content_type = "application/problem+json")),
    security((), ("api_key" = []), ("session" = []))
)]
pub async fn cancel_job(
    State(watch): State<JobWatch>,
    caller: Caller,
    ApiPath(id): ApiPath<JobId>,
    headers: HeaderMap,
) -> Result<Json<JobView>, ApiError> {
    let record = watch.views.find_visible(&caller, id).await?;
    job_token::check_may_cancel(&caller, &headers, &record)?;
    if record.state.is_terminal() {
        return Err(ApiError::Conflict(format!("the job is over: {}", record.state)));
    }
    watch.views.hub.cancel(id).await?;
    // The board has canceled the job; the answer waits until the store has it too.
    match tokio::time::timeout(CANCEL_WAIT, watch.ended(&caller, id)).await {
        Ok(record) => Ok(Json(watch.views.job_view(record?).await?)),
        Err(_) => Err(ApiError::Unavailable(
            "the job is canceled, but its last part is still being checked, or the disk does not take it yet"
                .to_owned(),
        )),
    }
}

/// The same by another method.
#[utoipa::path(
    delete, path = "/v1/jobs/{id}", tag = "jobs",
    params(("id" = JobId, Path), ("X-Job-Token" = Option<String>, Header, description = "As the creation of a job without an API key told it")),
    responses((status = 200, body = JobView), (status = 403, body = Problem, description = "Another one created the job", content_type = "application/problem+json"), (status = 409, body = Problem, content_type = "application/problem+json")),
    security((), ("api_key" = []), ("session" = []))
)]
pub async fn delete_job(
    watch: State<JobWatch>,
    caller: Caller,
    id: ApiPath<JobId>,
    headers: HeaderMap,
) -> Result<Json<JobView>, ApiError> {
    cancel_job(watch, caller, id, headers).await
}

/// A finished job's result. Of a job that several miners shared and of which a part failed: the parts that there are.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/result", tag = "jobs", params(("id" = JobId, Path)),
    responses(
        (status = 200, body = JobResult),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "The job ended without any result", content_type = "application/problem+json"),
        (status = 425, body = Problem, description = "Not ready yet", content_type = "application/problem+json"),
    ),
    security((), ("api_key" = []), ("session" = []))
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
    params(
        ("id" = JobId, Path),
        ("position" = u32, Path, description = "From 0; a part of the job that ended without a result leaves its places empty"),
        ("X-Job-Token" = Option<String>, Header, description = "As the creation of a job without an API key told it, while the job is `withheld`"),
    ),
    responses(
        (status = 200, description = "Of the type that the result names", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "The client has it"),
        (status = 403, body = Problem, description = "Its creator's alone for now: the job is `withheld`", content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 410, body = Problem, description = "Kept no longer; hash and receipt stay", content_type = "application/problem+json"),
    ),
    security((), ("api_key" = []), ("session" = []))
)]
pub async fn get_artifact(
    State(views): State<Views>,
    caller: Caller,
    ApiPaths(id, place): ApiPaths<JobId, u32>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let record = views.find_visible(&caller, id).await?;
    if !views.may_read(&caller, &headers, &record) {
        return Err(ApiError::Forbidden(WITHHELD.to_owned()));
    }
    let artifacts = views.store.list_artifacts(id).await?;
    let artifact =
        artifacts.into_iter().find(|file| file.position == place).ok_or_else(|| not_found(&place.to_string()))?;
    let etag = format!("\"{}\"", artifact.sha256);
    let is_everybodys = record.sponsored && !views.hub.board().withholds(id);
    let cache =
        if is_everybodys { "public, max-age=31536000, immutable" } else { "private, max-age=31536000, immutable" };
    let head = [(header::ETAG, etag.clone()), (header::CACHE_CONTROL, cache.to_owned())];
    if matches_etag(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    let reader = open_artifact(&views, id, &artifact).await?;
    let media_type =
        HeaderValue::from_str(&artifact.media_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let length = HeaderValue::from(reader.length());
    let mut response = (head, artifact_body(reader)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response.headers_mut().insert(header::CONTENT_LENGTH, length);
    Ok(response)
}

/// The file, unless it is kept no longer.
async fn open_artifact(views: &Views, id: JobId, artifact: &ArtifactRecord) -> Result<ArtifactReader, ApiError> {
    if artifact.removed_at.is_some() {
        return Err(ApiError::Gone);
    }
    let (folder, sha256) = (views.store.artifacts(), artifact.sha256);
    let opened = tokio::task::spawn_blocking(move || folder.read(sha256)).await;
    if let Some(reader) = opened.unwrap_or(Err(StoreError::Stopped))? {
        return Ok(reader);
    }
    // It may have gone since its row was read.
    let now = views.store.list_artifacts(id).await?;
    let is_gone = now.iter().any(|file| file.position == artifact.position && file.removed_at.is_some());
    Err(if is_gone { ApiError::Gone } else { ApiError::Internal(format!("the bytes of {sha256} are gone")) })
}

/// The file piece by piece: however many clients read, each needs the memory of two pieces.
fn artifact_body(reader: ArtifactReader) -> Body {
    Body::from_stream(stream::try_unfold(reader, async |mut reader| {
        let read = tokio::task::spawn_blocking(move || reader.next_chunk().map(|chunk| (chunk, reader))).await;
        let (chunk, reader) = read.unwrap_or(Err(StoreError::Stopped))?;
        Ok::<_, StoreError>(chunk.map(|chunk| (chunk, reader)))
    }))
}

fn matches_etag(headers: &HeaderMap, etag: &str) -> bool {
    let lists = headers.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|one| one.trim().trim_start_matches("W/") == etag || one.trim() == "*")
}

/// A job's receipt; of a job that several miners shared, that of its first part. The job's `tasks` name all.
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
    let receipt = receipt.ok_or_else(|| ApiError::not_found("receipt of job", id))?;
    Ok(Json(views.receipt_view(receipt).await?))
}

/// Which filter removes which miner while the job waits, and how it ended afterwards.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/explain", tag = "jobs", params(("id" = JobId, Path)),
    responses((status = 200, body = Explanation), (status = 404, body = Problem, content_type = "application/problem+json")),
    security((), ("api_key" = []), ("session" = []))
)]
pub async fn explain_job(
    State(views): State<Views>,
    caller: Caller,
    ApiPath(id): ApiPath<JobId>,
) -> Result<Json<Explanation>, ApiError> {
    let record = views.find_visible(&caller, id).await?;
    let explanation = views.hub.board().explain(id);
    let mut explanation =
        explanation.unwrap_or_else(|| Explanation { summary: ending(&record), miners: vec![], others: 0 });
    explanation.miners.sort_by_key(|miner| !miner.eligible);
    explanation.others = u32::try_from(explanation.miners.len().saturating_sub(EXPLAINED_MAX)).unwrap_or(u32::MAX);
    explanation.miners.truncate(EXPLAINED_MAX);
    Ok(Json(explanation))
}

/// How a job that the board no longer has came to its end.
fn ending(record: &JobRecord) -> String {
    let served = record.serving().filter(|task| task.life.state == JobState::Completed).count();
    let rest = end_of_rest(record);
    match record.state {
        JobState::Completed => rest,
        _ if served > 0 => {
            format!("{served} of its {} parts were served. Of the rest: {rest}", record.serving().count())
        }
        _ => rest,
    }
}

fn end_of_rest(record: &JobRecord) -> String {
    let last = record.faults().last().map(|fault| fault.reason.trim_end_matches('.'));
    let after = |what: &str| last.map_or(String::new(), |reason| format!("{what}{reason}"));
    match record.state {
        JobState::Completed => match record.serving().count() {
            1 => "A miner served it.".to_owned(),
            parts => format!("Miners served it in {parts} parts."),
        },
        JobState::Canceled => "It was canceled.".to_owned(),
        JobState::Expired => {
            let tried = after("; the last one that tried: ");
            format!("No miner served it within its time to live of {} s{tried}.", record.job.ttl_seconds)
        }
        JobState::Failed => format!("It failed{}.", after(": ")),
        JobState::Queued | JobState::Running | JobState::Verifying => "It is ending.".to_owned(),
    }
}
