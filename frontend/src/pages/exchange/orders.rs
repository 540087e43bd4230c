//! The orders of the account that is signed in: those that are open, and how others ended.

use leptos::prelude::*;
use shared::api::exchange::{MarketView, OrderView};

use super::account::places_in;
use super::figures::shown;
use crate::backend::Newest;
use crate::components::facts::Section;
use crate::components::notice::Empty;
use crate::components::tables::Table;
use crate::components::value::{AddressValue, Age};
use crate::format::exact_time;
use crate::text::{common, exchange as words};

#[component]
pub fn OrdersTable(orders: Newest<OrderView>, total: u32, markets: Vec<MarketView>, csv: String) -> impl IntoView {
    let Newest { rows: orders, has_older } = orders;
    let older = has_older.then(|| words::newest_of(orders.len(), total));
    if orders.is_empty() {
        return view! { <Empty title=words::NO_ORDERS_TITLE detail=words::NO_ORDERS /> }.into_any();
    }
    let rows = orders.into_iter().map(|order| view! { <OpenRow order markets=markets.clone() /> }).collect_view();
    let number = Some("number");
    let columns = vec![
        (words::COLUMN_SIDE, None),
        (words::MARKET, Some("grow wide-only")),
        (words::COLUMN_PRICE, number),
        (words::ORDER_AMOUNT, number),
        (words::FILLED, number),
        (words::PLACED, Some("wide-only")),
        (words::EXPIRES, Some("wide-only desk-only")),
        (words::ACTION, number),
    ];
    view! {
        <Table name="orders" columns rows />
        <Older older />
        <CsvLink href=csv />
    }
    .into_any()
}

/// That a list goes on.
#[component]
pub fn Older(older: Option<String>) -> impl IntoView {
    older.map(|told| view! { <p class="section-note" data-older>{told}</p> })
}

#[component]
fn OpenRow(order: OrderView, markets: Vec<MarketView>) -> impl IntoView {
    let places = places_in(&markets, &order.market);
    let (price, amount) = (shown(&order.price, places.price), shown(&order.amount, places.amount));
    let named = words::named_order(words::side(order.side), &amount, &price);
    let (cancel, reduce) = (words::cancel(&named), words::reduce(&named));
    let (id, market) = (order.id.to_string(), order.market.clone());
    view! {
        <tr data-order=id.clone()>
            <td>
                <Side order=order.clone() />
            </td>
            <td class="grow quiet wide-only">{order.market} ", " {words::kind_short(order.time_in_force)}</td>
            <td class="number">{price}</td>
            <td class="number">{amount}</td>
            <td class="number">{shown(&order.filled, places.amount)}</td>
            <td class="wide-only quiet"><Age at=order.placed_at_unix_ms /></td>
            <td class="wide-only desk-only quiet">{exact_time(order.expires_at)}</td>
            <td class="number">
                <div class="row-actions">
                    <button type="button" class="button button-quiet button-small" data-reduce=id.clone() data-market=market data-amount=order.amount aria-label=reduce>
                        {words::REDUCE}
                    </button>
                    <button type="button" class="button button-quiet button-small" data-cancel=id.clone() aria-label=cancel>
                        {words::CANCEL}
                    </button>
                </div>
            </td>
        </tr>
    }
}

/// What the order does, and what it waits or waited for.
#[component]
fn Side(order: OrderView) -> impl IntoView {
    let trigger = order.trigger.as_ref().map(|trigger| {
        let told = match trigger.reached_at_unix_ms {
            None if order.waits() => words::waits_for(trigger.direction, &trigger.price),
            None => words::waited_for(trigger.direction, &trigger.price),
            Some(_) => words::reached(&trigger.price),
        };
        view! { <span class="order-trigger">{words::trigger_name(order.side, trigger.direction)} ", " {told}</span> }
    });
    let key = order.delegate.map(|address| {
        view! { <span class="order-trigger" data-by-key>{words::SIGNED_BY_KEY} " " <AddressValue address without_copy=true /></span> }
    });
    view! {
        <span class=format!("side-{}", order.side.as_str())>{words::side(order.side)}</span>
        {trigger}
        {key}
    }
}

/// Stands outside the part that is fetched again, so that what is typed stays. The row's button opens it.
#[component]
pub fn ReduceForm() -> impl IntoView {
    view! {
        <form class="reduce-form" id="reduce" aria-label=words::REDUCE_TITLE hidden>
            <div class="field">
                <label for="reduce-amount" id="reduce-label">
                    {words::REDUCE_TITLE}
                </label>
                <input id="reduce-amount" name="amount" inputmode="decimal" autocomplete="off" aria-describedby="reduce-note" />
            </div>
            <button type="submit" class="button">
                {words::REDUCE}
            </button>
            <button type="button" class="button button-quiet" id="reduce-close">
                {words::REDUCE_CLOSE}
            </button>
            <p class="section-note" id="reduce-note">
                {words::REDUCE_NOTE}
            </p>
        </form>
    }
}

/// Orders that are over, and how each ended; nothing where none is.
#[component]
pub fn PastOrders(orders: Newest<OrderView>, markets: Vec<MarketView>, csv: String) -> impl IntoView {
    let Newest { rows: orders, has_older } = orders;
    let older = has_older.then(|| words::newest(orders.len()));
    if orders.is_empty() {
        return ().into_any();
    }
    let rows = orders
        .into_iter()
        .map(|order| {
            let places = places_in(&markets, &order.market);
            let ended = words::ended(order.state, order.reason.as_deref());
            view! {
                <tr data-past-order=order.id.to_string()>
                    <td>
                        <Side order=order.clone() />
                    </td>
                    <td class="quiet wide-only">{order.market} ", " {words::kind_short(order.time_in_force)}</td>
                    <td class="number">{shown(&order.price, places.price)}</td>
                    <td class="number">{shown(&order.amount, places.amount)}</td>
                    <td class="number">{shown(&order.filled, places.amount)}</td>
                    <td class="wide-only quiet"><Age at=order.changed_at_unix_ms /></td>
                    <td class="grow">{ended}</td>
                </tr>
            }
        })
        .collect_view();
    let number = Some("number");
    let columns = vec![
        (words::COLUMN_SIDE, None),
        (words::MARKET, Some("wide-only")),
        (words::COLUMN_PRICE, number),
        (words::ORDER_AMOUNT, number),
        (words::FILLED, number),
        (words::ENDED, Some("wide-only")),
        (words::STATE, Some("grow")),
    ];
    view! {
        <Section title=words::PAST_ORDERS>
            <Table name="past-orders" columns rows />
            <Older older />
            <p class="section-note">{words::PAST_ORDERS_NOTE}</p>
            <CsvLink href=csv />
        </Section>
    }
    .into_any()
}

/// Leads to a list as a file.
#[component]
pub fn CsvLink(href: String) -> impl IntoView {
    view! {
        <div class="pager">
            <a class="button button-quiet button-small" href=href>
                {common::CSV}
            </a>
        </div>
    }
}
