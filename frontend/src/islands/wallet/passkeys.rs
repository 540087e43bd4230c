//! Passkeys that open the wallet beside the password. Where the browser has none, nothing of this is shown.

use leptos::prelude::*;
use wallet::protocol::{PasskeyView, Request, Secret};

use super::fields::{AccountName, PasswordField};
use super::store::Wallet;
use crate::format;
use crate::text::wallet as words;

/// Unlocks by a passkey, where one was added.
#[component]
pub(super) fn PasskeyUnlock(wallet: Wallet) -> impl IntoView {
    let is_there =
        Memo::new(move |_| wallet.offers_passkeys.get() && wallet.vault.with(|vault| !vault.passkeys.is_empty()));
    move || {
        is_there.get().then(|| {
            view! {
                <button
                    type="button"
                    class="button button-quiet"
                    id="wallet-unlock-passkey"
                    disabled=move || wallet.busy.get()
                    on:click=move |_| unlock(wallet)
                >
                    {words::PASSKEY_UNLOCK}
                </button>
            }
        })
    }
}

/// The passkeys that are there; each is added and removed with the password.
#[component]
pub(super) fn Passkeys(wallet: Wallet) -> impl IntoView {
    let is_shown =
        Memo::new(move |_| wallet.offers_passkeys.get() || wallet.vault.with(|vault| !vault.passkeys.is_empty()));
    move || is_shown.get().then(|| view! { <List wallet /> })
}

#[component]
fn List(wallet: Wallet) -> impl IntoView {
    let password = RwSignal::new(String::new());
    let take = move || {
        let given = Secret(password.get_untracked());
        password.set(String::new());
        given
    };
    let known = Memo::new(move |_| wallet.vault.with(|vault| vault.passkeys.clone()));
    let rows = move || {
        let row = |passkey: PasskeyView| {
            let added = words::passkey_added(&format::exact_time(passkey.added_at_unix_ms.seconds()));
            let credential_id = passkey.credential_id;
            let id = credential_id.to_string();
            let remove = move |_| {
                wallet.ask(Request::RemovePasskey { credential_id: credential_id.clone(), password: take() });
            };
            view! {
                <li class="wallet-passkey" data-passkey=id>
                    <span>{added}</span>
                    <button type="button" class="button button-quiet button-small" disabled=move || wallet.busy.get() on:click=remove>
                        {words::PASSKEY_REMOVE}
                    </button>
                </li>
            }
        };
        let rows = known.get().into_iter().map(row).collect_view();
        known
            .with(|known| !known.is_empty())
            .then(|| view! { <ul class="account-rows" id="wallet-passkeys">{rows}</ul> })
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        add(wallet, take());
    };
    view! {
        <section class="sheet">
            <div class="sheet-head">
                <h2>{words::PASSKEYS_TITLE}</h2>
                <p class="section-note">{words::PASSKEYS_DETAIL}</p>
            </div>
            <form class="form" on:submit=submit>
                <AccountName />
                <PasswordField
                    id="wallet-passkey-password"
                    label=words::PASSWORD
                    value=password
                    autocomplete="current-password"
                    help=words::PASSKEY_PASSWORD_HELP
                />
                {rows}
                {move || {
                    wallet.offers_passkeys.get().then(|| {
                        view! {
                            <div class="actions">
                                <button type="submit" class="button button-quiet" id="wallet-passkey-add" disabled=move || wallet.busy.get()>
                                    {words::PASSKEY_ADD}
                                </button>
                            </div>
                        }
                    })
                }}
            </form>
        </section>
    }
}

fn unlock(wallet: Wallet) {
    #[cfg(feature = "wallet-page")]
    {
        wallet.begin();
        let known = wallet.vault.with_untracked(|vault| vault.passkeys.clone());
        crate::browser::passkeys::open(&known, move |answered| {
            wallet.hand_over(answered, |credential_id| Request::UnlockByPasskey { credential_id, output: None });
        });
    }
    #[cfg(not(feature = "wallet-page"))]
    let _ = wallet;
}

/// The wallet checks the password before the browser asks for anything.
fn add(wallet: Wallet, password: Secret) {
    wallet.ask_then(Request::BeginPasskey { password }, move |reply| {
        #[cfg(feature = "wallet-page")]
        if let wallet::protocol::Reply::PasskeyBegun { salt } = reply {
            wallet.begin();
            let known = wallet.vault.with_untracked(|vault| vault.passkeys.clone());
            crate::browser::passkeys::add(&salt, &known, move |answered| {
                wallet.hand_over(answered, |credential_id| Request::AddPasskey { credential_id, output: None });
            });
        }
        #[cfg(not(feature = "wallet-page"))]
        drop(reply);
    });
}
