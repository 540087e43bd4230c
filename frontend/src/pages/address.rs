//! One account or contract.

use leptos::prelude::*;
use shared::Address;
use shared::amount::Amount;
use shared::api::explorer::{AddressView, TransactionSummary};
use shared::api::page::{LIMIT_DEFAULT, Page};
use shared::api::receipts::ReceiptView;
use shared::api::status::IndexStatus;
use shared::api::tokens::{HoldingView, TransferView};

use super::contract::{Asked, CONTRACT_TAB, ContractPart, ContractTab, READ_TAB, WRITE_TAB};
use super::load::{IndexNotice, PageTitle, Pager, Tabs, load, param, query};
use crate::backend::{Answer, Backend, TransfersOf, use_backend};
use crate::components::facts::{Fold, InfoRow, Raw, Section};
use crate::components::notice::Empty;
use crate::components::proof_line::ProofLine;
use crate::components::tables::{ReceiptTable, TransactionTable};
use crate::components::token_tables::{HoldingTable, TransferTable};
use crate::components::value::{AddressValue, AmountValue};
use crate::format;
use crate::proof::Proof;
use crate::text::{common, contract, explorer as words, token};

/// What the page lists.
enum List {
    Transactions(Page<TransactionSummary>),
    Transfers(Page<TransferView>),
    Holdings(Page<HoldingView>),
    Receipts(Page<ReceiptView>),
    Contract(Box<ContractTab>),
}

const TRANSFERS_TAB: &str = "transfers";
const TOKENS_TAB: &str = "tokens";
const RECEIPTS_TAB: &str = "receipts";

impl List {
    async fn ask(backend: &dyn Backend, address: Address, wanted: &Wanted) -> Answer<Self> {
        let (tab, cursor) = (wanted.tab.as_deref(), wanted.cursor.as_deref());
        Ok(match tab {
            Some(TRANSFERS_TAB) => {
                let of = TransfersOf { token: None, account: Some(address) };
                Self::Transfers(backend.transfers(of, cursor, LIMIT_DEFAULT).await?)
            }
            Some(TOKENS_TAB) => Self::Holdings(backend.holdings(address, cursor, LIMIT_DEFAULT).await?),
            Some(RECEIPTS_TAB) => Self::Receipts(backend.receipts(Some(address), cursor, LIMIT_DEFAULT).await?),
            Some(tab @ (CONTRACT_TAB | READ_TAB | WRITE_TAB)) => {
                Self::Contract(Box::new(ContractTab::ask(backend, address, tab, &wanted.asked).await?))
            }
            _ => Self::Transactions(backend.transactions_of(address, cursor, LIMIT_DEFAULT).await?),
        })
    }

    /// The tab in the page's address; the first has none.
    fn tab(&self) -> Option<&'static str> {
        match self {
            Self::Transactions(_) => None,
            Self::Transfers(_) => Some(TRANSFERS_TAB),
            Self::Holdings(_) => Some(TOKENS_TAB),
            Self::Receipts(_) => Some(RECEIPTS_TAB),
            Self::Contract(part) => Some(part.tab()),
        }
    }
}

/// What the page's address asks for.
struct Wanted {
    tab: Option<String>,
    cursor: Option<String>,
    asked: Asked,
}

/// What the page shows of an account.
struct Shown {
    index: IndexStatus,
    account: AddressView,
    newest: Option<ReceiptView>,
    list: List,
    /// The list begins at its newest row.
    first: bool,
}

#[component]
pub fn AddressPage() -> impl IntoView {
    let backend = use_backend();
    let address = param::<Address>("address");
    let wanted = Wanted { tab: query("tab"), cursor: query("cursor"), asked: Asked::of_query() };
    let ask = async move {
        let address = address?;
        let index = backend.status().await?.index;
        let account = backend.address(address).await?;
        let newest = backend.receipts(Some(address), None, 1).await?.items.into_iter().next();
        let list = List::ask(backend.as_ref(), address, &wanted).await?;
        Ok(Shown { index, account, newest, list, first: wanted.cursor.is_none() })
    };
    load(ask, |shown| view! { <Account shown /> })
}

fn path_of(address: Address, tab: Option<&str>) -> String {
    let path = format!("/explorer/addresses/{address}");
    tab.map_or_else(|| path.clone(), |tab| format!("{path}?tab={tab}"))
}

#[component]
fn Account(shown: Shown) -> impl IntoView {
    let Shown { index, account, newest, list, first } = shown;
    let (address, is_contract) = (account.address, account.code_bytes > 0);
    let raw = serde_json::to_string_pretty(&account).unwrap_or_default();
    let name = account.contract_name.clone().unwrap_or_else(|| {
        let kind = if is_contract { words::CONTRACT } else { words::ACCOUNT };
        format!("{kind} {}", format::shortened(&account.address.to_string()))
    });
    let newest = newest.map(|receipt| {
        let proof = Proof::of_receipt(&receipt);
        view! {
            <Section title=words::NEWEST_RECEIPT>
                <ProofLine proof />
            </Section>
        }
    });
    let of_contract = [(contract::READ_TAB, Some(READ_TAB)), (contract::WRITE_TAB, Some(WRITE_TAB))];
    let of_all = [
        (words::TRANSACTIONS, None),
        (token::TRANSFERS, Some(TRANSFERS_TAB)),
        (token::HELD, Some(TOKENS_TAB)),
        (words::ACCOUNT_RECEIPTS, Some(RECEIPTS_TAB)),
        (token::CREATION, Some(CONTRACT_TAB)),
    ];
    let of_contract = of_contract.into_iter().filter(|_| is_contract);
    let tabs = of_all.into_iter().chain(of_contract);
    let tabs = tabs.map(|(name, tab)| (name, path_of(address, tab), list.tab() == tab)).collect::<Vec<_>>();
    view! {
        <PageTitle name>
            <span class="title-fact">
                <AmountValue amount=account.balance />
            </span>
        </PageTitle>
        <div class="stack">
            <AccountFacts account />
            {newest}
            <div class="section">
                <Tabs tabs />
                <IndexNotice index />
                <Listed address list first is_contract />
            </div>
            <Fold title=common::RAW>
                <Raw text=raw />
            </Fold>
        </div>
    }
}

#[component]
fn Listed(address: Address, list: List, first: bool, is_contract: bool) -> impl IntoView {
    let path = path_of(address, list.tab());
    let csv = |list: &str| format!("/api/explorer/csv/{list}?account={address}");
    match list {
        List::Contract(tab) => {
            let tab = *tab;
            view! { <ContractPart address tab is_contract /> }.into_any()
        }
        List::Transactions(page) if first && page.items.is_empty() => {
            view! { <Empty title=words::NO_ACCOUNT_TRANSACTIONS_TITLE detail=words::NO_ACCOUNT_TRANSACTIONS /> }
                .into_any()
        }
        List::Transfers(page) if first && page.items.is_empty() => {
            view! { <Empty title=token::NO_TRANSFERS_TITLE detail=token::NO_TRANSFERS /> }.into_any()
        }
        List::Holdings(page) if first && page.items.is_empty() => {
            view! { <Empty title=token::NO_HOLDINGS_TITLE detail=token::NO_HOLDINGS /> }.into_any()
        }
        List::Receipts(page) if first && page.items.is_empty() => {
            view! { <Empty title=words::NO_ACCOUNT_RECEIPTS_TITLE detail=words::NO_ACCOUNT_RECEIPTS /> }.into_any()
        }
        List::Transactions(page) => view! {
            <TransactionTable transactions=page.items />
            <Pager path next_cursor=page.next_cursor first csv=csv("transactions") />
        }
        .into_any(),
        List::Transfers(page) => view! {
            <TransferTable transfers=page.items />
            <Pager path next_cursor=page.next_cursor first csv=csv("transfers") />
        }
        .into_any(),
        List::Holdings(page) => view! {
            <HoldingTable holdings=page.items />
            <Pager path next_cursor=page.next_cursor first csv=csv("holdings") />
        }
        .into_any(),
        List::Receipts(page) => view! {
            <ReceiptTable receipts=page.items />
            <Pager path next_cursor=page.next_cursor first csv=csv("receipts") />
        }
        .into_any(),
    }
}

#[component]
fn AccountFacts(account: AddressView) -> impl IntoView {
    let address = account.address;
    // A contract’s nonce counts the contracts that it made, from 1.
    let count = if account.code_bytes > 0 { words::NONCE } else { words::SENT };
    view! {
        <dl class="info">
            <InfoRow name=words::ADDRESS>
                <AddressValue address full=true />
            </InfoRow>
            <InfoRow name=words::BALANCE>
                <span data-testid="balance">
                    <AmountValue amount=account.balance />
                </span>
            </InfoRow>
            {(account.held > Amount::ZERO)
                .then(|| {
                    view! {
                        <InfoRow name=words::HELD help=words::HELD_HELP>
                            <span data-testid="held">
                                <AmountValue amount=account.held />
                            </span>
                        </InfoRow>
                    }
                })}
            <InfoRow name=count>{format::grouped(account.nonce)}</InfoRow>
            {(account.code_bytes > 0)
                .then(|| view! { <InfoRow name=words::CODE>{format::bytes(account.code_bytes)}</InfoRow> })}
            {account
                .is_miner
                .then(|| {
                    view! {
                        <InfoRow name=words::IS_MINER>
                            <a href=format!("/miners/{address}")>{words::MINER_PROFILE}</a>
                        </InfoRow>
                    }
                })}
        </dl>
    }
}
