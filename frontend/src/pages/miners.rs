//! All miners.

use leptos::prelude::*;

use super::load::{PageTitle, load};
use crate::backend::use_backend;
use crate::components::notice::Empty;
use crate::components::tables::MinerTable;
use crate::text::miner as words;

#[component]
pub fn MinersPage() -> impl IntoView {
    let backend = use_backend();
    load(async move { backend.miners().await }, |miners| {
        view! {
            <PageTitle name=words::TITLE fact=words::FACT />
            {if miners.is_empty() {
                view! {
                    <Empty title=words::EMPTY_TITLE detail=words::EMPTY_DETAIL>
                        <code>{words::START_COMMAND}</code>
                    </Empty>
                }
                .into_any()
            } else {
                view! { <MinerTable miners /> }.into_any()
            }}
        }
    })
}
