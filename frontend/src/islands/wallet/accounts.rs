//! Accounts, AIT first.

use leptos::prelude::*;
use shared::amount::Amount;
use wallet::protocol::{AccountView, Request, WalletKind, WalletView};

use super::balance::{self, BalanceWords, Known};
use super::fields::Problem;
use super::store::{Adding, View, Wallet};
use super::unlock::Unlock;
use crate::components::identicon::Identicon;
use crate::components::status::{StatusPill, Tone};
use crate::components::value::{AmountValue, CodeValue};
use crate::format;
use crate::text::{common, wallet as words};

#[component]
pub(super) fn Accounts(wallet: Wallet, unlocked: bool) -> impl IntoView {
    // Only the shown account, not every change of the wallets, makes the head anew.
    let shown = Memo::new(move |_| wallet.shown());
    let wallets = move || {
        let wallets = wallet.vault.with(|vault| vault.wallets.clone());
        wallets.into_iter().map(|view| view! { <OneWallet wallet view unlocked /> }).collect_view()
    };
    view! {
        <div class="stack">
            {move || shown.get().map(|(view, account)| view! { <Head wallet view account unlocked /> })}
            {if unlocked {
                view! { <Problem wallet /> }.into_any()
            } else {
                view! { <Unlock wallet /> }.into_any()
            }}
            {wallets}
            {unlocked
                .then(|| {
                    view! {
                        <div class="actions">
                            <button type="button" class="button button-quiet" id="wallet-add" on:click=move |_| wallet.step(Some(Adding::Choose))>
                                {words::ADD}
                            </button>
                        </div>
                    }
                })}
        </div>
    }
}

#[component]
fn Head(wallet: Wallet, view: WalletView, account: AccountView, unlocked: bool) -> impl IntoView {
    let address = account.address;
    let known = balance::watch(wallet, address);
    let held = move || match known.get() {
        Known::Is(holdings) if holdings.held > Amount::ZERO => Some(holdings.held),
        _ => None,
    };
    let (tone, word) = if unlocked { (Tone::Done, words::UNLOCKED) } else { (Tone::Plain, words::LOCKED) };
    view! {
        <section class="sheet account-head">
            <div class="account-name">
                <Identicon address large=true />
                <div class="sheet-head">
                    <h2>{view.name} " · " {words::account(account.index)}</h2>
                    <span id="wallet-address">
                        <CodeValue value=address.to_string() what=common::ADDRESS />
                    </span>
                </div>
                <StatusPill tone word />
            </div>
            <p class="balance" id="wallet-balance" aria-live="polite">
                <BalanceWords known />
            </p>
            <p class="section-note" id="wallet-held" hidden=move || held().is_none()>
                {words::HELD}
                " "
                {move || held().map(|amount| view! { <AmountValue amount /> })}
            </p>
            <div class="actions">
                <a class="button" href=View::Send.hash()>{words::TAB_SEND}</a>
                <a class="button button-quiet" href=View::Receive.hash()>{words::TAB_RECEIVE}</a>
                {unlocked
                    .then(|| {
                        view! {
                            <button type="button" class="button button-quiet" id="wallet-lock" on:click=move |_| wallet.ask(Request::Lock)>
                                {words::LOCK}
                            </button>
                        }
                    })}
            </div>
        </section>
    }
}

/// A wallet with all its accounts.
#[component]
fn OneWallet(wallet: Wallet, view: WalletView, unlocked: bool) -> impl IntoView {
    let id = view.id;
    let rows = view.accounts.into_iter().map(|account| view! { <Row wallet account /> }).collect_view();
    let next = (unlocked && view.kind == WalletKind::Phrase).then(|| {
        view! {
            <button
                type="button"
                class="button button-quiet button-small more"
                data-next-account=id.0.to_string()
                title=words::NEXT_ACCOUNT_HELP
                disabled=move || wallet.busy.get()
                on:click=move |_| wallet.ask(Request::AddAccount { wallet: id })
            >
                {words::NEXT_ACCOUNT}
            </button>
        }
    });
    view! {
        <section class="section">
            <div class="section-head">
                <h2>{view.name}</h2>
                {next}
            </div>
            <ul class="account-rows">{rows}</ul>
        </section>
    }
}

#[component]
fn Row(wallet: Wallet, account: AccountView) -> impl IntoView {
    let address = account.address;
    let known = balance::watch(wallet, address);
    let is_shown = move || wallet.chosen.get() == Some(address);
    view! {
        <li>
            <button
                type="button"
                class="account-row"
                data-account=address.to_string()
                aria-pressed=move || is_shown().to_string()
                on:click=move |_| wallet.chosen.set(Some(address))
            >
                <Identicon address />
                <span class="account-row-name">
                    {words::account(account.index)}
                    " "
                    <code title=address.to_string()>{format::shortened(&address.to_string())}</code>
                </span>
                <span class="account-row-balance">
                    <BalanceWords known />
                </span>
            </button>
        </li>
    }
}
