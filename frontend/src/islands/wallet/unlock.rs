//! The locked wallet: its password, or the way out for who forgot it.

use leptos::prelude::*;
use wallet::protocol::{Request, Secret};

use super::fields::{AccountName, PasswordField, Problem};
use super::passkeys::PasskeyUnlock;
use super::store::Wallet;
use crate::components::facts::Fold;
use crate::text::wallet as words;

#[component]
pub(super) fn Unlock(
    wallet: Wallet,
    /// Another form on the page shows what went wrong.
    #[prop(optional)]
    without_problem: bool,
) -> impl IntoView {
    let password = RwSignal::new(String::new());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let given = Secret(password.get_untracked());
        password.set(String::new());
        wallet.ask(Request::Unlock { password: given });
    };
    view! {
        <div class="sheet">
            <form class="form" on:submit=submit>
                <AccountName />
                <div class="sheet-head">
                    <h2>{words::UNLOCK_TITLE}</h2>
                    <p class="section-note">{words::UNLOCK_DETAIL}</p>
                </div>
                <PasswordField id="wallet-unlock-password" label=words::PASSWORD value=password autocomplete="current-password" />
                {(!without_problem).then(|| view! { <Problem wallet /> })}
                <div class="actions">
                    <button type="submit" class="button" id="wallet-unlock" disabled=move || wallet.busy.get()>
                        {move || if wallet.busy.get() { words::UNLOCKING } else { words::UNLOCK }}
                    </button>
                    <PasskeyUnlock wallet />
                </div>
            </form>
            <Fold title=words::FORGOT>
                <Forgotten wallet />
            </Fold>
        </div>
    }
}

#[component]
fn Forgotten(wallet: Wallet) -> impl IntoView {
    let sure = RwSignal::new(false);
    let forget = move |_| {
        let revision = wallet.vault.with_untracked(|vault| vault.revision);
        wallet.ask(Request::Forget { revision });
    };
    view! {
        <div class="form">
            <p class="section-note">{words::FORGOT_DETAIL}</p>
            <label class="check">
                <input type="checkbox" id="wallet-forget-sure" on:change=move |event| sure.set(event_target_checked(&event)) />
                {words::FORGET_SURE}
            </label>
            <div class="actions">
                <button type="button" class="button button-loss button-small" id="wallet-forget" disabled=move || !sure.get() on:click=forget>
                    {words::FORGET}
                </button>
            </div>
        </div>
    }
}
