//! The wallet's page.

use leptos::prelude::*;

use super::load::PageTitle;
use crate::components::chain_label::ChainLabel;
use crate::components::notice::Notice;
use crate::components::status::Tone;
use crate::islands::wallet::WalletPanel;
use crate::text::{common, wallet as words};

#[component]
pub fn WalletPage() -> impl IntoView {
    let dev = use_context::<ChainLabel>().is_some_and(|label| label.dev);
    view! {
        <PageTitle name=words::TITLE fact=words::FACT />
        <div class="stack">
            {dev.then(|| view! { <Notice tone=Tone::Waiting title=common::DEV_LABEL detail=words::DEV /> })}
            <WalletPanel />
        </div>
    }
}
