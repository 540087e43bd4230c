//! All transactions, by pages.

use leptos::prelude::*;
use shared::api::page::LIMIT_DEFAULT;

use super::load::{PageTitle, Pager, load, query};
use crate::backend::use_backend;
use crate::components::notice::Empty;
use crate::components::tables::TransactionTable;
use crate::text::{common, explorer as words};

#[component]
pub fn TransactionsPage() -> impl IntoView {
    let backend = use_backend();
    let cursor = query("cursor");
    let first = cursor.is_none();
    load(async move { backend.transactions(cursor.as_deref(), LIMIT_DEFAULT).await }, move |page| {
        view! {
            <PageTitle name=words::TRANSACTIONS fact=words::TRANSACTIONS_FACT />
            {if first && page.items.is_empty() {
                view! {
                    <Empty title=words::NO_TRANSACTIONS_TITLE detail=words::NO_TRANSACTIONS>
                        <a class="button button-quiet" href="/">
                            {common::HOME}
                        </a>
                    </Empty>
                }
                    .into_any()
            } else {
                view! {
                    <div class="section">
                        <TransactionTable transactions=page.items />
                        <Pager path="/explorer/transactions" next_cursor=page.next_cursor first csv="/api/explorer/csv/transactions" />
                    </div>
                }
                    .into_any()
            }}
        }
    })
}
