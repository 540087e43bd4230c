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
            {dev.then(|| view! { <Notice tone=Tone::Waiting title=common::DEV_LABEL detail=words::DEV /> })}
            <WalletPanel />
            <p class="section-note">
                <a href=ALLOWANCES_PATH>{allowances::LINK}</a>
            </p>
            <p class="section-note">
                <a href=ACCOUNT_PATH>{words::SESSIONS_LINK}</a>
            </p>
        </div>
    }
}
