//! A trader's orders and trades as CSV (RFC 4180), `/api/exchange/csv/…`: the newest rows, up to a bound. They are public, as
//! the JSON lists are.

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::routing::get;
use frontend::format::machine_time;
use serde::Deserialize;
use shared::Address;
use shared::api::exchange::{FillRole, FillView, OrderState, OrderView, TradeState};
use shared::api::page::{LIMIT_MAX, Page};
use shared::exchange::Side;
use shared::field_error::FieldError;

use super::csv::{File, ROWS_MAX};
use crate::error::ApiError;
use crate::exchange::ExchangeAccess;
use crate::http::exchange::accounts::{fills_of, orders_of};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    account: Address,
    /// Only orders of this state.
    state: Option<OrderState>,
}

pub(super) fn router(exchange: ExchangeAccess) -> Router {
    Router::new().route("/api/exchange/csv/{list}", get(csv)).with_state(exchange)
}

async fn csv(
    State(exchange): State<ExchangeAccess>,
    Path(list): Path<String>,
    query: Result<Query<Whose>, QueryRejection>,
) -> Result<File, ApiError> {
    let Query(Whose { account, state }) =
        query.map_err(|rejection| ApiError::Invalid(vec![FieldError::new("query", rejection.body_text())]))?;
    match list.as_str() {
        "orders" => {
            let page = |before| orders_of(&exchange, account, state, before, LIMIT_MAX);
            Ok(File::new("orders", &ORDER_HEADS, rows(page).await?.into_iter().map(order_row)))
        }
        "fills" if state.is_some() => {
            Err(ApiError::Invalid(vec![FieldError::new("state", "`state` is of orders; trades have none to ask for")]))
        }
        "fills" => {
            let symbols = exchange.handle.clone()?.listing();
            let symbol = |address| symbols.token(address).map(|token| token.symbol.clone()).unwrap_or_default();
            let rows = rows(|before| fills_of(&exchange, account, before, LIMIT_MAX)).await?;
            Ok(File::new("fills", &FILL_HEADS, rows.into_iter().map(|fill| fill_row(&fill, symbol(fill.fee_asset)))))
        }
        other => Err(ApiError::NotFound(format!("there is no list {other} of this kind; there are orders and fills"))),
    }
}

/// Pages of an account's list, the newest rows first, until there are enough.
async fn rows<T, A>(page: impl Fn(Option<u64>) -> A) -> Result<Vec<T>, ApiError>
where
    A: Future<Output = Result<Page<T>, ApiError>>,
{
    let (mut rows, mut before) = (Vec::new(), None);
    while rows.len() < ROWS_MAX {
        let Page { items, next_cursor } = page(before).await?;
        rows.extend(items);
        before = next_cursor.and_then(|cursor| cursor.parse().ok());
        if before.is_none() {
            break;
        }
    }
    rows.truncate(ROWS_MAX);
    Ok(rows)
}

const ORDER_HEADS: [&str; 16] = [
    "order",
    "market",
    "side",
    "time_in_force",
    "limit_price",
    "amount",
    "filled",
    "trigger",
    "trigger_price",
    "triggered",
    "state",
    "reason",
    "nonce",
    "placed",
    "changed",
    "expires",
];

fn order_row(order: OrderView) -> Vec<String> {
    let (direction, price, triggered) = order.trigger.map_or_else(Default::default, |trigger| {
        let triggered = trigger.reached_at_unix_ms.map(|at| machine_time(at.seconds())).unwrap_or_default();
        (trigger.direction.as_str().to_owned(), trigger.price, triggered)
    });
    vec![
        order.id.to_string(),
        order.market,
        order.side.as_str().to_owned(),
        order.time_in_force.as_str().to_owned(),
        order.price,
        order.amount,
        order.filled,
        direction,
        price,
        triggered,
        order.state.as_str().to_owned(),
        order.reason.unwrap_or_default(),
        order.nonce.to_string(),
        machine_time(order.placed_at_unix_ms.seconds()),
        machine_time(order.changed_at_unix_ms.seconds()),
        machine_time(order.expires_at),
    ]
}

const FILL_HEADS: [&str; 14] = [
    "market",
    "trade",
    "order",
    "time",
    "side",
    "role",
    "price",
    "amount",
    "quote_amount",
    "fee",
    "fee_asset",
    "state",
    "transaction",
    "height",
];

fn fill_row(fill: &FillView, fee_symbol: String) -> Vec<String> {
    let trade = &fill.trade;
    let role = match fill.role {
        FillRole::Maker => "maker",
        FillRole::Taker => "taker",
    };
    let state = match trade.state {
        TradeState::Matched => "matched",
        TradeState::Final => "final",
        TradeState::Void => "void",
    };
    let (hash, height) = trade
        .settled_in
        .map_or_else(Default::default, |placed| (placed.transaction_hash.to_string(), placed.block_number.to_string()));
    vec![
        trade.market.clone(),
        trade.trade.to_string(),
        fill.order_id.to_string(),
        machine_time(trade.matched_at_unix_ms.seconds()),
        Side::as_str(fill.side).to_owned(),
        role.to_owned(),
        trade.price.clone(),
        trade.amount.clone(),
        trade.quote_amount.clone(),
        fill.fee.clone(),
        fee_symbol,
        state.to_owned(),
        hash,
        height,
    ]
}
