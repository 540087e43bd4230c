//! A trader's balances, orders, fills and withdrawals: public, as the chain has them.

use axum::Json;
use axum::extract::State;
use node::{Delegation, ExchangeReader};
use serde::Deserialize;
use shared::Address;
use shared::api::exchange::{ExchangeAccount, FillView, OrderState, OrderView, WithdrawalView};
use shared::api::exchange_keys::{TradingKey, TradingKeys};
use shared::api::page::Page;
use shared::api::problem::Problem;
use shared::field_error::FieldError;

use super::handle;
use crate::clock;
use crate::error::ApiError;
use crate::exchange::{ExchangeAccess, views};
use crate::http::extract::{ApiPath, ApiQuery, page_limit};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct OrdersQuery {
    /// Only orders of this state.
    state: Option<OrderState>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// What a trader has at the exchange, and what it signs next.
#[utoipa::path(
    get, path = "/v1/exchange/accounts/{address}", tag = "exchange", params(("address" = String, Path)),
    responses((status = 200, body = ExchangeAccount), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub async fn account(
    State(exchange): State<ExchangeAccess>,
    ApiPath(address): ApiPath<Address>,
) -> Result<Json<ExchangeAccount>, ApiError> {
    Ok(Json(account_of(&exchange, address).await?))
}

pub(crate) async fn account_of(exchange: &ExchangeAccess, address: Address) -> Result<ExchangeAccount, ApiError> {
    Ok(handle(exchange)?.account(address).await?)
}

/// A trader's orders, the newest first.
#[utoipa::path(
    get, path = "/v1/exchange/accounts/{address}/orders", tag = "exchange",
    params(("address" = String, Path), OrdersQuery),
    responses((status = 200, body = Page<OrderView>), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub async fn orders(
    State(exchange): State<ExchangeAccess>,
    ApiPath(address): ApiPath<Address>,
    ApiQuery(query): ApiQuery<OrdersQuery>,
) -> Result<Json<Page<OrderView>>, ApiError> {
    let (limit, before) = (page_limit(query.limit)?, cursor(query.cursor.as_deref())?);
    Ok(Json(orders_of(&exchange, address, query.state, before, limit).await?))
}

pub(crate) async fn orders_of(
    exchange: &ExchangeAccess,
    address: Address,
    state: Option<OrderState>,
    before: Option<u64>,
    limit: u32,
) -> Result<Page<OrderView>, ApiError> {
    let listing = handle(exchange)?.listing();
    let rows = exchange.store.list_exchange_orders_of(address, state, before, u64::from(limit) + 1).await?;
    let page = page(rows, limit, |row| row.id);
    let items = page.items.iter().filter_map(|row| Some(views::order(listing.market(row.market)?, row))).collect();
    Ok(Page { items, next_cursor: page.next_cursor })
}

/// A trader's trades, the newest first: matched, final with their transactions, or void.
#[utoipa::path(
    get, path = "/v1/exchange/accounts/{address}/fills", tag = "exchange",
    params(("address" = String, Path), PageQuery),
    responses((status = 200, body = Page<FillView>), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub async fn fills(
    State(exchange): State<ExchangeAccess>,
    ApiPath(address): ApiPath<Address>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<Json<Page<FillView>>, ApiError> {
    let (limit, before) = (page_limit(query.limit)?, cursor(query.cursor.as_deref())?);
    Ok(Json(fills_of(&exchange, address, before, limit).await?))
}

pub(crate) async fn fills_of(
    exchange: &ExchangeAccess,
    address: Address,
    before: Option<u64>,
    limit: u32,
) -> Result<Page<FillView>, ApiError> {
    let before = before.and_then(|before| i64::try_from(before).ok());
    let listing = handle(exchange)?.listing();
    let rows = exchange.store.list_exchange_fills_of(address, before, u64::from(limit) + 1).await?;
    let page = page(rows, limit, |row| row.seq.unsigned_abs());
    let items = page.items.iter().filter_map(|row| {
        let market = listing.market(row.market)?;
        Some(views::fill_of_trader(market, row, address))
    });
    Ok(Page { items: items.collect(), next_cursor: page.next_cursor })
}

/// A trader's withdrawals, the newest first.
#[utoipa::path(
    get, path = "/v1/exchange/accounts/{address}/withdrawals", tag = "exchange",
    params(("address" = String, Path), PageQuery),
    responses((status = 200, body = Page<WithdrawalView>), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub async fn withdrawals(
    State(exchange): State<ExchangeAccess>,
    ApiPath(address): ApiPath<Address>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<Json<Page<WithdrawalView>>, ApiError> {
    let (limit, before) = (page_limit(query.limit)?, cursor(query.cursor.as_deref())?);
    Ok(Json(withdrawals_of(&exchange, address, before, limit).await?))
}

pub(crate) async fn withdrawals_of(
    exchange: &ExchangeAccess,
    address: Address,
    before: Option<u64>,
    limit: u32,
) -> Result<Page<WithdrawalView>, ApiError> {
    let listing = handle(exchange)?.listing();
    let rows = exchange.store.list_withdrawals_of(address, before, u64::from(limit) + 1).await?;
    let page = page(rows, limit, |row| row.signed.signed.nonce);
    let items = page.items.iter().map(|row| views::withdrawal(&listing, row)).collect();
    Ok(Page { items, next_cursor: page.next_cursor })
}

/// The keys that may sign orders for a trader, as its contract lists them.
#[utoipa::path(
    get, path = "/v1/exchange/accounts/{address}/delegates", tag = "exchange", params(("address" = String, Path)),
    responses((status = 200, body = TradingKeys), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub async fn delegates(
    State(exchange): State<ExchangeAccess>,
    ApiPath(address): ApiPath<Address>,
) -> Result<Json<TradingKeys>, ApiError> {
    Ok(Json(delegates_of(&exchange, address).await?))
}

pub(crate) async fn delegates_of(exchange: &ExchangeAccess, trader: Address) -> Result<TradingKeys, ApiError> {
    handle(exchange)?;
    let (snapshot, now) = (exchange.node.snapshot()?, clock::now().seconds());
    let found = ExchangeReader::at(&snapshot, snapshot.head().number).delegations(trader)?;
    let key = |found: &Delegation| TradingKey::new(found.delegate, found.expires_at, found.is_revoked, now);
    Ok(TradingKeys { trader, keys: found.iter().map(key).collect() })
}

fn cursor(given: Option<&str>) -> Result<Option<u64>, ApiError> {
    let parse = |text: &str| {
        text.parse().map_err(|_| {
            ApiError::Invalid(vec![FieldError::new("cursor", "`cursor` is the `next_cursor` of the page before")])
        })
    };
    given.map(parse).transpose()
}

/// One row more than asked for says that there is a next page.
fn page<R>(mut rows: Vec<R>, limit: u32, place: impl Fn(&R) -> u64) -> Page<R> {
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next_cursor = rows.last().filter(|_| has_more).map(|last| place(last).to_string());
    Page { items: rows, next_cursor }
}
