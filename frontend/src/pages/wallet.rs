//! The wallet's page.

use leptos::prelude::*;

use super::allowances::ALLOWANCES_PATH;
use super::load::PageTitle;
use super::wallet_tokens::TOKENS_PATH;
use crate::components::chain_label::ChainLabel;
use crate::components::notice::Notice;
use crate::components::signed_in::ACCOUNT_PATH;
use crate::components::status::Tone;
use crate::islands::wallet::WalletPanel;
use crate::text::{allowances, common, wallet as words, wallet_tokens};

#[component]
pub fn WalletPage() -> impl IntoView {
    let dev = use_context::<ChainLabel>().is_some_and(|label| label.dev);
    view! {
        <PageTitle name=words::TITLE fact=words::FACT />
        <div class="stack">
            <nav class="actions link-row" aria-label=words::LINKS>
                <a class="button button-quiet button-small" href=TOKENS_PATH title=wallet_tokens::LINK>
                    {wallet_tokens::TITLE}
                </a>
                <a class="button button-quiet button-small" href=ALLOWANCES_PATH title=allowances::LINK>
                    {allowances::TITLE}
                </a>
                <a class="button button-quiet button-small" href=ACCOUNT_PATH>
                    {words::SESSIONS_LINK}
                </a>
            </nav>
            {dev.then(|| view! { <Notice tone=Tone::Waiting title=common::DEV_LABEL detail=words::DEV /> })}
            <WalletPanel dev />
            <Purposes />
        </div>
    }
}

/// What a newcomer can do with a wallet at once.
#[component]
fn Purposes() -> impl IntoView {
    let cards = words::PURPOSES.map(|(path, name, detail)| {
        view! {
            <li>
                <a href=path>{name}</a>
                <p class="section-note">{detail}</p>
            </li>
        }
    });
    view! {
        <section class="section" id="purposes">
            <h2>{words::PURPOSE_TITLE}</h2>
            <ul class="purposes">{cards}</ul>
        </section>
    }
}
