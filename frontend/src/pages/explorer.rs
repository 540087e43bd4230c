//! The explorer's home: figures, the newest blocks and transactions, recent receipts.

use leptos::prelude::*;
use shared::api::explorer::{BlockSummary, TransactionSummary};
use shared::api::receipts::ReceiptView;

use super::explorer_charts::ExplorerCharts;
use super::load::{IndexNotice, PageTitle, load};
use crate::backend::use_backend;
use crate::components::facts::Section;
use crate::components::figures::{FIGURES, Figures};
use crate::components::log_place::LogPanel;
use crate::components::notice::{Empty, NotCurrent};
use crate::components::search_field::SearchField;
use crate::components::stuck::StuckPanel;
use crate::components::tables::{BlockTable, ReceiptTable, TransactionTable};
use crate::islands::live_parts::LiveParts;
use crate::text;
use crate::text::explorer as words;

/// Rows per table.
const ROWS: u32 = 8;

/// Id of the tables, by which the page keeps them current.
const NEWEST: &str = "newest";

#[component]
pub fn ExplorerPage() -> impl IntoView {
    let backend = use_backend();
    let ask = async move {
        let status = backend.status().await?;
        let blocks = backend.blocks(None, ROWS).await?.items;
        let transactions = backend.transactions(None, ROWS).await?.items;
        let receipts = backend.receipts(None, None, ROWS).await?.items;
        let charts = backend.charts().await?;
        let log = backend.log_head().await?;
        Ok((status, blocks, transactions, receipts, (charts, log)))
    };
    load(ask, |(status, blocks, transactions, receipts, (charts, log))| {
        let stuck = status.stuck.clone();
        let parts = [FIGURES, NEWEST].map(str::to_owned).to_vec();
        view! {
            <PageTitle name=words::TITLE fact=words::FACT />
            <div class="stack">
                <div class="section">
                    <SearchField />
                    <Lists />
                </div>
                <IndexNotice index=status.index />
                <NotCurrent />
                <Figures status />
                <Newest blocks transactions receipts />
                <ExplorerCharts charts />
                <LogPanel head=log />
                <StuckPanel stuck />
            </div>
            <LiveParts path="/explorer".to_owned() parts />
        }
    })
}

/// The way to every list.
#[component]
fn Lists() -> impl IntoView {
    let links = [
        ("/explorer/blocks", words::BLOCKS),
        ("/explorer/transactions", words::TRANSACTIONS),
        ("/explorer/receipts", text::common::FOOT_RECEIPTS),
        ("/explorer/tokens", text::token::TITLE),
        ("/explorer/validators", words::VALIDATORS),
    ];
    let links = links.map(|(href, name)| view! { <a class="button button-quiet button-small" href=href>{name}</a> });
    view! {
        <nav class="actions link-row" aria-label=words::LISTS>
            {links.into_iter().collect_view()}
        </nav>
    }
}

#[component]
fn Newest(
    blocks: Vec<BlockSummary>,
    transactions: Vec<TransactionSummary>,
    receipts: Vec<ReceiptView>,
) -> impl IntoView {
    view! {
        <div class="stack" id=NEWEST>
            <div class="columns">
                <Section title=words::BLOCKS more=("/explorer/blocks", words::ALL_BLOCKS)>
                    <BlockTable blocks />
                </Section>
                <Section title=words::TRANSACTIONS more=("/explorer/transactions", words::ALL_TRANSACTIONS)>
                    {if transactions.is_empty() {
                        view! {
                            <Empty title=words::NO_TRANSACTIONS_TITLE detail=words::NO_TRANSACTIONS>
                                <a href="/">{text::common::HOME}</a>
                            </Empty>
                        }
                            .into_any()
                    } else {
                        view! { <TransactionTable transactions narrow=true /> }.into_any()
                    }}
                </Section>
            </div>
            <Section title=words::RECEIPTS more=("/explorer/receipts", words::ALL_RECEIPTS)>
                {if receipts.is_empty() {
                    view! { <Empty title=text::receipt::EMPTY_TITLE detail=text::receipt::EMPTY_DETAIL /> }.into_any()
                } else {
                    view! { <ReceiptTable receipts /> }.into_any()
                }}
            </Section>
        </div>
    }
}
