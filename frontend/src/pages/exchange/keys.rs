//! The keys that sign orders for the account that is signed in. The list is fetched again by its id; the form stands outside,
//! so that what is typed stays. `trading/keys.js` has the wallet send what is asked for.

use leptos::prelude::*;
use shared::api::exchange_keys::{TradingKey, TradingKeyState};

use super::account::machine;
use crate::components::facts::Fold;
use crate::components::status::{StatusPill, Tone};
use crate::components::tables::Table;
use crate::components::value::AddressValue;
use crate::format::exact_time;
use crate::text::exchange as words;

/// The part that is fetched again.
pub(super) const KEYS: &str = "trader-keys";

/// Days that the form offers.
const DAYS: [u32; 4] = [1, 7, 30, 90];
const DAYS_CHOSEN: u32 = 30;

#[component]
pub fn TradingKeysPart(keys: Vec<TradingKey>, delay_seconds: u64) -> impl IntoView {
    let is_open = !keys.is_empty();
    view! {
        <Fold title=words::KEYS open=is_open>
            <p class="section-note">{words::keys_note(&words::span(delay_seconds))}</p>
            <div id=KEYS>
                <KeysTable keys />
            </div>
            <form class="key-form" id="keys" aria-label=words::ADD_KEY>
                <div class="field">
                    <label for="key-address">{words::KEY_ADDRESS}</label>
                    <input id="key-address" name="address" autocomplete="off" spellcheck="false" />
                </div>
                <div class="field">
                    <label for="key-days">{words::KEY_DAYS}</label>
                    <select id="key-days" name="days">
                        {DAYS
                            .map(|days| {
                                let chosen = days == DAYS_CHOSEN;
                                view! { <option value=days.to_string() selected=chosen>{words::key_days(days)}</option> }
                            })}
                    </select>
                </div>
                <button type="submit" class="button button-quiet">
                    {words::ADD_KEY}
                </button>
            </form>
            <p class="section-note" role="status" id="keys-status"></p>
            <p class="field-error" role="alert" id="keys-error" hidden></p>
        </Fold>
    }
}

#[component]
fn KeysTable(keys: Vec<TradingKey>) -> impl IntoView {
    if keys.is_empty() {
        return view! { <p class="section-note">{words::NO_KEYS}</p> }.into_any();
    }
    let rows = keys.into_iter().map(|key| view! { <KeyRow key_of=key /> }).collect_view();
    let columns = vec![
        (words::KEY, Some("grow")),
        (words::STATE, None),
        (words::KEY_UNTIL, Some("wide-only")),
        (words::ACTION, Some("number")),
    ];
    view! { <Table name="trading-keys" columns rows /> }.into_any()
}

#[component]
fn KeyRow(key_of: TradingKey) -> impl IntoView {
    let TradingKey { delegate, expires_at, state } = key_of;
    let (tone, word) = match state {
        TradingKeyState::Active => (Tone::Done, words::KEY_ACTIVE),
        TradingKeyState::Revoked => (Tone::Waiting, words::KEY_REVOKED),
        TradingKeyState::Expired => (Tone::Plain, words::KEY_EXPIRED),
    };
    let key = machine(delegate);
    let revoke = (state == TradingKeyState::Active).then(|| {
        let label = words::revoke_key(&key);
        view! {
            <button type="button" class="button button-quiet button-small" data-revoke-key=key.clone() aria-label=label>
                {words::REVOKE}
            </button>
        }
    });
    view! {
        <tr data-trading-key=key>
            <td class="grow"><AddressValue address=delegate /></td>
            <td><StatusPill tone word /></td>
            <td class="wide-only quiet">{exact_time(expires_at)}</td>
            <td class="number">{revoke}</td>
        </tr>
    }
}
