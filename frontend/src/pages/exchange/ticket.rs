//! The form of an order. `trading/ticket.js` says beside it what the order will do, and `exchange.js` has it signed.

use leptos::prelude::*;
use shared::api::exchange::MarketView;
use shared::exchange::{Side, TimeInForce, Trigger};

use super::figures::market_path;
use crate::components::signed_in::{ACCOUNT_PATH, SignedIn};
use crate::format::percent_encoded;
use crate::text::exchange as words;

/// Kinds as the form offers them, the usual one first.
const KINDS: [TimeInForce; 4] =
    [TimeInForce::GoodTilTime, TimeInForce::PostOnly, TimeInForce::ImmediateOrCancel, TimeInForce::FillOrKill];

const TRIGGERS: [Trigger; 3] = [Trigger::None, Trigger::AtOrBelow, Trigger::AtOrAbove];

/// Parts of the balance that one press fills in, in percent.
const SHARES: [u64; 4] = [25, 50, 75, 100];

/// Chosen at first.
const DAYS_CHOSEN: u64 = 7;

#[component]
pub fn TicketPanel(market: MarketView) -> impl IntoView {
    let is_trader = use_context::<SignedIn>().is_some();
    let sign_in = format!("{ACCOUNT_PATH}?next={}", percent_encoded(&market_path(&market.id)));
    let [base, quote] = [market.base.symbol, market.quote.symbol];
    view! {
        <section class="panel panel-order" aria-labelledby="order-title">
            <div class="panel-head">
                <h2 id="order-title">{words::ORDER}</h2>
            </div>
            <form class="order-form" id="order">
                <Sides />
                <div class="field">
                    <label for="order-kind">{words::KIND}</label>
                    <select id="order-kind" name="kind">
                        {KINDS.map(|kind| view! { <option value=kind.as_str()>{words::kind(kind)}</option> })}
                    </select>
                </div>
                <div class="field">
                    <label for="order-trigger">{words::WHEN}</label>
                    <select id="order-trigger" name="trigger">
                        {TRIGGERS.map(|trigger| view! { <option value=trigger.as_str()>{words::trigger(trigger)}</option> })}
                    </select>
                </div>
                <div class="field" id="order-trigger-price-field" hidden>
                    <label for="order-trigger-price">{words::TRIGGER_PRICE}</label>
                    <UnitInput name="trigger-price" unit=quote.clone() />
                </div>
                <div class="field">
                    <div class="field-head">
                        <label for="order-price">{words::PRICE}</label>
                        <button type="button" class="text-button" id="order-best">
                            {words::BEST}
                        </button>
                    </div>
                    <UnitInput name="price" unit=quote />
                </div>
                <div class="field">
                    <label for="order-amount">{words::AMOUNT}</label>
                    <UnitInput name="amount" unit=base />
                    {is_trader.then(|| view! { <Shares /> })}
                </div>
                <div class="field" id="order-days-field">
                    <label for="order-days">{words::DAYS}</label>
                    <select id="order-days" name="days">
                        {words::DAYS_OFFERED
                            .map(|(days, name)| {
                                view! { <option value=days.to_string() selected=days == DAYS_CHOSEN>{name}</option> }
                            })}
                    </select>
                </div>
                <p class="order-says" id="order-says" role="status" data-tone="quiet">
                    {words::FILL_IN}
                </p>
                {if is_trader {
                    view! {
                        <button type="submit" class="button" id="order-sign" disabled>
                            {words::SIGN_BUY}
                        </button>
                    }
                        .into_any()
                } else {
                    view! {
                        <a class="button" id="sign-in-to-trade" href=sign_in>
                            {words::SIGN_IN}
                        </a>
                        <p class="panel-note">{words::SIGN_IN_NOTE}</p>
                    }
                        .into_any()
                }}
                <p class="section-note" role="status" id="order-status"></p>
                <p class="field-error" role="alert" id="order-error" hidden></p>
                <noscript>
                    <p class="panel-note">{words::NEEDS_SCRIPT}</p>
                </noscript>
            </form>
        </section>
    }
}

#[component]
fn Sides() -> impl IntoView {
    let side = |side: Side| {
        view! {
            <label>
                <input type="radio" name="side" value=side.as_str() checked=side == Side::Buy />
                {words::side(side)}
            </label>
        }
    };
    view! {
        <div class="segments" role="radiogroup" aria-label=words::SIDE>
            {side(Side::Buy)}
            {side(Side::Sell)}
        </div>
    }
}

/// A number with the unit that it counts.
#[component]
fn UnitInput(name: &'static str, unit: String) -> impl IntoView {
    let id = format!("order-{name}");
    view! {
        <div class="unit-field">
            <input id=id name=name inputmode="decimal" autocomplete="off" aria-describedby="order-says" />
            <span>{unit}</span>
        </div>
    }
}

#[component]
fn Shares() -> impl IntoView {
    let buttons = SHARES
        .map(|percent| view! { <button type="button" data-share=percent.to_string()>{words::share(percent)}</button> });
    view! {
        <div class="shares" role="group" aria-label=words::SHARES>
            {buttons}
        </div>
    }
}
