//! One block.

use leptos::prelude::*;
use shared::B256;
use shared::amount::Amount;
use shared::api::explorer::{BlockView, CertificateView};

use super::load::{PageTitle, load, param};
use crate::backend::{BackendError, use_backend};
use crate::components::facts::{Fold, InfoRow, Raw, Section};
use crate::components::notice::Empty;
use crate::components::tables::TransactionTable;
use crate::components::value::{AddressValue, AmountValue, HashValue, Moment};
use crate::format;
use crate::text::{common, explorer as words};

#[component]
pub fn BlockPage() -> impl IntoView {
    let backend = use_backend();
    let (number, hash) = (param::<u64>("number"), param::<B256>("number"));
    let ask = async move {
        let block = match (number, hash) {
            (Ok(number), _) => backend.block(number).await?,
            (_, Ok(hash)) => backend.block_by_hash(hash).await?,
            _ => return Err(BackendError::NotFound),
        };
        let head = backend.status().await?.head_number;
        Ok((block, head))
    };
    load(ask, |(block, head)| view! { <Block block head /> })
}

#[component]
fn Block(block: BlockView, head: u64) -> impl IntoView {
    let number = block.summary.number;
    let fact = match (number, block.summary.minted) {
        (0, _) => words::GENESIS.to_owned(),
        (_, Amount::ZERO) => words::transactions(block.summary.transaction_count),
        (_, minted) => words::block_fact(block.summary.transaction_count, &minted.to_string()),
    };
    let raw = serde_json::to_string_pretty(&block).unwrap_or_default();
    let transactions = block.transactions.clone();
    let (shown, count) = (transactions.len(), block.summary.transaction_count);
    let is_part = usize::try_from(count).is_ok_and(|count| count > shown);
    let more = is_part.then(|| {
        // The list goes on below a place: this one is above the block's last transaction.
        let all = format!("/explorer/transactions?cursor={number}-{count}");
        view! { <p class="section-note">{words::first_of(shown)} <a href=all>{words::ALL_OF_THE_BLOCK}</a></p> }
    });
    view! {
        <PageTitle name=words::block(&format::grouped(number)) fact>
            <nav class="actions">
                {(number > 0)
                    .then(|| {
                        view! {
                            <a class="button button-quiet button-small" rel="prev" href=format!("/explorer/blocks/{}", number - 1)>
                                {words::PREVIOUS_BLOCK}
                            </a>
                        }
                    })}
                {(number < head)
                    .then(|| {
                        view! {
                            <a class="button button-quiet button-small" rel="next" href=format!("/explorer/blocks/{}", number + 1)>
                                {words::NEXT_BLOCK}
                            </a>
                        }
                    })}
            </nav>
        </PageTitle>
        <div class="stack">
            <BlockFacts block />
            <Section title=words::TRANSACTIONS>
                {if transactions.is_empty() {
                    view! { <Empty title=words::NO_TRANSACTIONS_TITLE detail=words::NO_TRANSACTIONS_IN_BLOCK /> }.into_any()
                } else {
                    view! { <TransactionTable transactions /> {more} }.into_any()
                }}
            </Section>
            <Fold title=common::RAW>
                <Raw text=raw />
            </Fold>
        </div>
    }
}

#[component]
fn BlockFacts(block: BlockView) -> impl IntoView {
    let summary = block.summary;
    let parent = summary.number.checked_sub(1).map(|parent| format!("/explorer/blocks/{parent}"));
    let parent = match parent {
        Some(href) => view! { <HashValue hash=block.parent_hash full=true href /> }.into_any(),
        None => view! { <HashValue hash=block.parent_hash full=true /> }.into_any(),
    };
    view! {
        <dl class="info">
            <InfoRow name=words::HEIGHT>
                {format::grouped(summary.number)}
            </InfoRow>
            <InfoRow name=words::TIME>
                <Moment at=summary.timestamp />
            </InfoRow>
            <InfoRow name=words::HASH>
                <HashValue hash=summary.hash full=true />
            </InfoRow>
            <InfoRow name=words::PARENT>{parent}</InfoRow>
            <InfoRow name=words::MINTED>
                <AmountValue amount=summary.minted />
            </InfoRow>
            <InfoRow name=words::PRODUCER help=words::PRODUCER_HELP>
                <AddressValue address=block.producer full=true />
            </InfoRow>
            {block.certificate.map(|certificate| view! { <DecidedBy certificate /> })}
            <InfoRow name=words::STATE_ROOT help=words::STATE_ROOT_HELP>
                <HashValue hash=block.state_root full=true />
            </InfoRow>
            <InfoRow name=words::TRANSACTIONS_ROOT>
                <HashValue hash=block.transactions_root full=true />
            </InfoRow>
            <InfoRow name=words::RECEIPTS_ROOT>
                <HashValue hash=block.receipts_root full=true />
            </InfoRow>
            <InfoRow name=words::GAS help=words::GAS_FREE>
                {words::of_limit(&format::grouped(summary.gas_used), &format::grouped(block.gas_limit))}
            </InfoRow>
            <InfoRow name=words::SIZE>{format::bytes(block.size_bytes)}</InfoRow>
        </dl>
    }
}

#[component]
fn DecidedBy(certificate: CertificateView) -> impl IntoView {
    let CertificateView { round, signers, validator_count, total_power } = certificate;
    // The signers are distinct validators, so that their sum is at most the total.
    let signed_power = signers.iter().map(|signer| signer.voting_power).fold(0, u64::saturating_add);
    view! {
        <InfoRow name=words::DECIDED_BY help=words::DECIDED_BY_HELP>
            {words::decided_by(signers.len(), validator_count, signed_power, total_power, round)}
            {signers
                .into_iter()
                .map(|signer| {
                    view! {
                        <br />
                        <AddressValue address=signer.validator full=true />
                    }
                })
                .collect_view()}
        </InfoRow>
    }
}
