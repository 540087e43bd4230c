//! The explorer's home.

use leptos::prelude::*;

use super::load::{PageTitle, load};
use crate::app::SearchField;
use crate::backend::use_backend;
use crate::islands::explorer_live::{ExplorerLive, ROWS};
use crate::islands::live_figures::LiveFigures;
use crate::text::explorer as words;

#[component]
pub fn ExplorerPage() -> impl IntoView {
    let backend = use_backend();
    let ask = async move {
        let status = backend.status().await?;
        let blocks = backend.blocks(None, ROWS).await?.items;
        let transactions = backend.transactions(None, ROWS).await?.items;
        let receipts = backend.receipts(None, None, ROWS).await?.items;
        Ok((status, blocks, transactions, receipts))
    };
    load(ask, |(status, blocks, transactions, receipts)| {
        view! {
            <PageTitle name=words::TITLE fact=words::FACT />
            <div class="stack">
                <SearchField />
                <LiveFigures status />
                <ExplorerLive blocks transactions receipts />
            </div>
        }
    })
}
