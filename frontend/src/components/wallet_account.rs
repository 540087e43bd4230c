//! Where a page asks for an account of the visitor's wallet. `connectAccount` of `wallets.js` knows the ids.

use leptos::prelude::*;

use super::facts::InfoRow;
use crate::text::account as words;

/// The account once it is known, the button that asks for it, and the choice among several wallets.
#[component]
pub fn WalletAccount(
    /// What the page calls the account.
    name: &'static str,
    /// What else it says of the account.
    #[prop(optional, into)]
    facts: Option<AnyView>,
    /// The page's own buttons, beside the one that asks.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <dl class="info" id="connection" hidden>
            <InfoRow name>
                <code id="connected-account"></code>
            </InfoRow>
            {facts}
        </dl>
        <div class="actions">
            <button type="button" class="button" id="choose-account">
                {words::CHOOSE_ACCOUNT}
            </button>
            {children.map(|children| children())}
        </div>
        <div id="wallet-choice" hidden>
            <p class="section-note">{words::CHOOSE}</p>
            <div class="actions" id="wallets"></div>
        </div>
    }
}
