//! What traders sign, taken in.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::api::exchange::{CancelledOrders, FILLS_ANSWERED_MAX, OrderView, PlacedOrder, ReduceOrder, WithdrawalView};
use shared::api::problem::Problem;
use shared::exchange::{ExchangeOrder, ExchangeWithdrawal, OrderCancellation, OrderReduction, SignedByTrader};
use store::record::exchange::OrderRecord;

use super::handle;
use crate::admission::Admission;
use crate::auth::{Caller, Visitor};
use crate::error::ApiError;
use crate::exchange::{ExchangeAccess, ExchangeError, views};
use crate::http::extract::{ApiJson, ApiPath};

/// Places an order. The answer comes once the order is on the disk, and says what became of it at once.
///
/// The signature is the trader's, or of a key that the trader delegated to: a trader that is a contract trades through such
/// a key. A trader's nonces rise with each order and withdrawal, also where another key signs. The same order sent again gets its
/// state as it is now.
#[utoipa::path(
    post, path = "/v1/exchange/orders", tag = "exchange", request_body = SignedByTrader<ExchangeOrder>,
    responses(
        (status = 201, body = PlacedOrder, description = "It was taken"),
        (status = 200, body = PlacedOrder, description = "It was taken before"),
        (status = 403, body = Problem, description = "The signature does not count for the trader", content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "The account or the market does not allow it now", content_type = "application/problem+json"),
        (status = 422, body = Problem, description = "The contract would not settle it, or the book does not count so", content_type = "application/problem+json"),
    )
)]
pub async fn place(
    State(exchange): State<ExchangeAccess>,
    State(admission): State<Admission>,
    visitor: Visitor,
    body: ApiJson<SignedByTrader<ExchangeOrder>>,
) -> Result<(StatusCode, Json<PlacedOrder>), ApiError> {
    let handle = handle(&exchange)?;
    admission.count_signed(&visitor).await?;
    let verified = exchange.verify_order(body.value).await?;
    match handle.place(verified.clone()).await {
        Ok(placed) => Ok((StatusCode::CREATED, Json(placed))),
        Err(error @ ExchangeError::Nonce { .. }) => {
            let before = placed_before(&exchange, &verified.signed).await?.ok_or(error)?;
            Ok((StatusCode::OK, Json(before)))
        }
        Err(error) => Err(error.into()),
    }
}

/// The same order, where it was taken before.
async fn placed_before(
    exchange: &ExchangeAccess,
    signed: &SignedByTrader<ExchangeOrder>,
) -> Result<Option<PlacedOrder>, ApiError> {
    exchange.catch_up().await;
    let found = exchange.store.find_exchange_order_by_nonce(signed.signed.trader, signed.signed.nonce).await?;
    let Some(record) = found.filter(|record| record.signed.signed == signed.signed) else { return Ok(None) };
    placed_of(exchange, record).await.map(Some)
}

async fn placed_of(exchange: &ExchangeAccess, record: OrderRecord) -> Result<PlacedOrder, ApiError> {
    let listing = handle(exchange)?.listing();
    let market = listing.market(record.market).ok_or_else(|| ApiError::not_found("market", record.market))?;
    let rows = exchange.store.list_exchange_fills_of_order(record.id, FILLS_ANSWERED_MAX as u64).await?;
    let fills = rows.iter().filter_map(|row| views::fill_of_order(market, row, record.id)).collect();
    Ok(PlacedOrder { order: views::order(market, &record), fills })
}

/// An order, by its id.
#[utoipa::path(
    get, path = "/v1/exchange/orders/{id}", tag = "exchange", params(("id" = u64, Path)),
    responses((status = 200, body = PlacedOrder), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub async fn get(
    State(exchange): State<ExchangeAccess>,
    ApiPath(id): ApiPath<u64>,
) -> Result<Json<PlacedOrder>, ApiError> {
    handle(&exchange)?;
    exchange.catch_up().await;
    let record = exchange.store.find_exchange_order(id).await?.ok_or_else(|| ApiError::not_found("order", id))?;
    Ok(Json(placed_of(&exchange, record).await?))
}

/// Cancels an open order of the wallet that is signed in. A trader without a session signs a cancellation instead.
#[utoipa::path(
    delete, path = "/v1/exchange/orders/{id}", tag = "exchange", params(("id" = u64, Path)),
    responses(
        (status = 200, body = CancelledOrders),
        (status = 401, body = Problem, description = "Nobody is signed in", content_type = "application/problem+json"),
        (status = 403, body = Problem, description = "The order is another trader's", content_type = "application/problem+json"),
        (status = 404, body = Problem, description = "No such order is open", content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn cancel_one(
    State(exchange): State<ExchangeAccess>,
    State(admission): State<Admission>,
    visitor: Visitor,
    caller: Caller,
    ApiPath(id): ApiPath<u64>,
) -> Result<Json<CancelledOrders>, ApiError> {
    let handle = handle(&exchange)?;
    admission.count_signed(&visitor).await?;
    let Caller::Wallet { wallet, key: None, .. } = caller else { return Err(ApiError::NotSignedIn) };
    Ok(Json(handle.cancel_one(id, wallet).await?))
}

/// Makes an open order of the wallet that is signed in smaller. It keeps its place among the orders of its price. A trader
/// without a session signs a reduction instead.
#[utoipa::path(
    patch, path = "/v1/exchange/orders/{id}", tag = "exchange", params(("id" = u64, Path)), request_body = ReduceOrder,
    responses(
        (status = 200, body = OrderView, description = "Where the order had traded so much already, its rest is cancelled"),
        (status = 401, body = Problem, description = "Nobody is signed in", content_type = "application/problem+json"),
        (status = 403, body = Problem, description = "The order is another trader's", content_type = "application/problem+json"),
        (status = 404, body = Problem, description = "No such order is open", content_type = "application/problem+json"),
        (status = 422, body = Problem, description = "The amount is not less than the order has", content_type = "application/problem+json"),
    ),
    security(("session" = []))
)]
pub async fn reduce_one(
    State(exchange): State<ExchangeAccess>,
    State(admission): State<Admission>,
    visitor: Visitor,
    caller: Caller,
    ApiPath(id): ApiPath<u64>,
    body: ApiJson<ReduceOrder>,
) -> Result<Json<OrderView>, ApiError> {
    let handle = handle(&exchange)?;
    admission.count_signed(&visitor).await?;
    let Caller::Wallet { wallet, key: None, .. } = caller else { return Err(ApiError::NotSignedIn) };
    Ok(Json(handle.reduce_one(id, wallet, body.value.amount).await?))
}

/// Makes a trader's open order smaller, by its nonce.
#[utoipa::path(
    post, path = "/v1/exchange/reductions", tag = "exchange", request_body = SignedByTrader<OrderReduction>,
    responses(
        (status = 200, body = OrderView, description = "Where the order had traded so much already, its rest is cancelled"),
        (status = 403, body = Problem, description = "The signature does not count for the trader", content_type = "application/problem+json"),
        (status = 404, body = Problem, description = "No such order is open", content_type = "application/problem+json"),
        (status = 422, body = Problem, description = "The amount is not less than the order has", content_type = "application/problem+json"),
    )
)]
pub async fn reduce(
    State(exchange): State<ExchangeAccess>,
    State(admission): State<Admission>,
    visitor: Visitor,
    body: ApiJson<SignedByTrader<OrderReduction>>,
) -> Result<Json<OrderView>, ApiError> {
    let handle = handle(&exchange)?;
    admission.count_signed(&visitor).await?;
    let signed = exchange.verify(body.value).await?;
    Ok(Json(handle.reduce(signed.signed).await?))
}

/// Cancels a trader's open orders by their nonces.
#[utoipa::path(
    post, path = "/v1/exchange/cancels", tag = "exchange", request_body = SignedByTrader<OrderCancellation>,
    responses(
        (status = 200, body = CancelledOrders),
        (status = 403, body = Problem, description = "The signature does not count for the trader", content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn cancel(
    State(exchange): State<ExchangeAccess>,
    State(admission): State<Admission>,
    visitor: Visitor,
    body: ApiJson<SignedByTrader<OrderCancellation>>,
) -> Result<Json<CancelledOrders>, ApiError> {
    let handle = handle(&exchange)?;
    admission.count_signed(&visitor).await?;
    let signed = exchange.verify(body.value).await?;
    Ok(Json(handle.cancel(signed.signed).await?))
}

/// Takes a withdrawal. Its amount leaves the book at once, and it is paid behind the trades that were matched before.
#[utoipa::path(
    post, path = "/v1/exchange/withdrawals", tag = "exchange", request_body = SignedByTrader<ExchangeWithdrawal>,
    responses(
        (status = 201, body = WithdrawalView, description = "It was taken"),
        (status = 200, body = WithdrawalView, description = "It was taken before"),
        (status = 403, body = Problem, description = "The signature does not count for the trader", content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn withdraw(
    State(exchange): State<ExchangeAccess>,
    State(admission): State<Admission>,
    visitor: Visitor,
    body: ApiJson<SignedByTrader<ExchangeWithdrawal>>,
) -> Result<(StatusCode, Json<WithdrawalView>), ApiError> {
    let handle = handle(&exchange)?;
    admission.count_signed(&visitor).await?;
    let signed = exchange.verify(body.value).await?;
    let (trader, nonce) = (signed.signed.trader, signed.signed.nonce);
    match handle.withdraw(signed.clone()).await {
        Ok(taken) => Ok((StatusCode::CREATED, Json(taken))),
        Err(error @ ExchangeError::Nonce { .. }) => {
            exchange.catch_up().await;
            let before = exchange.store.find_withdrawal(trader, nonce).await?;
            let before = before.filter(|record| record.signed.signed == signed.signed).ok_or(error)?;
            Ok((StatusCode::OK, Json(views::withdrawal(&handle.listing(), &before))))
        }
        Err(error) => Err(error.into()),
    }
}
