//! The wallet's page.

use leptos::prelude::*;

use super::allowances::ALLOWANCES_PATH;
use super::load::PageTitle;
use crate::components::chain_label::ChainLabel;
use crate::components::notice::Notice;
use crate::components::signed_in::ACCOUNT_PATH;
use crate::components::status::Tone;
use crate::islands::wallet::WalletPanel;
use crate::text::{allowances, common, wallet as words};

#[component]
pub fn WalletPage() -> impl IntoView {
    let dev = use_context::<ChainLabel>().is_some_and(|label| label.dev);
    view! {
        <PageTitle name=words::TITLE fact=words::FACT />
        <div class="stack">
            <nav class="actions" aria-label=words::LINKS>
                <a class="button button-quiet button-small" href=ALLOWANCES_PATH title=allowances::LINK>
                    {allowances::TITLE}
                </a>
                <a class="button button-quiet button-small" href=ACCOUNT_PATH>
                    {words::SESSIONS_LINK}
                </a>
            </nav>
            {dev.then(|| view! { <Notice tone=Tone::Waiting title=common::DEV_LABEL detail=words::DEV /> })}
            <WalletPanel />
        </div>
    }
}
