//! `/v1/receipts`: public, so that anybody can recompute the supply.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use shared::api::page::Page;
use shared::api::problem::Problem;
use shared::api::receipts::ReceiptView;
use shared::id::JobId;
use shared::{Address, B256};
use store::repository::ReceiptFilter;

use super::extract::{ApiPath, ApiQuery, page_limit};
use crate::error::ApiError;
use crate::view::Views;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    job_id: Option<JobId>,
    #[param(value_type = Option<String>)]
    provider: Option<Address>,
    #[param(value_type = Option<String>)]
    client: Option<Address>,
    /// Receipts minted in this block.
    block: Option<u64>,
    /// Receipts minted by this transaction.
    #[param(value_type = Option<String>)]
    transaction: Option<B256>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Receipts, newest first.
#[utoipa::path(
    get, path = "/v1/receipts", tag = "receipts", params(ListQuery),
    responses((status = 200, body = Page<ReceiptView>), (status = 422, body = Problem, content_type = "application/problem+json"))
)]
pub async fn list_receipts(
    State(views): State<Views>,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Json<Page<ReceiptView>>, ApiError> {
    let limit = page_limit(query.limit)?;
    let filter = ReceiptFilter {
        job_id: query.job_id,
        provider: query.provider,
        client: query.client,
        block_number: query.block,
        transaction_hash: query.transaction,
    };
    Ok(Json(views.list_receipts(&filter, query.cursor.as_deref(), limit).await?))
}

/// One receipt by its hash.
#[utoipa::path(
    get, path = "/v1/receipts/{receipt_hash}", tag = "receipts", params(("receipt_hash" = String, Path)),
    responses((status = 200, body = ReceiptView), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub async fn get_receipt(
    State(views): State<Views>,
    ApiPath(hash): ApiPath<B256>,
) -> Result<Json<ReceiptView>, ApiError> {
    let receipt = views.store.find_receipt(hash).await?.ok_or_else(|| ApiError::not_found("receipt", hash))?;
    Ok(Json(views.receipt_view(receipt).await?))
}
