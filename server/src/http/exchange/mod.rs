//! `/v1/exchange`: markets, books, orders and accounts of the exchange.
//!
//! Everything here is public but placing and cancelling: orders, trades and balances stand in the contract, or will. What a
//! trader asks for carries its signature, so it needs no session.

pub mod account_feed;
pub mod accounts;
pub mod feed;
pub mod market;
pub mod orders;
mod reader;
pub mod short_forms;

use axum::Json;
use axum::extract::State;
use shared::api::exchange::{ExchangeView, MarketView};
use shared::api::problem::Problem;
use trading::{ORDER_SECONDS_MAX, SETTLEMENT_SECONDS};

use crate::error::ApiError;
use crate::exchange::{ExchangeAccess, ExchangeError, ExchangeHandle, ListedMarket};

/// The desk, or why there is none.
fn handle(exchange: &ExchangeAccess) -> Result<&ExchangeHandle, ApiError> {
    exchange.handle.as_ref().map_err(|error| error.clone().into())
}

/// The desk, and the market of this name.
fn find_market<'a>(exchange: &'a ExchangeAccess, id: &str) -> Result<(&'a ExchangeHandle, ListedMarket), ApiError> {
    let handle = handle(exchange)?;
    let market = handle.listing().find(id).cloned();
    let named = || ExchangeError::UnknownMarket(id.chars().take(NAMED_MAX_CHARS).collect());
    Ok((handle, market.ok_or_else(named)?))
}

/// Characters of a market's name that a refusal repeats.
const NAMED_MAX_CHARS: usize = 100;

/// What the exchange trades, where it settles, and whether it works.
#[utoipa::path(
    get, path = "/v1/exchange", tag = "exchange",
    responses(
        (status = 200, body = ExchangeView),
        (status = 404, body = Problem, description = "This chain has no exchange, or this server does not operate it", content_type = "application/problem+json"),
    )
)]
pub async fn view(State(exchange): State<ExchangeAccess>) -> Result<Json<ExchangeView>, ApiError> {
    Ok(Json(view_of(&exchange)?))
}

pub(crate) fn view_of(exchange: &ExchangeAccess) -> Result<ExchangeView, ApiError> {
    let handle = handle(exchange)?;
    let (listing, state) = (handle.listing(), handle.state());
    let markets = listing.markets.iter().map(|market| market_view(handle, market)).collect();
    Ok(ExchangeView {
        chain_id: listing.chain_id,
        contract: listing.contract,
        operator: exchange.operator,
        market_maker: exchange.market_maker,
        exit_delay_seconds: listing.exit_delay_seconds,
        settlement_seconds: SETTLEMENT_SECONDS,
        order_seconds_max: ORDER_SECONDS_MAX,
        is_paused: state.is_paused,
        fault: handle.fault(),
        trades_to_settle: state.trades_to_settle,
        block_number: state.height,
        reconciliation: state.reconciliation,
        assets: listing.tokens.clone(),
        markets,
    })
}

fn market_view(handle: &ExchangeHandle, market: &ListedMarket) -> MarketView {
    let (last, settled) = handle.feed(market).map_or((0, 0), |feed| feed.last_trades());
    market.view(last, settled)
}
