//! One account or contract.

use leptos::prelude::*;
use shared::Address;
use shared::api::explorer::AddressView;
use shared::api::page::LIMIT_DEFAULT;
use shared::api::receipts::ReceiptView;

use super::load::{PageTitle, load, param};
use crate::backend::use_backend;
use crate::components::facts::{Fold, InfoRow, Raw, Section};
use crate::components::notice::Empty;
use crate::components::proof_line::ProofLine;
use crate::components::tables::{ReceiptTable, TransactionTable};
use crate::components::value::{AddressValue, AmountValue};
use crate::format;
use crate::proof::Proof;
use crate::text::{common, explorer as words};

#[component]
pub fn AddressPage() -> impl IntoView {
    let backend = use_backend();
    let address = param::<Address>("address");
    let ask = async move {
        let address = address?;
        let account = backend.address(address).await?;
        let receipts = backend.receipts(Some(address), None, LIMIT_DEFAULT).await?.items;
        Ok((account, receipts))
    };
    load(ask, |(account, receipts)| view! { <Account account receipts /> })
}

#[component]
fn Account(account: AddressView, receipts: Vec<ReceiptView>) -> impl IntoView {
    let raw = serde_json::to_string_pretty(&account).unwrap_or_default();
    let name = account.contract_name.clone().unwrap_or_else(|| {
        let kind = if account.code_bytes > 0 { words::CONTRACT } else { words::ACCOUNT };
        format!("{kind} {}", format::shortened(&account.address.to_string()))
    });
    let newest = receipts.first().map(|receipt| {
        let proof = Proof::of_receipt(receipt);
        view! {
            <Section title=words::NEWEST_RECEIPT>
                <ProofLine proof />
            </Section>
        }
    });
    let transactions = account.transactions.clone();
    view! {
        <PageTitle name>
            <span class="title-fact">
                <AmountValue amount=account.balance />
            </span>
        </PageTitle>
        <div class="stack">
            <AccountFacts account />
            {newest}
            <Section title=words::TRANSACTIONS>
                {if transactions.is_empty() {
                    view! { <Empty title=words::NO_ACCOUNT_TRANSACTIONS_TITLE detail=words::NO_ACCOUNT_TRANSACTIONS /> }.into_any()
                } else {
                    view! { <TransactionTable transactions /> }.into_any()
                }}
            </Section>
            {(!receipts.is_empty())
                .then(|| {
                    view! {
                        <Section title=words::ACCOUNT_RECEIPTS>
                            <ReceiptTable receipts />
                        </Section>
                    }
                })}
            <Fold title=common::RAW>
                <Raw text=raw />
            </Fold>
        </div>
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
