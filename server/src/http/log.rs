//! `/v1/log`: the hub's transparency log, for everybody.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use shared::B256;
use shared::api::log::{ConsistencyProof, FailureView, InclusionProof, LogSlice};
use shared::api::problem::Problem;
use shared::field_error::FieldError;
use shared::id::JobId;
use shared::log::SignedCheckpoint;
use shared::log::entry::EntryKind;

use super::extract::{ApiPath, ApiQuery, page_limit};
use crate::error::ApiError;
use crate::log::Logs;

/// The newest checkpoint: how many entries the log has, and their root, signed by the key that attests receipts.
#[utoipa::path(get, path = "/v1/log/checkpoint", tag = "log", responses((status = 200, body = SignedCheckpoint)))]
pub async fn checkpoint(State(logs): State<Logs>) -> Result<Json<SignedCheckpoint>, ApiError> {
    Ok(Json(logs.checkpoint().await?))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EntriesQuery {
    /// Index of the first entry.
    #[serde(default)]
    from: u64,
    /// Rows, 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Entries of the log, oldest first.
#[utoipa::path(
    get, path = "/v1/log/entries", tag = "log", params(EntriesQuery),
    responses((status = 200, body = LogSlice), (status = 422, body = Problem, content_type = "application/problem+json"))
)]
pub async fn entries(
    State(logs): State<Logs>,
    ApiQuery(query): ApiQuery<EntriesQuery>,
) -> Result<Json<LogSlice>, ApiError> {
    Ok(Json(logs.slice(query.from, page_limit(query.limit)?).await?))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct InclusionQuery {
    /// Of the entry; or one of the next two.
    index: Option<u64>,
    /// The entry of this receipt.
    #[param(value_type = Option<String>)]
    receipt: Option<B256>,
    /// The entry of the job that ended without a result.
    failure: Option<JobId>,
    /// Of the log that a checkpoint names; of the whole log where absent.
    size: Option<u64>,
}

/// Shows that an entry is in the log.
#[utoipa::path(
    get, path = "/v1/log/proof/inclusion", tag = "log", params(InclusionQuery),
    responses(
        (status = 200, body = InclusionProof),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn inclusion(
    State(logs): State<Logs>,
    ApiQuery(query): ApiQuery<InclusionQuery>,
) -> Result<Json<InclusionProof>, ApiError> {
    let index = match (query.index, query.receipt, query.failure) {
        (Some(index), None, None) => index,
        (None, Some(receipt), None) => {
            let place = logs.place(EntryKind::Receipt, &receipt.to_string()).await?;
            place.ok_or_else(|| ApiError::not_found("receipt in the log", receipt))?
        }
        (None, None, Some(job)) => {
            let place = logs.place(EntryKind::Failure, &job.to_string()).await?;
            place.ok_or_else(|| ApiError::not_found("failure in the log of job", job))?
        }
        _ => {
            let detail = "one of `index`, `receipt` and `failure` says which entry";
            return Err(ApiError::Invalid(vec![FieldError::new("index", detail)]));
        }
    };
    Ok(Json(logs.inclusion(index, query.size).await?))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ConsistencyQuery {
    /// Size of the earlier log, 1 at least.
    #[param(minimum = 1)]
    from: u64,
    /// Size of the later log; of the whole log where absent.
    to: Option<u64>,
}

/// Shows that the log begins with an earlier one.
#[utoipa::path(
    get, path = "/v1/log/proof/consistency", tag = "log", params(ConsistencyQuery),
    responses(
        (status = 200, body = ConsistencyProof),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn consistency(
    State(logs): State<Logs>,
    ApiQuery(query): ApiQuery<ConsistencyQuery>,
) -> Result<Json<ConsistencyProof>, ApiError> {
    Ok(Json(logs.consistency(query.from, query.to).await?))
}

/// The signed record of a job that ended without a result. It is public, as receipts are, and says no more of the input
/// than they do.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/failure", tag = "log", params(("id" = JobId, Path)),
    responses((status = 200, body = FailureView), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub async fn failure(State(logs): State<Logs>, ApiPath(id): ApiPath<JobId>) -> Result<Json<FailureView>, ApiError> {
    logs.failure(id).await?.map(Json).ok_or_else(|| ApiError::not_found("failure of job", id))
}
