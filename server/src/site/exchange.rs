//! Answers the pages' questions about the exchange, as its API answers them.

use frontend::backend::{Answer, BackendError, MarketPage, Newest, TraderPage};
use frontend::pages::exchange::{LEVELS, SLOTS, TRADES};
use shared::Address;
use shared::api::exchange::{CandleInterval, ExchangeView, OrderState, OrderView};
use shared::api::page::Page;

use super::backend::from_api;
use crate::exchange::ExchangeAccess;
use crate::http::exchange::{self as http, accounts, market};

/// Open orders and fills of an account that it lists, and withdrawals.
const ROWS: u32 = 50;
const WITHDRAWALS: u32 = 3;
/// Orders that are over.
const PAST_ORDERS: u32 = 10;

/// `None` where this server operates no exchange.
pub(super) fn view(exchange: &ExchangeAccess) -> Answer<Option<ExchangeView>> {
    match http::view_of(exchange).map_err(from_api) {
        Err(BackendError::NotFound) => Ok(None),
        answer => answer.map(Some),
    }
}

pub(super) async fn market(exchange: &ExchangeAccess, id: &str, interval: CandleInterval) -> Answer<MarketPage> {
    let view = view(exchange)?.ok_or(BackendError::NotFound)?;
    exchange.catch_up().await;
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
    exchange.catch_up().await;
    let orders = accounts::orders_of(exchange, trader, Some(OrderState::Open), None, ROWS).await;
    let fills = accounts::fills_of(exchange, trader, None, ROWS).await;
    let withdrawals = accounts::withdrawals_of(exchange, trader, None, WITHDRAWALS).await;
    Ok(TraderPage {
        account: accounts::account_of(exchange, trader).await.map_err(from_api)?,
        orders: newest(orders.map_err(from_api)?),
        past_orders: past_orders(exchange, trader).await?,
        fills: newest(fills.map_err(from_api)?),
        withdrawals: newest(withdrawals.map_err(from_api)?),
        keys: accounts::delegates_of(exchange, trader).await.map_err(from_api)?.keys,
    })
}

fn newest<T>(page: Page<T>) -> Newest<T> {
    Newest { rows: page.items, has_older: page.next_cursor.is_some() }
}

/// Orders that are over, asked for by their states: many open ones may be newer than all of them.
async fn past_orders(exchange: &ExchangeAccess, trader: Address) -> Answer<Newest<OrderView>> {
    let (mut rows, mut has_older) = (Vec::new(), false);
    for state in OrderState::ALL.into_iter().filter(|state| *state != OrderState::Open) {
        let page = accounts::orders_of(exchange, trader, Some(state), None, PAST_ORDERS).await.map_err(from_api)?;
        has_older |= page.next_cursor.is_some();
        rows.extend(page.items);
    }
    rows.sort_by_key(|order| std::cmp::Reverse(order.id));
    has_older |= rows.len() > PAST_ORDERS as usize;
    rows.truncate(PAST_ORDERS as usize);
    Ok(Newest { rows, has_older })
}
