//! Answers the pages' questions about the exchange, as its API answers them.

use frontend::backend::{Answer, BackendError, MarketPage, TraderPage};
use frontend::pages::exchange::{LEVELS, SLOTS, TRADES};
use shared::Address;
use shared::api::exchange::{CandleInterval, ExchangeView, OrderState};
use shared::api::page::LIMIT_MAX;

use super::backend::from_api;
use crate::exchange::ExchangeAccess;
use crate::http::exchange::{self as http, accounts, market};

/// Open orders and fills of an account that it lists, and withdrawals.
const ROWS: u32 = 50;
const WITHDRAWALS: u32 = 3;
/// Orders that are over.
const PAST_ORDERS: usize = 10;

/// `None` where this server operates no exchange.
pub(super) fn view(exchange: &ExchangeAccess) -> Answer<Option<ExchangeView>> {
    match http::view_of(exchange).map_err(from_api) {
        Err(BackendError::NotFound) => Ok(None),
        answer => answer.map(Some),
    }
}

pub(super) async fn market(exchange: &ExchangeAccess, id: &str, interval: CandleInterval) -> Answer<MarketPage> {
    let view = view(exchange)?.ok_or(BackendError::NotFound)?;
    let market = view.markets.iter().find(|market| market.id == id).cloned().ok_or(BackendError::NotFound)?;
    Ok(MarketPage {
        ticker: market::ticker_of(exchange, id).await.map_err(from_api)?,
        book: market::book_of(exchange, id, LEVELS.into()).map_err(from_api)?,
        trades: market::trades_of(exchange, id, None, TRADES.into()).await.map_err(from_api)?.trades,
        candles: market::candles_of(exchange, id, interval, None, SLOTS.into()).await.map_err(from_api)?,
        exchange: view,
        market,
    })
}

pub(super) async fn trader(exchange: &ExchangeAccess, trader: Address) -> Answer<TraderPage> {
    let orders = accounts::orders_of(exchange, trader, Some(OrderState::Open), None, ROWS);
    let mut past_orders = accounts::orders_of(exchange, trader, None, None, LIMIT_MAX).await.map_err(from_api)?.items;
    past_orders.retain(|order| order.state != OrderState::Open);
    past_orders.truncate(PAST_ORDERS);
    Ok(TraderPage {
        account: accounts::account_of(exchange, trader).await.map_err(from_api)?,
        orders: orders.await.map_err(from_api)?.items,
        past_orders,
        fills: accounts::fills_of(exchange, trader, None, ROWS).await.map_err(from_api)?.items,
        withdrawals: accounts::withdrawals_of(exchange, trader, None, WITHDRAWALS).await.map_err(from_api)?.items,
    })
}
