//! One token: what its contract says, who holds it, its transfers.

use leptos::prelude::*;
use shared::Address;
use shared::api::page::{LIMIT_DEFAULT, Page};
use shared::api::status::IndexStatus;
use shared::api::tokens::{HolderView, TokenView, TransferView};

use super::load::{IndexNotice, PageTitle, Pager, Tabs, load, param, query};
use crate::backend::{TransfersOf, use_backend};
use crate::components::facts::InfoRow;
use crate::components::notice::Empty;
use crate::components::token_tables::{HolderTable, TokenAmount, TransferTable, token_label, token_path};
use crate::components::value::{AddressValue, HashValue, Height, Moment};
use crate::format;
use crate::text::token as words;

/// What the page lists.
enum List {
    Holders(Page<HolderView>),
    Transfers(Page<TransferView>),
}

const TRANSFERS_TAB: &str = "transfers";

#[component]
pub fn TokenPage() -> impl IntoView {
    let backend = use_backend();
    let address = param::<Address>("address");
    let (tab, cursor) = (query("tab"), query("cursor"));
    let first = cursor.is_none();
    let ask = async move {
        let address = address?;
        let index = backend.status().await?.index;
        let token = backend.token(address).await?;
        let cursor = cursor.as_deref();
        let list = if tab.as_deref() == Some(TRANSFERS_TAB) {
            let of = TransfersOf { token: Some(address), account: None };
            List::Transfers(backend.transfers(of, cursor, LIMIT_DEFAULT).await?)
        } else {
            List::Holders(backend.holders(address, cursor, LIMIT_DEFAULT).await?)
        };
        Ok((index, token, list))
    };
    load(ask, move |(index, token, list)| view! { <Token index token list first /> })
}

#[component]
fn Token(index: IndexStatus, token: TokenView, list: List, first: bool) -> impl IntoView {
    let summary = token.summary.clone();
    let label = token_label(summary.symbol.as_deref(), summary.name.as_deref(), summary.address);
    let fact = words::fact(&format::grouped(summary.holders), &format::grouped(summary.transfers));
    let path = token_path(summary.address);
    let tabs = vec![
        (words::HOLDERS, path.clone(), matches!(list, List::Holders(_))),
        (words::TRANSFERS, format!("{path}?tab={TRANSFERS_TAB}"), matches!(list, List::Transfers(_))),
    ];
    view! {
        <PageTitle name=words::token(&label) fact />
        <div class="stack">
            <IndexNotice index />
            <TokenFacts token />
            <div class="section">
                <Tabs tabs />
                <Listed list first address=summary.address decimals=summary.decimals symbol=summary.symbol />
            </div>
        </div>
    }
}

#[component]
fn Listed(list: List, first: bool, address: Address, decimals: Option<u8>, symbol: Option<String>) -> impl IntoView {
    let path = token_path(address);
    match list {
        List::Holders(page) if first && page.items.is_empty() => {
            view! { <Empty title=words::NO_HOLDERS_TITLE detail=words::NO_HOLDERS /> }.into_any()
        }
        List::Transfers(page) if first && page.items.is_empty() => {
            view! { <Empty title=words::NO_TRANSFERS_TITLE detail=words::NO_TRANSFERS /> }.into_any()
        }
        List::Holders(page) => {
            let csv = format!("/api/explorer/csv/holders?token={address}");
            view! {
                <HolderTable holders=page.items decimals symbol />
                <Pager path next_cursor=page.next_cursor first csv />
            }
            .into_any()
        }
        List::Transfers(page) => {
            let csv = format!("/api/explorer/csv/transfers?token={address}");
            view! {
                <TransferTable transfers=page.items />
                <Pager path=format!("{path}?tab={TRANSFERS_TAB}") next_cursor=page.next_cursor first csv />
            }
            .into_any()
        }
    }
}

#[component]
fn TokenFacts(token: TokenView) -> impl IntoView {
    let TokenView { summary, supply, first_block, creation } = token;
    let symbol = summary.symbol.clone();
    view! {
        <dl class="info">
            <InfoRow name=words::NAME help=words::SAYS_OF_ITSELF>
                {summary.name.unwrap_or_else(|| words::UNNAMED.to_owned())}
            </InfoRow>
            {summary.symbol.map(|symbol| view! { <InfoRow name=words::SYMBOL>{symbol}</InfoRow> })}
            {supply
                .map(|supply| {
                    view! {
                        <InfoRow name=words::SUPPLY>
                            <TokenAmount smallest=supply decimals=summary.decimals symbol />
                        </InfoRow>
                    }
                })}
            {summary.decimals.map(|decimals| view! { <InfoRow name=words::DECIMALS>{decimals}</InfoRow> })}
            <InfoRow name=words::CONTRACT>
                <AddressValue address=summary.address full=true />
            </InfoRow>
            {creation
                .map(|creation| {
                    view! {
                        <InfoRow name=words::MADE_BY>
                            <AddressValue address=creation.creator full=true />
                        </InfoRow>
                        <InfoRow name=words::MADE_IN>
                            <HashValue
                                hash=creation.transaction_hash
                                href=format!("/explorer/transactions/{}", creation.transaction_hash)
                            />
                            " "
                            <Moment at=creation.timestamp />
                        </InfoRow>
                    }
                })}
            <InfoRow name=words::FIRST_BLOCK>
                <Height number=first_block />
            </InfoRow>
        </dl>
    }
}
