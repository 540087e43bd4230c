//! All tokens, by pages.

use leptos::prelude::*;
use shared::api::page::LIMIT_DEFAULT;

use super::load::{IndexNotice, PageTitle, Pager, load, query};
use crate::backend::use_backend;
use crate::components::notice::Empty;
use crate::components::token_tables::TokenTable;
use crate::text::token as words;

#[component]
pub fn TokensPage() -> impl IntoView {
    let backend = use_backend();
    let cursor = query("cursor");
    let first = cursor.is_none();
    let ask = async move {
        let index = backend.status().await?.index;
        Ok((index, backend.tokens(cursor.as_deref(), LIMIT_DEFAULT).await?))
    };
    load(ask, move |(index, page)| {
        view! {
            <PageTitle name=words::TITLE fact=words::FACT />
            <div class="section">
                <IndexNotice index />
                {if first && page.items.is_empty() {
                    view! { <Empty title=words::EMPTY_TITLE detail=words::EMPTY_DETAIL /> }.into_any()
                } else {
                    view! {
                        <TokenTable tokens=page.items />
                        <Pager path="/explorer/tokens" next_cursor=page.next_cursor first csv="/api/explorer/csv/tokens" />
                    }
                        .into_any()
                }}
            </div>
        }
    })
}
