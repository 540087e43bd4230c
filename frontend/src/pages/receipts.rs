//! All receipts, by pages.

use leptos::prelude::*;
use shared::api::page::LIMIT_DEFAULT;

use super::load::{PageTitle, Pager, load, query};
use crate::backend::use_backend;
use crate::components::notice::Empty;
use crate::components::tables::ReceiptTable;
use crate::text::{common, receipt as words};

#[component]
pub fn ReceiptsPage() -> impl IntoView {
    let backend = use_backend();
    let cursor = query("cursor");
    let first = cursor.is_none();
    load(async move { backend.receipts(None, cursor.as_deref(), LIMIT_DEFAULT).await }, move |page| {
        view! {
            <PageTitle name=words::LIST_TITLE fact=words::LIST_FACT />
            {if page.items.is_empty() {
                view! {
                    <Empty title=words::EMPTY_TITLE detail=words::EMPTY_DETAIL>
                        <a class="button button-quiet" href="/">
                            {common::HOME}
                        </a>
                    </Empty>
                }
                    .into_any()
            } else {
                view! {
                    <div class="section">
                        <ReceiptTable receipts=page.items />
                        <Pager path="/explorer/receipts" next_cursor=page.next_cursor first csv="/api/explorer/csv/receipts" />
                    </div>
                }
                    .into_any()
            }}
        }
    })
}
