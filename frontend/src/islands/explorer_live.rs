//! The explorer's two live columns and its recent receipts.

use leptos::prelude::*;
use shared::api::explorer::{BlockSummary, TransactionSummary};
use shared::api::receipts::ReceiptView;

use crate::components::facts::Section;
use crate::components::notice::Empty;
use crate::components::tables::{BlockTable, ReceiptTable, TransactionTable};
use crate::text;

/// Rows per column.
pub const ROWS: u32 = 8;

#[island]
pub fn ExplorerLive(
    blocks: Vec<BlockSummary>,
    transactions: Vec<TransactionSummary>,
    receipts: Vec<ReceiptView>,
) -> impl IntoView {
    let blocks = RwSignal::new(blocks);
    let transactions = RwSignal::new(transactions);
    let receipts = RwSignal::new(receipts);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| crate::browser::heads::watch(move || refresh(blocks, transactions, receipts)));
    view! {
        <div class="columns">
            <Section title=text::explorer::BLOCKS more=("/explorer/blocks", text::explorer::ALL_BLOCKS)>
                {move || view! { <BlockTable blocks=blocks.get() /> }}
            </Section>
            <Section title=text::explorer::TRANSACTIONS>
                {move || {
                    let transactions = transactions.get();
                    if transactions.is_empty() {
                        view! {
                            <Empty title=text::explorer::NO_TRANSACTIONS_TITLE detail=text::explorer::NO_TRANSACTIONS>
                                <a href="/">{text::common::HOME}</a>
                            </Empty>
                        }
                            .into_any()
                    } else {
                        view! { <TransactionTable transactions narrow=true /> }.into_any()
                    }
                }}
            </Section>
        </div>
        <Section title=text::explorer::RECEIPTS more=("/explorer/receipts", text::explorer::ALL_RECEIPTS)>
            {move || {
                let receipts = receipts.get();
                if receipts.is_empty() {
                    view! { <Empty title=text::receipt::EMPTY_TITLE detail=text::receipt::EMPTY_DETAIL /> }.into_any()
                } else {
                    view! { <ReceiptTable receipts /> }.into_any()
                }
            }}
        </Section>
    }
}

#[cfg(feature = "hydrate")]
fn refresh(
    blocks: RwSignal<Vec<BlockSummary>>,
    transactions: RwSignal<Vec<TransactionSummary>>,
    receipts: RwSignal<Vec<ReceiptView>>,
) {
    use crate::browser::http;
    use shared::api::page::Page;

    leptos::task::spawn_local(async move {
        if let Ok(page) = http::get::<Page<_>>(&format!("/api/explorer/blocks?limit={ROWS}")).await {
            blocks.set(page.items);
        }
        if let Ok(page) = http::get::<Page<_>>(&format!("/api/explorer/transactions?limit={ROWS}")).await {
            transactions.set(page.items);
        }
        if let Ok(page) = http::get::<Page<_>>(&format!("/api/explorer/receipts?limit={ROWS}")).await {
            receipts.set(page.items);
        }
    });
}
