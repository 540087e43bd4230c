//! `/api/trades/recent`, `/api/orders/orderbook`, `/api/orders`: the same data under short names, of the first market where
//! none is named.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use shared::Address;
use shared::api::exchange::{BOOK_DEPTH_DEFAULT, BookView, OpenOrders, OrderState, Trades};
use shared::api::page::LIMIT_MAX;
use shared::api::problem::Problem;

use super::{accounts, handle, market};
use crate::error::ApiError;
use crate::exchange::{ExchangeAccess, OPEN_ORDERS_PER_TRADER};
use crate::http::extract::ApiQuery;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct MarketQuery {
    /// A market's id; the first market where absent.
    market: Option<String>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TraderQuery {
    /// Whose orders.
    #[param(value_type = String)]
    address: Address,
}

impl MarketQuery {
    fn id(self, exchange: &ExchangeAccess) -> Result<String, ApiError> {
        let listing = handle(exchange)?.listing();
        let first = listing.markets.first().map(|market| market.id.clone());
        self.market.or(first).ok_or_else(|| ApiError::NotFound("the exchange has no market".to_owned()))
    }
}

/// The newest trades of a market.
#[utoipa::path(
    get, path = "/api/trades/recent", tag = "exchange", params(MarketQuery),
    responses((status = 200, body = Trades), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub async fn recent_trades(
    State(exchange): State<ExchangeAccess>,
    ApiQuery(query): ApiQuery<MarketQuery>,
) -> Result<Json<Trades>, ApiError> {
    let id = query.id(&exchange)?;
    Ok(Json(market::trades_of(&exchange, &id, None, LIMIT_MAX).await?))
}

/// The best prices of a market.
#[utoipa::path(
    get, path = "/api/orders/orderbook", tag = "exchange", params(MarketQuery),
    responses((status = 200, body = BookView), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub async fn order_book(
    State(exchange): State<ExchangeAccess>,
    ApiQuery(query): ApiQuery<MarketQuery>,
) -> Result<Json<BookView>, ApiError> {
    let id = query.id(&exchange)?;
    Ok(Json(market::book_of(&exchange, &id, BOOK_DEPTH_DEFAULT)?))
}

/// A trader's open orders, all of them, the newest first.
#[utoipa::path(
    get, path = "/api/orders", tag = "exchange", params(TraderQuery),
    responses((status = 200, body = OpenOrders), (status = 422, body = Problem, content_type = "application/problem+json"))
)]
pub async fn open_orders(
    State(exchange): State<ExchangeAccess>,
    ApiQuery(query): ApiQuery<TraderQuery>,
) -> Result<Json<OpenOrders>, ApiError> {
    let all = OPEN_ORDERS_PER_TRADER as u32;
    let page = accounts::orders_of(&exchange, query.address, Some(OrderState::Open), None, all).await?;
    Ok(Json(OpenOrders { orders: page.items }))
}
