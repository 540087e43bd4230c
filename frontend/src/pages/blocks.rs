//! All blocks, by pages.

use leptos::prelude::*;
use shared::api::page::LIMIT_DEFAULT;

use super::load::{PageTitle, Pager, load, query};
use crate::backend::use_backend;
use crate::components::tables::BlockTable;
use crate::text::explorer as words;

#[component]
pub fn BlocksPage() -> impl IntoView {
    let backend = use_backend();
    let cursor = query("cursor");
    let first = cursor.is_none();
    load(async move { backend.blocks(cursor.as_deref(), LIMIT_DEFAULT).await }, move |page| {
        view! {
            <PageTitle name=words::BLOCKS fact=words::BLOCKS_FACT />
            <div class="section">
                <BlockTable blocks=page.items />
                <Pager path="/explorer/blocks" next_cursor=page.next_cursor first csv="/api/explorer/csv/blocks" />
            </div>
        }
    })
}
