//! A market's book, trades, candles and ticker.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use shared::api::exchange::{
    BOOK_DEPTH_DEFAULT, BOOK_DEPTH_MAX, BookView, CANDLES_DEFAULT, CANDLES_MAX, CandleInterval, Candles, Ticker, Trades,
};
use shared::api::problem::Problem;
use shared::field_error::FieldError;
use shared::time::UnixSeconds;
use store::record::exchange::CandleRecord;

use super::find_market;
use crate::clock;
use crate::error::ApiError;
use crate::exchange::{ExchangeAccess, views};
use crate::http::extract::{ApiPath, ApiQuery, page_limit};

/// The day of a ticker, in candles of a minute.
const DAY_MINUTES: u64 = 24 * 60;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct BookQuery {
    /// Prices of each side, 1 to 1000.
    #[param(minimum = 1, maximum = 1000)]
    depth: Option<u32>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TradesQuery {
    /// Trades before this number.
    before: Option<u64>,
    /// Trades, 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CandlesQuery {
    interval: CandleInterval,
    /// The first candle begins at this second or later; without it, the newest ones are answered.
    from: Option<u64>,
    /// Candles, 1 to 1000.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// The open orders of a market, all of one price together.
#[utoipa::path(
    get, path = "/v1/exchange/{market}/book", tag = "exchange", params(("market" = String, Path), BookQuery),
    responses((status = 200, body = BookView), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub async fn book(
    State(exchange): State<ExchangeAccess>,
    ApiPath(id): ApiPath<String>,
    ApiQuery(query): ApiQuery<BookQuery>,
) -> Result<Json<BookView>, ApiError> {
    let depth = bounded("depth", query.depth, BOOK_DEPTH_DEFAULT, BOOK_DEPTH_MAX)?;
    Ok(Json(book_of(&exchange, &id, depth)?))
}

pub(crate) fn book_of(exchange: &ExchangeAccess, id: &str, depth: u32) -> Result<BookView, ApiError> {
    let (handle, market) = find_market(exchange, id)?;
    let feed = handle.feed(&market).ok_or_else(|| ApiError::not_found("market", id))?;
    Ok(feed.book(&market, depth as usize))
}

/// A market's trades, the newest first.
#[utoipa::path(
    get, path = "/v1/exchange/{market}/trades", tag = "exchange", params(("market" = String, Path), TradesQuery),
    responses((status = 200, body = Trades), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub async fn trades(
    State(exchange): State<ExchangeAccess>,
    ApiPath(id): ApiPath<String>,
    ApiQuery(query): ApiQuery<TradesQuery>,
) -> Result<Json<Trades>, ApiError> {
    Ok(Json(trades_of(&exchange, &id, query.before, page_limit(query.limit)?).await?))
}

pub(crate) async fn trades_of(
    exchange: &ExchangeAccess,
    id: &str,
    before: Option<u64>,
    limit: u32,
) -> Result<Trades, ApiError> {
    let (_, market) = find_market(exchange, id)?;
    let rows = exchange.store.list_exchange_trades(market.market.number, before, u64::from(limit)).await?;
    Ok(Trades { trades: rows.iter().map(|row| views::trade(&market, row)).collect(), market: market.id })
}

/// A market's candles. A stretch without trades has none.
#[utoipa::path(
    get, path = "/v1/exchange/{market}/candles", tag = "exchange", params(("market" = String, Path), CandlesQuery),
    responses((status = 200, body = Candles), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub async fn candles(
    State(exchange): State<ExchangeAccess>,
    ApiPath(id): ApiPath<String>,
    ApiQuery(query): ApiQuery<CandlesQuery>,
) -> Result<Json<Candles>, ApiError> {
    let limit = bounded("limit", query.limit, CANDLES_DEFAULT, CANDLES_MAX)?;
    Ok(Json(candles_of(&exchange, &id, query.interval, query.from.map(UnixSeconds), limit).await?))
}

pub(crate) async fn candles_of(
    exchange: &ExchangeAccess,
    id: &str,
    interval: CandleInterval,
    from: Option<UnixSeconds>,
    limit: u32,
) -> Result<Candles, ApiError> {
    let (_, market) = find_market(exchange, id)?;
    let (number, seconds) = (market.market.number, interval.seconds());
    let rows = exchange.store.list_candles(number, seconds, from, u64::from(limit)).await?;
    let candles = rows.iter().map(|row| views::candle(&market, row)).collect();
    Ok(Candles { market: market.id, interval, candles })
}

/// The last price of a market, its best prices and its day.
#[utoipa::path(
    get, path = "/v1/exchange/{market}/ticker", tag = "exchange", params(("market" = String, Path)),
    responses((status = 200, body = Ticker), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub async fn ticker(
    State(exchange): State<ExchangeAccess>,
    ApiPath(id): ApiPath<String>,
) -> Result<Json<Ticker>, ApiError> {
    Ok(Json(ticker_of(&exchange, &id).await?))
}

pub(crate) async fn ticker_of(exchange: &ExchangeAccess, id: &str) -> Result<Ticker, ApiError> {
    let (handle, market) = find_market(exchange, id)?;
    let feed = handle.feed(&market).ok_or_else(|| ApiError::not_found("market", id))?;
    let minute = CandleInterval::OneMinute.seconds();
    let from = UnixSeconds(clock::now().seconds().0.saturating_sub(DAY_MINUTES * minute));
    let rows = exchange.store.list_candles(market.market.number, minute, Some(from), DAY_MINUTES).await?;
    let day = rows.iter().copied().reduce(|mut day: CandleRecord, minute| {
        day.extend(&minute);
        day
    });
    let shown = day.map(|day| views::candle(&market, &day));
    let (bid, ask) = feed.best();
    let price = |ticks: u32| market.price(::exchange::Ticks(ticks));
    Ok(Ticker {
        last: feed.last_price(),
        best_bid: bid.map(price),
        best_ask: ask.map(price),
        open: shown.as_ref().map(|day| day.open.clone()),
        high: shown.as_ref().map(|day| day.high.clone()),
        low: shown.as_ref().map(|day| day.low.clone()),
        change_basis_points: day.and_then(change),
        volume: shown.as_ref().map_or_else(|| "0".to_owned(), |day| day.volume.clone()),
        quote_volume: shown.as_ref().map_or_else(|| "0".to_owned(), |day| day.quote_volume.clone()),
        trades: shown.as_ref().map_or(0, |day| day.trades),
        market: market.id,
    })
}

/// From the first price to the last, in 1/10 000.
fn change(day: CandleRecord) -> Option<i64> {
    (i64::from(day.close) - i64::from(day.open)).checked_mul(10_000)?.checked_div(i64::from(day.open))
}

/// A number from 1 to `max`.
fn bounded(field: &str, given: Option<u32>, default: u32, max: u32) -> Result<u32, ApiError> {
    match given.unwrap_or(default) {
        given if (1..=max).contains(&given) => Ok(given),
        given => Err(ApiError::OutOfBounds(vec![FieldError::bound(field, format!("1 to {max}"), given.to_string())])),
    }
}
