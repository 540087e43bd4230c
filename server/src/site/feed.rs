//! The explorer's feed, `/api/explorer/…`: the same answers as the pages', as JSON.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use frontend::backend::{Backend, BackendError, TransfersOf};
use serde::{Deserialize, Serialize};
use shared::api::page::{LIMIT_DEFAULT, LIMIT_MAX};
use shared::field_error::FieldError;
use shared::{Address, B256};

use crate::error::ApiError;

/// What an address in a path looks like.
const ADDRESS_FORM: &str = "0x and 40 hex digits";

type Source = State<Arc<dyn Backend>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PageQuery {
    cursor: Option<String>,
    #[serde(default = "default_limit")]
    limit: u32,
    /// Receipts only: those of one miner.
    provider: Option<Address>,
    /// Transfers only: those of one token.
    token: Option<Address>,
    /// Transfers only: those of one account.
    account: Option<Address>,
}

fn default_limit() -> u32 {
    LIMIT_DEFAULT
}

pub(super) fn router(backend: Arc<dyn Backend>) -> Router {
    Router::new()
        .route("/api/explorer/blocks", get(list_blocks))
        .route("/api/explorer/blocks/{number_or_hash}", get(show_block))
        .route("/api/explorer/transactions", get(list_transactions))
        .route("/api/explorer/transactions/{hash}", get(show_transaction))
        .route("/api/explorer/addresses/{address}", get(show_address))
        .route("/api/explorer/addresses/{address}/transactions", get(list_transactions_of))
        .route("/api/explorer/addresses/{address}/tokens", get(list_holdings))
        .route("/api/explorer/tokens", get(list_tokens))
        .route("/api/explorer/tokens/{address}", get(show_token))
        .route("/api/explorer/tokens/{address}/holders", get(list_holders))
        .route("/api/explorer/transfers", get(list_transfers))
        .route("/api/explorer/charts", get(show_charts))
        .route("/api/explorer/receipts", get(list_receipts))
        .route("/api/explorer/receipts/{hash}", get(show_receipt))
        .with_state(backend)
}

/// A page's query within its bounds.
fn page(query: Result<Query<PageQuery>, QueryRejection>) -> Result<PageQuery, ApiError> {
    let Query(query) =
        query.map_err(|rejection| ApiError::Invalid(vec![FieldError::new("query", rejection.body_text())]))?;
    if (1..=LIMIT_MAX).contains(&query.limit) {
        return Ok(query);
    }
    let error = FieldError::bound("limit", format!("1 to {LIMIT_MAX}"), query.limit.to_string());
    Err(ApiError::OutOfBounds(vec![error]))
}

fn path<T>(path: Result<Path<T>, PathRejection>, expected: &str) -> Result<T, ApiError> {
    let wrong = |rejection: PathRejection| FieldError::new("path", format!("{expected}: {}", rejection.body_text()));
    path.map(|Path(value)| value).map_err(|rejection| ApiError::Invalid(vec![wrong(rejection)]))
}

fn answer<T: Serialize>(what: &str, answer: Result<T, BackendError>) -> Response {
    match answer {
        Ok(body) => Json(body).into_response(),
        Err(BackendError::NotFound) => ApiError::NotFound(format!("there is no such {what}")).into_response(),
        Err(BackendError::Invalid(detail)) => {
            ApiError::Invalid(vec![FieldError::new("cursor", detail)]).into_response()
        }
        Err(BackendError::Unavailable(reason)) => ApiError::Unavailable(reason).into_response(),
    }
}

async fn list_blocks(
    State(backend): Source,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let query = page(query)?;
    Ok(answer("block", backend.blocks(query.cursor.as_deref(), query.limit).await))
}

async fn show_block(State(backend): Source, name: Result<Path<String>, PathRejection>) -> Result<Response, ApiError> {
    let expected = "a height, or 0x and 64 hex digits";
    let name = path(name, expected)?;
    let found = match (name.parse::<u64>(), name.parse::<B256>()) {
        (Ok(number), _) => backend.block(number).await,
        (_, Ok(hash)) => backend.block_by_hash(hash).await,
        _ => return Err(ApiError::Invalid(vec![FieldError::bound("block", expected, name)])),
    };
    Ok(answer("block", found))
}

async fn list_transactions(
    State(backend): Source,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let query = page(query)?;
    Ok(answer("transaction", backend.transactions(query.cursor.as_deref(), query.limit).await))
}

async fn show_transaction(
    State(backend): Source,
    hash: Result<Path<B256>, PathRejection>,
) -> Result<Response, ApiError> {
    let hash = path(hash, "0x and 64 hex digits")?;
    Ok(answer("transaction", backend.transaction(hash).await))
}

async fn show_address(
    State(backend): Source,
    address: Result<Path<Address>, PathRejection>,
) -> Result<Response, ApiError> {
    let address = path(address, ADDRESS_FORM)?;
    Ok(answer("address", backend.address(address).await))
}

async fn list_transactions_of(
    State(backend): Source,
    address: Result<Path<Address>, PathRejection>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let (address, query) = (path(address, ADDRESS_FORM)?, page(query)?);
    Ok(answer("transaction", backend.transactions_of(address, query.cursor.as_deref(), query.limit).await))
}

async fn list_holdings(
    State(backend): Source,
    address: Result<Path<Address>, PathRejection>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let (address, query) = (path(address, ADDRESS_FORM)?, page(query)?);
    Ok(answer("token", backend.holdings(address, query.cursor.as_deref(), query.limit).await))
}

async fn list_tokens(
    State(backend): Source,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let query = page(query)?;
    Ok(answer("token", backend.tokens(query.cursor.as_deref(), query.limit).await))
}

async fn show_token(
    State(backend): Source,
    address: Result<Path<Address>, PathRejection>,
) -> Result<Response, ApiError> {
    Ok(answer("token", backend.token(path(address, ADDRESS_FORM)?).await))
}

async fn list_holders(
    State(backend): Source,
    address: Result<Path<Address>, PathRejection>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let (address, query) = (path(address, ADDRESS_FORM)?, page(query)?);
    Ok(answer("holder", backend.holders(address, query.cursor.as_deref(), query.limit).await))
}

async fn list_transfers(
    State(backend): Source,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let query = page(query)?;
    let of = TransfersOf { token: query.token, account: query.account };
    Ok(answer("transfer", backend.transfers(of, query.cursor.as_deref(), query.limit).await))
}

async fn show_charts(State(backend): Source) -> Response {
    answer("chart", backend.charts().await)
}

async fn list_receipts(
    State(backend): Source,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let query = page(query)?;
    Ok(answer("receipt", backend.receipts(query.provider, query.cursor.as_deref(), query.limit).await))
}

async fn show_receipt(State(backend): Source, hash: Result<Path<B256>, PathRejection>) -> Result<Response, ApiError> {
    let hash = path(hash, "0x and 64 hex digits")?;
    Ok(answer("receipt", backend.receipt(hash).await))
}
